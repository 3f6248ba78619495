//! A bandwidth from the data: the median heuristic.
//!
//! ```text
//! s^2 = median of |x - y|^2 over pairs of rows that differ / 2
//! ```
//!
//! so that the kernel is `exp(-|x - y|^2 / median)` (Gretton et al. 2012, section 8, and their code).

use super::FeatureRows;
use super::squared_distances::squared_distances;
use crate::RadioError;

/// Rows that distances are taken between, at most. Gretton's code takes 100; ours costs a fraction of
/// a second on images too.
pub const MEDIAN_ROWS: usize = 500;

/// The bandwidth `s` by the median heuristic, of some sets' rows in one pool. If there are more than
/// `at_most_rows`, as many are taken, evenly spread over the pool: row `floor(i rows / at_most)`.
///
/// # Errors
/// [`RadioError::NotComparable`] for other numbers of columns, [`RadioError::TooFewRows`] for less than
/// two rows (or `at_most_rows` below 2), [`RadioError::EqualRows`] if all are equal.
pub fn median_bandwidth(sets: &[FeatureRows], at_most_rows: usize) -> Result<f64, RadioError> {
    if let Some((first, others)) = sets.split_first() {
        others.iter().try_for_each(|other| first.need_columns_of(other))?;
    }
    let pool: Vec<&[f32]> = sets.iter().flat_map(FeatureRows::rows).collect();
    let distances = sorted_distances(&evenly_spread(&pool, at_most_rows))?;
    Ok((quantile(&distances, 0.5) / 2.0).sqrt())
}

/// At most `at_most` of some items, the first among them.
pub(super) fn evenly_spread<T: Copy>(items: &[T], at_most: usize) -> Vec<T> {
    let n = items.len().min(at_most);
    (0..n).map(|i| items[i * items.len() / n]).collect()
}

/// The squared distances of pairs of rows that differ, in rising order; at least one.
pub(super) fn sorted_distances(rows: &[&[f32]]) -> Result<Vec<f64>, RadioError> {
    let n = rows.len();
    if n < 2 {
        let purpose = "the median of distances";
        return Err(RadioError::TooFewRows { purpose, needed: 2, found: n });
    }
    let all = squared_distances(rows);
    let pairs = (0..n).flat_map(|i| &all[i * n + i + 1..(i + 1) * n]);
    let mut distances: Vec<f64> = pairs.copied().filter(|&distance| distance > 0.0).collect();
    if distances.is_empty() {
        return Err(RadioError::EqualRows { n_rows: n });
    }
    distances.sort_unstable_by(f64::total_cmp);
    Ok(distances)
}

/// The quantile of numbers in rising order (at least one), between two by their distance to it.
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - place.floor()) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // 0, 0, 1, 3: squared distances that are not 0: 1, 9, 1, 9, 4; median 4, s = sqrt(2).
        let (x, y) = ([0.0, 3.0], [1.0, 0.0]);
        let sets = [FeatureRows::new(&x, 1).unwrap(), FeatureRows::new(&y, 1).unwrap()];
        let bandwidth = median_bandwidth(&sets, MEDIAN_ROWS).unwrap();
        assert!((bandwidth - 2f64.sqrt()).abs() < 1e-12);
        // Rows 0 and 2 alone: 0 and 1.
        let bandwidth = median_bandwidth(&sets, 2).unwrap();
        assert!((bandwidth - 0.5f64.sqrt()).abs() < 1e-12);
        assert!((quantile(&[1.0, 2.0, 4.0, 8.0], 0.5) - 3.0).abs() < 1e-12);
        assert!((quantile(&[1.0, 2.0, 4.0, 8.0], 0.25) - 1.75).abs() < 1e-12);
        assert_eq!(evenly_spread(&[0, 1, 2, 3, 4, 5, 6], 3), [0, 2, 4]);
    }

    #[test]
    fn what_has_no_median() {
        let five = [7.0; 5];
        let rows = FeatureRows::new(&five, 1).unwrap();
        let error = |sets: &[FeatureRows], n| median_bandwidth(sets, n).unwrap_err().to_string();
        assert!(error(&[rows], 500).starts_with("all 5 rows are equal"));
        assert!(error(&[rows], 1).contains("needs 2 rows, found 1"));
        assert!(error(&[], 500).contains("needs 2 rows, found 0"));
        let wide = FeatureRows::new(&five, 5).unwrap();
        assert_eq!(error(&[rows, wide], 9), "columns differ: 1 here, 5 there");
    }
}
