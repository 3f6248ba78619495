//! The two number types a network computes in.

use crate::kernels::level::{self, SimdLevel, Vectorized};
use crate::kernels::tile::{self, TileKernel};
use crate::number::Number;
use std::fmt::Display;
use std::iter::Sum;
use std::ops::{DivAssign, MulAssign};

mod sealed {
    use super::{SimdLevel, TileKernel, Vectorized};

    /// Keeps [`Real`](super::Real) to the types of this file, with the kernels written for each.
    pub trait Sealed: Sized {
        fn tile_kernel(level: SimdLevel) -> TileKernel<Self>;

        /// # Safety
        /// The CPU has the level.
        #[allow(unsafe_code)] // calls code for more than the base instruction set
        unsafe fn vectorize(level: SimdLevel, body: impl Vectorized<Self>);
    }
}

/// A floating-point number: `f32` for learning, `f64` for checking gradients.
///
/// Sealed: the kernels are written for these two types.
pub trait Real:
    sealed::Sealed
    + Number<Real = Self, Wide = f64>
    + Display
    + Default
    + PartialEq
    + PartialOrd
    + MulAssign
    + DivAssign
    + Sum
{
    /// The same number in double precision.
    fn to_f64(self) -> f64;
    /// Magnitude.
    fn abs(self) -> Self;
    /// The larger of two numbers; the other one where one is not a number.
    fn max(self, other: Self) -> Self;
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// Not a number.
    fn is_nan(self) -> bool;
}

macro_rules! real {
    ($real:ty, $tile_kernel:path, $vectorize:path) => {
        impl sealed::Sealed for $real {
            fn tile_kernel(level: SimdLevel) -> TileKernel<Self> {
                $tile_kernel(level)
            }

            #[inline(always)]
            #[allow(unsafe_code)] // calls code for more than the base instruction set
            unsafe fn vectorize(level: SimdLevel, body: impl Vectorized<Self>) {
                // SAFETY: the caller's promise.
                unsafe { $vectorize(level, body) }
            }
        }

        impl Real for $real {
            #[inline]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline]
            fn abs(self) -> Self {
                <$real>::abs(self)
            }
            #[inline]
            fn max(self, other: Self) -> Self {
                <$real>::max(self, other)
            }
            #[inline]
            fn is_finite(self) -> bool {
                <$real>::is_finite(self)
            }
            #[inline]
            fn is_nan(self) -> bool {
                <$real>::is_nan(self)
            }
        }
    };
}

real!(f32, tile::kernel_f32, level::vectorize_f32);
real!(f64, tile::kernel_f64, level::vectorize_f64);
