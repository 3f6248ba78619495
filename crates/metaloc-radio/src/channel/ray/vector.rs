//! Arithmetic of points and directions.

use super::Vector;

pub(super) fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub(super) fn sub(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// `a + factor b`.
pub(super) fn add_scaled(a: Vector, factor: f64, b: Vector) -> Vector {
    [a[0] + factor * b[0], a[1] + factor * b[1], a[2] + factor * b[2]]
}

pub(super) fn scaled(factor: f64, a: Vector) -> Vector {
    a.map(|x| factor * x)
}

pub(super) fn length(a: Vector) -> f64 {
    dot(a, a).sqrt()
}

/// The unit vector along `a`, or none of a vector too short to have a direction.
pub(super) fn unit(a: Vector) -> Option<Vector> {
    let length = length(a);
    (length > 1e-12 && length.is_finite()).then(|| scaled(1.0 / length, a))
}
