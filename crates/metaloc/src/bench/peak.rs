//! What the machine can do at most, on all threads of the current rayon pool.

use std::hint::black_box;
use std::time::Instant;

use metaloc_nn::kernels::fma_peak::{N_VALUES, OPERATIONS_PER_STEP, multiply_add};
use rayon::prelude::*;

/// Steps of the multiply-add loop on each thread: about 20 ms at 200 GFLOP/s.
const FMA_STEPS: usize = 2_500_000;

/// Rate of multiply-adds in registers, all threads at once [GFLOP/s].
pub(super) fn fma_gflops() -> f64 {
    let start = Instant::now();
    let threads = rayon::broadcast(|_| {
        // -1 and 1 make a value jump between x and 1 - x, which the compiler can't know.
        let mut values: [f32; N_VALUES] = std::array::from_fn(|i| i as f32 / N_VALUES as f32);
        multiply_add(black_box(&mut values), black_box(-1.0), black_box(1.0), FMA_STEPS);
        black_box(&values);
    });
    let operations = (threads.len() * FMA_STEPS * OPERATIONS_PER_STEP) as f64;
    operations / start.elapsed().as_secs_f64() / 1e9
}

/// A large product of two `f32` matrices with the `gemm` crate, as a yardstick.
pub(super) struct Product {
    left: Vec<f32>,
    right: Vec<f32>,
    destination: Vec<f32>,
}

impl Product {
    /// Rows and columns of all three matrices.
    const SIZE: usize = 2048;

    pub(super) fn new() -> Self {
        let values =
            || (0..Self::SIZE * Self::SIZE).map(|i| (i % 64) as f32 / 64.0 - 0.5).collect();
        let destination = vec![0.0; Self::SIZE * Self::SIZE];
        Self { left: values(), right: values(), destination }
    }

    /// Rate of the product, each thread making an equal number of rows [GFLOP/s].
    pub(super) fn gflops(&mut self) -> f64 {
        let rows = Self::SIZE.div_ceil(rayon::current_num_threads());
        let start = Instant::now();
        self.left
            .par_chunks(rows * Self::SIZE)
            .zip(self.destination.par_chunks_mut(rows * Self::SIZE))
            .for_each(|(left, destination)| multiply(destination, left, &self.right, Self::SIZE));
        black_box(&self.destination);
        2.0 * (Self::SIZE as f64).powi(3) / start.elapsed().as_secs_f64() / 1e9
    }
}

/// `destination = left * right` on one thread.
///
/// # Shapes
/// - `left`, `destination`: `[rows, size]`, `right`: `[size, size]`, row-major
#[allow(unsafe_code)] // the `gemm` crate takes pointers; see the SAFETY reason
fn multiply(destination: &mut [f32], left: &[f32], right: &[f32], size: usize) {
    assert!(left.len() == destination.len() && left.len().is_multiple_of(size));
    assert_eq!(right.len(), size * size);
    let (rows, row_stride) = (left.len() / size, size.cast_signed());
    // SAFETY: all three matrices are row-major (columns 1 apart, rows `size` apart) and hold what
    // the sizes say, as asserted; the destination is borrowed mutably, so it is apart from both.
    unsafe {
        gemm::gemm(
            rows,
            size,
            size,
            destination.as_mut_ptr(),
            1,
            row_stride,
            false,
            left.as_ptr(),
            1,
            row_stride,
            right.as_ptr(),
            1,
            row_stride,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaloc_nn::kernels::matmul::{Accumulate, MatrixRef, multiply_plain};

    #[test]
    fn the_yardstick_multiplies() {
        let (left, right): (Vec<f32>, Vec<f32>) = (
            (0..5 * 7).map(|i| (i % 16) as f32 / 8.0).collect(),
            (0..7 * 7).map(|i| (i % 13) as f32 / 4.0).collect(),
        );
        let (mut got, mut expected) = (vec![9.0; 5 * 7], vec![0.0; 5 * 7]);
        multiply(&mut got, &left, &right, 7);
        let (left, right) = (MatrixRef::new(&left, 5, 7), MatrixRef::new(&right, 7, 7));
        multiply_plain(&mut expected, left, right, Accumulate::Overwrite);
        assert_eq!(got, expected); // multiples of 1/32: exact in any order
    }
}
