//! The log-distance path-loss model with log-normal shadowing.
//!
//! Source: the MetaLoc paper, Eq. (1), citing S. K. Bose and C. H. Foh:
//!
//! `P_t - P_r = 10 n lg(d) - G + 20 lg(4 pi / lambda) + X_sigma`
//!
//! with transmit power `P_t` (dBm), received power `P_r` (dBm), path-loss exponent `n`, distance
//! `d` (m), antenna gain `G` (dBi), wavelength `lambda` (m) and shadowing `X_sigma` (dB).

use rand::Rng;
use rand_distr::{Distribution, Normal};
use serde::{Deserialize, Serialize};

use crate::RadioError;

/// Speed of light [m/s].
pub const SPEED_OF_LIGHT_M_PER_S: f64 = 299_792_458.0;

/// Parameters of Eq. (1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogDistance {
    /// Transmit power `P_t` (dBm).
    pub tx_power_dbm: f64,
    /// Path-loss exponent `n`; 2 in free space, more behind walls. Above 0.
    pub path_loss_exponent: f64,
    /// Antenna gain `G` (dBi).
    pub antenna_gain_dbi: f64,
    /// Standard deviation of the shadowing `X_sigma` (dB); 3 to 20 in the paper. At least 0.
    pub shadowing_std_db: f64,
    /// Carrier frequency (Hz); 2440 MHz in the paper's toy examples.
    #[serde(default = "default_frequency_hz")]
    pub frequency_hz: f64,
}

const fn default_frequency_hz() -> f64 {
    2.44e9
}

impl LogDistance {
    /// Checks every parameter's range.
    ///
    /// # Errors
    /// [`RadioError::Setting`] naming the parameter.
    pub fn check(&self) -> Result<(), RadioError> {
        let setting = |setting, found: f64, legal: bool, expected| {
            if legal && found.is_finite() {
                Ok(())
            } else {
                Err(RadioError::Setting { setting, found, expected })
            }
        };
        setting("tx_power_dbm", self.tx_power_dbm, true, "finite")?;
        let n = self.path_loss_exponent;
        setting("path_loss_exponent", n, n > 0.0, "above 0")?;
        setting("antenna_gain_dbi", self.antenna_gain_dbi, true, "finite")?;
        let sigma = self.shadowing_std_db;
        setting("shadowing_std_db", sigma, sigma >= 0.0, "at least 0")?;
        setting("frequency_hz", self.frequency_hz, self.frequency_hz > 0.0, "above 0")
    }

    /// Received power without shadowing (dBm) at `distance_m`; distances under 1 m count as 1 m,
    /// where the model's reference lies.
    #[must_use]
    pub fn mean_rss_dbm(&self, distance_m: f64) -> f64 {
        let wavelength_m = SPEED_OF_LIGHT_M_PER_S / self.frequency_hz;
        self.tx_power_dbm + self.antenna_gain_dbi
            - 10.0 * self.path_loss_exponent * distance_m.max(1.0).log10()
            - 20.0 * (4.0 * std::f64::consts::PI / wavelength_m).log10()
    }

    /// Received power (dBm) at `distance_m` with a fresh draw of the shadowing.
    #[must_use]
    pub fn sample_rss_dbm(&self, distance_m: f64, rng: &mut impl Rng) -> f64 {
        // A standard normal times sigma, so that sigma = 0 consumes the same random numbers.
        let standard = Normal::new(0.0, 1.0).map_or(0.0, |normal| normal.sample(rng));
        self.mean_rss_dbm(distance_m) - self.shadowing_std_db * standard
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    const L1: LogDistance = LogDistance {
        tx_power_dbm: 10.0,
        path_loss_exponent: 2.2,
        antenna_gain_dbi: 0.0,
        shadowing_std_db: 3.0,
        frequency_hz: 2.44e9,
    };

    /// Free space at 1 m and 2.44 GHz loses 40.20 dB (20 lg(4 pi f / c)).
    #[test]
    fn one_metre_of_free_space() {
        assert!((L1.mean_rss_dbm(1.0) - (10.0 - 40.20)).abs() < 0.005);
    }

    #[test]
    fn ten_metres_lose_ten_n_decibels_more() {
        assert!((L1.mean_rss_dbm(1.0) - L1.mean_rss_dbm(10.0) - 22.0).abs() < 1e-12);
        assert!((L1.mean_rss_dbm(0.2) - L1.mean_rss_dbm(1.0)).abs() < 1e-12);
    }

    #[test]
    fn shadowing_has_the_stated_spread() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let n = 20_000;
        let draws: Vec<f64> =
            (0..n).map(|_| L1.sample_rss_dbm(7.0, &mut rng) - L1.mean_rss_dbm(7.0)).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        let std = (draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / f64::from(n)).sqrt();
        assert!(mean.abs() < 0.1 && (std - 3.0).abs() < 0.06, "mean {mean} std {std}");
    }

    #[test]
    fn illegal_parameters_are_named() {
        let error = LogDistance { path_loss_exponent: 0.0, ..L1 }.check().unwrap_err();
        assert!(error.to_string().contains("path_loss_exponent is 0"));
        assert!(LogDistance { shadowing_std_db: f64::NAN, ..L1 }.check().is_err());
    }
}
