//! The micro-kernel under every product: one tile of the destination in registers.
//!
//! A tile is a few rows by two vectors of columns. Its sums stay in registers while the kernel
//! streams over the inner dimension (Goto and van de Geijn, "Anatomy of high-performance matrix
//! multiplication", ACM TOMS 2008). Two freedoms make the same kernel serve matrix products and
//! convolutions without copying a convolution's inputs into a matrix: every row has its own
//! pointer, and the inner dimension is three loops with strides of their own (images, the rows of a
//! window, the values of a row).
//!
//! Tests compare every kernel with `matmul::multiply_plain`, the plain twin.
#![allow(unsafe_code)] // vector loads and stores through pointers; see the SAFETY reasons

use super::level::SimdLevel;
use crate::real::Real;

/// Rows of the largest tile of all kernels.
pub(crate) const MAX_ROWS: usize = 13;
/// Columns of the widest tile of all kernels.
pub(crate) const MAX_COLUMNS: usize = 32;

/// How often one loop of the inner dimension runs, and how far its steps are apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loop {
    pub(crate) steps: usize,
    /// Distance in each row of the left side.
    pub(crate) left: usize,
    /// Distance in the right side.
    pub(crate) right: usize,
}

impl Loop {
    /// A loop that runs once.
    pub(crate) const ONCE: Self = Self { steps: 1, left: 0, right: 0 };
}

/// One tile's work: `destination[row][column] (+)= sum over the loops' steps i, j, k of
/// left[row][i, j, k] * right[i, j, k][column]`.
///
/// The pointers are good for every index that the sizes and strides reach.
#[derive(Clone, Copy)]
pub(crate) struct Tile<R> {
    /// Where each row of the left side begins.
    pub(crate) left: [*const R; MAX_ROWS],
    /// Rows of whole vectors; what is right of `columns` is read and not used.
    pub(crate) right: *const R,
    /// Where each row of the destination begins.
    pub(crate) destination: [*mut R; MAX_ROWS],
    /// The inner dimension, outermost loop first.
    pub(crate) loops: [Loop; 3],
    /// Columns to write; the vectors may be wider.
    pub(crate) columns: usize,
    /// Whether to add to what the destination holds.
    pub(crate) add: bool,
}

impl<R> Tile<R> {
    /// A tile with these loops and no pointers.
    ///
    /// To be made once and pointed at one tile after the other: what is read soon after it was
    /// written in smaller pieces waits until all writes before it, those of the last tile's sums
    /// too, have reached the cache.
    pub(crate) fn new(loops: [Loop; 3]) -> Self {
        Self {
            left: [std::ptr::null(); MAX_ROWS],
            right: std::ptr::null(),
            destination: [std::ptr::null_mut(); MAX_ROWS],
            loops,
            columns: 0,
            add: false,
        }
    }

    /// Points at rows of the left side at equal distances; not all of them need exist.
    #[inline(always)]
    pub(crate) fn set_left(&mut self, first: *const R, distance: usize) {
        for (row, pointer) in self.left.iter_mut().enumerate() {
            *pointer = first.wrapping_add(row * distance);
        }
    }

    /// Points at rows of the destination at equal distances; not all of them need exist.
    #[inline(always)]
    pub(crate) fn set_destination(&mut self, first: *mut R, distance: usize) {
        for (row, pointer) in self.destination.iter_mut().enumerate() {
            *pointer = first.wrapping_add(row * distance);
        }
    }
}

/// The micro-kernel of a number type on one SIMD level.
#[derive(Clone, Copy)]
pub struct TileKernel<R> {
    /// The level; what goes with the kernel runs on it too.
    pub(crate) level: SimdLevel,
    /// Rows of a full tile, at most [`MAX_ROWS`].
    pub(crate) rows: usize,
    /// Values in a vector.
    pub(crate) lanes: usize,
    /// Computes a tile of this many rows.
    ///
    /// # Safety
    /// The tile's pointers are good for the rows, and for one or two whole vectors of `right`.
    pub(crate) run: unsafe fn(&Tile<R>, usize),
}

impl<R> TileKernel<R> {
    /// Columns of a full tile: two vectors, at most [`MAX_COLUMNS`].
    pub(crate) const fn columns(&self) -> usize {
        2 * self.lanes
    }

    /// Columns of whole vectors that hold `columns`, at most two vectors.
    pub(crate) const fn padded(&self, columns: usize) -> usize {
        columns.next_multiple_of(self.lanes)
    }
}

/// A way to compute one tile.
trait MicroKernel<R> {
    const ROWS: usize;
    const LANES: usize;

    /// # Safety
    /// As [`TileKernel::run`]; and the CPU runs the kernel's instruction set.
    unsafe fn run<const ROWS: usize, const VECTORS: usize>(tile: &Tile<R>);
}

