//! Zero mean and unit spread, column by column.

use serde::{Deserialize, Serialize};

/// Per-column mean and standard deviation of a set of fingerprints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standardizer {
    /// Column means.
    pub mean: Vec<f32>,
    /// Column standard deviations; 1 for a constant column.
    pub std: Vec<f32>,
}

/// Sums of the columns of some rows: all that a standardisation needs to know of them. Sums of
/// several sites add up, so that no site has to show its rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnSums {
    /// Number of rows.
    pub n: u64,
    /// Sum of each column.
    pub sums: Vec<f64>,
    /// Sum of the squares of each column.
    pub squares: Vec<f64>,
}

impl ColumnSums {
    /// The sums of `rows` of `n_columns` numbers each, row-major.
    #[must_use]
    pub fn of(rows: &[f32], n_columns: usize) -> Self {
        let (mut sums, mut squares) = (vec![0.0; n_columns], vec![0.0; n_columns]);
        let rows = rows.chunks_exact(n_columns.max(1));
        let n = rows.len() as u64;
        for row in rows {
            for ((sum, square), &value) in sums.iter_mut().zip(&mut squares).zip(row) {
                *sum += f64::from(value);
                *square += f64::from(value) * f64::from(value);
            }
        }
        Self { n, sums, squares }
    }

    /// Adds those of other rows with as many columns.
    pub fn add(&mut self, other: &Self) {
        self.n += other.n;
        self.sums.iter_mut().zip(&other.sums).for_each(|(sum, other)| *sum += other);
        self.squares.iter_mut().zip(&other.squares).for_each(|(sum, other)| *sum += other);
    }
}

impl Standardizer {
    /// Fitted on `rows` of `n_columns` numbers each, row-major. The identity for no rows.
    #[must_use]
    pub fn fit(rows: &[f32], n_columns: usize) -> Self {
        Self::from_sums(&ColumnSums::of(rows, n_columns))
    }

    /// Fitted on the rows whose sums are given.
    #[must_use]
    pub fn from_sums(ColumnSums { n, sums, squares }: &ColumnSums) -> Self {
        if *n == 0 {
            return Self { mean: vec![0.0; sums.len()], std: vec![1.0; sums.len()] };
        }
        let n = *n as f64;
        let mean: Vec<f64> = sums.iter().map(|sum| sum / n).collect();
        let std = squares.iter().zip(&mean).map(|(square, mean)| {
            let variance = square / n - mean * mean;
            // Of a constant, rounding leaves a little.
            if variance > 1e-10 * (1.0 + mean * mean) { variance.sqrt() as f32 } else { 1.0 }
        });
        Self { std: std.collect(), mean: mean.iter().map(|&m| m as f32).collect() }
    }

    /// Standardises `rows` in place.
    ///
    /// # Shapes
    /// `rows`: `[n, mean.len()]`, row-major.
    pub fn apply(&self, rows: &mut [f32]) {
        for row in rows.chunks_exact_mut(self.mean.len().max(1)) {
            for ((value, mean), std) in row.iter_mut().zip(&self.mean).zip(&self.std) {
                *value = (*value - mean) / std;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_standardised_apart() {
        let mut rows = [1.0, 7.0, 3.0, 7.0];
        let fitted = Standardizer::fit(&rows, 2);
        assert_eq!(fitted, Standardizer { mean: vec![2.0, 7.0], std: vec![1.0, 1.0] });
        fitted.apply(&mut rows);
        let expected = [-1.0f32, 0.0, 1.0, 0.0];
        assert!(rows.iter().zip(expected).all(|(x, e)| (x - e).abs() < 1e-6), "{rows:?}");
    }

    #[test]
    fn sums_of_sites_fit_as_their_rows_do() {
        let rows = [1.0, 7.0, 3.0, 8.5, -4.0, 0.25];
        let mut sums = ColumnSums::of(&rows[..2], 2);
        sums.add(&ColumnSums::of(&rows[2..], 2));
        assert_eq!(Standardizer::from_sums(&sums), Standardizer::fit(&rows, 2));
        let identity = Standardizer { mean: vec![0.0; 2], std: vec![1.0; 2] };
        assert_eq!(Standardizer::fit(&[], 2), identity);
    }
}
