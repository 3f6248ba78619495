//! Squared Euclidean distances of all pairs of rows.
//!
//! ```text
//! |x - y|^2 = |x|^2 + |y|^2 - 2 x.y
//! ```
//!
//! on rows from which their common mean is taken, as one matrix product in f64. Where that cancels
//! (pairs much closer together than to the mean) the distance is taken from the differences.

use nalgebra::DMatrix;

/// Columns of the rows that are held in f64 at a time.
const BLOCK_COLUMNS: usize = 512;

/// Rows of the matrix of products that are computed at a time; what is left of the diagonal is not.
const BLOCK_ROWS: usize = 128;

/// Below this share of `|x|^2 + |y|^2` a distance is computed from the differences: the product's
/// rounding (about 1e-14 of the squares) would be more than a millionth of it.
const CANCELLED: f64 = 1e-8;

/// The squared distances of all pairs. Equal rows have distance 0.
///
/// # Shapes
/// `rows`: n of equal length; answer: `[n, n]`, symmetric
pub(super) fn squared_distances(rows: &[&[f32]]) -> Vec<f64> {
    let n = rows.len();
    let products = products(rows);
    let mut distances = vec![0.0; n * n];
    for i in 0..n {
        for j in i + 1..n {
            let squares = products[(i, i)] + products[(j, j)];
            let mut distance = squares - 2.0 * products[(i, j)];
            if distance <= CANCELLED * squares {
                distance = squared_distance(rows[i], rows[j]);
            }
            distances[i * n + j] = distance;
            distances[j * n + i] = distance;
        }
    }
    distances
}

/// The squared distance of two rows, from the differences.
pub(super) fn squared_distance(x: &[f32], y: &[f32]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES]; // apart, so that the compiler may use vectors
    let square = |x: f32, y: f32| (f64::from(x) - f64::from(y)).powi(2);
    let (x_blocks, x_rest) = x.as_chunks::<LANES>();
    let (y_blocks, y_rest) = y.as_chunks::<LANES>();
    for (x, y) in x_blocks.iter().zip(y_blocks) {
        for lane in 0..LANES {
            sums[lane] += square(x[lane], y[lane]);
        }
    }
    let rest: f64 = x_rest.iter().zip(y_rest).map(|(&x, &y)| square(x, y)).sum();
    sums.iter().sum::<f64>() + rest
}

/// Scalar products of the rows less their mean; only those of row <= column are filled.
fn products(rows: &[&[f32]]) -> DMatrix<f64> {
    let n = rows.len();
    let n_columns = rows.first().map_or(0, |row| row.len());
    let mut products = DMatrix::zeros(n, n);
    for first in (0..n_columns).step_by(BLOCK_COLUMNS) {
        let last = (first + BLOCK_COLUMNS).min(n_columns);
        let numbers = rows.iter().flat_map(|row| &row[first..last]).map(|&x| f64::from(x));
        let mut across = DMatrix::from_iterator(last - first, n, numbers); // one row a column
        let mean = across.column_mean();
        across.column_iter_mut().for_each(|mut row| row -= &mean);
        let down = across.transpose();
        for top in (0..n).step_by(BLOCK_ROWS) {
            let height = BLOCK_ROWS.min(n - top);
            let (left, right) = (down.rows(top, height), across.columns(top, n - top));
            products.view_mut((top, top), (height, n - top)).gemm(1.0, &left, &right, 1.0);
        }
    }
    products
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the differences, over block borders, with near and equal rows far from the mean.
    #[test]
    fn as_from_the_differences() {
        for (n, columns) in [(1, 3), (7, 1), (140, 17), (9, 1100), (300, 5)] {
            let number = |i: usize| ((i * 7919) % 1009) as f32 / 16.0 - 20.0;
            let mut values: Vec<f32> = (0..n * columns).map(number).collect();
            if n > 3 {
                values.copy_within(0..columns, columns); // row 1 = row 0
                values.copy_within(0..columns, 2 * columns);
                values[2 * columns] += 1.0 / 1024.0;
                values[3 * columns] += 1e6;
            }
            let rows: Vec<&[f32]> = values.chunks(columns).collect();
            let found = squared_distances(&rows);
            for (i, x) in rows.iter().enumerate() {
                for (j, y) in rows.iter().enumerate() {
                    let expected: f64 = x
                        .iter()
                        .zip(*y)
                        .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
                        .sum();
                    let found = found[i * n + j];
                    assert!((found - expected).abs() <= 1e-6 * expected, "{found} {expected}");
                    let direct = squared_distance(x, y);
                    assert!((direct - expected).abs() <= 1e-12 * expected, "{direct} {expected}");
                }
            }
        }
        assert!(squared_distances(&[]).is_empty());
    }
}
