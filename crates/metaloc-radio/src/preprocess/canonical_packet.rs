//! A packet without what the clocks add to it: delay, phase, gain.
//!
//! Receiver and transmitter don't start at the same instant, and their oscillators' phases differ: a
//! packet's channel `h(k)` over the subcarriers k comes multiplied by `g exp(j (b + a k))` with another
//! gain g, phase b and slope a in every packet. The slope is estimated from neighbouring subcarriers
//! (S. Kay, "A fast and accurate single frequency estimator", 1989, with equal weights),
//!
//! ```text
//! a = arg( sum_k h(k + d) conj h(k) ) / d,   z(k) = h(k) exp(-j a k) / |h|
//! ```
//!
//! over the pairs at the most frequent distance d. The phase b is left; who compares packets takes absolute
//! values of inner products.

use num_complex::Complex32;

use crate::fingerprint::normalize;

/// A row of values at `subcarriers` without delay, at norm 1.
///
/// # Shapes
/// `row`, `subcarriers`, the answer: all of one length
#[must_use]
pub fn canonical_packet(row: &[Complex32], subcarriers: &[i16]) -> Vec<Complex32> {
    let steps = || subcarriers.windows(2).map(|pair| pair[1] - pair[0]);
    let count = |step: i16| steps().filter(|other| *other == step).count();
    // Of equally frequent ones the first.
    let common = steps().rev().max_by_key(|&step| count(step)).unwrap_or(1);
    let pairs = row.windows(2).zip(steps()).filter(|(_, step)| *step == common);
    let turn: Complex32 = pairs.map(|(pair, _)| pair[1] * pair[0].conj()).sum();
    let slope = turn.arg() / f32::from(common);
    let turned = row.iter().zip(subcarriers);
    let mut packet: Vec<Complex32> = turned
        .map(|(value, &k)| value * Complex32::from_polar(1.0, -slope * f32::from(k)))
        .collect();
    normalize(&mut packet);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SUBCARRIERS: [i16; 9] = [-28, -26, -24, -12, -10, -1, 1, 3, 28];

    proptest! {
        /// Whatever gain, phase and delay the clocks add, the same is left but for a phase.
        #[test]
        fn the_clocks_leave_a_phase(gain in 0.1f32..9.0, phase in -3.0f32..3.0, slope in -0.3f32..0.3) {
            let h = |k: i16| Complex32::new(1.0, 0.2) + 0.4 * Complex32::from_polar(1.0, 0.15 * f32::from(k));
            let plain: Vec<Complex32> = SUBCARRIERS.iter().map(|&k| h(k)).collect();
            let clocks = |k: i16| Complex32::from_polar(gain, phase + slope * f32::from(k));
            let moved: Vec<Complex32> = SUBCARRIERS.iter().map(|&k| h(k) * clocks(k)).collect();
            let (a, b) = (canonical_packet(&plain, &SUBCARRIERS), canonical_packet(&moved, &SUBCARRIERS));
            let inner: Complex32 = a.iter().zip(&b).map(|(a, b)| a.conj() * b).sum();
            prop_assert!((inner.norm() - 1.0).abs() < 1e-4, "{inner}");
        }
    }

    #[test]
    fn zeros_stay() {
        assert_eq!(
            canonical_packet(&[Complex32::default(); 3], &[1, 2, 3]),
            [Complex32::default(); 3]
        );
    }
}
