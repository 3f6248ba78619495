//! The kernel of all pairs of two sets' rows, computed once.

use super::estimator::{self, PairSums};
use super::squared_distances::squared_distances;
use super::{Discrepancy, FeatureRows, GaussianKernel, MmdEstimator};
use crate::RadioError;

/// Kernel values of all pairs of rows, the first set's before the second's.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelMatrix {
    /// `[m + n, m + n]`, symmetric
    values: Vec<f64>,
    m: usize,
    n: usize,
    /// `k(x, x)`
    own: f64,
}

impl KernelMatrix {
    /// The matrix of two sets.
    ///
    /// # Shapes
    /// `x`: `[m, n_columns]`, `y`: `[n, n_columns]`
    ///
    /// # Errors
    /// [`RadioError::NotComparable`] for other numbers of columns, [`RadioError::TooFewRows`] for less
    /// than 2 rows a side.
    pub fn new(
        x: &FeatureRows,
        y: &FeatureRows,
        kernel: &GaussianKernel,
    ) -> Result<Self, RadioError> {
        MmdEstimator::Biased.check(x, y)?;
        let rows: Vec<&[f32]> = x.rows().chain(y.rows()).collect();
        let mut values = squared_distances(&rows);
        for i in 0..rows.len() {
            for j in i..rows.len() {
                let value = kernel.at(values[i * rows.len() + j]);
                values[i * rows.len() + j] = value;
                values[j * rows.len() + i] = value;
            }
        }
        Ok(Self { values, m: x.n_rows(), n: y.n_rows(), own: kernel.greatest() })
    }

    /// Numbers of rows of the two sets.
    #[must_use]
    pub fn n_rows(&self) -> (usize, usize) {
        (self.m, self.n)
    }

    /// The greatest value that the kernel has, for
    /// [`distribution_free_bound`](super::distribution_free_bound).
    #[must_use]
    pub fn greatest_kernel_value(&self) -> f64 {
        self.own
    }

    /// An estimate of the discrepancy of the two sets.
    ///
    /// # Errors
    /// [`RadioError::TooFewRows`] for linear and block on less than 4 rows a side.
    pub fn estimate(&self, estimator: MmdEstimator) -> Result<Discrepancy, RadioError> {
        self.check(estimator)?;
        let indices: Vec<usize> = (0..self.m + self.n).collect();
        Ok(self.estimate_split(&self.row_sums(), &indices, estimator))
    }

    /// Errors unless there are rows enough.
    pub(super) fn check(&self, estimator: MmdEstimator) -> Result<(), RadioError> {
        let least = estimator.least_rows();
        let found = self.m.min(self.n);
        if found < least {
            let purpose = "this estimate of the MMD, on each side,";
            return Err(RadioError::TooFewRows { purpose, needed: least, found });
        }
        Ok(())
    }

    /// The sum of each row of the matrix.
    pub(super) fn row_sums(&self) -> Vec<f64> {
        self.values.chunks_exact(self.m + self.n).map(|row| row.iter().sum()).collect()
    }

    /// An estimate as if the first `m` of these rows were the first set.
    pub(super) fn estimate_split(
        &self,
        row_sums: &[f64],
        indices: &[usize],
        estimator: MmdEstimator,
    ) -> Discrepancy {
        let (x, y) = indices.split_at(self.m);
        let value = |i: usize, j: usize| self.values[i * (self.m + self.n) + j];
        match estimator {
            MmdEstimator::Biased => {
                Discrepancy::untested(self.pair_sums(row_sums, x, y).biased(self.m, self.n))
            }
            MmdEstimator::Unbiased => {
                let sums = self.pair_sums(row_sums, x, y);
                Discrepancy::untested(sums.unbiased(self.m, self.n, self.own))
            }
            MmdEstimator::Linear => estimator::linear(value, x, y),
            MmdEstimator::Block => estimator::block(value, x, y),
        }
    }

