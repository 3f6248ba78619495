//! A message of fixed length from which the discrepancy of two sites is estimated.
//!
//! A. Rahimi, B. Recht, "Random features for large-scale kernel machines", NIPS 2007; here with cosine
//! and sine of each frequency (D. J. Sutherland, J. Schneider, UAI 2015: less spread, no random phase).
//! With frequencies `w_1..w_{D/2}` drawn from `N(0, I / s^2)`:
//!
//! ```text
//! phi(x) = sqrt(2 / D) (cos w_1.x, sin w_1.x, cos w_2.x, ...)      phi(x).phi(y) = k(x, y) nearly
//! mu_X = mean over rows of phi(x)                        |mu_X - mu_Y|^2 = biased MMD^2 nearly
//! ```
//!
//! The error falls as `1 / sqrt(D)`. Since `|phi(x)| = 1`, the unbiased estimate follows, too:
//! `(m |mu_X|^2 - 1) / (m - 1) + (n |mu_Y|^2 - 1) / (n - 1) - 2 mu_X.mu_Y`.
//!
//! No row crosses, but the message is no secret-keeping device: whoever knows the seed could look for
//! rows that explain it, and succeed if it has more numbers (`D`) than the rows have together.

use nalgebra::DMatrix;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::feature_rows::{need_same, need_sound};
use super::gaussian_kernel::check_bandwidth;
use super::{Discrepancy, FeatureRows, MIN_ROWS_IN_MESSAGE};
use crate::RadioError;

/// Numbers in a message unless asked otherwise: 8 KiB, squared MMD within about 0.02 at the worst.
pub const N_FEATURES: usize = 2048;

/// Frequencies that are held at a time.
const BLOCK_FREQUENCIES: usize = 64;

/// Rows that are held in f64 at a time.
const BLOCK_ROWS: usize = 128;

/// The mean of a site's rows in the space of random features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeanEmbedding {
    /// Seed of the frequencies, common to all sites.
    pub seed: u64,
    /// Bandwidth `s` of the Gaussian kernel, in the unit of the features.
    pub bandwidth: f64,
    /// Number of random features `D`: two a frequency.
    pub n_features: usize,
    /// Numbers in a row.
    pub n_columns: usize,
    /// Rows that the mean is of.
    pub n_rows: usize,
    /// `[n_features]`: cosine and sine of each frequency
    pub mean: Vec<f32>,
}

impl MeanEmbedding {
    /// The embedding of some rows. Frequencies are drawn one after the other, column by column, from
    /// `ChaCha8Rng::seed_from_u64(seed)`.
    ///
    /// # Shapes
    /// `rows`: `[n_rows, n_columns]`
    ///
    /// # Errors
    /// [`RadioError::TooFewRows`] for fewer than [`MIN_ROWS_IN_MESSAGE`]: the features of one row can be
    /// inverted, and so can a mean over few. [`RadioError::Setting`] for a bandwidth that is not
    /// positive and finite, or for a number of features that is odd or 0.
    pub fn new(
        rows: &FeatureRows,
        bandwidth: f64,
        n_features: usize,
        seed: u64,
    ) -> Result<Self, RadioError> {
        rows.need(MIN_ROWS_IN_MESSAGE, "a mean embedding, which leaves its site,")?;
        check_bandwidth(bandwidth)?;
        check_n_features(n_features)?;
        let n_columns = rows.n_columns();
        let all: Vec<&[f32]> = rows.rows().collect();
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let mut mean = Vec::with_capacity(n_features);
        let scale = (2.0 / n_features as f64).sqrt() / all.len() as f64;
        for first in (0..n_features / 2).step_by(BLOCK_FREQUENCIES) {
            let n_frequencies = BLOCK_FREQUENCIES.min(n_features / 2 - first);
            let frequencies = DMatrix::from_fn(n_columns, n_frequencies, |_, _| {
                let normal: f64 = StandardNormal.sample(&mut generator); // column-major: w_1 first
                normal / bandwidth
            });
            let sums = feature_sums(&all, &frequencies);
            mean.extend(sums.iter().flatten().map(|sum| (scale * sum) as f32));
        }
        Ok(Self { seed, bandwidth, n_features, n_columns, n_rows: all.len(), mean })
    }

