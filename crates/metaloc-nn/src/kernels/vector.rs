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
    /// `then` where this is at most `limit`, `otherwise` elsewhere and where either is NaN.
    fn where_at_most(self, limit: Self, then: Self, otherwise: Self) -> Self;
    /// Writes whole numbers from 0 to 255 as bytes.
    ///
    /// # Safety
    /// The pointer is good for writing [`Self::LANES`] bytes.
    unsafe fn store_bytes(self, to: *mut u8);
    /// Reads bytes as numbers.
    ///
    /// # Safety
    /// The CPU has the instructions; the pointer is good for reading [`Self::LANES`] bytes.
    unsafe fn load_bytes(from: *const u8) -> Self;
    /// Copies a block of [`Self::LANES`] rows and columns, turning rows into columns.
    ///
    /// # Safety
    /// The CPU has the instructions; the pointers are good for all rows at these distances.
    #[inline(always)]
    unsafe fn transpose(from: *const R, from_distance: usize, to: *mut R, to_distance: usize)
    where
        R: Copy,
    {
        for row in 0..Self::LANES {
            for column in 0..Self::LANES {
                // SAFETY: the caller's promise.
                unsafe {
                    *to.add(column * to_distance + row) = *from.add(row * from_distance + column);
                }
            }
        }
    }
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

    /// The same number everywhere.
    #[inline(always)]
    pub(crate) fn splat<R>(self, number: R) -> V
    where
        V: Vector<R>,
    {
        // SAFETY: the CPU has the instructions.
        unsafe { V::splat(number) }
    }

    /// The first numbers of a slice.
    #[inline(always)]
    pub(crate) fn load<R>(self, from: &[R]) -> V
    where
        V: Vector<R>,
    {
        assert!(from.len() >= V::LANES);
        // SAFETY: the CPU has the instructions; the slice is long enough.
        unsafe { V::load(from.as_ptr()) }
    }

    /// Writes the first numbers of a slice.
    #[inline(always)]
    pub(crate) fn store<R>(self, vector: V, to: &mut [R])
    where
        V: Vector<R>,
    {
        assert!(to.len() >= V::LANES);
        // SAFETY: the slice is long enough.
        unsafe { vector.store(to.as_mut_ptr()) }
    }

    /// The first bytes of a slice as numbers.
    #[inline(always)]
    pub(crate) fn load_bytes<R>(self, from: &[u8]) -> V
    where
        V: Vector<R>,
    {
        assert!(from.len() >= V::LANES);
        // SAFETY: the CPU has the instructions; the slice is long enough.
        unsafe { V::load_bytes(from.as_ptr()) }
    }

    /// Writes whole numbers from 0 to 255 as the first bytes of a slice.
    #[inline(always)]
    pub(crate) fn store_bytes<R>(self, vector: V, to: &mut [u8])
    where
        V: Vector<R>,
    {
        assert!(to.len() >= V::LANES);
        // SAFETY: the slice is long enough.
        unsafe { vector.store_bytes(to.as_mut_ptr()) }
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
    #[inline(always)]
    fn where_at_most(self, limit: Self, then: Self, otherwise: Self) -> Self {
        if self <= limit { then } else { otherwise }
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { *to = self.to_f64() as u8 }
    }
    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Self {
        // SAFETY: the caller's promise.
        R::from_f64(f64::from(unsafe { *from }))
    }
}

/// Writes a vector type's operations with the intrinsics of an instruction set.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! vector {
    ($vector:ty, $real:ty, $lanes:literal, $splat:path, $load:path, $store:path, $add:path,
     $sub:path, $mul:path, $where_at_most:expr, $store_bytes:expr,
     $load_bytes:expr $(, transpose $transpose:path)?) => {
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
            #[inline(always)]
            fn where_at_most(self, limit: Self, then: Self, otherwise: Self) -> Self {
                // SAFETY: as above.
                unsafe { $where_at_most(self, limit, then, otherwise) }
            }
            #[inline(always)]
            unsafe fn store_bytes(self, to: *mut u8) {
                // SAFETY: the caller's promise; as above.
                unsafe { $store_bytes(self, to) }
            }
            #[inline(always)]
            unsafe fn load_bytes(from: *const u8) -> Self {
                // SAFETY: the caller's promise.
                unsafe { $load_bytes(from) }
            }
            $(#[inline(always)]
            unsafe fn transpose(
                from: *const $real,
                from_distance: usize,
                to: *mut $real,
                to_distance: usize,
            ) {
                // SAFETY: the caller's promise.
                unsafe { $transpose(from, from_distance, to, to_distance) }
            })?
        }
    };
}

/// Writes numbers one by one as bytes.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline(always)]
unsafe fn narrow<const N: usize>(numbers: [i32; N], to: *mut u8) {
    for (lane, number) in numbers.into_iter().enumerate() {
        // SAFETY: the caller's promise of room for all.
        unsafe { *to.add(lane) = number as u8 };
    }
}

