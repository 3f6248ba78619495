//! The two number types a network computes in.

use crate::kernels::matmul::{self, Accumulate, MatrixRef};
use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

mod sealed {
    /// Keeps [`Real`](super::Real) to the types of this file.
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A floating-point number: `f32` for learning, `f64` for checking gradients.
///
/// Sealed: the kernels are written for these two types.
pub trait Real:
    sealed::Sealed
    + Copy
    + Send
    + Sync
    + 'static
    + Debug
    + Display
    + Default
    + PartialEq
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sum
{
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;

    /// The nearest number of this type.
    fn from_f64(value: f64) -> Self;
    /// The same number in double precision.
    fn to_f64(self) -> f64;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Natural exponential.
    fn exp(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// Magnitude.
    fn abs(self) -> Self;
    /// The larger of two numbers; the other one where one is not a number.
    fn max(self, other: Self) -> Self;
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;

    /// Matrix product for this type:
    /// [`kernels::matmul::multiply`](crate::kernels::matmul::multiply) in one call less.
    ///
    /// # Panics
    /// If the shapes do not fit one another.
    fn gemm(
        destination: &mut [Self],
        left: MatrixRef<'_, Self>,
        right: MatrixRef<'_, Self>,
        accumulate: Accumulate,
    );
}

macro_rules! real {
    ($real:ty, $gemm:path) => {
        impl Real for $real {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;

            #[inline]
            #[allow(clippy::cast_possible_truncation)] // rounding is the point
            fn from_f64(value: f64) -> Self {
                value as $real
            }
            #[inline]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline]
            fn sqrt(self) -> Self {
                <$real>::sqrt(self)
            }
            #[inline]
            fn exp(self) -> Self {
                <$real>::exp(self)
            }
            #[inline]
            fn ln(self) -> Self {
                <$real>::ln(self)
            }
            #[inline]
            fn tanh(self) -> Self {
                <$real>::tanh(self)
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
            fn gemm(
                destination: &mut [Self],
                left: MatrixRef<'_, Self>,
                right: MatrixRef<'_, Self>,
                accumulate: Accumulate,
            ) {
                $gemm(destination, left, right, accumulate);
            }
        }
    };
}

real!(f32, matmul::gemm_f32);
real!(f64, matmul::gemm_f64);
