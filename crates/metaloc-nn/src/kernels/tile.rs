//! The micro-kernel under every product: one tile of the destination in registers.
//!
//! A tile is a few rows by two vectors of columns. Its sums stay in registers while the kernel
//! streams over the inner dimension (Goto and van de Geijn, "Anatomy of high-performance matrix
//! multiplication", ACM TOMS 2008). Two freedoms make the same kernel serve matrix products and
//! convolutions without copying a convolution's inputs into a matrix: every row has its own
//! pointer, and the inner dimension is cut into segments with strides of their own (the rows of a
//! filter's window).
//!
//! Tests compare every kernel with `matmul::multiply_plain`, the plain twin.
#![allow(unsafe_code)] // vector loads and stores through pointers; see the SAFETY reasons

use crate::real::Real;

/// Rows of the largest tile of all kernels.
pub(super) const MAX_ROWS: usize = 13;
/// Columns of the widest tile of all kernels.
pub(super) const MAX_COLUMNS: usize = 32;

/// One tile's work: `destination[row][column] (+)= sum over segments s and depths k of
/// left[row][s, k] * right[s, k][column]`.
///
/// The pointers are good for every index that the sizes and strides reach.
#[derive(Clone, Copy)]
pub(super) struct Tile<R> {
    /// Where each row of the left side begins.
    pub(super) left: [*const R; MAX_ROWS],
    pub(super) left_segment_stride: usize,
    pub(super) left_depth_stride: usize,
    /// Rows of whole vectors; what is right of `columns` is read and not used.
    pub(super) right: *const R,
    pub(super) right_segment_stride: usize,
    pub(super) right_depth_stride: usize,
    /// Where each row of the destination begins.
    pub(super) destination: [*mut R; MAX_ROWS],
    pub(super) segments: usize,
    pub(super) depth: usize,
    /// Columns to write; the vectors may be wider.
    pub(super) columns: usize,
    /// Whether to add to what the destination holds.
    pub(super) add: bool,
}

/// A way to compute one tile.
pub(super) trait MicroKernel<R> {
    /// Rows of a full tile, at most [`MAX_ROWS`].
    const ROWS: usize;
    /// Values in a vector; a full tile is two vectors wide, at most [`MAX_COLUMNS`].
    const LANES: usize;

    /// # Safety
    /// The CPU runs the kernel's instruction set, and the tile's pointers are good for `ROWS` rows
    /// and `VECTORS * LANES` columns of `right`.
    unsafe fn run<const ROWS: usize, const VECTORS: usize>(tile: &Tile<R>);
}

/// Calls the kernel compiled for this number of rows and vectors.
///
/// # Safety
/// As [`MicroKernel::run`].
#[inline]
pub(super) unsafe fn run<R, K: MicroKernel<R>>(tile: &Tile<R>, rows: usize) {
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
pub(super) const fn tile_rows(rows: usize, most: usize) -> usize {
    if rows == 0 { 1 } else { rows.div_ceil(rows.div_ceil(most)) }
}

/// Portable tiles over fixed-size arrays, which compilers turn into the target's base vectors.
pub(super) struct Portable;

impl<R: Real> MicroKernel<R> for Portable {
    const ROWS: usize = 4;
    const LANES: usize = 4;

    unsafe fn run<const ROWS: usize, const VECTORS: usize>(tile: &Tile<R>) {
        let mut sums = [[[R::ZERO; 4]; VECTORS]; ROWS];
        // SAFETY: the caller vouches for every step of `ROWS` rows and `VECTORS * 4` columns, and
        // for `columns` writable values in each row.
        unsafe {
            for segment in 0..tile.segments {
                let right = tile.right.add(segment * tile.right_segment_stride);
                for k in 0..tile.depth {
                    let right = right.add(k * tile.right_depth_stride);
                    let offset = segment * tile.left_segment_stride + k * tile.left_depth_stride;
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
#[cfg(target_arch = "x86_64")]
macro_rules! vector_kernel {
    ($(#[$doc:meta])* $name:ident, $real:ty, $features:literal, rows $rows:literal,
     lanes $lanes:literal, $zero:ident, $splat:ident, $load:ident, $store:ident,
     $multiply_add:ident, $add:ident) => {
        $(#[$doc])*
        pub(super) struct $name;

        impl MicroKernel<$real> for $name {
            const ROWS: usize = $rows;
            const LANES: usize = $lanes;

            #[target_feature(enable = $features)]
            unsafe fn run<const ROWS: usize, const VECTORS: usize>(tile: &Tile<$real>) {
                use std::arch::x86_64::{$add, $load, $multiply_add, $splat, $store, $zero};
                let mut sums = [[$zero(); VECTORS]; ROWS];
                // SAFETY: the caller vouches for every step of `ROWS` rows and whole vectors, and
                // for `columns` writable values in each row of the destination.
                unsafe {
                    for segment in 0..tile.segments {
                        let mut offset = segment * tile.left_segment_stride;
                        let mut from = tile.right.add(segment * tile.right_segment_stride);
                        for _ in 0..tile.depth {
                            let mut right = [$zero(); VECTORS];
                            for (vector, right) in right.iter_mut().enumerate() {
                                *right = $load(from.add(vector * $lanes));
                            }
                            for row in 0..ROWS {
                                let factor = $splat(*tile.left[row].add(offset));
                                for vector in 0..VECTORS {
                                    sums[row][vector] =
                                        $multiply_add(factor, right[vector], sums[row][vector]);
                                }
                            }
                            offset += tile.left_depth_stride;
                            from = from.add(tile.right_depth_stride);
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
vector_kernel!(
    /// 13 x 32 tiles of `f32` in 26 512-bit registers.
    Avx512F32, f32, "avx512f", rows 13, lanes 16, _mm512_setzero_ps, _mm512_set1_ps,
    _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps, _mm512_add_ps
);
#[cfg(target_arch = "x86_64")]
vector_kernel!(
    /// 13 x 16 tiles of `f64` in 26 512-bit registers.
    Avx512F64, f64, "avx512f", rows 13, lanes 8, _mm512_setzero_pd, _mm512_set1_pd,
    _mm512_loadu_pd, _mm512_storeu_pd, _mm512_fmadd_pd, _mm512_add_pd
);
#[cfg(target_arch = "x86_64")]
vector_kernel!(
    /// 6 x 16 tiles of `f32` in twelve 256-bit registers.
    Avx2F32, f32, "avx2,fma", rows 6, lanes 8, _mm256_setzero_ps, _mm256_set1_ps,
    _mm256_loadu_ps, _mm256_storeu_ps, _mm256_fmadd_ps, _mm256_add_ps
);
#[cfg(target_arch = "x86_64")]
vector_kernel!(
    /// 6 x 8 tiles of `f64` in twelve 256-bit registers.
    Avx2F64, f64, "avx2,fma", rows 6, lanes 4, _mm256_setzero_pd, _mm256_set1_pd,
    _mm256_loadu_pd, _mm256_storeu_pd, _mm256_fmadd_pd, _mm256_add_pd
);
