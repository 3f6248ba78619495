//! Vectors of numbers in registers, one type for each instruction set.
//!
//! Loops written once over a [`Vector`] are compiled for every level by
//! [`SimdLevel::vectorize`](super::level::SimdLevel::vectorize).
#![allow(unsafe_code)] // intrinsics; see the SAFETY reasons

use std::marker::PhantomData;

/// A vector of numbers.
///
/// Making one is unsafe: the CPU must have the instructions. Where one exists the CPU has them, so
/// arithmetic is safe.
pub trait Vector<R>: Copy {
    /// Numbers in the vector; a divisor of [`super::winograd::LANES`].
    const LANES: usize;

    /// The same number everywhere.
    ///
    /// # Safety
    /// The CPU has the instructions.
    unsafe fn splat(number: R) -> Self;
    /// # Safety
    /// The CPU has the instructions; the pointer is good for reading [`Self::LANES`] numbers.
    unsafe fn load(from: *const R) -> Self;
    /// # Safety
    /// The pointer is good for writing [`Self::LANES`] numbers.
    unsafe fn store(self, to: *mut R);
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
}

/// The knowledge that this CPU has the instructions of a vector type.
#[derive(Clone, Copy)]
pub struct Available<V>(PhantomData<V>);

impl<V> Available<V> {
    /// # Safety
    /// The CPU has the instructions.
    pub(crate) unsafe fn new() -> Self {
        Self(PhantomData)
    }
}

/// One number: the plain twin of all vectors.
impl<R: crate::real::Real> Vector<R> for R {
    const LANES: usize = 1;

    #[inline(always)]
    unsafe fn splat(number: R) -> Self {
        number
    }
    #[inline(always)]
    unsafe fn load(from: *const R) -> Self {
        // SAFETY: the caller's promise.
        unsafe { *from }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut R) {
        // SAFETY: the caller's promise.
        unsafe { *to = self }
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self + other
    }
    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        self - other
    }
    #[inline(always)]
    fn times(self, other: Self) -> Self {
        self * other
    }
}

/// Writes a vector type's operations with the intrinsics of an instruction set.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! vector {
    ($vector:ty, $real:ty, $lanes:literal, $splat:path, $load:path, $store:path, $add:path,
     $sub:path, $mul:path) => {
        impl Vector<$real> for $vector {
            const LANES: usize = $lanes;

            #[inline(always)]
            unsafe fn splat(number: $real) -> Self {
                // SAFETY: the caller's promise.
                unsafe { $splat(number) }
            }
            #[inline(always)]
            unsafe fn load(from: *const $real) -> Self {
                // SAFETY: the caller's promise.
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $real) {
                // SAFETY: the caller's promise; the vector exists, so the CPU has the instructions.
                unsafe { $store(to, self) }
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                // SAFETY: the vector exists, so the CPU has the instructions.
                unsafe { $add(self, other) }
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                // SAFETY: as above.
                unsafe { $sub(self, other) }
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                // SAFETY: as above.
                unsafe { $mul(self, other) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Vector;
    use std::arch::x86_64::*;

    vector!(
        __m512,
        f32,
        16,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_add_ps,
        _mm512_sub_ps,
        _mm512_mul_ps
    );
    vector!(
        __m512d,
        f64,
        8,
        _mm512_set1_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_add_pd,
        _mm512_sub_pd,
        _mm512_mul_pd
    );
    vector!(
        __m256,
        f32,
        8,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_add_ps,
        _mm256_sub_ps,
        _mm256_mul_ps
    );
    vector!(
        __m256d,
        f64,
        4,
        _mm256_set1_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_add_pd,
        _mm256_sub_pd,
        _mm256_mul_pd
    );
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::Vector;
    use std::arch::aarch64::*;

    vector!(
        float32x4_t,
        f32,
        4,
        vdupq_n_f32,
        vld1q_f32,
        vst1q_f32,
        vaddq_f32,
        vsubq_f32,
        vmulq_f32
    );
    vector!(
        float64x2_t,
        f64,
        2,
        vdupq_n_f64,
        vld1q_f64,
        vst1q_f64,
        vaddq_f64,
        vsubq_f64,
        vmulq_f64
    );
}
