//! Estimates of the squared MMD from samples (Gretton et al. 2012).
//!
//! With rows `x_1..x_m` and `y_1..y_n`, and `l = min(m, n)` where rows are paired:
//!
//! ```text
//! biased    1/m^2 sum_ij k(x_i, x_j) + 1/n^2 sum_ij k(y_i, y_j) - 2/(m n) sum_ij k(x_i, y_j)    (5)
//! unbiased  the same with i != j in the first two sums, over m (m - 1) and n (n - 1)            (3)
//! linear    mean over i = 1..floor(l/2) of h_i,                                            Lemma 14
//!           h_i = k(x_2i-1, x_2i) + k(y_2i-1, y_2i) - k(x_2i-1, y_2i) - k(x_2i, y_2i-1)
//! block     mean of the unbiased one over blocks of floor(sqrt(l)) rows a side
//! ```
//!
//! The last is the B-test: W. Zaremba, A. Gretton, M. Blaschko, NIPS 2013. Linear and block are means of
//! independent terms, so that with `sd` their standard deviation (over their number less one)
//! `z = mean sqrt(terms) / sd` is normal if both sets come from one distribution.

use serde::{Deserialize, Serialize};

use super::normal_distribution::upper_tail;
use super::squared_distances::squared_distance;
use super::{FeatureRows, GaussianKernel, KernelMatrix};
use crate::RadioError;

/// Terms whose spread is this share of the greatest of them are equal but for rounding.
const ROUNDING: f64 = 1e-12;

/// A choice of estimator of the squared MMD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MmdEstimator {
    /// All pairs, a row with itself too: never negative, too large by about `k(x, x) (1/m + 1/n)`.
    /// Environments can be compared by it if they have as many rows.
    #[default]
    Biased,
    /// All pairs of different rows: right on average, negative at times.
    Unbiased,
    /// Each row in one pair of two. The cheapest and the noisiest. The rows must be in random order
    /// ([`FeatureRows::drawn`]); of the larger set, the last ones aren't used.
    Linear,
    /// Unbiased within small blocks. Between the two in cost and noise; rows as for linear. Its `p`
    /// errs on the large side, more so the fewer the blocks.
    Block,
}

impl MmdEstimator {
    /// Fewest rows a side.
    pub(super) fn least_rows(self) -> usize {
        match self {
            Self::Biased | Self::Unbiased => 2,
            Self::Linear | Self::Block => 4, // two terms, for a spread
        }
    }

    /// Errors unless both sets have the same columns and rows enough.
    pub(super) fn check(self, x: &FeatureRows, y: &FeatureRows) -> Result<(), RadioError> {
        let purpose = match self {
            Self::Biased => "the biased estimate of the MMD, on each side,",
            Self::Unbiased => "the unbiased estimate of the MMD, on each side,",
            Self::Linear => "the linear estimate of the MMD, on each side,",
            Self::Block => "the block estimate of the MMD, on each side,",
        };
        x.need_columns_of(y)?;
        x.need(self.least_rows(), purpose)?;
        y.need(self.least_rows(), purpose)
    }
}

/// An estimate of the discrepancy of two sets.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discrepancy {
    /// The squared MMD as estimated: no unit, at most 2 for one Gaussian, below 0 at times.
    pub squared: f64,
    /// Whether it is more than chance, by linear and block estimates alone; none if their terms are
    /// all equal.
    pub normal_test: Option<NormalTest>,
}

impl Discrepancy {
    /// An estimate without a test.
    pub(super) fn untested(squared: f64) -> Self {
        Self { squared, normal_test: None }
    }

