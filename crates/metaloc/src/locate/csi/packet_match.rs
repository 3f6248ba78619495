//! Packet matching (`packets`): the point one of whose packets is most like one of the window's.
//!
//! The channel of a place changes by people and doors and comes back; a mean over packets is unlike each
//! of them. So packets are compared one by one. With `q` and `s` a packet of the window and one of the
//! survey, canonical and whitened ([`metaloc_radio::fingerprint::PacketWhitening`]), the delay of `q`
//! moved by each `t` of a few,
//!
//! ```text
//! d(q, s)      = min over t of ( 1 - mean over streams of |<q moved by t, s>| )
//! score(point) = min over q, s of d + mean over q of ( min over s of d )
//! p(point)     ~ exp(-sharpness * score(point))
//! ```
//!
//! Our own; the whitening is the only thing that history teaches it.

use std::f32::consts::TAU;

use metaloc_radio::fingerprint::{PacketMoment, PacketWhitening};
use metaloc_radio::num_complex::Complex32;
use metaloc_radio::preprocess::CsiWindow;
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::{CsiLocator, centroid};
use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::locate::{Estimate, NotLocated};

/// Settings of packet matching.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PacketMatching {
    /// Every so many packets of a window are compared; all of the surveyed ones' too.
    pub every: usize,
    /// Power of the whitening; 1/2 makes the historical second moment white, 0 leaves packets as they
    /// are.
    pub power: f64,
    /// Added to the second moment's relative eigenvalues.
    pub epsilon: f64,
    /// Share of the new environment's own surveyed packets in the second moment, from 0 to 1.
    pub own_share: f64,
    /// Delays that a window's packets are moved by, in samples of the 20 MHz clock's 64-point
    /// transform.
    pub delays: Vec<f32>,
    /// How fast probability falls with the score.
    pub sharpness: f64,
}

impl Default for PacketMatching {
    fn default() -> Self {
        Self {
            every: 5,
            power: 0.6,
            epsilon: 1e-3,
            own_share: 0.5,
            delays: vec![0.0],
            sharpness: 20.0,
        }
    }
}

/// Packet matching among surveyed points.
pub struct PacketMatch {
    support: CsiSite,
    settings: PacketMatching,
    whitening: Option<PacketWhitening>,
    shape: [usize; 3],
    /// For each stream `[2 subcarriers, packets]`: real parts, then imaginary parts.
    packets: Vec<DMatrix<f32>>,
    /// The point of each packet.
    points: Vec<usize>,
}

impl PacketMatching {
    /// Checks the settings.
    ///
    /// # Errors
    /// The first setting outside of its legal range.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |setting: &str, expected: &str| {
            Err(Error::usage(format!("setting `csi.packets.{setting}` must be {expected}")))
        };
        if self.every == 0 {
            return refuse("every", "at least 1");
        }
        if !(self.power >= 0.0 && self.power.is_finite()) {
            return refuse("power", "at least 0");
        }
        if !(self.epsilon > 0.0 && self.epsilon.is_finite()) {
            return refuse("epsilon", "above 0");
        }
        if !(0.0..=1.0).contains(&self.own_share) {
            return refuse("own_share", "from 0 to 1");
        }
        if self.delays.is_empty() || !self.delays.iter().all(|delay| delay.abs() <= 32.0) {
            return refuse("delays", "a list of numbers from -32 to 32; `[0]` moves nothing");
        }
        if !(self.sharpness > 0.0 && self.sharpness.is_finite()) {
            return refuse("sharpness", "above 0");
        }
        Ok(())
    }
}

impl PacketMatch {
    /// A locator among these surveyed points, whose windows hold complex values; `history` is the
    /// mean second moment of historical environments. Without it the new environment's own serves.
    #[must_use]
    pub fn new(support: CsiSite, settings: PacketMatching, history: Option<&PacketMoment>) -> Self {
        let whitening = whitening(&support, &settings, history);
        let windows = || support.points.iter().flat_map(|point| &point.windows);
        let shape = windows().next().map_or([0; 3], |window| window.shape());
        let mut points = Vec::new();
        let mut rows: Vec<Vec<f32>> = vec![Vec::new(); shape[2]];
        for (index, point) in support.points.iter().enumerate() {
            for window in &point.windows {
                let packets = packets_of(window, settings.every);
                points.extend(std::iter::repeat_n(index, packets[0].len() / (shape[1] / 2)));
                for (rows, packets) in rows.iter_mut().zip(packets) {
                    rows.extend(columns(&whitened(packets, whitening.as_ref()), shape[1] / 2));
                }
            }
        }
        let packets = rows
            .into_iter()
            .map(|rows| DMatrix::from_vec(shape[1], rows.len() / shape[1].max(1), rows))
            .collect();
        Self { support, settings, whitening, shape, packets, points }
    }