const fn kernel<R, K: MicroKernel<R>>(level: SimdLevel) -> TileKernel<R> {
    TileKernel { level, rows: K::ROWS, lanes: K::LANES, run: run::<R, K> }
}

/// Calls the kernel compiled for this number of rows and vectors.
///
/// # Safety
/// As [`MicroKernel::run`].
unsafe fn run<R, K: MicroKernel<R>>(tile: &Tile<R>, rows: usize) {
    macro_rules! pick {
        ($vectors:literal: $($rows:literal)*) => {
            match rows {
                // SAFETY: the caller vouches for the tile and the CPU.
                $($rows => unsafe { K::run::<$rows, $vectors>(tile) },)*
                _ => unreachable!("a tile has 1 to {MAX_ROWS} rows"),
            }
        };
    }
    if tile.columns > K::LANES {
        pick!(2: 1 2 3 4 5 6 7 8 9 10 11 12 13);
    } else {
        pick!(1: 1 2 3 4 5 6 7 8 9 10 11 12 13);
    }
}

/// Height of the tiles that `rows` are cut into, all alike but the last: one short tile wastes less
/// than a full one and a rest.
pub(crate) const fn tile_rows(rows: usize, most: usize) -> usize {
    if rows == 0 { 1 } else { rows.div_ceil(rows.div_ceil(most)) }
}

/// Portable tiles over fixed-size arrays, which compilers turn into the target's base vectors.
struct Portable;

impl<R: Real> MicroKernel<R> for Portable {
    const ROWS: usize = 4;
    const LANES: usize = 4;

    unsafe fn run<const ROWS: usize, const VECTORS: usize>(tile: &Tile<R>) {
        let mut sums = [[[R::ZERO; 4]; VECTORS]; ROWS];
        // SAFETY: the caller vouches for every step of `ROWS` rows and `VECTORS * 4` columns, and
        // for `columns` writable values in each row.
        unsafe {
            let [outer, middle, inner] = tile.loops;
            for (i, j) in (0..outer.steps).flat_map(|i| (0..middle.steps).map(move |j| (i, j))) {
                for k in 0..inner.steps {
                    let offset = i * outer.left + j * middle.left + k * inner.left;
                    let right =
                        tile.right.add(i * outer.right + j * middle.right + k * inner.right);
                    for (row, sums) in sums.iter_mut().enumerate() {
                        let factor = *tile.left[row].add(offset);
                        for (lane, sum) in sums.as_flattened_mut().iter_mut().enumerate() {
                            *sum += factor * *right.add(lane);
                        }
                    }
                }
            }
            for (row, sums) in sums.iter().enumerate() {
                let to = tile.destination[row];
                for (column, &sum) in sums.as_flattened()[..tile.columns].iter().enumerate() {
                    *to.add(column) = if tile.add { *to.add(column) + sum } else { sum };
                }
            }
        }
    }
}