    /// The MMD: the root of [`Discrepancy::squared`], 0 if that is negative.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.squared.max(0.0).sqrt()
    }

    /// The mean of independent terms, at least two, and how far it is from 0.
    fn mean_of(terms: &[f64]) -> Self {
        let n = terms.len() as f64;
        let mean = terms.iter().sum::<f64>() / n;
        let variance = terms.iter().map(|term| (term - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let greatest = terms.iter().fold(0.0, |greatest: f64, term| greatest.max(term.abs()));
        let z = mean * n.sqrt() / variance.sqrt();
        let normal_test =
            (variance.sqrt() > ROUNDING * greatest).then(|| NormalTest { z, p: upper_tail(z) });
        Self { squared: mean, normal_test }
    }
}

/// A one-sided test of "both sets come from one distribution".
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NormalTest {
    /// The estimate in units of its standard error.
    pub z: f64,
    /// Probability of such a `z` or a greater one, were there no difference.
    pub p: f64,
}

/// An estimate of the discrepancy of two sets.
///
/// Biased and unbiased estimates take `(m + n)^2` numbers of memory and as many products of two rows;
/// the linear one `2 l` of them, the block one about `2 l sqrt(l)`.
///
/// # Errors
/// [`RadioError::NotComparable`] for other numbers of columns; [`RadioError::TooFewRows`] for less than
/// 2 rows a side, 4 for linear and block.
pub fn discrepancy(
    x: &FeatureRows,
    y: &FeatureRows,
    kernel: &GaussianKernel,
    estimator: MmdEstimator,
) -> Result<Discrepancy, RadioError> {
    estimator.check(x, y)?;
    if matches!(estimator, MmdEstimator::Biased | MmdEstimator::Unbiased) {
        return KernelMatrix::new(x, y, kernel)?.estimate(estimator);
    }
    let rows: Vec<&[f32]> = x.rows().chain(y.rows()).collect();
    let value = |i: usize, j: usize| kernel.at(squared_distance(rows[i], rows[j]));
    let indices: Vec<usize> = (0..rows.len()).collect();
    let (x, y) = indices.split_at(x.n_rows());
    Ok(match estimator {
        MmdEstimator::Linear => linear(value, x, y),
        _ => block(value, x, y),
    })
}

/// Sums of kernel values over pairs of rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct PairSums {
    /// Over all pairs of the first set, a row with itself too.
    pub(super) within_x: f64,
    /// Over all pairs of the second set.
    pub(super) within_y: f64,
    /// Over all pairs of one of each.
    pub(super) across: f64,
}

impl PairSums {
    /// The biased estimate, for numbers of rows `m` and `n`; Eq. (5) of Gretton et al.
    pub(super) fn biased(&self, m: usize, n: usize) -> f64 {
        let (m, n) = (m as f64, n as f64);
        self.within_x / (m * m) + self.within_y / (n * n) - 2.0 * self.across / (m * n)
    }

    /// The unbiased estimate; Eq. (3). `own` is `k(x, x)`.
    pub(super) fn unbiased(&self, m: usize, n: usize, own: f64) -> f64 {
        let (m, n) = (m as f64, n as f64);
        (self.within_x - m * own) / (m * (m - 1.0)) + (self.within_y - n * own) / (n * (n - 1.0))
            - 2.0 * self.across / (m * n)
    }
}

/// The linear estimate for the rows with these indices; `value(i, j)` is the kernel of two rows.
pub(super) fn linear(value: impl Fn(usize, usize) -> f64, x: &[usize], y: &[usize]) -> Discrepancy {
    let pairs = x.chunks_exact(2).zip(y.chunks_exact(2));
    let term = |(x, y): (&[usize], &[usize])| {
        value(x[0], x[1]) + value(y[0], y[1]) - value(x[0], y[1]) - value(x[1], y[0]) // h_i
    };
    Discrepancy::mean_of(&pairs.map(term).collect::<Vec<f64>>())
}

