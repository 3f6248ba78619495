//! The propagation models (a) to (e) of the paper's section IV-A: curves, who has line of sight, shadowing.
//!
//! `P_r = P_t + G - PL - X_sigma`. The line of sight of a link (an access point and a place) is drawn once;
//! [`Shadowing`] says what `X_sigma` is drawn for. Published deviations are the defaults.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::path_loss::{
    CloseIn, CloseInFrequency, DualSlopeAlphaBetaGamma, DualSlopeCloseInFrequency, IndoorHotspot,
    LineOfSight, PathLoss, free_space_loss_db,
};
use super::{Shadowing, ShadowingField};
use crate::RadioError;
use crate::geometry::Position;

/// Which model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PropagationModel {
    /// (a) The vanilla log-distance model, the paper's Eq. (1).
    #[default]
    LogDistance,
    /// (b) A shopping mall without line of sight, dual slope (alpha-beta-gamma).
    MallNlos,
    /// (c) An office with and without line of sight, single slope (3GPP TR 38.901).
    OfficeMixed,
    /// (d) An office with a path-loss exponent that depends on frequency (CI and CIF).
    OfficeFrequency,
    /// (e) A shopping mall with and without line of sight, dual slope (CI and dual-slope CIF).
    MallMixed,
}

impl PropagationModel {
    /// Name as in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LogDistance => "log-distance",
            Self::MallNlos => "mall-nlos",
            Self::OfficeMixed => "office-mixed",
            Self::OfficeFrequency => "office-frequency",
            Self::MallMixed => "mall-mixed",
        }
    }
}

/// A propagation model with its settings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Propagation {
    /// Which model.
    #[serde(default)]
    pub model: PropagationModel,
    /// Transmit power `P_t` (dBm).
    pub tx_power_dbm: f64,
    /// Antenna gain `G` (dBi).
    #[serde(default)]
    pub antenna_gain_dbi: f64,
    /// Carrier frequency (Hz); 2440 MHz in the paper's toy examples.
    #[serde(default = "default_frequency_hz")]
    pub frequency_hz: f64,
    /// Log-distance only, and needed there: the exponent `n`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_loss_exponent: Option<f64>,
    /// Deviation of `X_sigma` (dB), of the links without line of sight in mixed models; the published one if
    /// left out. Log-distance needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadowing_std_db: Option<f64>,
    /// Deviation of the links with line of sight (dB); the published one if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub los_shadowing_std_db: Option<f64>,
    /// What the shadowing is drawn for.
    #[serde(default)]
    pub shadowing: Shadowing,
    /// Mixed models: who has line of sight.
    #[serde(default)]
    pub line_of_sight: LineOfSight,
    /// Never lose less than free space does. Some curves were fitted at higher bands and do, near by.
    #[serde(default)]
    pub clamp_to_free_space: bool,
    /// (c) only: 3GPP's optional curve without line of sight.
    #[serde(default)]
    pub optional_nlos: bool,
    /// (e) only: `b_1` of its curve, whose sign is uncertain; -0.01 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mall_slope: Option<f64>,
    /// (b) only: its curve, whose numbers are recalled; [`DualSlopeAlphaBetaGamma::MALL`] if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mall_curve: Option<DualSlopeAlphaBetaGamma>,
}

const fn default_frequency_hz() -> f64 {
    2.44e9
}

/// A curve and the deviation published with it (dB).
type Published = (Box<dyn PathLoss>, f64);

/// A link of an access point and a place: what does not change between its samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// Received power without what is drawn for each sample (dBm).
    pub mean_dbm: f64,
    /// Deviation of what is drawn for each sample (dB).
    pub sample_std_db: f64,
}

impl Link {
    /// Received power of one sample (dBm).
    pub fn sample_dbm(&self, rng: &mut impl Rng) -> f64 {
        // Drawn at any deviation, so that 0 uses up the same random numbers.
        let standard: f64 = StandardNormal.sample(rng);
        self.mean_dbm - self.sample_std_db * standard
    }
}

