//! What a receiver makes of a channel: noise, gain control, clocks, whole numbers.
//!
//! Thermal noise is `kT` (-174 dBm/Hz) over the band plus the noise figure. The other numbers are
//! defaults of ours, named so in docs/simulator.md, and held there to what real chips report.

use std::f64::consts::TAU;

use num_complex::{Complex32, Complex64};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::RadioError;

/// Thermal noise at 290 K (dBm/Hz).
const THERMAL_DBM_PER_HZ: f64 = -174.0;
/// Largest part of a value that a chip reports.
const MOST: f64 = 32_767.0;

/// Settings of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiverConfig {
    /// Noise figure (dB).
    pub noise_figure_db: f64,
    /// Best ratio of channel to estimation error (dB), however strong the signal.
    pub best_snr_db: f64,
    /// Step of the automatic gain control (dB).
    pub gain_step_db: f64,
    /// Mean error of the gain control's look at the level (dB).
    pub gain_jitter_db: f64,
    /// Mean amplitude that the gain control aims at, in the chip's units.
    pub target_amplitude: f64,
    /// Mean error of the reported signal strength (dB).
    pub rssi_jitter_db: f64,
    /// Mean spread of the time at which a frame is cut from the stream (ns).
    pub timing_jitter_ns: f64,
    /// Mean deviation of the filters' response over the band (dB), fixed for a device.
    pub ripple_db: f64,
    /// Weaker frames are not received (dBm).
    pub sensitivity_dbm: f64,
    /// Share of frames lost all the same.
    pub frame_loss: f64,
}

impl Default for ReceiverConfig {
    fn default() -> Self {
        Self {
            noise_figure_db: 7.0,
            best_snr_db: 32.0,
            gain_step_db: 3.0,
            gain_jitter_db: 0.3,
            target_amplitude: 400.0,
            rssi_jitter_db: 0.7,
            timing_jitter_ns: 20.0,
            ripple_db: 0.5,
            sensitivity_dbm: -92.0,
            frame_loss: 0.02,
        }
    }
}

impl ReceiverConfig {
    /// Checks every setting's range.
    ///
    /// # Errors
    /// [`RadioError::Setting`] naming the setting.
    pub fn check(&self) -> Result<(), RadioError> {
        let db = (0.0..=60.0, "0 to 60");
        let ranges = [
            ("noise_figure_db", self.noise_figure_db, db.clone()),
            ("best_snr_db", self.best_snr_db, (0.0..=200.0, "0 to 200")),
            ("gain_step_db", self.gain_step_db, db.clone()),
            ("gain_jitter_db", self.gain_jitter_db, db.clone()),
            ("rssi_jitter_db", self.rssi_jitter_db, db.clone()),
            ("ripple_db", self.ripple_db, db),
            ("timing_jitter_ns", self.timing_jitter_ns, (0.0..=1e6, "0 to 1000000")),
            ("target_amplitude", self.target_amplitude, (1.0..=MOST, "1 to 32767")),
            ("sensitivity_dbm", self.sensitivity_dbm, (-200.0..=100.0, "-200 to 100")),
            ("frame_loss", self.frame_loss, (0.0..=0.95, "0 to 0.95")),
        ];
        RadioError::check_ranges(ranges)
    }

    /// Thermal noise of a band (dBm).
    #[must_use]
    pub fn noise_dbm(&self, bandwidth_hz: f64) -> f64 {
        THERMAL_DBM_PER_HZ + 10.0 * bandwidth_hz.log10() + self.noise_figure_db
    }
}

/// One device: its settings and what it brought from the factory.
#[derive(Debug, Clone, PartialEq)]
pub struct Receiver {
    config: ReceiverConfig,
    bandwidth_hz: f64,
    /// Gain against others (dB).
    pub gain_db: f64,
    /// `[tones]`: what its filters do.
    filters: Vec<f64>,
    offsets_hz: Vec<f64>,
}

/// A frame as received.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedFrame {
    /// `[tones]`: the estimated channel in the chip's units, in whole numbers.
    pub values: Vec<Complex32>,
    /// Reported signal strength (dBm), a whole number.
    pub rssi_dbm: f32,
}

