//! The alpha-beta-gamma model (ABG), one slope.
//!
//! Source: Haneda et al. 2016, Eq. (4):
//!
//! `PL = 10 alpha lg(d) + beta + 10 gamma lg(f)` with f in GHz

use serde::{Deserialize, Serialize};

use super::{PathLoss, decades};

/// Model ABG.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlphaBetaGamma {
    /// Slope by distance `alpha`.
    pub alpha: f64,
    /// Offset `beta` (dB).
    pub beta_db: f64,
    /// Slope by frequency `gamma`.
    pub gamma: f64,
}

impl AlphaBetaGamma {
    /// Offices without line of sight; the same numbers as 3GPP TR 38.901's indoor NLOS.
    pub const OFFICE: Self = Self { alpha: 3.83, beta_db: 17.30, gamma: 2.49 };
    /// Shopping malls without line of sight; numbers recalled.
    pub const MALL: Self = Self { alpha: 3.21, beta_db: 18.09, gamma: 2.24 };
}

impl PathLoss for AlphaBetaGamma {
    fn loss_db(&self, distance_m: f64, frequency_hz: f64) -> f64 {
        10.0 * self.alpha * decades(distance_m)
            + self.beta_db
            + 10.0 * self.gamma * (frequency_hz / 1e9).log10()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::at_ten_metres;
    use super::*;

    #[test]
    fn check_value() {
        at_ten_metres(&AlphaBetaGamma::OFFICE, 65.25);
    }

    /// By hand: 32.1 + 18.09 + 22.4 lg 2.44.
    #[test]
    fn mall_by_hand() {
        at_ten_metres(&AlphaBetaGamma::MALL, 32.1 + 18.09 + 8.678);
    }
}