impl Propagation {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`RadioError::Setting`] naming the setting.
    pub fn check(&self) -> Result<(), RadioError> {
        let setting = |setting, found: f64, legal: bool, expected| {
            if legal && found.is_finite() {
                Ok(())
            } else {
                Err(RadioError::Setting { setting, found, expected })
            }
        };
        setting("tx_power_dbm", self.tx_power_dbm, true, "finite")?;
        setting("antenna_gain_dbi", self.antenna_gain_dbi, true, "finite")?;
        setting("frequency_hz", self.frequency_hz, self.frequency_hz > 0.0, "above 0")?;
        let is_plain = self.model == PropagationModel::LogDistance;
        let n = self.path_loss_exponent;
        match (is_plain, n) {
            (true, _) => {
                let n = n.unwrap_or(f64::NAN);
                setting("path_loss_exponent", n, n > 0.0, "given and above 0 (log-distance)")?;
            }
            (false, Some(n)) => {
                setting("path_loss_exponent", n, false, "left out: the model has its own")?;
            }
            (false, None) => {}
        }
        if is_plain && self.shadowing_std_db.is_none() {
            setting("shadowing_std_db", f64::NAN, false, "given, at least 0 (log-distance)")?;
        }
        let stds = [
            ("shadowing_std_db", self.shadowing_std_db),
            ("los_shadowing_std_db", self.los_shadowing_std_db),
        ];
        for (name, std) in stds {
            let std = std.unwrap_or(0.0);
            setting(name, std, std >= 0.0, "at least 0")?;
        }
        setting("mall_slope", self.mall_slope.unwrap_or(0.0), true, "finite")?;
        if let Some(DualSlopeAlphaBetaGamma { near, breakpoint_m, far_alpha }) = self.mall_curve {
            setting("mall_curve.breakpoint_m", breakpoint_m, breakpoint_m >= 1.0, "at least 1")?;
            for value in [near.alpha, near.beta_db, near.gamma, far_alpha] {
                setting("mall_curve", value, true, "of finite numbers")?;
            }
        }
        if let Shadowing::Correlated { distance_m } = self.shadowing {
            setting("shadowing.correlated.distance_m", distance_m, distance_m > 0.0, "above 0")?;
        }
        Ok(())
    }

    /// The curves with, if the model tells them apart, and without line of sight.
    fn curves(&self) -> (Option<Published>, Published) {
        let los =
            |std_db| -> Option<Published> { Some((Box::new(CloseIn::LINE_OF_SIGHT), std_db)) };
        match self.model {
            PropagationModel::LogDistance => {
                let exponent = self.path_loss_exponent.unwrap_or(2.0);
                (None, (Box::new(CloseIn { exponent }), 0.0))
            }
            // The deviation is recalled.
            PropagationModel::MallNlos => {
                let curve = self.mall_curve.unwrap_or(DualSlopeAlphaBetaGamma::MALL);
                (None, (Box::new(curve), 6.36))
            }
            PropagationModel::OfficeMixed => {
                let (curve, std_db) = match self.optional_nlos {
                    false => (IndoorHotspot::NoLineOfSight, 8.03),
                    true => (IndoorHotspot::NoLineOfSightOptional, 8.29),
                };
                (Some((Box::new(IndoorHotspot::LineOfSight), 3.0)), (Box::new(curve), std_db))
            }
            PropagationModel::OfficeFrequency => {
                (los(3.02), (Box::new(CloseInFrequency::OFFICE), 8.29))
            }
            PropagationModel::MallMixed => {
                let slope = self.mall_slope.unwrap_or(-0.01);
                (los(2.01), (Box::new(DualSlopeCloseInFrequency::mall(slope)), 6.26))
            }
        }
    }

    /// Probability that a link over `distance_m` has line of sight, where the model tells.
    #[must_use]
    pub fn line_of_sight_probability(&self, distance_m: f64) -> Option<f64> {
        self.curves().0.map(|_| self.line_of_sight.probability(distance_m))
    }

    /// A field of correlated shadowing for each access point; none for other kinds.
    pub fn draw_fields(&self, n_access_points: usize, rng: &mut impl Rng) -> Vec<ShadowingField> {
        match self.shadowing {
            Shadowing::Correlated { distance_m } => {
                (0..n_access_points).map(|_| ShadowingField::draw(distance_m, rng)).collect()
            }
            Shadowing::PerSample | Shadowing::PerLink => Vec::new(),
        }
    }

    /// The link from an access point at `distance_m` to `place`; `field` is the access point's.
    pub fn link(
        &self,
        distance_m: f64,
        (place, field): (&Position, Option<&ShadowingField>),
        rng: &mut impl Rng,
    ) -> Link {
        let (los, nlos) = self.curves();
        let (curve, std_db, own_std_db) = match los {
            Some((curve, std_db))
                if rng.random::<f64>() < self.line_of_sight.probability(distance_m) =>
            {
                (curve, std_db, self.los_shadowing_std_db)
            }
            _ => (nlos.0, nlos.1, self.shadowing_std_db),
        };
        let std_db = own_std_db.unwrap_or(std_db);
        let mut loss_db = curve.loss_db(distance_m, self.frequency_hz);
        if self.clamp_to_free_space {
            loss_db = loss_db.max(free_space_loss_db(distance_m, self.frequency_hz));
        }
        let mean_dbm = self.tx_power_dbm + self.antenna_gain_dbi - loss_db;
        let standard = match self.shadowing {
            Shadowing::PerSample => return Link { mean_dbm, sample_std_db: std_db },
            Shadowing::PerLink => StandardNormal.sample(rng),
            Shadowing::Correlated { .. } => field.map_or(0.0, |field| field.at(place)),
        };
        Link { mean_dbm: mean_dbm - std_db * standard, sample_std_db: 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    const L1: Propagation = Propagation {
        model: PropagationModel::LogDistance,
        tx_power_dbm: 10.0,
        antenna_gain_dbi: 0.0,
        frequency_hz: 2.44e9,
        path_loss_exponent: Some(2.2),
        shadowing_std_db: Some(3.0),
        los_shadowing_std_db: None,
        shadowing: Shadowing::PerSample,
        line_of_sight: LineOfSight::MixedOffice,
        clamp_to_free_space: false,
        optional_nlos: false,
        mall_slope: None,
        mall_curve: None,
    };
    const HERE: Position = Position::new(0.0, 0.0, 0);

    fn of(model: PropagationModel) -> Propagation {
        Propagation { model, path_loss_exponent: None, shadowing_std_db: None, ..L1 }
    }

    fn draws(propagation: &Propagation, distance_m: f64, n: usize) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut draw =
            || propagation.link(distance_m, (&HERE, None), &mut rng).sample_dbm(&mut rng);
        (0..n).map(|_| draw()).collect()
    }

    fn mean_and_std(values: &[f64]) -> (f64, f64) {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
        (mean, (variance / values.len() as f64).sqrt())
    }

    /// Eq. (1): 10 - 22 - 40.20 dBm at 10 m, and the stated spread.
    #[test]
    fn log_distance() {
        let (mean, std) = mean_and_std(&draws(&L1, 10.0, 20_000));
        assert!((mean + 52.20).abs() < 0.1 && (std - 3.0).abs() < 0.06, "{mean} {std}");
    }

    /// At 10 m the mixture of the check values: .287 of the links have line of sight.
    #[test]
    fn the_mall_s_recalled_constants_are_settings() {
        let published = of(PropagationModel::MallNlos);
        let mut curve = DualSlopeAlphaBetaGamma::MALL;
        curve.near.beta_db += 3.0;
        let other = Propagation { mall_curve: Some(curve), ..published };
        let loss = |p: &Propagation| p.curves().1.0.loss_db(10.0, 2.44e9);
        assert!((loss(&other) - loss(&published) - 3.0).abs() < 1e-12);
        curve.breakpoint_m = 0.0;
        let wrong = Propagation { mall_curve: Some(curve), ..published };
        assert!(wrong.check().unwrap_err().to_string().contains("mall_curve.breakpoint_m"));
    }

    #[test]
    fn mixed_models_mix_by_the_probability() {
        for (model, los_db, nlos_db) in [
            (PropagationModel::OfficeMixed, 57.45, 65.25),
            (PropagationModel::OfficeFrequency, 57.50, 70.37),
            (PropagationModel::MallMixed, 57.50, 64.72),
        ] {
            let propagation = Propagation {
                shadowing_std_db: Some(0.0),
                los_shadowing_std_db: Some(0.0),
                ..of(model)
            };
            let found = draws(&propagation, 10.0, 20_000);
            let share = found.iter().filter(|dbm| (**dbm - 10.0 + los_db).abs() < 0.01).count();
            let others = found.iter().filter(|dbm| (**dbm - 10.0 + nlos_db).abs() < 0.01).count();
            assert_eq!(share + others, found.len(), "{model:?}");
            assert!((share as f64 / 20_000.0 - 0.287).abs() < 0.01, "{model:?} {share}");
        }
        let mall = Propagation { shadowing_std_db: Some(0.0), ..of(PropagationModel::MallNlos) };
        assert!(draws(&mall, 10.0, 50).iter().all(|dbm| (dbm - 10.0 + 59.85).abs() < 0.01));
    }

    #[test]
    fn published_deviations_are_the_defaults() {
        for (model, line_of_sight, expected) in [
            (PropagationModel::MallNlos, LineOfSight::Never, 6.36),
            (PropagationModel::OfficeMixed, LineOfSight::Always, 3.0),
            (PropagationModel::OfficeMixed, LineOfSight::Never, 8.03),
            (PropagationModel::OfficeFrequency, LineOfSight::Always, 3.02),
            (PropagationModel::OfficeFrequency, LineOfSight::Never, 8.29),
            (PropagationModel::MallMixed, LineOfSight::Never, 6.26),
        ] {
            let propagation = Propagation { line_of_sight, ..of(model) };
            let (_, std) = mean_and_std(&draws(&propagation, 10.0, 20_000));
            assert!((std - expected).abs() < 0.12, "{model:?} {std}");
        }
    }

    #[test]
    fn shadowing_of_a_link_stays() {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let per_link = Propagation { shadowing: Shadowing::PerLink, ..L1 };
        let link = per_link.link(7.0, (&HERE, None), &mut rng);
        let first = link.sample_dbm(&mut rng);
        assert!((0..9).all(|_| (link.sample_dbm(&mut rng) - first).abs() < 1e-12));
        let other = per_link.link(7.0, (&HERE, None), &mut rng);
        assert!((other.mean_dbm - link.mean_dbm).abs() > 1e-6);
        // A field gives near places like values.
        let shadowing = Shadowing::Correlated { distance_m: 5.0 };
        let correlated = Propagation { shadowing, ..L1 };
        let field = &correlated.draw_fields(1, &mut rng)[0];
        let near = Position::new(0.01, 0.0, 0);
        let [a, b] =
            [&HERE, &near].map(|at| correlated.link(7.0, (at, Some(field)), &mut rng).mean_dbm);
        assert!((a - b).abs() < 1.0, "{a} {b}");
    }

    #[test]
    fn free_space_bounds_what_is_clamped() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mall = of(PropagationModel::MallNlos);
        let clamped = Propagation { clamp_to_free_space: true, ..mall };
        let [raw, bound] = [mall, clamped].map(|p| p.link(1.0, (&HERE, None), &mut rng).mean_dbm);
        assert!((raw - (10.0 - 30.85)).abs() < 0.05, "{raw}");
        assert!((bound - (10.0 - 40.20)).abs() < 0.01, "{bound}");
    }

    #[test]
    fn mistakes_are_named() {
        let error = |propagation: Propagation| propagation.check().unwrap_err().to_string();
        let zero = Propagation { path_loss_exponent: Some(0.0), ..L1 };
        assert!(error(zero).contains("path_loss_exponent is 0"));
        assert!(error(Propagation { shadowing_std_db: None, ..L1 }).contains("shadowing_std_db"));
        let own = Propagation { path_loss_exponent: Some(2.0), ..of(PropagationModel::MallNlos) };
        assert!(error(own).contains("left out"));
        let flat = Shadowing::Correlated { distance_m: 0.0 };
        assert!(error(Propagation { shadowing: flat, ..L1 }).contains("distance_m"));
        for model in [PropagationModel::MallNlos, PropagationModel::OfficeMixed] {
            of(model).check().unwrap();
        }
    }
}