impl Receiver {
    /// A device drawn from `rng`: its filters' response over the tones `offsets_hz`, two ripples over the band.
    pub fn draw(
        config: ReceiverConfig,
        gain_db: f64,
        (bandwidth_hz, offsets_hz): (f64, &[f64]),
        rng: &mut impl Rng,
    ) -> Self {
        let mut normal = || -> f64 { StandardNormal.sample(&mut *rng) };
        let ripples = [1.0, 2.0].map(|waves| (waves, normal(), normal()));
        let response = |offset_hz: &f64| {
            let at = TAU * offset_hz / bandwidth_hz;
            let sum = ripples.iter().map(|(w, a, b)| a * (w * at).sin() + b * (w * at).cos());
            10_f64.powf(config.ripple_db / 2_f64.sqrt() * sum.sum::<f64>() / 20.0)
        };
        let filters = offsets_hz.iter().map(response).collect();
        Self { config, bandwidth_hz, gain_db, filters, offsets_hz: offsets_hz.to_vec() }
    }

    /// Mean power over the tones of `channel` behind the filters (dBm), sent with `sent_dbm`.
    #[must_use]
    pub fn level_dbm(&self, channel: &[Complex64], sent_dbm: f64) -> f64 {
        let tones = channel.iter().zip(&self.filters);
        let power: f64 = tones.map(|(h, filter)| h.norm_sqr() * filter * filter).sum();
        let power = power / channel.len() as f64;
        10.0 * power.log10() + sent_dbm + self.gain_db
    }