/// The block estimate, likewise.
pub(super) fn block(value: impl Fn(usize, usize) -> f64, x: &[usize], y: &[usize]) -> Discrepancy {
    let size = x.len().min(y.len()).isqrt();
    let sum = |x: &[usize], y: &[usize]| -> f64 {
        x.iter().map(|&i| y.iter().map(|&j| value(i, j)).sum::<f64>()).sum()
    };
    let blocks = x.chunks_exact(size).zip(y.chunks_exact(size));
    let term = |(x, y): (&[usize], &[usize])| {
        let sums = PairSums { within_x: sum(x, x), within_y: sum(y, y), across: sum(x, y) };
        sums.unbiased(size, size, value(x[0], x[0]))
    };
    Discrepancy::mean_of(&blocks.map(term).collect::<Vec<f64>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `k(x, y) = 2^(-|x - y|^2)`: 1, 1/2, 1/16 and 1/512 at distances 0 to 3.
    fn halving() -> GaussianKernel {
        GaussianKernel::new((0.5 / 2f64.ln()).sqrt()).unwrap()
    }

    fn both(x: &[f32], y: &[f32], estimator: MmdEstimator) -> [Discrepancy; 2] {
        let (x, y) = (FeatureRows::new(x, 1).unwrap(), FeatureRows::new(y, 1).unwrap());
        let matrix = KernelMatrix::new(&x, &y, &halving()).unwrap();
        [discrepancy(&x, &y, &halving(), estimator).unwrap(), matrix.estimate(estimator).unwrap()]
    }

    /// 0 1 2 and 1 2 3: within each set 3 + 2 (1/2 + 1/2 + 1/16), across 4.126953125.
    #[test]
    fn quadratic_by_hand() {
        let (x, y) = ([0.0, 1.0, 2.0], [1.0, 2.0, 3.0]);
        for found in both(&x, &y, MmdEstimator::Biased) {
            assert!((found.squared - (10.25 - 2.0 * 4.126_953_125) / 9.0).abs() < 1e-12);
            assert!((found.value() - found.squared.sqrt()).abs() < 1e-12);
            assert_eq!(found.normal_test, None);
        }
        for found in both(&x, &y, MmdEstimator::Unbiased) {
            let expected = 4.25 / 6.0 - 2.0 * 4.126_953_125 / 9.0; // -0.209
            assert!((found.squared - expected).abs() < 1e-12);
            assert!(found.squared < 0.0 && found.value().abs() < 1e-12);
        }
        // Of 0 1 and 1 2 3: 3 / 4 + 5.125 / 9 - 2 (1/2 + 1/16 + 1/512 + 1 + 1/2 + 1/16) / 6.
        for found in both(&x[..2], &y, MmdEstimator::Biased) {
            let expected = 3.0 / 4.0 + 5.125 / 9.0 - 2.126_953_125 / 3.0;
            assert!((found.squared - expected).abs() < 1e-12);
        }
    }

    /// 0 1 | 2 1 and 1 3 | 2 2. Linear: h = 1/2 + 1/16 - 1/512 - 1 and 0. Block: two of two rows,
    /// 1/2 + 1/16 - (1/2 + 1/512 + 1 + 1/16) / 2 and 1/2 + 1 - 3/2. Of two terms t and 0 the mean is
    /// t/2, the deviation |t| / sqrt(2), z the sign of t. The fifth row is not used.
    #[test]
    fn linear_and_block_by_hand() {
        let (x, y) = ([0.0, 1.0, 2.0, 1.0, 9.0], [1.0, 3.0, 2.0, 2.0]);
        for (estimator, term) in
            [(MmdEstimator::Linear, -0.439_453_125), (MmdEstimator::Block, -0.219_726_562_5)]
        {
            for found in both(&x, &y, estimator) {
                assert!((found.squared - term / 2.0).abs() < 1e-12, "{found:?}");
                let test = found.normal_test.unwrap();
                assert!((test.z + 1.0).abs() < 1e-9, "{test:?}");
                assert!((test.p - 0.841_344_746_068_542_9).abs() < 1e-9, "{test:?}");
            }
        }
        // Equal sets: terms 0, and 1/2 - 1, without a spread and hence without a test.
        for (estimator, expected) in [(MmdEstimator::Linear, 0.0), (MmdEstimator::Block, -0.5)] {
            for found in both(&x[..4], &x[..4], estimator) {
                assert!((found.squared - expected).abs() < 1e-12, "{found:?}");
                assert_eq!(found.normal_test, None);
            }
        }
    }

    /// Computed with numpy 2.4.6:
    ///
    /// ```text
    /// x = np.array([[(7*i + 3*j + i*i*j) % 11 for j in range(7)] for i in range(17)]) / 4
    /// y = np.array([[(5*i + 2*j + i*j*j) % 13 for j in range(7)] for i in range(12)]) / 4 + 0.25
    /// d2 = lambda a, b: ((a[:, None] - b[None]) ** 2).sum(2)
    /// def mmd(x, y, k, own, unbiased):
    ///     m, n, e = len(x), len(y), int(unbiased)
    ///     return ((k(x, x).sum() - e*m*own) / (m*(m-e)) + (k(y, y).sum() - e*n*own) / (n*(n-e))
    ///             - 2 * k(x, y).mean())
    /// k = lambda a, b: np.exp(-d2(a, b) / (2 * 2.5**2))
    /// ks = lambda a, b: sum(np.exp(-g * d2(a, b) / (2 * 2.5**2)) for g in np.logspace(-3, 3, 7))
    /// K = lambda a, b: np.diag(k(a, b))
    /// h = (K(x[0:12:2], x[1:12:2]) + K(y[0::2], y[1::2])
    ///      - K(x[0:12:2], y[1::2]) - K(x[1:12:2], y[0::2]))
    /// b = np.array([mmd(x[i:i+3], y[i:i+3], k, 1, True) for i in range(0, 12, 3)])
    /// z = lambda t: t.mean() * np.sqrt(len(t)) / t.std(ddof=1)
    /// p = d2(np.vstack([x, y]), np.vstack([x, y]))[np.triu_indices(29, 1)]
    /// mmd(x, y, k, 1, False), mmd(x, y, k, 1, True), mmd(x, y, ks, 7, False), mmd(x, y, ks, 7, True)
    /// h.mean(), z(h), b.mean(), z(b), np.sqrt(np.median(p[p > 0]) / 2)
    /// ```
    #[test]
    fn as_numpy() {
        let cells = |n: usize| (0..n).flat_map(|i| (0..7).map(move |j| (i, j)));
        let x = cells(17).map(|(i, j)| ((7 * i + 3 * j + i * i * j) % 11) as f32 / 4.0);
        let y = cells(12).map(|(i, j)| ((5 * i + 2 * j + i * j * j) % 13) as f32 / 4.0 + 0.25);
        let (x, y): (Vec<f32>, Vec<f32>) = (x.collect(), y.collect());
        let (x, y) = (FeatureRows::new(&x, 7).unwrap(), FeatureRows::new(&y, 7).unwrap());
        let bandwidth = super::super::median_bandwidth(&[x, y], 100).unwrap();
        assert!((bandwidth - 2.328_492_001_274_644_6).abs() < 1e-12);
        let kernel = GaussianKernel::new(2.5).unwrap();
        let scales = GaussianKernel::multi_scale(2.5).unwrap();
        for (kernel, estimator, expected, z) in [
            (&kernel, MmdEstimator::Biased, 0.179_628_501_871_577_42, None),
            (&kernel, MmdEstimator::Unbiased, 0.099_839_774_139_059_87, None),
            (&scales, MmdEstimator::Biased, 0.758_462_869_521_229, None),
            (&scales, MmdEstimator::Unbiased, 0.247_010_893_484_35, None),
            (
                &kernel,
                MmdEstimator::Linear,
                0.086_676_673_771_484_18,
                Some(1.529_316_680_243_863_4),
            ),
            (
                &kernel,
                MmdEstimator::Block,
                0.001_812_973_405_855_678,
                Some(0.028_834_003_831_924_557),
            ),
        ] {
            let direct = discrepancy(&x, &y, kernel, estimator).unwrap();
            let matrix = KernelMatrix::new(&x, &y, kernel).unwrap();
            for found in [direct, matrix.estimate(estimator).unwrap()] {
                assert!((found.squared - expected).abs() < 1e-12, "{estimator:?}: {found:?}");
                assert_eq!(found.normal_test.is_some(), z.is_some());
                if let (Some(test), Some(z)) = (found.normal_test, z) {
                    assert!((test.z - z).abs() < 1e-10, "{estimator:?}: {found:?}");
                }
            }
        }
    }

    #[test]
    fn too_few_rows_and_other_columns() {
        let values = [1.0, 2.0, 3.0, 4.0];
        let rows = |n: usize, columns| FeatureRows::new(&values[..n], columns).unwrap();
        let error =
            |x, y, estimator| discrepancy(&x, &y, &halving(), estimator).unwrap_err().to_string();
        assert_eq!(
            error(rows(4, 1), rows(1, 1), MmdEstimator::Biased),
            "the biased estimate of the MMD, on each side, needs 2 rows, found 1"
        );
        assert!(error(rows(1, 1), rows(4, 1), MmdEstimator::Unbiased).contains("needs 2 rows"));
        assert!(
            error(rows(3, 1), rows(4, 1), MmdEstimator::Linear).contains("needs 4 rows, found 3")
        );
        assert!(
            error(rows(4, 1), rows(0, 1), MmdEstimator::Block).contains("needs 4 rows, found 0")
        );
        let found = error(rows(4, 1), rows(4, 2), MmdEstimator::Biased);
        assert_eq!(found, "columns differ: 1 here, 2 there");
        let matrix = KernelMatrix::new(&rows(3, 1), &rows(4, 1), &halving()).unwrap();
        assert!(matrix.estimate(MmdEstimator::Linear).is_err());
    }

    #[test]
    fn names() {
        let all = "[\"biased\",\"unbiased\",\"linear\",\"block\"]";
        let found: Vec<MmdEstimator> = serde_json::from_str(all).unwrap();
        assert_eq!(serde_json::to_string(&found).unwrap(), all);
        assert_eq!(found[0], MmdEstimator::default());
    }
}
