//! Is the discrepancy of two sets more than chance? The permutation test.
//!
//! If both sets come from one distribution, any other split of their rows into sets of those sizes is
//! as likely (Gretton et al. 2012; B. Phipson, G. K. Smyth, Stat. Appl. Genet. Mol. Biol. 9, 2010, for
//! the ones that are added):
//!
//! ```text
//! p = (1 + number of splits with an estimate >= the observed one) / (1 + number of splits)
//! ```

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Discrepancy, KernelMatrix, MmdEstimator};
use crate::RadioError;

/// Estimates closer than this (times `k(x, x)`) count as equal, so that rounding decides nothing.
const TIE: f64 = 1e-12;

/// How splits are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PermutationTest {
    /// Number of splits. Default 500: the least `p` is then 1/501.
    pub n_permutations: usize,
    /// Seed of their generator. Default 0.
    pub seed: u64,
}

impl Default for PermutationTest {
    fn default() -> Self {
        Self { n_permutations: 500, seed: 0 }
    }
}

/// What a permutation test found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermutationOutcome {
    /// The estimate for the two sets as they are.
    pub observed: Discrepancy,
    /// Probability of such an estimate or a greater one, were there no difference.
    pub p: f64,
}

impl KernelMatrix {
    /// The permutation test with an estimator of choice. Rows must be independent of each other: many
    /// samples of one moment make differences of the moment look like differences of the sites.
    ///
    /// # Errors
    /// [`RadioError::Setting`] for no permutations; as [`KernelMatrix::estimate`].
    pub fn permutation_test(
        &self,
        estimator: MmdEstimator,
        test: &PermutationTest,
    ) -> Result<PermutationOutcome, RadioError> {
        let observed = self.estimate(estimator)?;
        if test.n_permutations == 0 {
            return Err(RadioError::Setting {
                setting: "the number of permutations",
                found: 0.0,
                expected: "at least 1",
            });
        }
        let threshold = observed.squared - TIE * self.greatest_kernel_value();
        let row_sums = self.row_sums();
        let mut indices: Vec<usize> = (0..row_sums.len()).collect();
        let mut generator = ChaCha8Rng::seed_from_u64(test.seed);
        let mut reached = 0;
        for _ in 0..test.n_permutations {
            indices.shuffle(&mut generator);
            let estimate = self.estimate_split(&row_sums, &indices, estimator);
            reached += usize::from(estimate.squared >= threshold);
        }
        let p = (1 + reached) as f64 / (1 + test.n_permutations) as f64;
        Ok(PermutationOutcome { observed, p })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::normal_values;
    use super::super::{FeatureRows, GaussianKernel};
    use super::*;

    fn matrix(x: &[f32], y: &[f32], columns: usize) -> KernelMatrix {
        let rows = |values| FeatureRows::new(values, columns).unwrap();
        KernelMatrix::new(&rows(x), &rows(y), &GaussianKernel::new(1.5).unwrap()).unwrap()
    }

    /// Of the 20 splits of 0 1 2 | 10 11 12, this one and its mirror image are the extreme ones.
    #[test]
    fn ties_count() {
        let matrix = matrix(&[0.0, 1.0, 2.0], &[10.0, 11.0, 12.0], 1);
        let test = PermutationTest { n_permutations: 20_000, seed: 1 };
        for estimator in [MmdEstimator::Biased, MmdEstimator::Unbiased] {
            let outcome = matrix.permutation_test(estimator, &test).unwrap();
            assert!((outcome.p - 0.1).abs() < 0.008, "{outcome:?}");
            assert_eq!(outcome.observed, matrix.estimate(estimator).unwrap());
        }
    }

    /// With no difference `p` is uniform: largest distance of its distribution to the uniform one
    /// (Kolmogorov and Smirnov; 1.63 / sqrt(repeats) is reached by chance once in a hundred).
    #[test]
    fn uniform_without_a_difference_small_with_one() {
        for (estimator, m, n) in [
            (MmdEstimator::Biased, 15, 25),
            (MmdEstimator::Unbiased, 25, 15),
            (MmdEstimator::Linear, 20, 20),
            (MmdEstimator::Block, 20, 20),
        ] {
            let test = |seed: u64| PermutationTest { n_permutations: 99, seed };
            let once = |shift: f64, seed: u64| {
                let x = normal_values(3 * m, 0.0, 1.0, 2 * seed);
                let y = normal_values(3 * n, shift, 1.0, 2 * seed + 1);
                matrix(&x, &y, 3).permutation_test(estimator, &test(seed)).unwrap().p
            };
            let mut found: Vec<f64> = (0..300).map(|seed| once(0.0, seed)).collect();
            found.sort_unstable_by(f64::total_cmp);
            let from_uniform =
                found.iter().enumerate().map(|(i, p)| ((i + 1) as f64 / 300.0 - p).abs());
            let greatest = from_uniform.fold(0.0, f64::max);
            println!("{estimator:?}: {greatest:.3} from uniform");
            assert!(greatest < 1.63 / 300f64.sqrt() + 0.01, "{estimator:?} {greatest}");
            assert!(once(2.0, 0) < 0.05, "{estimator:?}");
        }
        let apart = matrix(&normal_values(90, 0.0, 1.0, 1), &normal_values(90, 2.0, 1.0, 2), 3);
        let outcome = apart.permutation_test(MmdEstimator::Biased, &PermutationTest::default());
        assert!((outcome.unwrap().p - 1.0 / 501.0).abs() < 1e-12);
    }

    #[test]
    fn one_seed_one_p() {
        let matrix = matrix(&normal_values(20, 0.0, 1.0, 1), &normal_values(20, 0.5, 1.0, 2), 1);
        let p = |seed| {
            let test = PermutationTest { n_permutations: 300, seed };
            matrix.permutation_test(MmdEstimator::Biased, &test).unwrap().p.to_bits()
        };
        assert_eq!(p(3), p(3));
        assert!((4..9).any(|seed| p(seed) != p(3)));
        let none = PermutationTest { n_permutations: 0, seed: 0 };
        let error = matrix.permutation_test(MmdEstimator::Biased, &none).unwrap_err().to_string();
        assert_eq!(error, "the number of permutations is 0, it must be at least 1");
        let default: PermutationTest = serde_json::from_str("{}").unwrap();
        assert_eq!(default, PermutationTest::default());
    }
}
