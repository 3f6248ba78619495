//! Principal components of fingerprints (PCA): few numbers that keep most of the variance.
//!
//! K. Pearson, "On lines and planes of closest fit to systems of points in space", 1901. Fitted on
//! historical environments alone; a model keeps mean and components.

use nalgebra::{DMatrix, DVector, SymmetricEigen};
use serde::{Deserialize, Serialize};

/// The directions of greatest variance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrincipalComponents {
    /// Mean of each column.
    pub mean: Vec<f32>,
    /// `[components, columns]`, of length 1 each, greatest variance first.
    pub components: Vec<f32>,
}

/// First and second moments of some rows; those of several sites add up, so that no site has to
/// show its rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moments {
    /// Number of rows.
    pub n: u64,
    /// `[columns]`
    pub sums: Vec<f64>,
    /// `[columns, columns]`: sums of the products of each two columns.
    pub products: Vec<f64>,
}

impl Moments {
    /// The moments of `rows`, `[n, n_columns]`, row-major.
    #[must_use]
    pub fn of(rows: &[f32], n_columns: usize) -> Self {
        let n = rows.len() / n_columns.max(1);
        let data = DMatrix::from_row_iterator(n, n_columns, rows.iter().map(|&x| f64::from(x)));
        let sums = data.row_sum().iter().copied().collect();
        // Symmetric, so that its order does not matter.
        let products = data.tr_mul(&data).as_slice().to_vec();
        Self { n: n as u64, sums, products }
    }

    /// Adds those of other rows with as many columns.
    pub fn add(&mut self, other: &Self) {
        self.n += other.n;
        self.sums.iter_mut().zip(&other.sums).for_each(|(sum, other)| *sum += other);
        self.products.iter_mut().zip(&other.products).for_each(|(sum, other)| *sum += other);
    }
}

impl PrincipalComponents {
    /// The fewest components that keep `share` (above 0, at most 1) of the variance of `rows`.
    ///
    /// # Shapes
    /// `rows`: `[n, n_columns]`, row-major
    #[must_use]
    pub fn fit(rows: &[f32], n_columns: usize, share: f64) -> Self {
        Self::from_moments(&Moments::of(rows, n_columns), share)
    }

    /// As [`PrincipalComponents::fit`], from the moments of the rows.
    #[must_use]
    pub fn from_moments(Moments { n, sums, products }: &Moments, share: f64) -> Self {
        let (n, n_columns) = ((*n).max(1) as f64, sums.len());
        let mean = DVector::from_iterator(n_columns, sums.iter().map(|sum| sum / n));
        let products = DMatrix::from_row_slice(n_columns, n_columns, products);
        let decomposed = SymmetricEigen::new(products / n - &mean * mean.transpose());
        let variances = &decomposed.eigenvalues;
        let mut order: Vec<usize> = (0..n_columns).collect();
        order.sort_by(|&a, &b| variances[b].total_cmp(&variances[a]));
        let total: f64 = variances.iter().filter(|v| **v > 0.0).sum();
        let (mut kept, mut components) = (0.0, Vec::new());
        for &index in &order {
            if components.is_empty() || kept < share * total {
                kept += variances[index].max(0.0);
                let direction = decomposed.eigenvectors.column(index);
                // The sign is arbitrary: the largest part is made positive.
                let sign = direction[direction.icamax()].signum();
                components.extend(direction.iter().map(|&x| (sign * x) as f32));
            }
        }
        Self { mean: mean.iter().map(|&x| x as f32).collect(), components }
    }

    /// Number of components.
    #[must_use]
    pub fn len(&self) -> usize {
        self.components.len() / self.mean.len().max(1)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
    }

    /// A fingerprint along the components.
    ///
    /// # Shapes
    /// `row`: `[columns]`; answer: `[components]`
    #[must_use]
    pub fn project(&self, row: &[f32]) -> Vec<f32> {
        let along = |direction: &[f32]| {
            let parts = row.iter().zip(&self.mean).zip(direction);
            parts.map(|((x, mean), d)| (x - mean) * d).sum()
        };
        self.components.chunks_exact(self.mean.len().max(1)).map(along).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points on the line (1, 2, 2) / 3 with a little noise across it.
    #[test]
    fn the_line_is_found() {
        let mut rows = Vec::new();
        for (i, noise) in [(-2.0f32, 0.01f32), (-1.0, -0.02), (0.0, 0.0), (1.0, 0.02), (2.0, -0.01)]
        {
            rows.extend([5.0 + i + 2.0 * noise, 2.0 * i - noise, 1.0 + 2.0 * i]);
        }
        let fitted = PrincipalComponents::fit(&rows, 3, 0.95);
        assert_eq!(fitted.len(), 1);
        let expected = [1.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0];
        let near = fitted.components.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-2);
        assert!(near, "{:?}", fitted.components);
        assert!((fitted.project(&[8.0, 6.0, 7.0])[0] - 9.0).abs() < 0.1);
        // The noise lies on a line of its own.
        assert_eq!(PrincipalComponents::fit(&rows, 3, 0.999_999).len(), 2);
    }
}
