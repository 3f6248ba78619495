//! Paths of a link, and the channel they make.
//!
//! Source: the image method's sum of fields, as in NVIDIA's Sionna RT and Recommendation ITU-R P.1411:
//!
//! ```text
//! H(f) = (lambda / 4 pi) sum_p a_p e^{-j 2 pi f tau_p},   lambda = c / f
//! ```
//!
//! `|H|^2` is the received power over the sent one for antennas of 0 dBi. A channel of some bandwidth has
//! `mean_f |H(f)|^2` over its tones, which is finer than one tone's fade and coarser than none: the
//! incoherent sum `(lambda / 4 pi)^2 sum_p |a_p|^2`.

use std::f64::consts::{PI, TAU};

use num_complex::Complex64;

use super::Vector;
use crate::channel::path_loss::SPEED_OF_LIGHT_M_PER_S;

/// Tones that [`power_gain_db`] takes the mean over.
const POWER_TONES: u32 = 16;

/// One way from a transmitter to a receiver.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// `a_p` (1/m): antennas, spreading, faces; without the phase of the way.
    pub gain: Complex64,
    /// Unfolded length (m).
    pub length_m: f64,
    /// The time it takes (s).
    pub delay_s: f64,
    /// Unit vector in which it leaves the transmitter.
    pub departure: Vector,
    /// Unit vector from the receiver towards where the wave comes from.
    pub arrival: Vector,
    /// Transmitter, points of reflection or diffraction, receiver (m).
    pub vertices: Vec<Vector>,
    /// Reflections.
    pub reflections: u8,
    /// Faces that it goes through.
    pub transmissions: u8,
    /// Whether it bends around an edge.
    pub is_diffracted: bool,
}

/// `lambda / 4 pi` (m).
fn isotropic_aperture_m(frequency_hz: f64) -> f64 {
    SPEED_OF_LIGHT_M_PER_S / frequency_hz / (4.0 * PI)
}

/// `H` at `carrier_hz` plus each of `offsets_hz`; as many values as offsets.
#[must_use]
pub fn frequency_response(paths: &[Path], carrier_hz: f64, offsets_hz: &[f64]) -> Vec<Complex64> {
    let tone = |offset_hz: &f64| {
        let frequency_hz = carrier_hz + offset_hz;
        let sum: Complex64 = paths
            .iter()
            .map(|path| path.gain * Complex64::from_polar(1.0, -TAU * frequency_hz * path.delay_s))
            .sum();
        sum * isotropic_aperture_m(frequency_hz)
    };
    offsets_hz.iter().map(tone).collect()
}

/// Mean of `|H|^2` over 16 tones spread evenly over `bandwidth_hz` around `carrier_hz` (dB); minus infinity
/// without paths.
#[must_use]
pub fn power_gain_db(paths: &[Path], carrier_hz: f64, bandwidth_hz: f64) -> f64 {
    let share = |tone: u32| (f64::from(tone) + 0.5) / f64::from(POWER_TONES) - 0.5;
    let offsets: Vec<f64> = (0..POWER_TONES).map(|tone| share(tone) * bandwidth_hz).collect();
    let response = frequency_response(paths, carrier_hz, &offsets);
    let power: f64 = response.iter().map(Complex64::norm_sqr).sum();
    10.0 * (power / f64::from(POWER_TONES)).log10()
}

/// `(lambda / 4 pi)^2 sum |a_p|^2` (dB); minus infinity without paths.
#[must_use]
pub fn incoherent_gain_db(paths: &[Path], carrier_hz: f64) -> f64 {
    let power: f64 = paths.iter().map(|path| path.gain.norm_sqr()).sum();
    10.0 * (power * isotropic_aperture_m(carrier_hz).powi(2)).log10()
}
