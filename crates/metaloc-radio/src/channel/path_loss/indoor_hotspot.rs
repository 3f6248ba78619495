//! 3GPP TR 38.901, Table 7.4.1-1, scenario InH - Office; valid from 1 to 150 m.
//!
//! LOS: `PL = 32.4 + 17.3 lg(d) + 20 lg(f)`. NLOS: `max(PL_LOS, 17.3 + 38.3 lg(d) + 24.9 lg(f))`, or, as the
//! optional model, `32.4 + 31.9 lg(d) + 20 lg(f)`; d in m, f in GHz.

use super::{PathLoss, decades};

/// Model InH - Office.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndoorHotspot {
    /// With line of sight.
    LineOfSight,
    /// Without.
    NoLineOfSight,
    /// Without, the optional model.
    NoLineOfSightOptional,
}

impl PathLoss for IndoorHotspot {
    fn loss_db(&self, distance_m: f64, frequency_hz: f64) -> f64 {
        let (distance, frequency) = (decades(distance_m), (frequency_hz / 1e9).log10());
        let line_of_sight = 32.4 + 17.3 * distance + 20.0 * frequency;
        match self {
            Self::LineOfSight => line_of_sight,
            Self::NoLineOfSight => line_of_sight.max(17.3 + 38.3 * distance + 24.9 * frequency),
            Self::NoLineOfSightOptional => 32.4 + 31.9 * distance + 20.0 * frequency,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::at_ten_metres;
    use super::*;

    #[test]
    fn check_values() {
        at_ten_metres(&IndoorHotspot::LineOfSight, 57.45);
        at_ten_metres(&IndoorHotspot::NoLineOfSight, 65.25);
        // By hand: 32.4 + 31.9 + 20 lg 2.44.
        at_ten_metres(&IndoorHotspot::NoLineOfSightOptional, 64.3 + 7.748);
    }
}
