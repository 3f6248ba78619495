//! Whitening of packets: what all places have in common is taken out.
//!
//! Packets are canonical ([`Quantity::Complex`](crate::preprocess::Quantity::Complex)): the channel
//! `z` over the subcarriers of one stream, without the delay of the clocks, at norm 1. What transmitter,
//! receiver and strongest paths leave in every packet hides what tells places apart; it is the large
//! part of the second moment that historical environments show,
//!
//! ```text
//! R_e = mean over packets and streams of environment e of z z^H
//! R   = (1 - own) mean over historical e of R_e + own R_new = U diag(l) U^H
//! W   = U diag((l / l_1 + epsilon)^-power) U^H
//! ```
//!
//! With power 1/2 this is the whitening of A. Bell, T. Sejnowski, Vision Research 37 (1997), as face
//! and speaker recognition take it out of their features (A. Hatch, S. Kajarekar, A. Stolcke,
//! "Within-class covariance normalization", Interspeech 2006), here of second moments about zero,
//! since a packet's phase is arbitrary.

use nalgebra::{Complex, DMatrix, SymmetricEigen};
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

/// The second moment of an environment's packets: all that whitening needs to know of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PacketMoment {
    /// Number of packets, each stream counted.
    pub n: u64,
    /// `[subcarriers, subcarriers]`, row-major: real parts of the mean of `z z^H`.
    pub real: Vec<f64>,
    /// The imaginary parts.
    pub imaginary: Vec<f64>,
}

impl PacketMoment {
    /// The second moment of some packets; `None` for none.
    ///
    /// # Shapes
    /// `packets`: `[n, subcarriers]`, row-major
    #[must_use]
    pub fn of(packets: &[Complex32], subcarriers: usize) -> Option<Self> {
        let n = packets.len() / subcarriers.max(1);
        if n == 0 {
            return None;
        }
        // [subcarriers, n]: a packet is a column.
        let part = |pick: fn(&Complex32) -> f32| {
            DMatrix::from_iterator(subcarriers, n, packets.iter().map(|z| f64::from(pick(z))))
        };
        let (re, im) = (part(|z| z.re), part(|z| z.im));
        let real = (&re * re.transpose() + &im * im.transpose()) / n as f64;
        let imaginary = (&im * re.transpose() - &re * im.transpose()) / n as f64;
        // nalgebra stores columns.
        let rows = |matrix: DMatrix<f64>| matrix.transpose().as_slice().to_vec();
        Some(Self { n: n as u64, real: rows(real), imaginary: rows(imaginary) })
    }

    /// The mean of several moments with these weights, which must not be all zero; `None` for none,
    /// or for moments of unlike size.
    #[must_use]
    pub fn mean(parts: &[(&Self, f64)]) -> Option<Self> {
        let size = parts.first()?.0.real.len();
        let total: f64 = parts.iter().map(|(_, weight)| weight).sum();
        if total <= 0.0 || parts.iter().any(|(moment, _)| moment.real.len() != size) {
            return None;
        }
        let mean = |pick: fn(&Self) -> &[f64]| -> Vec<f64> {
            let at = |i: usize| parts.iter().map(move |(moment, weight)| weight * pick(moment)[i]);
            (0..size).map(|i| at(i).sum::<f64>() / total).collect()
        };
        let n = parts.iter().map(|(moment, _)| moment.n).sum();
        Some(Self { n, real: mean(|m| &m.real), imaginary: mean(|m| &m.imaginary) })
    }
}

/// A linear map of packets, and its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PacketWhitening {
    /// Number of subcarriers.
    pub subcarriers: usize,
    /// `[subcarriers, subcarriers]`, row-major.
    pub real: Vec<f32>,
    /// The imaginary parts.
    pub imaginary: Vec<f32>,
}

impl PacketWhitening {
    /// The whitening that a second moment R asks for; `None` for a moment of zeros.
    #[must_use]
    pub fn fit(moment: &PacketMoment, power: f64, epsilon: f64) -> Option<Self> {
        let subcarriers = moment.real.len().isqrt();
        let values = moment.real.iter().zip(&moment.imaginary);
        let values = values.map(|(&re, &im)| Complex::new(re, im));
        let decomposed =
            SymmetricEigen::new(DMatrix::from_row_iterator(subcarriers, subcarriers, values));
        let largest = decomposed.eigenvalues.max();
        if largest.is_nan() || largest <= 0.0 {
            return None;
        }
        let factor = |l: f64| (l.max(0.0) / largest + epsilon).powf(-power);
        let factors = decomposed.eigenvalues.map(|l| Complex::new(factor(l), 0.0));
        let vectors = decomposed.eigenvectors;
        let map = &vectors * DMatrix::from_diagonal(&factors) * vectors.adjoint();
        let rows = map.transpose();
        Some(Self {
            subcarriers,
            real: rows.iter().map(|z| z.re as f32).collect(),
            imaginary: rows.iter().map(|z| z.im as f32).collect(),
        })
    }

