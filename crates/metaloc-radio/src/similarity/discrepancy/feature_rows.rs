//! A set of feature vectors, checked once.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::RadioError;

/// Fewest rows that a message about rows may sum up. The mean over one row is that row, and the
/// random features of one row can be inverted; with few rows, one who knows the others subtracts
/// them. Eight is ours: a limit against accidents, no guarantee of privacy.
pub const MIN_ROWS_IN_MESSAGE: usize = 8;

/// Fingerprints of an environment, one a row: RSS (15 numbers) or CSI images and spectra (up to
/// thousands), in whatever unit all environments share. All numbers are finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FeatureRows<'a> {
    values: &'a [f32],
    n_columns: usize,
}

impl<'a> FeatureRows<'a> {
    /// Rows of `n_columns` numbers each.
    ///
    /// # Shapes
    /// `values`: `[n_rows, n_columns]`, row-major
    ///
    /// # Errors
    /// [`RadioError::UnequalRows`] if the numbers don't fill their rows (or there are no columns),
    /// [`RadioError::NonFiniteFeature`].
    pub fn new(values: &'a [f32], n_columns: usize) -> Result<Self, RadioError> {
        if n_columns == 0 || !values.len().is_multiple_of(n_columns) {
            return Err(RadioError::UnequalRows { n_values: values.len(), n_columns });
        }
        match values.iter().position(|value| !value.is_finite()) {
            Some(place) => Err(RadioError::NonFiniteFeature {
                row: place / n_columns,
                column: place % n_columns,
                value: values[place],
            }),
            None => Ok(Self { values, n_columns }),
        }
    }

    /// How many rows there are.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.values.len() / self.n_columns
    }

    /// How many numbers a row has.
    #[must_use]
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// One row after the other.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &'a [f32]> + use<'a> {
        self.values.chunks_exact(self.n_columns)
    }

    /// At most `at_most` rows, drawn without replacement, in a random order that `seed` gives.
    ///
    /// For [`MmdEstimator::Linear`](super::MmdEstimator::Linear) and
    /// [`MmdEstimator::Block`](super::MmdEstimator::Block), which take neighbouring rows together: in
    /// a survey they are of one place and one moment, hence alike.
    ///
    /// # Shapes
    /// Answer: `[min(n_rows, at_most), n_columns]`, row-major
    #[must_use]
    pub fn drawn(&self, at_most: usize, seed: u64) -> Vec<f32> {
        let mut rows: Vec<&[f32]> = self.rows().collect();
        rows.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        rows.truncate(at_most);
        rows.concat()
    }

    /// Errors unless there are `needed` rows.
    pub(super) fn need(&self, needed: usize, purpose: &'static str) -> Result<(), RadioError> {
        let found = self.n_rows();
        if found < needed {
            return Err(RadioError::TooFewRows { purpose, needed, found });
        }
        Ok(())
    }

    /// Errors unless `other` has as many columns.
    pub(super) fn need_columns_of(&self, other: &Self) -> Result<(), RadioError> {
        need_same("columns", &self.n_columns, &other.n_columns)
    }
}

/// Errors unless both sides have the same `property`.
pub(super) fn need_same<T: PartialEq + ToString>(
    property: &'static str,
    left: &T,
    right: &T,
) -> Result<(), RadioError> {
    if left != right {
        let (left, right) = (left.to_string(), right.to_string());
        return Err(RadioError::NotComparable { property, left, right });
    }
    Ok(())
}

/// Errors unless a message's `property` is as it must be; messages come from elsewhere.
pub(super) fn need_sound(
    sound: bool,
    setting: &'static str,
    found: f64,
    expected: &'static str,
) -> Result<(), RadioError> {
    if sound { Ok(()) } else { Err(RadioError::Setting { setting, found, expected }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_checked() {
        let two = [1.0, 2.0, 3.0, 4.0, 5.0, f32::NAN];
        let error =
            |values, n_columns| FeatureRows::new(values, n_columns).unwrap_err().to_string();
        assert_eq!(
            error(&two, 4),
            "6 numbers don't make rows of 4 columns; every row needs as many numbers"
        );
        assert!(error(&two, 0).contains("rows of 0 columns"));
        assert_eq!(error(&two, 2), "the feature in row 2, column 1 is NaN, not a finite number");
        let rows = FeatureRows::new(&two[..4], 2).unwrap();
        assert_eq!((rows.n_rows(), rows.n_columns()), (2, 2));
        assert!(rows.need(2, "a test").is_ok());
        assert_eq!(rows.need(3, "a test").unwrap_err().to_string(), "a test needs 3 rows, found 2");
    }

    #[test]
    fn drawn_rows_are_rows_in_another_order() {
        let values: Vec<f32> = (0..40).map(|v| v as f32).collect();
        let rows = FeatureRows::new(&values, 2).unwrap();
        let drawn = rows.drawn(100, 7);
        assert_ne!(drawn, values);
        assert_eq!(drawn, rows.drawn(100, 7));
        let mut sorted: Vec<&[f32]> = drawn.chunks(2).collect();
        sorted.sort_by(|a, b| a[0].total_cmp(&b[0]));
        assert_eq!(sorted.concat(), values);
        assert_eq!(rows.drawn(3, 7), drawn[..6]);
    }
}