/// Writes one micro-kernel with the intrinsics of an instruction set.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! vector_kernel {
    ($(#[$doc:meta])* $name:ident, $real:ty, $features:literal, rows $rows:literal,
     lanes $lanes:literal, zero $zero:expr, $splat:path, $load:path, $store:path, $add:path,
     $multiply_add:expr) => {
        $(#[$doc])*
        pub(super) struct $name;

        impl MicroKernel<$real> for $name {
            const ROWS: usize = $rows;
            const LANES: usize = $lanes;

            #[target_feature(enable = $features)]
            unsafe fn run<const ROWS: usize, const VECTORS: usize>(tile: &Tile<$real>) {
                let mut sums = [[$zero; VECTORS]; ROWS];
                // SAFETY: the caller vouches for every step of `ROWS` rows and whole vectors, and
                // for `columns` writable values in each row of the destination.
                unsafe {
                    let [outer, middle, inner] = tile.loops;
                    for i in 0..outer.steps {
                        for j in 0..middle.steps {
                            let mut offset = i * outer.left + j * middle.left;
                            let mut from = tile.right.add(i * outer.right + j * middle.right);
                            for _ in 0..inner.steps {
                                let mut right = [$zero; VECTORS];
                                for (vector, right) in right.iter_mut().enumerate() {
                                    *right = $load(from.add(vector * $lanes));
                                }
                                for row in 0..ROWS {
                                    let factor = $splat(*tile.left[row].add(offset));
                                    for vector in 0..VECTORS {
                                        sums[row][vector] =
                                            $multiply_add(sums[row][vector], factor, right[vector]);
                                    }
                                }
                                offset += inner.left;
                                from = from.add(inner.right);
                            }
                        }
                    }
                    for (row, sums) in sums.iter().enumerate() {
                        let to = tile.destination[row];
                        if tile.columns == VECTORS * $lanes {
                            for (vector, &sum) in sums.iter().enumerate() {
                                let to = to.add(vector * $lanes);
                                $store(to, if tile.add { $add($load(to), sum) } else { sum });
                            }
                            continue;
                        }
                        let mut edge = [0.0; 2 * $lanes];
                        for (vector, &sum) in sums.iter().enumerate() {
                            $store(edge[vector * $lanes..].as_mut_ptr(), sum);
                        }
                        for (column, &sum) in edge[..tile.columns].iter().enumerate() {
                            let to = to.add(column);
                            *to = if tile.add { *to + sum } else { sum };
                        }
                    }
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{MicroKernel, Tile};
    use std::arch::x86_64::*;

    vector_kernel!(
        /// 13 x 32 tiles of `f32` in 26 512-bit registers.
        Avx512F32, f32, "avx512f", rows 13, lanes 16, zero _mm512_setzero_ps(), _mm512_set1_ps,
        _mm512_loadu_ps, _mm512_storeu_ps, _mm512_add_ps,
        |sum, factor, right| _mm512_fmadd_ps(factor, right, sum)
    );
    vector_kernel!(
        /// 13 x 16 tiles of `f64` in 26 512-bit registers.
        Avx512F64, f64, "avx512f", rows 13, lanes 8, zero _mm512_setzero_pd(), _mm512_set1_pd,
        _mm512_loadu_pd, _mm512_storeu_pd, _mm512_add_pd,
        |sum, factor, right| _mm512_fmadd_pd(factor, right, sum)
    );
    vector_kernel!(
        /// 6 x 16 tiles of `f32` in twelve 256-bit registers.
        Avx2F32, f32, "avx2,fma", rows 6, lanes 8, zero _mm256_setzero_ps(), _mm256_set1_ps,
        _mm256_loadu_ps, _mm256_storeu_ps, _mm256_add_ps,
        |sum, factor, right| _mm256_fmadd_ps(factor, right, sum)
    );
    vector_kernel!(
        /// 6 x 8 tiles of `f64` in twelve 256-bit registers.
        Avx2F64, f64, "avx2,fma", rows 6, lanes 4, zero _mm256_setzero_pd(), _mm256_set1_pd,
        _mm256_loadu_pd, _mm256_storeu_pd, _mm256_add_pd,
        |sum, factor, right| _mm256_fmadd_pd(factor, right, sum)
    );
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::{MicroKernel, Tile};
    use std::arch::aarch64::*;

    vector_kernel!(
        /// 12 x 8 tiles of `f32` in 24 128-bit registers.
        NeonF32, f32, "neon", rows 12, lanes 4, zero vdupq_n_f32(0.0), vdupq_n_f32, vld1q_f32,
        vst1q_f32, vaddq_f32, |sum, factor, right| vfmaq_f32(sum, factor, right)
    );
    vector_kernel!(
        /// 12 x 4 tiles of `f64` in 24 128-bit registers.
        NeonF64, f64, "neon", rows 12, lanes 2, zero vdupq_n_f64(0.0), vdupq_n_f64, vld1q_f64,
        vst1q_f64, vaddq_f64, |sum, factor, right| vfmaq_f64(sum, factor, right)
    );
}

/// The `f32` kernel of a level, or the portable one where the CPU does not have the level.
pub(crate) fn kernel_f32(level: SimdLevel) -> TileKernel<f32> {
    match level {
        #[cfg(target_arch = "x86_64")]
        SimdLevel::Avx512 if level.is_available() => kernel::<f32, x86::Avx512F32>(level),
        #[cfg(target_arch = "x86_64")]
        SimdLevel::Avx2 if level.is_available() => kernel::<f32, x86::Avx2F32>(level),
        #[cfg(target_arch = "aarch64")]
        SimdLevel::Neon if level.is_available() => kernel::<f32, arm::NeonF32>(level),
        _ => kernel::<f32, Portable>(SimdLevel::Portable),
    }
}

/// The `f64` kernel of a level, or the portable one where the CPU does not have the level.
pub(crate) fn kernel_f64(level: SimdLevel) -> TileKernel<f64> {
    match level {
        #[cfg(target_arch = "x86_64")]
        SimdLevel::Avx512 if level.is_available() => kernel::<f64, x86::Avx512F64>(level),
        #[cfg(target_arch = "x86_64")]
        SimdLevel::Avx2 if level.is_available() => kernel::<f64, x86::Avx2F64>(level),
        #[cfg(target_arch = "aarch64")]
        SimdLevel::Neon if level.is_available() => kernel::<f64, arm::NeonF64>(level),
        _ => kernel::<f64, Portable>(SimdLevel::Portable),
    }
}
