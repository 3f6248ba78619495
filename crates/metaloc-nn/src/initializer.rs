//! First values of a network's parameters.

use crate::real::Real;
use rand::RngExt;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

/// How weights are drawn before training. Biases always start at zero.
///
/// With `n_in` inputs and `n_out` outputs of a unit; for a convolution, those under its window:
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initializer {
    /// Uniform in `±sqrt(6 / n_in)`: variance `2 / n_in`, which keeps the size of signals through
    /// ReLU layers (He et al., "Delving deep into rectifiers", ICCV 2015, Eq. 10, fan-in).
    ///
    /// Not what `torch.nn.Linear` does by default, which is uniform in `±sqrt(1 / n_in)`.
    #[default]
    KaimingUniform,
    /// Normal with variance `2 / n_in` (He et al. 2015, Eq. 10, fan-in).
    KaimingNormal,
    /// Uniform in `±sqrt(6 / (n_in + n_out))` (Glorot and Bengio, "Understanding the difficulty of
    /// training deep feedforward neural networks", AISTATS 2010, Eq. 16); for tanh layers.
    XavierUniform,
    /// Normal with variance `2 / (n_in + n_out)` (Glorot and Bengio 2010, Eq. 12).
    XavierNormal,
    /// Normal with variance `1 / n_in` (LeCun et al., "Efficient backprop", 1998, Eq. 16); for
    /// layers that normalise themselves.
    LecunNormal,
    /// Uniform in `±sqrt(1 / n_in)`, what `torch.nn.Linear` and `torch.nn.Conv2d` do by default.
    TorchDefault,
    /// All zero: hidden units then stay equal for ever; for linear models and tests.
    Zeros,
}

impl Initializer {
    /// Draws a layer's weights, in the order in which they are stored.
    pub(crate) fn fill<R: Real>(
        self,
        weight: &mut [R],
        n_in: usize,
        n_out: usize,
        rng: &mut (impl rand::Rng + ?Sized),
    ) {
        match self {
            Self::KaimingUniform => fill_uniform(weight, (6.0 / n_in as f64).sqrt(), rng),
            Self::KaimingNormal => fill_normal(weight, (2.0 / n_in as f64).sqrt(), rng),
            Self::XavierNormal => {
                fill_normal(weight, (2.0 / (n_in + n_out) as f64).sqrt(), rng);
            }
            Self::LecunNormal => fill_normal(weight, (1.0 / n_in as f64).sqrt(), rng),
            Self::TorchDefault => fill_uniform(weight, (1.0 / n_in as f64).sqrt(), rng),
            Self::XavierUniform => {
                fill_uniform(weight, (6.0 / (n_in + n_out) as f64).sqrt(), rng);
            }
            Self::Zeros => weight.fill(R::ZERO),
        }
    }
}

fn fill_uniform<R: Real>(weight: &mut [R], bound: f64, rng: &mut (impl rand::Rng + ?Sized)) {
    weight.fill_with(|| R::from_f64(rng.random_range(-bound..bound)));
}

fn fill_normal<R: Real>(weight: &mut [R], deviation: f64, rng: &mut (impl rand::Rng + ?Sized)) {
    weight.fill_with(|| R::from_f64(deviation * rng.sample::<f64, _>(StandardNormal)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

    fn draw(initializer: Initializer) -> Vec<f64> {
        let mut weight = vec![0.0; 200 * 100];
        initializer.fill(&mut weight, 200, 100, &mut ChaCha8Rng::seed_from_u64(1));
        weight
    }

    fn variance(values: &[f64]) -> f64 {
        values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64
    }

    #[test]
    fn variances_are_those_of_the_papers() {
        assert!((variance(&draw(Initializer::KaimingUniform)) * 200.0 / 2.0 - 1.0).abs() < 0.03);
        assert!((variance(&draw(Initializer::KaimingNormal)) * 200.0 / 2.0 - 1.0).abs() < 0.03);
        assert!((variance(&draw(Initializer::XavierUniform)) * 300.0 / 2.0 - 1.0).abs() < 0.03);
        assert!((variance(&draw(Initializer::XavierNormal)) * 300.0 / 2.0 - 1.0).abs() < 0.03);
        assert!((variance(&draw(Initializer::LecunNormal)) * 200.0 - 1.0).abs() < 0.03);
        assert!((variance(&draw(Initializer::TorchDefault)) * 600.0 - 1.0).abs() < 0.03);
        assert!(variance(&draw(Initializer::Zeros)) < f64::MIN_POSITIVE);
    }

    #[test]
    fn uniform_values_stay_within_the_bound() {
        let largest = draw(Initializer::KaimingUniform).iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        assert!(largest <= (6.0_f64 / 200.0).sqrt() && largest > 0.99 * (6.0_f64 / 200.0).sqrt());
    }
}
