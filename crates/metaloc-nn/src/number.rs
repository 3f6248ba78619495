//! What a layer's arithmetic needs: a real number, or one with its tangent.
//!
//! Layers and losses are written once for any [`Number`]. Run on [`Real`]s they give outputs and
//! gradients; run on [`Dual`](crate::dual::Dual)s they also give how these change along a
//! direction of the parameters, from which the Hessian-vector product follows.

use crate::real::Real;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

/// A real number or a dual one.
pub trait Number:
    Copy
    + Send
    + Sync
    + 'static
    + Debug
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
{
    /// The type of the value itself.
    type Real: Real;
    /// The same kind of number in double precision, for long sums.
    type Wide: Number<Real = f64>;

    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;

    /// A constant.
    fn constant(value: Self::Real) -> Self;
    /// The number without its tangent: what comparisons look at.
    fn value(self) -> Self::Real;
    /// The same number in double precision.
    fn widen(self) -> Self::Wide;
    /// The nearest number of this type.
    fn narrow(wide: Self::Wide) -> Self;
    /// The constant nearest to `value`.
    fn from_f64(value: f64) -> Self;

    /// Square root.
    fn sqrt(self) -> Self;
    /// Natural exponential.
    fn exp(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
}

macro_rules! real_number {
    ($real:ty) => {
        impl Number for $real {
            type Real = Self;
            type Wide = f64;

            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;

            #[inline(always)]
            fn constant(value: Self) -> Self {
                value
            }
            #[inline(always)]
            fn value(self) -> Self {
                self
            }
            #[inline(always)]
            fn widen(self) -> f64 {
                self.to_f64()
            }
            #[inline(always)]
            fn narrow(wide: f64) -> Self {
                Self::from_f64(wide)
            }
            #[inline(always)]
            #[allow(clippy::cast_possible_truncation)] // rounding is the point
            fn from_f64(value: f64) -> Self {
                value as $real
            }
            #[inline(always)]
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
        }
    };
}

real_number!(f32);
real_number!(f64);

/// The sum of numbers.
pub(crate) fn sum<N: Number>(numbers: impl Iterator<Item = N>) -> N {
    numbers.fold(N::ZERO, |sum, number| sum + number)
}