    /// A frame through `channel`, sent with `sent_dbm`; none if it is lost.
    pub fn receive(
        &self,
        channel: &[Complex64],
        sent_dbm: f64,
        rng: &mut impl Rng,
    ) -> Option<ReceivedFrame> {
        let config = &self.config;
        let level_dbm = self.level_dbm(channel, sent_dbm);
        let is_lost = rng.random::<f64>() < config.frame_loss;
        if is_lost || level_dbm.is_nan() || level_dbm < config.sensitivity_dbm {
            return None;
        }
        let mut normal = || -> f64 { StandardNormal.sample(&mut *rng) };
        let rssi_dbm = (level_dbm + config.rssi_jitter_db * normal()).round() as f32;
        // The gain control sees the level roughly and has steps: mean amplitudes differ by frame.
        let seen_dbm = level_dbm + config.gain_jitter_db * normal();
        let wanted_db = 20.0 * config.target_amplitude.log10() - seen_dbm;
        let step = config.gain_step_db;
        let gain_db = if step > 0.0 { (wanted_db / step).round() * step } else { wanted_db };
        let scale = 10_f64.powf((gain_db + sent_dbm + self.gain_db) / 20.0);
        let mean_square = 10_f64.powf((level_dbm + gain_db) / 10.0);
        let noise_dbm = config.noise_dbm(self.bandwidth_hz);
        let noise =
            10_f64.powf((noise_dbm - level_dbm) / 10.0) + 10_f64.powf(-config.best_snr_db / 10.0);
        let deviation = (mean_square * noise / 2.0).sqrt();
        // Each frame is cut from the stream at a time of its own, by a clock of its own phase.
        let delay_s = config.timing_jitter_ns * 1e-9 * normal();
        let turn = TAU * normal();
        let values = channel.iter().zip(&self.filters).zip(&self.offsets_hz);
        let values = values
            .map(|((h, filter), offset_hz)| {
                let clocks =
                    Complex64::from_polar(scale * filter, turn - TAU * offset_hz * delay_s);
                let value = h * clocks + Complex64::new(normal(), normal()) * deviation;
                let whole = |x: f64| x.round().clamp(-MOST, MOST) as f32;
                Complex32::new(whole(value.re), whole(value.im))
            })
            .collect();
        Some(ReceivedFrame { values, rssi_dbm })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn offsets() -> Vec<f64> {
        (-26..=26).map(|k| f64::from(k) * 312.5e3).collect()
    }

    fn still() -> ReceiverConfig {
        ReceiverConfig {
            best_snr_db: 200.0,
            gain_jitter_db: 0.0,
            rssi_jitter_db: 0.0,
            ripple_db: 0.0,
            frame_loss: 0.0,
            ..ReceiverConfig::default()
        }
    }

    fn receiver(config: ReceiverConfig) -> (Receiver, ChaCha8Rng) {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        (Receiver::draw(config, 0.0, (20e6, &offsets()), &mut rng), rng)
    }

    #[test]
    fn a_flat_channel_comes_out_flat_and_near_the_target() {
        let (receiver, mut rng) = receiver(still());
        let channel = vec![Complex64::new(1e-2, 0.0); 53];
        let frame = receiver.receive(&channel, 15.0, &mut rng).unwrap();
        // 15 dBm less 40 dB.
        assert!((frame.rssi_dbm + 25.0).abs() < 1e-6);
        for value in &frame.values {
            // Half a step of 3 dB either way, and rounding.
            let off_db = 20.0 * f64::from(value.norm() / 400.0).log10();
            assert!(off_db.abs() < 1.6, "{off_db}");
            assert!((value.norm() - frame.values[0].norm()).abs() < 1.5);
        }
    }

    /// At 10 dB over the noise, the estimate's error is a tenth of the channel's power.
    #[test]
    fn noise_has_the_power_that_it_should() {
        let config = ReceiverConfig { timing_jitter_ns: 0.0, ..still() };
        let (receiver, mut rng) = receiver(config);
        let level_dbm = config.noise_dbm(20e6) + 10.0;
        assert!((config.noise_dbm(20e6) + 94.0).abs() < 0.02);
        let channel = vec![Complex64::new(10_f64.powf(level_dbm / 20.0), 0.0); 53];
        let (mut error, mut power) = (0.0, 0.0);
        for _ in 0..200 {
            let values = receiver.receive(&channel, 0.0, &mut rng).unwrap().values;
            let mean = values.iter().sum::<Complex32>() / 53.0;
            error += values.iter().map(|v| f64::from((v - mean).norm_sqr())).sum::<f64>() / 52.0;
            power += f64::from(mean.norm_sqr());
        }
        // The mean itself has a 53rd of the error.
        let ratio = error / (power - error / 53.0);
        assert!((ratio - 0.1).abs() < 0.01, "{ratio}");
    }

    #[test]
    fn weak_frames_and_a_share_of_others_are_lost() {
        let (receiver, mut rng) =
            receiver(ReceiverConfig { frame_loss: 0.25, ..ReceiverConfig::default() });
        let channel = |db: f64| vec![Complex64::new(10_f64.powf(db / 20.0), 0.0); 53];
        assert!(receiver.receive(&channel(-93.0), 0.0, &mut rng).is_none());
        assert!(receiver.receive(&channel(f64::NEG_INFINITY), 0.0, &mut rng).is_none());
        let got = (0..2000).filter(|_| receiver.receive(&channel(-60.0), 0.0, &mut rng).is_some());
        assert!((1440..1560).contains(&got.count()));
    }

    #[test]
    fn gain_moves_in_steps() {
        let config = ReceiverConfig { gain_jitter_db: 1.0, ..still() };
        let (receiver, mut rng) = receiver(config);
        let channel = vec![Complex64::new(1e-3, 0.0); 53];
        let mut levels: Vec<i64> = (0..100)
            .map(|_| {
                let frame = receiver.receive(&channel, 15.0, &mut rng).unwrap();
                let power: f32 = frame.values.iter().map(Complex32::norm_sqr).sum();
                (10.0 * f64::from(power / 53.0).log10() * 2.0).round() as i64
            })
            .collect();
        levels.sort_unstable();
        levels.dedup();
        assert!(
            levels.len() > 1 && levels.windows(2).all(|w| (w[1] - w[0] - 6).abs() <= 1),
            "{levels:?}"
        );
    }

    #[test]
    fn settings_are_checked() {
        ReceiverConfig::default().check().unwrap();
        let wrong = ReceiverConfig { frame_loss: f64::NAN, ..ReceiverConfig::default() };
        assert!(wrong.check().unwrap_err().to_string().contains("frame_loss"));
    }
}