    /// The embedding of several sites' rows together, each site weighed by its rows.
    ///
    /// # Errors
    /// [`RadioError::NotComparable`] unless seed, bandwidth, features and columns are the same;
    /// [`RadioError::TooFewRows`] of no site at all.
    pub fn pooled(sites: &[&Self]) -> Result<Self, RadioError> {
        let Some((first, others)) = sites.split_first() else {
            let (purpose, needed) = ("an embedding of several sites", MIN_ROWS_IN_MESSAGE);
            return Err(RadioError::TooFewRows { purpose, needed, found: 0 });
        };
        others.iter().try_for_each(|other| first.check_against(other))?;
        let n_rows: usize = sites.iter().map(|site| site.n_rows).sum();
        let share = |site: &&Self, at: usize| f64::from(site.mean[at]) * site.n_rows as f64;
        let mean = |at| {
            let sum: f64 = sites.iter().map(|site| share(site, at)).sum();
            (sum / n_rows as f64) as f32
        };
        let mean = (0..first.mean.len()).map(mean).collect();
        Ok(Self { n_rows, mean, ..(*first).clone() })
    }

    /// The biased estimate of the discrepancy. It is too large by about `1/m + 1/n`: compare sites by it
    /// that have as many rows.
    ///
    /// # Errors
    /// [`RadioError::NotComparable`] unless seed, bandwidth, features and columns are the same;
    /// [`RadioError::TooFewRows`], [`RadioError::Setting`] for a message that no site makes.
    pub fn biased(&self, other: &Self) -> Result<Discrepancy, RadioError> {
        self.check_against(other)?;
        let square = |(&x, &y): (&f32, &f32)| (f64::from(x) - f64::from(y)).powi(2);
        Ok(Discrepancy::untested(self.mean.iter().zip(&other.mean).map(square).sum()))
    }

    /// The unbiased estimate of the discrepancy; negative at times.
    ///
    /// # Errors
    /// As [`MeanEmbedding::biased`].
    pub fn unbiased(&self, other: &Self) -> Result<Discrepancy, RadioError> {
        self.check_against(other)?;
        let product = |x: &[f32], y: &[f32]| -> f64 {
            x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
        };
        let within = |site: &Self| {
            let n = site.n_rows as f64;
            (n * product(&site.mean, &site.mean) - 1.0) / (n - 1.0)
        };
        let across = product(&self.mean, &other.mean);
        Ok(Discrepancy::untested(within(self) + within(other) - 2.0 * across))
    }

    /// Errors unless both are sound and of the same random features.
    fn check_against(&self, other: &Self) -> Result<(), RadioError> {
        self.check()?;
        other.check()?;
        need_same("seeds of the embeddings", &self.seed, &other.seed)?;
        need_same("bandwidths of the embeddings", &self.bandwidth, &other.bandwidth)?;
        need_same("numbers of random features", &self.n_features, &other.n_features)?;
        need_same("columns", &self.n_columns, &other.n_columns)
    }

    /// Errors unless this can be what a site computed.
    fn check(&self) -> Result<(), RadioError> {
        let found = self.n_rows;
        if found < MIN_ROWS_IN_MESSAGE {
            let purpose = "a mean embedding";
            return Err(RadioError::TooFewRows { purpose, needed: MIN_ROWS_IN_MESSAGE, found });
        }
        check_bandwidth(self.bandwidth)?;
        check_n_features(self.n_features)?;
        need_same("number of random features and length", &self.n_features, &self.mean.len())?;
        let unsound = self.mean.iter().find(|x| x.is_nan() || x.abs() > 1.0);
        let found = unsound.map_or(0.0, |&x| f64::from(x));
        need_sound(unsound.is_none(), "an embedding's mean feature", found, "-1 to 1")
    }
}

