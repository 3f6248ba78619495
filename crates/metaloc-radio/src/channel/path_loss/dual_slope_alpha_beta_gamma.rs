//! The alpha-beta-gamma model with a second slope beyond a breakpoint.
//!
//! Source: Haneda et al. 2016, Eq. (7):
//!
//! `PL = 10 alpha_1 lg(d) + beta_1 + 10 gamma lg(f)` up to `d_BP`, beyond it its value there plus
//! `10 alpha_2 lg(d / d_BP)`; f in GHz. The numbers are recalled. The breakpoint of malls, 147 m, lies
//! beyond any indoor plan here, so that there one slope acts. At 2.44 GHz and under some 10 m the mall's
//! curve lies *below* free space: it was fitted at higher bands.

use serde::{Deserialize, Serialize};

use super::{AlphaBetaGamma, PathLoss, decades};

/// Dual-slope ABG.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DualSlopeAlphaBetaGamma {
    /// Up to the breakpoint.
    pub near: AlphaBetaGamma,
    /// Breakpoint `d_BP` (m).
    pub breakpoint_m: f64,
    /// Slope beyond it, `alpha_2`.
    pub far_alpha: f64,
}

impl DualSlopeAlphaBetaGamma {
    /// Shopping malls without line of sight.
    pub const MALL: Self = Self {
        near: AlphaBetaGamma { alpha: 2.9, beta_db: 22.17, gamma: 2.24 },
        breakpoint_m: 147.0,
        far_alpha: 11.47,
    };
    /// Offices without line of sight.
    pub const OFFICE: Self = Self {
        near: AlphaBetaGamma { alpha: 1.7, beta_db: 33.0, gamma: 2.49 },
        breakpoint_m: 6.9,
        far_alpha: 4.17,
    };
}

impl PathLoss for DualSlopeAlphaBetaGamma {
    fn loss_db(&self, distance_m: f64, frequency_hz: f64) -> f64 {
        let near_m = distance_m.min(self.breakpoint_m);
        let beyond = decades(distance_m.max(self.breakpoint_m) / self.breakpoint_m);
        self.near.loss_db(near_m, frequency_hz) + 10.0 * self.far_alpha * beyond
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::at_ten_metres;
    use super::*;

    #[test]
    fn check_values() {
        at_ten_metres(&DualSlopeAlphaBetaGamma::MALL, 59.85);
        at_ten_metres(&DualSlopeAlphaBetaGamma::OFFICE, 63.63);
    }

    #[test]
    fn the_second_slope_begins_at_the_breakpoint() {
        let curve = DualSlopeAlphaBetaGamma::MALL;
        let at = |d| curve.loss_db(d, 2.44e9);
        assert!((at(147.0 * (1.0 + 1e-9)) - at(147.0)).abs() < 1e-6);
        assert!((at(1470.0) - at(147.0) - 114.7).abs() < 1e-9);
    }
}
