//! Path-loss curves: the mean loss by distance and frequency, one model a file.
//!
//! All take the distance between the antennas in metres (under 1 m it counts as 1 m, where their reference
//! lies) and give decibels. The 5G curves are those of K. Haneda et al., "Indoor 5G 3GPP-like channel
//! models for office and shopping mall environments", ICC Workshops 2016 (the paper's reference 55); the numbers of
//! the dual-slope alpha-beta-gamma curves are recalled, not read, and named so where they stand.

mod alpha_beta_gamma;
mod close_in;
mod close_in_frequency;
mod dual_slope_alpha_beta_gamma;
mod dual_slope_close_in_frequency;
mod indoor_hotspot;
mod line_of_sight;

pub use alpha_beta_gamma::AlphaBetaGamma;
pub use close_in::CloseIn;
pub use close_in_frequency::CloseInFrequency;
pub use dual_slope_alpha_beta_gamma::DualSlopeAlphaBetaGamma;
pub use dual_slope_close_in_frequency::DualSlopeCloseInFrequency;
pub use indoor_hotspot::IndoorHotspot;
pub use line_of_sight::LineOfSight;

/// Speed of light (m/s).
pub const SPEED_OF_LIGHT_M_PER_S: f64 = 299_792_458.0;

/// A mean path loss.
pub trait PathLoss {
    /// Mean loss (dB) over `distance_m` at `frequency_hz`.
    fn loss_db(&self, distance_m: f64, frequency_hz: f64) -> f64;
}

/// Loss in free space (dB): `20 lg(4 pi d f / c)`, Friis.
#[must_use]
pub fn free_space_loss_db(distance_m: f64, frequency_hz: f64) -> f64 {
    20.0 * (4.0 * std::f64::consts::PI * distance_m * frequency_hz / SPEED_OF_LIGHT_M_PER_S).log10()
}

/// Decades of distance beyond the reference of 1 m.
fn decades(distance_m: f64) -> f64 {
    distance_m.max(1.0).log10()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Holds a curve to a check value at 10 m and 2.44 GHz, to the hundredth that it was stated to.
    pub(in super::super) fn at_ten_metres(curve: &impl PathLoss, expected_db: f64) {
        let found = curve.loss_db(10.0, 2.44e9);
        assert!((found - expected_db).abs() < 0.0051, "{found} instead of {expected_db}");
        // No curve loses less with distance, and under 1 m all stand still.
        let mut last = f64::NEG_INFINITY;
        for step in 0..400 {
            let loss = curve.loss_db(0.25 * f64::from(step), 2.44e9);
            assert!(loss >= last, "falls at {} m", 0.25 * f64::from(step));
            last = loss;
        }
        assert!((curve.loss_db(0.1, 2.44e9) - curve.loss_db(1.0, 2.44e9)).abs() < 1e-12);
    }

    #[test]
    fn one_metre_of_free_space() {
        assert!((free_space_loss_db(1.0, 2.44e9) - 40.20).abs() < 0.005);
    }
}
