//! What became of old fingerprints: a map that is learned at points surveyed then and now.
//!
//! With old and new mean fingerprints of the same points as rows of X and Y,
//!
//! ```text
//! new(x) = x + [x, 1] M,   M = argmin |Y - X - [X, 1] M|^2 + penalty |M|^2
//!                            = [X, 1]^T ([X, 1] [X, 1]^T + penalty I)^-1 (Y - X)
//! ```
//!
//! Without evidence of change, nothing changes.

use nalgebra::{DMatrix, RowDVector};

use crate::error::Error;

/// A map from old fingerprints to new ones.
#[derive(Debug, Clone)]
pub(super) struct FingerprintMap {
    /// `[columns + 1, columns]`
    change: DMatrix<f64>,
}

impl FingerprintMap {
    /// Learns the map from fingerprints of the same points, `[points, columns]` each; `penalty` above
    /// 0, relative to the number of columns.
    ///
    /// # Errors
    /// If a number is not finite, or the penalty not above 0.
    pub(super) fn fit(old: &DMatrix<f64>, new: &DMatrix<f64>, penalty: f64) -> Result<Self, Error> {
        let inputs = old.clone().insert_column(old.ncols(), 1.0);
        let mut products = &inputs * inputs.transpose();
        (0..old.nrows()).for_each(|i| products[(i, i)] += penalty * old.ncols() as f64);
        let solved = (penalty > 0.0).then(|| products.cholesky()).flatten();
        let solved = solved.ok_or_else(|| {
            Error::usage(format!("penalty {penalty} must be above 0, and fingerprints finite"))
        })?;
        Ok(Self { change: inputs.tr_mul(&solved.solve(&(new - old))) })
    }

    /// Old fingerprints `[n, columns]` as they would be now.
    pub(super) fn of(&self, old: &DMatrix<f64>) -> DMatrix<f64> {
        old + old.clone().insert_column(old.ncols(), 1.0) * &self.change
    }
}

/// The mean of the rows of each class that has some: `[classes, columns]`, and these classes.
pub(super) fn means(
    rows: &DMatrix<f64>,
    classes: &[usize],
    n_classes: usize,
) -> (DMatrix<f64>, Vec<usize>) {
    let mut sums = vec![(RowDVector::<f64>::zeros(rows.ncols()), 0usize); n_classes];
    for (row, &class) in rows.row_iter().zip(classes) {
        sums[class].0 += row;
        sums[class].1 += 1;
    }
    let known: Vec<usize> = (0..n_classes).filter(|&class| sums[class].1 > 0).collect();
    let mean = |&class: &usize| &sums[class].0 / sums[class].1 as f64;
    let means: Vec<RowDVector<f64>> = known.iter().map(mean).collect();
    (DMatrix::from_rows(&means), known)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One column, two points: by hand, M = K^T (K K^T + I)^-1 (1, 3)^T with K = [[1, 1], [2, 1]].
    #[test]
    fn a_map_by_hand() {
        let old = DMatrix::from_row_slice(2, 1, &[1.0, 2.0]);
        let new = DMatrix::from_row_slice(2, 1, &[2.0, 5.0]);
        let map = FingerprintMap::fit(&old, &new, 1.0).unwrap();
        // K K^T + I = [[3, 3], [3, 6]], inverse [[2/3, -1/3], [-1/3, 1/3]]; times (1, 3): (-1/3, 2/3).
        // M = (1 * -1/3 + 2 * 2/3, -1/3 + 2/3) = (1, 1/3).
        let expected = DMatrix::from_row_slice(2, 1, &[1.0 + 1.0 + 1.0 / 3.0, 4.0 + 1.0 / 3.0]);
        assert!((map.of(&old) - expected).norm() < 1e-12);
        assert!(FingerprintMap::fit(&old, &new, 0.0).is_err());
    }

    #[test]
    fn nothing_changes_without_evidence() {
        let old = DMatrix::from_row_slice(2, 2, &[1.0, 2.0, 3.0, 5.0]);
        let map = FingerprintMap::fit(&old, &old, 0.1).unwrap();
        assert!((map.of(&old) - &old).norm() < 1e-12);
    }

    #[test]
    fn classes_have_means() {
        let rows = DMatrix::from_row_slice(3, 1, &[1.0, 3.0, 5.0]);
        let (means, known) = means(&rows, &[2, 2, 0], 3);
        assert_eq!((means.as_slice(), &known[..]), (&[5.0, 2.0][..], &[0, 2][..]));
    }
}