    /// Sums over pairs. Those within the smaller set are added up; the other two follow from them and
    /// from the sums of the matrix's rows.
    fn pair_sums(&self, row_sums: &[f64], x: &[usize], y: &[usize]) -> PairSums {
        let mut smaller = if x.len() <= y.len() { x.to_vec() } else { y.to_vec() };
        smaller.sort_unstable(); // the same set, the same bytes
        let row = |i: usize| &self.values[i * row_sums.len()..(i + 1) * row_sums.len()];
        let within = smaller.iter().map(|&i| {
            let row = row(i);
            smaller.iter().map(|&j| row[j]).sum::<f64>()
        });
        let within: f64 = within.sum();
        let across = smaller.iter().map(|&i| row_sums[i]).sum::<f64>() - within;
        let rest = row_sums.iter().sum::<f64>() - within - 2.0 * across;
        if x.len() <= y.len() {
            PairSums { within_x: within, within_y: rest, across }
        } else {
            PairSums { within_x: rest, within_y: within, across }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The sum of the kernel over all pairs, number by number.
    fn sum(x: &[&[f32]], y: &[&[f32]], kernel: &GaussianKernel) -> f64 {
        let square = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
        let distance = |x: &[f32], y: &[f32]| -> f64 { x.iter().zip(y).map(square).sum() };
        x.iter().map(|x| y.iter().map(|y| kernel.at(distance(x, y))).sum::<f64>()).sum()
    }

    proptest! {
        /// Splits of one matrix against their sums pair by pair, whichever side is larger; equal sets
        /// have no discrepancy, and neither order nor common shift matters.
        #[test]
        fn as_pair_by_pair(
            x in proptest::collection::vec(-9.0f32..9.0, 4..20),
            y in proptest::collection::vec(-9.0f32..9.0, 4..20),
            turn in 0usize..9,
        ) {
            let (x, y) = (&x[..x.len() / 2 * 2], &y[..y.len() / 2 * 2]);
            let kernel = GaussianKernel::sum(vec![3.0, 9.0]).unwrap();
            let rows = |values| FeatureRows::new(values, 2).unwrap();
            let matrix = KernelMatrix::new(&rows(x), &rows(y), &kernel).unwrap();
            let (m, n) = matrix.n_rows();
            let mut indices: Vec<usize> = (0..m + n).collect();
            indices.rotate_left(turn % (m + n));
            let pool: Vec<&[f32]> = x.chunks(2).chain(y.chunks(2)).collect();
            let split: Vec<&[f32]> = indices.iter().map(|&i| pool[i]).collect();
            let (a, b) = split.split_at(m);
            let sums = PairSums {
                within_x: sum(a, a, &kernel),
                within_y: sum(b, b, &kernel),
                across: sum(a, b, &kernel),
            };
            for (estimator, expected) in [
                (MmdEstimator::Biased, sums.biased(m, n)),
                (MmdEstimator::Unbiased, sums.unbiased(m, n, 2.0)),
            ] {
                let found = matrix.estimate_split(&matrix.row_sums(), &indices, estimator).squared;
                prop_assert!((found - expected).abs() < 1e-9, "{estimator:?} {found} {expected}");
            }
            let same = KernelMatrix::new(&rows(x), &rows(x), &kernel).unwrap();
            let same = same.estimate(MmdEstimator::Biased).unwrap();
            prop_assert!(same.squared.abs() < 1e-9);
            let other_way = KernelMatrix::new(&rows(y), &rows(x), &kernel).unwrap();
            for estimator in [MmdEstimator::Biased, MmdEstimator::Unbiased] {
                let (here, there) = (matrix.estimate(estimator), other_way.estimate(estimator));
                prop_assert!((here.unwrap().squared - there.unwrap().squared).abs() < 1e-9);
            }
            prop_assert!(matrix.estimate(MmdEstimator::Biased).unwrap().squared > -1e-9);
        }
    }
}
