//! The probability of a line of sight by horizontal distance.
//!
//! Source: Haneda et al. 2016, Eq. (1), equal to 3GPP TR 38.901, Table 7.4.2-1, InH - mixed and open office.
//! Malls have none of their own in the paper's sources; the mixed office's stands in.

use serde::{Deserialize, Serialize};

/// How likely a link has line of sight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineOfSight {
    /// As in a mixed office.
    #[default]
    MixedOffice,
    /// As in an open office.
    OpenOffice,
    /// Every link has it.
    Always,
    /// No link has it.
    Never,
}

impl LineOfSight {
    /// Probability at `distance_m`.
    #[must_use]
    pub fn probability(self, distance_m: f64) -> f64 {
        let d = distance_m;
        match self {
            Self::Always => 1.0,
            Self::Never => 0.0,
            Self::MixedOffice if d <= 1.2 => 1.0,
            Self::MixedOffice if d < 6.5 => (-(d - 1.2) / 4.7).exp(),
            Self::MixedOffice => 0.32 * (-(d - 6.5) / 32.6).exp(),
            Self::OpenOffice if d <= 5.0 => 1.0,
            Self::OpenOffice if d <= 49.0 => (-(d - 5.0) / 70.8).exp(),
            Self::OpenOffice => 0.54 * (-(d - 49.0) / 211.7).exp(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LineOfSight::{MixedOffice, OpenOffice};

    #[test]
    fn check_values() {
        for (curve, distance_m, expected) in
            [(MixedOffice, 3.0, 0.682), (MixedOffice, 10.0, 0.287), (OpenOffice, 10.0, 0.932)]
        {
            let found = curve.probability(distance_m);
            assert!((found - expected).abs() < 5e-4, "{curve:?} {distance_m}: {found}");
        }
    }

    /// The published pieces meet to a hundredth (they are fits).
    #[test]
    fn pieces_meet() {
        for (curve, at) in [(MixedOffice, 6.5), (OpenOffice, 49.0), (OpenOffice, 5.0)] {
            let (below, above) = (curve.probability(at - 1e-9), curve.probability(at + 1e-9));
            assert!((below - above).abs() < 0.01, "{curve:?} {below} {above}");
        }
    }
}