/// Reads bytes one by one.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline(always)]
unsafe fn widen<R: From<u8>, const N: usize>(from: *const u8) -> [R; N] {
    // SAFETY: the caller's promise of as many bytes.
    std::array::from_fn(|lane| R::from(unsafe { *from.add(lane) }))
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Vector, narrow, widen};
    use std::arch::x86_64::*;
    use std::mem::transmute;

    /// 16 x 16 numbers: rows interleaved by ones, by twos, then by fours and by eights.
    #[inline(always)]
    unsafe fn transpose_16(
        from: *const f32,
        from_distance: usize,
        to: *mut f32,
        to_distance: usize,
    ) {
        // SAFETY: the caller's promise of rows and instructions.
        unsafe {
            let (mut a, mut b) = ([_mm512_setzero_ps(); 16], [_mm512_setzero_ps(); 16]);
            for (row, vector) in a.iter_mut().enumerate() {
                *vector = _mm512_loadu_ps(from.add(row * from_distance));
            }
            for i in (0..16).step_by(2) {
                b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
                b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
            }
            for i in (0..16).step_by(4) {
                for j in 0..2 {
                    let x = _mm512_castps_pd(b[i + j]);
                    let y = _mm512_castps_pd(b[i + j + 2]);
                    a[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(x, y));
                    a[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(x, y));
                }
            }
            for i in 0..4 {
                for half in [0, 8] {
                    let (x, y) = (a[i + half], a[i + half + 4]);
                    b[i + half] = _mm512_shuffle_f32x4::<0x88>(x, y);
                    b[i + half + 4] = _mm512_shuffle_f32x4::<0xdd>(x, y);
                }
            }
            for i in 0..8 {
                let first = _mm512_shuffle_f32x4::<0x88>(b[i], b[i + 8]);
                let second = _mm512_shuffle_f32x4::<0xdd>(b[i], b[i + 8]);
                _mm512_storeu_ps(to.add(i * to_distance), first);
                _mm512_storeu_ps(to.add((i + 8) * to_distance), second);
            }
        }
    }

    vector!(
        __m512,
        f32,
        16,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_add_ps,
        _mm512_sub_ps,
        _mm512_mul_ps,
        |x, limit, then, otherwise| {
            _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LE_OQ>(x, limit), otherwise, then)
        },
        |x, to: *mut u8| _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(x))),
        |from: *const u8| {
            _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast())))
        },
        transpose transpose_16
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
        _mm512_mul_pd,
        |x, limit, then, otherwise| {
            _mm512_mask_blend_pd(_mm512_cmp_pd_mask::<_CMP_LE_OQ>(x, limit), otherwise, then)
        },
        |x, to: *mut u8| narrow::<8>(transmute::<__m256i, [i32; 8]>(_mm512_cvttpd_epi32(x)), to),
        |from| transmute::<[f64; 8], __m512d>(widen(from))
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
        _mm256_mul_ps,
        |x, limit, then, otherwise| {
            _mm256_blendv_ps(otherwise, then, _mm256_cmp_ps::<_CMP_LE_OQ>(x, limit))
        },
        |x, to: *mut u8| narrow::<8>(transmute::<__m256i, [i32; 8]>(_mm256_cvttps_epi32(x)), to),
        |from: *const u8| {
            _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast())))
        }
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
        _mm256_mul_pd,
        |x, limit, then, otherwise| {
            _mm256_blendv_pd(otherwise, then, _mm256_cmp_pd::<_CMP_LE_OQ>(x, limit))
        },
        |x, to: *mut u8| narrow::<4>(transmute::<__m128i, [i32; 4]>(_mm256_cvttpd_epi32(x)), to),
        |from| transmute::<[f64; 4], __m256d>(widen(from))
    );
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::{Vector, narrow, widen};
    use std::arch::aarch64::*;
    use std::mem::transmute;

    vector!(
        float32x4_t,
        f32,
        4,
        vdupq_n_f32,
        vld1q_f32,
        vst1q_f32,
        vaddq_f32,
        vsubq_f32,
        vmulq_f32,
        |x, limit, then, otherwise| vbslq_f32(vcleq_f32(x, limit), then, otherwise),
        |x, to: *mut u8| narrow::<4>(transmute::<int32x4_t, [i32; 4]>(vcvtq_s32_f32(x)), to),
        |from| transmute::<[f32; 4], float32x4_t>(widen(from))
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
        vmulq_f64,
        |x, limit, then, otherwise| vbslq_f64(vcleq_f64(x, limit), then, otherwise),
        |x, to: *mut u8| {
            narrow::<2>(transmute::<int64x2_t, [i64; 2]>(vcvtq_s64_f64(x)).map(|n| n as i32), to)
        },
        |from| transmute::<[f64; 2], float64x2_t>(widen(from))
    );
}
