//! Dual numbers: a value and its derivative along one direction.
//!
//! `f(x + e x') = f(x) + e f'(x) x'` with `e^2 = 0` (W. K. Clifford 1873; R. E. Wengert, "A simple
//! automatic derivative evaluation program", CACM 1964). A gradient computed in dual numbers along
//! `v` carries the Hessian-vector product `H v` as its tangent (B. A. Pearlmutter, "Fast exact
//! multiplication by the Hessian", Neural Computation 1994).

use crate::number::Number;
use crate::real::Real;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

/// A value and its tangent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Dual<R> {
    pub(crate) value: R,
    pub(crate) tangent: R,
}

impl<R: Real> Dual<R> {
    /// The chain rule: a function's value, and its derivative times this tangent.
    #[inline(always)]
    fn chain(self, value: R, derivative: R) -> Self {
        Self { value, tangent: derivative * self.tangent }
    }
}

impl<R: Real> Number for Dual<R> {
    type Real = R;
    type Wide = Dual<f64>;

    const ZERO: Self = Self { value: R::ZERO, tangent: R::ZERO };
    const ONE: Self = Self { value: R::ONE, tangent: R::ZERO };

    #[inline(always)]
    fn constant(value: R) -> Self {
        Self { value, tangent: R::ZERO }
    }
    #[inline(always)]
    fn value(self) -> R {
        self.value
    }
    #[inline(always)]
    fn widen(self) -> Dual<f64> {
        Dual { value: self.value.to_f64(), tangent: self.tangent.to_f64() }
    }
    #[inline(always)]
    fn narrow(wide: Dual<f64>) -> Self {
        Self { value: R::from_f64(wide.value), tangent: R::from_f64(wide.tangent) }
    }
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        Self::constant(R::from_f64(value))
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        let root = self.value.sqrt();
        self.chain(root, R::from_f64(0.5) / root)
    }
    #[inline]
    fn exp(self) -> Self {
        let value = self.value.exp();
        self.chain(value, value)
    }
    #[inline]
    fn ln(self) -> Self {
        self.chain(self.value.ln(), R::ONE / self.value)
    }
    #[inline]
    fn tanh(self) -> Self {
        let value = self.value.tanh();
        self.chain(value, R::ONE - value * value)
    }
}

impl<R: Real> Add for Dual<R> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self { value: self.value + other.value, tangent: self.tangent + other.tangent }
    }
}

impl<R: Real> Sub for Dual<R> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self { value: self.value - other.value, tangent: self.tangent - other.tangent }
    }
}

impl<R: Real> Mul for Dual<R> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self {
            value: self.value * other.value,
            tangent: self.tangent * other.value + self.value * other.tangent,
        }
    }
}

impl<R: Real> Div for Dual<R> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        Self { value, tangent: (self.tangent - value * other.tangent) / other.value }
    }
}

impl<R: Real> Neg for Dual<R> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self { value: -self.value, tangent: -self.tangent }
    }
}

impl<R: Real> AddAssign for Dual<R> {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl<R: Real> SubAssign for Dual<R> {
    #[inline(always)]
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A function of every operation, along one direction of two arguments.
    fn function<N: Number>(x: N, y: N) -> N {
        let sum = x * y.exp() + (x / y).tanh() - (-y).exp();
        let mut result = (sum * sum + N::ONE).sqrt().ln();
        result += N::from_f64(0.5) * x;
        result -= y;
        result
    }

    #[test]
    fn tangents_are_directional_derivatives() {
        let (x, y, direction, step) = (0.7_f64, 1.3, (0.4, -0.9), 1e-6);
        let dual = function(
            Dual { value: x, tangent: direction.0 },
            Dual { value: y, tangent: direction.1 },
        );
        assert!((dual.value - function(x, y)).abs() < 1e-15);
        let above = function(x + step * direction.0, y + step * direction.1);
        let below = function(x - step * direction.0, y - step * direction.1);
        assert!((dual.tangent - (above - below) / (2.0 * step)).abs() < 1e-9);
    }
}