/// Errors unless the features come in pairs.
fn check_n_features(n_features: usize) -> Result<(), RadioError> {
    let sound = n_features > 0 && n_features.is_multiple_of(2);
    need_sound(sound, "the number of random features", n_features as f64, "even and at least 2")
}

/// Sums over rows of cosine and sine of each frequency.
///
/// # Shapes
/// `frequencies`: `[n_columns, n_frequencies]`; answer: `[n_frequencies]`
fn feature_sums(rows: &[&[f32]], frequencies: &DMatrix<f64>) -> Vec<[f64; 2]> {
    let mut sums = vec![[0.0; 2]; frequencies.ncols()];
    for rows in rows.chunks(BLOCK_ROWS) {
        let numbers = rows.iter().copied().flatten().map(|&x| f64::from(x));
        let rows = DMatrix::from_row_iterator(rows.len(), frequencies.nrows(), numbers);
        let phases = rows * frequencies;
        for (sum, phases) in sums.iter_mut().zip(phases.column_iter()) {
            for phase in &phases {
                sum[0] += phase.cos();
                sum[1] += phase.sin();
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::super::tests::normal_values;
    use super::super::{GaussianKernel, MmdEstimator, discrepancy};
    use super::*;

    const COLUMNS: usize = 5;

    fn two_sites() -> [Vec<f32>; 2] {
        let x = normal_values(60 * COLUMNS, -70.0, 1.0, 1);
        let y = normal_values(200 * COLUMNS, -69.4, 1.0, 2);
        [x, y]
    }

    /// Two sites' embeddings pooled are that of all their rows.
    #[test]
    fn pools_as_one_site() {
        let values = two_sites();
        let of = |values: &[f32]| {
            let rows = FeatureRows::new(values, COLUMNS).unwrap();
            MeanEmbedding::new(&rows, 2.0, 128, 7).unwrap()
        };
        let [x, y] = [of(&values[0]), of(&values[1])];
        let (pooled, joined) = (MeanEmbedding::pooled(&[&x, &y]).unwrap(), of(&values.concat()));
        assert_eq!(pooled.n_rows, 260);
        for (a, b) in pooled.mean.iter().zip(&joined.mean) {
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
        assert!(MeanEmbedding::pooled(&[]).is_err());
    }

    /// Root mean square error over seeds, against the exact estimates: quartered as D grows 16-fold.
    #[test]
    fn converges_to_the_exact_value() {
        let values = two_sites();
        let sites = [0, 1].map(|i| FeatureRows::new(&values[i], COLUMNS).unwrap());
        let kernel = GaussianKernel::new(2.0).unwrap();
        let exact =
            |estimator| discrepancy(&sites[0], &sites[1], &kernel, estimator).unwrap().squared;
        let (biased, unbiased) = (exact(MmdEstimator::Biased), exact(MmdEstimator::Unbiased));
        let mut errors = Vec::new();
        for n_features in [64, 1024, 16_384] {
            let mut squares = [0.0, 0.0];
            for seed in 0..24 {
                let [x, y] =
                    sites.map(|site| MeanEmbedding::new(&site, 2.0, n_features, seed).unwrap());
                squares[0] += (x.biased(&y).unwrap().squared - biased).powi(2) / 24.0;
                squares[1] += (x.unbiased(&y).unwrap().squared - unbiased).powi(2) / 24.0;
            }
            let error = squares.map(f64::sqrt);
            println!("{n_features} features: off by {error:.5?} of {biased:.5}, {unbiased:.5}");
            errors.push(error);
        }
        for which in [0, 1] {
            for pair in errors.windows(2) {
                let ratio = pair[0][which] / pair[1][which];
                assert!((2.5..6.5).contains(&ratio), "{errors:?}");
            }
            assert!(errors[2][which] < 0.05 * biased, "{errors:?}");
        }
    }

    /// Features of a row have length 1, and their product is the kernel.
    #[test]
    fn one_row_repeated() {
        let row = [0.3, -0.2];
        let other = [0.5, 0.4];
        let embed = |row: [f32; 2]| {
            let values = row.repeat(8);
            MeanEmbedding::new(&FeatureRows::new(&values, 2).unwrap(), 1.0, 20_000, 9).unwrap()
        };
        let (x, y) = (embed(row), embed(other));
        let expected = 2.0 - 2.0 * (-0.4f64 / 2.0).exp(); // |x - y|^2 = 0.04 + 0.36
        assert!((x.biased(&y).unwrap().squared - expected).abs() < 0.02);
        assert!(x.biased(&x).unwrap().squared.abs() < 1e-12);
        assert!(x.unbiased(&x).unwrap().squared.abs() < 1e-6);
    }

    /// No number of any row stands in the message, neither as a number nor in its text.
    #[test]
    fn no_row_is_in_the_message() {
        for values in two_sites() {
            let rows = FeatureRows::new(&values, COLUMNS).unwrap();
            let message = MeanEmbedding::new(&rows, 2.0, N_FEATURES, 1).unwrap();
            assert!(message.mean.iter().all(|number| !values.contains(number)));
            let text = serde_json::to_string(&message).unwrap();
            assert!(values.iter().all(|value| !text.contains(&value.to_string())));
            assert_eq!(serde_json::from_str::<MeanEmbedding>(&text).unwrap(), message);
            assert_eq!(message, MeanEmbedding::new(&rows, 2.0, N_FEATURES, 1).unwrap());
        }
        let values = two_sites();
        for n_rows in [0, 1, MIN_ROWS_IN_MESSAGE - 1] {
            let few = FeatureRows::new(&values[0][..n_rows * COLUMNS], COLUMNS).unwrap();
            let error = MeanEmbedding::new(&few, 2.0, 64, 1).unwrap_err().to_string();
            assert!(error.contains("needs 8 rows"), "{error}");
        }
    }

    #[test]
    fn only_like_is_compared() {
        let values = normal_values(48, 0.0, 1.0, 1);
        let rows = FeatureRows::new(&values, 4).unwrap();
        let new = |rows, bandwidth, n_features, seed| {
            MeanEmbedding::new(rows, bandwidth, n_features, seed).unwrap()
        };
        let base = new(&rows, 2.0, 8, 1);
        let error = |other: &MeanEmbedding| base.biased(other).unwrap_err().to_string();
        let seed = error(&new(&rows, 2.0, 8, u64::MAX));
        assert_eq!(seed, "seeds of the embeddings differ: 1 here, 18446744073709551615 there");
        assert!(error(&new(&rows, 2.5, 8, 1)).contains("bandwidths of the embeddings differ: 2 "));
        assert!(error(&new(&rows, 2.0, 10, 1)).contains("features differ: 8 here, 10 there"));
        let wide = FeatureRows::new(&values, 6).unwrap();
        assert!(error(&new(&wide, 2.0, 8, 1)).contains("columns differ: 4 here, 6 there"));
        let mut bad = base.clone();
        bad.mean[3] = f32::NAN;
        assert!(error(&bad).contains("mean feature is NaN"));
        bad.mean.pop();
        assert!(error(&bad).contains("length differ: 8 here, 7 there"));
        assert!(error(&MeanEmbedding { n_rows: 1, ..base.clone() }).contains("needs 8 rows"));
        assert!(base.unbiased(&new(&rows, 2.0, 8, 2)).is_err());
        for (bandwidth, n_features) in [(0.0, 8), (f64::NAN, 8), (1.0, 0), (1.0, 7)] {
            assert!(MeanEmbedding::new(&rows, bandwidth, n_features, 1).is_err());
        }
    }
}
