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

impl Standardizer {
    /// Fitted on `rows` of `n_columns` numbers each, row-major. The identity for no rows.
    #[must_use]
    pub fn fit(rows: &[f32], n_columns: usize) -> Self {
        let n = (rows.len() / n_columns.max(1)) as f64;
        if n == 0.0 {
            return Self { mean: vec![0.0; n_columns], std: vec![1.0; n_columns] };
        }
        let column = |c: usize| rows.iter().skip(c).step_by(n_columns).map(|&v| f64::from(v));
        let mean: Vec<f64> = (0..n_columns).map(|c| column(c).sum::<f64>() / n).collect();
        let std = (0..n_columns).map(|c| {
            let variance = column(c).map(|v| (v - mean[c]).powi(2)).sum::<f64>() / n;
            if variance > 1e-10 { variance.sqrt() as f32 } else { 1.0 }
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
}