    /// The packets after whitening, each again at norm 1.
    ///
    /// # Shapes
    /// `packets` and the answer: `[n, subcarriers]`, row-major
    #[must_use]
    pub fn apply(&self, packets: &[Complex32]) -> Vec<Complex32> {
        let n = packets.len() / self.subcarriers.max(1);
        let columns = |pick: fn(&Complex32) -> f32| {
            DMatrix::from_iterator(self.subcarriers, n, packets.iter().map(pick))
        };
        let (re, im) = (columns(|z| z.re), columns(|z| z.im));
        let map =
            |values: &[f32]| DMatrix::from_row_slice(self.subcarriers, self.subcarriers, values);
        let (w_re, w_im) = (map(&self.real), map(&self.imaginary));
        let (to_re, to_im) = (&w_re * &re - &w_im * &im, &w_re * &im + &w_im * &re);
        let mut whitened: Vec<Complex32> =
            to_re.iter().zip(&to_im).map(|(&re, &im)| Complex32::new(re, im)).collect();
        whitened.chunks_exact_mut(self.subcarriers.max(1)).for_each(normalize);
        whitened
    }
}

/// Makes a packet's norm 1, unless it is nothing but zeros.
pub(crate) fn normalize(packet: &mut [Complex32]) {
    let norm = packet.iter().map(Complex32::norm_sqr).sum::<f32>().sqrt();
    if norm > 0.0 {
        packet.iter_mut().for_each(|z| *z /= norm);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // small whole numbers

    use super::*;

    const J: Complex32 = Complex32::new(0.0, 1.0);

    /// Packets (1, 0) and (0, j), nine of the first to one of the second: R = diag(0.9, 0.1), so that
    /// W is diag(1, 3) for power 1/2 and epsilon 0.
    #[test]
    fn axes_by_hand() {
        let one = Complex32::new(1.0, 0.0);
        let zero = Complex32::new(0.0, 0.0);
        let mut packets = [one, zero].repeat(9);
        packets.extend([zero, J]);
        let moment = PacketMoment::of(&packets, 2).unwrap();
        assert_eq!(moment.n, 10);
        let whitening = PacketWhitening::fit(&moment, 0.5, 0.0).unwrap();
        let expected = [1.0, 0.0, 0.0, 3.0];
        assert!(whitening.real.iter().zip(expected).all(|(w, e)| (w - e).abs() < 1e-5));
        let whitened = whitening.apply(&[one * 0.8, J * 0.6]);
        // (0.8, 1.8 j), at norm 1.
        let norm = (0.8_f32 * 0.8 + 1.8 * 1.8).sqrt();
        assert!((whitened[0] - one * 0.8 / norm).norm() < 1e-6);
        assert!((whitened[1] - J * 1.8 / norm).norm() < 1e-6);
    }

    /// With power 1/2 and no epsilon, the second moment of the whitened packets (before they are
    /// brought to norm 1) is a multiple of the identity.
    #[test]
    fn the_second_moment_becomes_white() {
        let packets: Vec<Complex32> = (0..600)
            .map(|i| Complex32::from_polar(((i * 37) % 101) as f32 / 50.0, (i * i % 89) as f32))
            .collect();
        let moment = PacketMoment::of(&packets, 4).unwrap();
        let whitening = PacketWhitening::fit(&moment, 0.5, 0.0).unwrap();
        let complex = |re: &[f32], im: &[f32]| {
            let values =
                re.iter().zip(im).map(|(&re, &im)| Complex::new(f64::from(re), f64::from(im)));
            DMatrix::from_row_iterator(4, 4, values)
        };
        let w = complex(&whitening.real, &whitening.imaginary);
        let r = DMatrix::from_row_iterator(
            4,
            4,
            moment.real.iter().zip(&moment.imaginary).map(|(&re, &im)| Complex::new(re, im)),
        );
        let white = &w * r * w.adjoint();
        let scale = white[(0, 0)].re;
        for (i, j) in (0..4).flat_map(|i| (0..4).map(move |j| (i, j))) {
            let expected = if i == j { scale } else { 0.0 };
            assert!((white[(i, j)] - Complex::new(expected, 0.0)).norm() < 1e-4 * scale);
        }
    }

    #[test]
    fn nothing_gives_nothing() {
        assert_eq!(PacketMoment::of(&[], 4), None);
        assert_eq!(PacketMoment::mean(&[]), None);
        let zeros = PacketMoment::of(&[Complex32::default(); 4], 2).unwrap();
        assert_eq!(PacketWhitening::fit(&zeros, 0.5, 1e-4), None);
    }

    #[test]
    fn moments_are_averaged_by_weight() {
        let moment = |z: f32| PacketMoment::of(&[Complex32::new(z, 0.0)], 1).unwrap();
        let mean = PacketMoment::mean(&[(&moment(1.0), 3.0), (&moment(3.0), 1.0)]).unwrap();
        assert_eq!((mean.n, mean.real, mean.imaginary), (2, vec![3.0], vec![0.0]));
    }
}
