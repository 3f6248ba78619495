//! How the shadowing of links hangs together.
//!
//! Correlated shadowing is a Gaussian field over the plan whose correlation falls as `exp(-d / D)`, after
//! M. Gudmundson, "Correlation model for shadow fading in mobile radio systems", Electronics Letters 27(23),
//! 1991. It is drawn as a sum of cosines with random wave vectors of that correlation's spectrum, whose
//! radial distribution in the plane is `F(k) = 1 - 1 / sqrt(1 + (k D)^2)`; so it is known everywhere at
//! once, and the same from wherever it is asked.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use crate::geometry::Position;

/// What the shadowing `X_sigma` is drawn for. The paper does not say; afresh for each sample is the default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Shadowing {
    /// Each sample.
    #[default]
    PerSample,
    /// Each link of an access point and a place, the same for all samples taken there.
    PerLink,
    /// The plan: near places have like values.
    Correlated {
        /// Distance D over which the correlation falls to 1/e (m).
        distance_m: f64,
    },
}

/// Cosines of a field.
const WAVES: usize = 256;

/// A field of correlated values over the plan, of mean 0 and deviation 1.
#[derive(Debug, Clone, PartialEq)]
pub struct ShadowingField {
    /// Wave vectors (rad/m) and phases (rad).
    waves: Vec<[f64; 3]>,
}

impl ShadowingField {
    /// Draws a field whose correlation falls to 1/e over `distance_m`.
    #[must_use]
    pub fn draw(distance_m: f64, rng: &mut impl Rng) -> Self {
        let mut wave = || {
            let share: f64 = rng.random();
            let k = (1.0 / (1.0 - share).powi(2) - 1.0).sqrt() / distance_m;
            let (sine, cosine) = (std::f64::consts::TAU * rng.random::<f64>()).sin_cos();
            [k * cosine, k * sine, std::f64::consts::TAU * rng.random::<f64>()]
        };
        Self { waves: (0..WAVES).map(|_| wave()).collect() }
    }

    /// The field's value at a place.
    #[must_use]
    pub fn at(&self, place: &Position) -> f64 {
        let cosine = |[x, y, phase]: &[f64; 3]| (x * place.x_m + y * place.y_m + phase).cos();
        (2.0 / WAVES as f64).sqrt() * self.waves.iter().map(cosine).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    /// Over 4,000 fields: deviation 1, and correlation exp(-d / D).
    #[test]
    fn correlation_falls_as_stated() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let fields: Vec<_> = (0..4000).map(|_| ShadowingField::draw(4.0, &mut rng)).collect();
        let here = Position::new(3.0, -2.0, 0);
        for distance_m in [0.0, 1.0, 4.0, 12.0] {
            let there = Position::new(3.0 + 0.6 * distance_m, -2.0 + 0.8 * distance_m, 0);
            let products: f64 = fields.iter().map(|f| f.at(&here) * f.at(&there)).sum();
            let (found, expected) = (products / 4000.0, (-distance_m / 4.0).exp());
            assert!((found - expected).abs() < 0.06, "{distance_m} m: {found} {expected}");
        }
    }
}
