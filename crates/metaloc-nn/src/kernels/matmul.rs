//! Matrix product with run-time dispatch on the CPU: AVX-512, AVX2 + FMA, or portable code.
//!
//! The product is cut into tiles, which the micro-kernels of `tile.rs` compute. The right-hand
//! panel is copied to a buffer on the stack, or read in place where its columns lie side by side
//! and there are too few rows for the copy to pay. So a product never allocates.
//!
//! The order of the additions depends on the shapes and on the instruction set only, never on the
//! number of threads or the machine's caches: same inputs and same instruction set, same bytes.
//! [`multiply_plain`] is the plain twin.
#![allow(unsafe_code)] // vector loads and stores through pointers; see the SAFETY reasons

use super::level::{SimdLevel, Vectorized};
use super::tile::{self, Loop, MAX_COLUMNS, Tile, TileKernel};
use super::vector::{Available, Vector};
use crate::real::Real;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Inner-dimension steps a packed panel holds; longer products go in several passes.
const PANEL_DEPTH: usize = 256;

/// What a product does with the values already in its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accumulate {
    /// `destination = left * right`
    Overwrite,
    /// `destination += left * right`
    Add,
}

/// A matrix seen in a slice, row-major or transposed without copying.
#[derive(Clone, Copy, Debug)]
pub struct MatrixRef<'a, R> {
    data: &'a [R],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, R: Real> MatrixRef<'a, R> {
    /// Sees `data` as a row-major matrix.
    ///
    /// # Shapes
    /// - `data`: `[rows, columns]`
    ///
    /// # Panics
    /// If `data` does not hold exactly `rows * columns` values.
    #[must_use]
    pub fn new(data: &'a [R], rows: usize, columns: usize) -> Self {
        assert_eq!(rows.checked_mul(columns), Some(data.len()), "{rows} x {columns} matrix");
        Self { data, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The same values with rows and columns exchanged.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self {
            data: self.data,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }

    fn at(&self, row: usize, column: usize) -> R {
        self.data[row * self.row_stride + column * self.column_stride]
    }
}

/// `destination (+)= left * right`, with the fastest kernel this CPU can run.
///
/// # Shapes
/// - `left`: `[rows, depth]`, `right`: `[depth, columns]`
/// - `destination`: `[rows, columns]`, row-major
///
/// # Panics
/// If the shapes do not fit one another.
pub fn multiply<R: Real>(
    destination: &mut [R],
    left: MatrixRef<'_, R>,
    right: MatrixRef<'_, R>,
    accumulate: Accumulate,
) {
    multiply_at(SimdLevel::current(), destination, left, right, accumulate);
}

/// [`multiply`] with the kernel of a level; with the portable one where the CPU lacks the level.
///
/// # Shapes
/// As [`multiply`].
///
/// # Panics
/// If the shapes do not fit one another.
pub fn multiply_at<R: Real>(
    level: SimdLevel,
    destination: &mut [R],
    left: MatrixRef<'_, R>,
    right: MatrixRef<'_, R>,
    accumulate: Accumulate,
) {
    multiply_tiled(&R::tile_kernel(level), destination, left, right, accumulate);
}

/// The plain twin of [`multiply`]: three loops, no tiles.
///
/// # Shapes
/// As [`multiply`].
///
/// # Panics
/// If the shapes do not fit one another.
pub fn multiply_plain<R: Real>(
    destination: &mut [R],
    left: MatrixRef<'_, R>,
    right: MatrixRef<'_, R>,
    accumulate: Accumulate,
) {
    check_shapes(destination, &left, &right);
    for row in 0..left.rows {
        for column in 0..right.columns {
            let mut sum = R::ZERO;
            for k in 0..left.columns {
                sum += left.at(row, k) * right.at(k, column);
            }
            let value = &mut destination[row * right.columns + column];
            *value = if accumulate == Accumulate::Add { *value + sum } else { sum };
        }
    }
}

fn check_shapes<R: Real>(destination: &[R], left: &MatrixRef<'_, R>, right: &MatrixRef<'_, R>) {
    assert_eq!(left.columns, right.rows, "inner dimensions of a product");
    assert_eq!(
        left.rows.checked_mul(right.columns),
        Some(destination.len()),
        "destination of a {} x {} product",
        left.rows,
        right.columns
    );
}

/// Walks over all tiles of a product.
fn multiply_tiled<R: Real>(
    kernel: &TileKernel<R>,
    destination: &mut [R],
    left: MatrixRef<'_, R>,
    right: MatrixRef<'_, R>,
    accumulate: Accumulate,
) {
    check_shapes(destination, &left, &right); // the SAFETY reasons below rest on it
    if left.columns == 0 && accumulate == Accumulate::Overwrite {
        destination.fill(R::ZERO);
    }
    let columns = right.columns;
    let mut panel = [const { MaybeUninit::uninit() }; PANEL_DEPTH * MAX_COLUMNS];
    for first_k in (0..left.columns).step_by(PANEL_DEPTH) {
        let depth = PANEL_DEPTH.min(left.columns - first_k);
        let add = accumulate == Accumulate::Add || first_k > 0;
        for first_column in (0..columns).step_by(kernel.columns()) {
            let tile_columns = kernel.columns().min(columns - first_column);
            let width = kernel.padded(tile_columns);
            // Rows a power of two apart fall on each other in the first cache: many tiles, copy.
            let in_place =
                left.rows <= 3 * kernel.rows && right.column_stride == 1 && tile_columns == width;
            let (panel_pointer, right_stride) = if in_place {
                (right.data[first_k * right.row_stride + first_column..].as_ptr(), right.row_stride)
            } else {
                let depths = first_k..first_k + depth;
                let panel = &mut panel[..];
                kernel.level.vectorize(Pack { panel, right, depths, first_column, width });
                (panel.as_ptr().cast(), width)
            };
            let tile_rows = tile::tile_rows(left.rows, kernel.rows);
            let mut tile = Tile::new([
                Loop::ONCE,
                Loop::ONCE,
                Loop { steps: depth, left: left.column_stride, right: right_stride },
            ]);
            (tile.right, tile.columns, tile.add) = (panel_pointer, tile_columns, add);
            for first_row in (0..left.rows).step_by(tile_rows) {
                let rows = tile_rows.min(left.rows - first_row);
                let from = first_row * left.row_stride + first_k * left.column_stride;
                let to = first_row * columns + first_column;
                tile.set_left(left.data[from..].as_ptr(), left.row_stride);
                tile.set_destination(destination[to..].as_mut_ptr(), columns);
                // SAFETY: rows, columns and depth are cut to what the checked shapes hold, and the
                // right panel holds `depth` rows of `width` values: in place because the tile is
                // whole, packed because `Pack` writes them.
                unsafe { (kernel.run)(&tile, rows) };
            }
        }
    }
}

/// Copies a panel of `right`, with zeros where the matrix ends: `[depths, width]`.
struct Pack<'a, 'm, R> {
    panel: &'a mut [MaybeUninit<R>],
    right: MatrixRef<'m, R>,
    depths: Range<usize>,
    first_column: usize,
    width: usize,
}

impl<R: Real> Vectorized<R> for Pack<'_, '_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, _: Available<V>) {
        let Self { panel, right, depths, first_column, width } = self;
        let (first, depth) = (depths.start, depths.len());
        let filled = width.min(right.columns - first_column);
        assert!(panel.len() >= depth * width && depths.end <= right.rows);
        let from = |k: usize, column: usize| {
            (first + k) * right.row_stride + (first_column + column) * right.column_stride
        };
        // Whole vectors, or whole blocks of a transposed matrix; the rest value by value.
        let (whole_depth, whole) = match (right.row_stride, right.column_stride) {
            (_, 1) => (depth, filled - filled % V::LANES),
            (1, _) => (depth - depth % V::LANES, filled - filled % V::LANES),
            _ => (0, 0),
        };
        let (data, to) = (right.data.as_ptr(), panel.as_mut_ptr().cast::<R>());
        for column in (0..whole).step_by(V::LANES) {
            // SAFETY: the CPU has the instructions; rows and columns are within the matrix and the
            // panel.
            unsafe {
                if right.column_stride == 1 {
                    for k in 0..depth {
                        V::load(data.add(from(k, column))).store(to.add(k * width + column));
                    }
                    continue;
                }
                for k in (0..whole_depth).step_by(V::LANES) {
                    let block = data.add(from(k, column));
                    V::transpose(block, right.column_stride, to.add(k * width + column), width);
                }
            }
        }
        for (k, row) in panel.chunks_exact_mut(width).enumerate().take(depth) {
            let done = if k < whole_depth { whole } else { 0 };
            for (column, to) in row.iter_mut().enumerate().skip(done) {
                let value = if column < filled { right.data[from(k, column)] } else { R::ZERO };
                to.write(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn levels() -> impl Iterator<Item = SimdLevel> {
        SimdLevel::ALL.into_iter().filter(|level| level.is_available())
    }

    /// Values in [-1, 1) that differ from place to place.
    fn values<R: Real>(n: usize, seed: usize) -> Vec<R> {
        (0..n).map(|i| R::from_f64(((i * 37 + seed * 101) % 64) as f64 / 32.0 - 1.0)).collect()
    }

    fn compare<R: Real>(
        level: SimdLevel,
        (rows, columns, depth): (usize, usize, usize),
        (left_transposed, right_transposed): (bool, bool),
        accumulate: Accumulate,
    ) {
        let (left, right) = (values::<R>(rows * depth, 1), values::<R>(depth * columns, 2));
        let left = if left_transposed {
            MatrixRef::new(&left, depth, rows).transposed()
        } else {
            MatrixRef::new(&left, rows, depth)
        };
        let right = if right_transposed {
            MatrixRef::new(&right, columns, depth).transposed()
        } else {
            MatrixRef::new(&right, depth, columns)
        };
        let mut expected = values::<R>(rows * columns, 3);
        let mut got = expected.clone();
        multiply_plain(&mut expected, left, right, accumulate);
        multiply_at(level, &mut got, left, right, accumulate);
        // Inputs are multiples of 1/32: every sum is exact, in any order.
        assert_eq!(got, expected, "{level}: {rows} x {columns} x {depth}");
    }

    proptest! {
        #[test]
        fn every_kernel_equals_the_plain_twin(
            rows in 0_usize..40, columns in 0_usize..80, depth in 0_usize..40,
            transposed: (bool, bool), add: bool,
        ) {
            let accumulate = if add { Accumulate::Add } else { Accumulate::Overwrite };
            for level in levels() {
                compare::<f32>(level, (rows, columns, depth), transposed, accumulate);
                compare::<f64>(level, (rows, columns, depth), transposed, accumulate);
            }
        }
    }

    #[test]
    fn long_products_go_in_several_passes() {
        for accumulate in [Accumulate::Add, Accumulate::Overwrite] {
            for transposed in [(false, false), (false, true), (true, false), (true, true)] {
                for level in levels() {
                    compare::<f32>(level, (9, 33, 2 * PANEL_DEPTH + 3), transposed, accumulate);
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "inner dimensions")]
    fn shapes_that_do_not_fit_are_refused() {
        let (left, right) = ([0.0_f32; 6], [0.0_f32; 6]);
        let (left, right) = (MatrixRef::new(&left, 2, 3), MatrixRef::new(&right, 2, 3));
        multiply(&mut [0.0; 6], left, right, Accumulate::Overwrite);
    }
}
