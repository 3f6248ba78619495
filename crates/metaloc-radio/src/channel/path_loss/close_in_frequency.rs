//! The close-in model with an exponent that depends on frequency (CIF).
//!
//! Source: Haneda et al. 2016, Eq. (5):
//!
//! `PL = 20 lg(4 pi f 1m / c) + 10 n (1 + b (f - f0) / f0) lg(d)`

use super::{PathLoss, decades, free_space_loss_db};

/// Model CIF.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CloseInFrequency {
    /// Path-loss exponent `n` at the reference frequency.
    pub exponent: f64,
    /// How much of it a frequency twice the reference adds: `b`.
    pub slope: f64,
    /// Reference frequency `f0` (Hz).
    pub reference_hz: f64,
}

impl CloseInFrequency {
    /// Offices without line of sight.
    pub const OFFICE: Self = Self { exponent: 3.19, slope: 0.06, reference_hz: 24.2e9 };
    /// Shopping malls without line of sight.
    pub const MALL: Self = Self { exponent: 2.59, slope: 0.01, reference_hz: 39.5e9 };

    /// The exponent at a frequency.
    pub(super) fn exponent_at(&self, frequency_hz: f64) -> f64 {
        let share = (frequency_hz - self.reference_hz) / self.reference_hz;
        self.exponent * (1.0 + self.slope * share)
    }
}

impl PathLoss for CloseInFrequency {
    fn loss_db(&self, distance_m: f64, frequency_hz: f64) -> f64 {
        let exponent = self.exponent_at(frequency_hz);
        free_space_loss_db(1.0, frequency_hz) + 10.0 * exponent * decades(distance_m)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::at_ten_metres;
    use super::*;

    #[test]
    fn check_values() {
        at_ten_metres(&CloseInFrequency::OFFICE, 70.37);
        at_ten_metres(&CloseInFrequency::MALL, 65.85);
    }
}
