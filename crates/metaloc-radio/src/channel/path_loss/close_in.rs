//! The close-in free-space reference model (CI); with any exponent, the vanilla log-distance model.
//!
//! Source: Haneda et al. 2016, Eq. (2), and the MetaLoc paper, Eq. (1), citing A. Bose and C. H. Foh:
//!
//! `PL = 20 lg(4 pi f 1m / c) + 10 n lg(d)`

use super::{PathLoss, decades, free_space_loss_db};

/// Model CI.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CloseIn {
    /// Path-loss exponent `n`; 2 in free space, more behind walls.
    pub exponent: f64,
}

impl CloseIn {
    /// Line of sight in offices and shopping malls.
    pub const LINE_OF_SIGHT: Self = Self { exponent: 1.73 };
}

impl PathLoss for CloseIn {
    fn loss_db(&self, distance_m: f64, frequency_hz: f64) -> f64 {
        free_space_loss_db(1.0, frequency_hz) + 10.0 * self.exponent * decades(distance_m)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::at_ten_metres;
    use super::*;

    #[test]
    fn check_value() {
        at_ten_metres(&CloseIn::LINE_OF_SIGHT, 57.50);
    }
}