    /// The window's packets of one stream, moved by a delay: `[packets, 4 subcarriers]`, so that one
    /// product gives real and imaginary parts of the inner products.
    fn moved(&self, packets: &[Complex32], delay: f32) -> (DMatrix<f32>, DMatrix<f32>) {
        let n = self.shape[1] / 2;
        let middle = n as f32 / 2.0;
        let turn = |k: usize| Complex32::from_polar(1.0, -TAU * delay * (k as f32 - middle) / 64.0);
        let moved: Vec<Complex32> =
            packets.iter().enumerate().map(|(i, z)| z * turn(i % n)).collect();
        let moved = whitened(moved, self.whitening.as_ref());
        let rows = moved.len() / n;
        // <q, s> = sum q conj s: real part q.re s.re + q.im s.im, imaginary part q.im s.re - q.re s.im.
        let real = DMatrix::from_vec(2 * n, rows, columns(&moved, n)).transpose();
        let turned: Vec<Complex32> = moved.iter().map(|z| Complex32::new(z.im, -z.re)).collect();
        let imaginary = DMatrix::from_vec(2 * n, rows, columns(&turned, n)).transpose();
        (real, imaginary)
    }

    /// The scores of the points.
    fn scores(&self, window: &CsiWindow) -> Vec<f64> {
        let streams = packets_of(window, self.settings.every);
        let n_packets = streams[0].len() / (self.shape[1] / 2);
        let mut nearest = vec![f32::INFINITY; n_packets * self.support.points.len()];
        for &delay in &self.settings.delays {
            let mut likeness = DMatrix::<f32>::zeros(n_packets, self.points.len());
            for (packets, surveyed) in streams.iter().zip(&self.packets) {
                let (real, imaginary) = self.moved(packets, delay);
                let (real, imaginary) = (real * surveyed, imaginary * surveyed);
                let norms = real.iter().zip(&imaginary).map(|(re, im)| re.hypot(*im));
                likeness.iter_mut().zip(norms).for_each(|(sum, norm)| *sum += norm);
            }
            let streams = streams.len() as f32;
            for (column, &point) in likeness.column_iter().zip(&self.points) {
                for (packet, likeness) in column.iter().enumerate() {
                    let nearest = &mut nearest[point * n_packets + packet];
                    *nearest = nearest.min(1.0 - likeness / streams);
                }
            }
        }
        let of_points = nearest.chunks_exact(n_packets);
        of_points
            .map(|of_packets| {
                let least = of_packets.iter().copied().fold(f32::INFINITY, f32::min);
                let mean = of_packets.iter().sum::<f32>() / n_packets as f32;
                f64::from(least + mean)
            })
            .collect()
    }
}

impl CsiLocator for PacketMatch {
    fn locate(&self, window: &CsiWindow) -> Result<Estimate, NotLocated> {
        if window.shape()[1..] != self.shape[1..] {
            return Err(NotLocated::OtherShape);
        }
        let scores = self.scores(window);
        let least = scores.iter().copied().fold(f64::INFINITY, f64::min);
        let weight = |score: &f64| (-self.settings.sharpness * (score - least)).exp();
        centroid(&self.support, &scores.iter().map(weight).collect::<Vec<_>>(), 1)
    }
}

/// The second moment of a site's packets; `None` if it has none.
pub(crate) fn packet_moment(site: &CsiSite, every: usize) -> Option<PacketMoment> {
    let windows = || site.points.iter().flat_map(|point| &point.windows);
    let subcarriers = windows().next()?.shape()[1] / 2;
    let packets: Vec<Complex32> =
        windows().flat_map(|window| packets_of(window, every).concat()).collect();
    PacketMoment::of(&packets, subcarriers)
}

fn whitening(
    support: &CsiSite,
    settings: &PacketMatching,
    history: Option<&PacketMoment>,
) -> Option<PacketWhitening> {
    let own = packet_moment(support, settings.every)?;
    let moment = match history {
        Some(history) => {
            let share = settings.own_share;
            PacketMoment::mean(&[(history, 1.0 - share), (&own, share)])?
        }
        None => own,
    };
    PacketWhitening::fit(&moment, settings.power, settings.epsilon)
}

/// Every so many packets of a window of complex values, stream by stream: `[packets, subcarriers]`.
pub(crate) fn packets_of(window: &CsiWindow, every: usize) -> Vec<Vec<Complex32>> {
    let [n_packets, numbers, n_streams] = window.shape();
    let of_stream = |stream: usize| {
        let at = move |packet: usize, number: usize| {
            window.values[(packet * numbers + number) * n_streams + stream]
        };
        let packets = (0..n_packets).step_by(every.max(1));
        let values = packets.flat_map(move |packet| {
            (0..numbers / 2).map(move |k| Complex32::new(at(packet, 2 * k), at(packet, 2 * k + 1)))
        });
        values.collect()
    };
    (0..n_streams).map(of_stream).collect()
}

fn whitened(packets: Vec<Complex32>, whitening: Option<&PacketWhitening>) -> Vec<Complex32> {
    match whitening {
        Some(whitening) => whitening.apply(&packets),
        None => packets,
    }
}

/// Each packet's real parts, then its imaginary parts.
fn columns(packets: &[Complex32], subcarriers: usize) -> Vec<f32> {
    let parts = packets
        .chunks_exact(subcarriers.max(1))
        .flat_map(|packet| packet.iter().map(|z| z.re).chain(packet.iter().map(|z| z.im)));
    parts.collect()
}
