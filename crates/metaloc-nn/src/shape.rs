//! The shape of one sample's values between two layers.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One to three sizes: `[values]`, `[slots, features]` or `[height, width, channels]`; the last one
/// varies fastest in memory.
///
/// Written as a number or a list of numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Shape(Vec<usize>);

/// A [`Shape`] as it stands in a file.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Values(usize),
    Sizes(Vec<usize>),
}

impl From<Written> for Shape {
    fn from(written: Written) -> Self {
        match written {
            Written::Values(n) => Self(vec![n]),
            Written::Sizes(sizes) => Self(sizes),
        }
    }
}

impl From<Shape> for Written {
    fn from(shape: Shape) -> Self {
        match shape.0[..] {
            [n] => Self::Values(n),
            _ => Self::Sizes(shape.0),
        }
    }
}

impl From<usize> for Shape {
    fn from(values: usize) -> Self {
        Self(vec![values])
    }
}

impl From<[usize; 2]> for Shape {
    fn from(slots_and_features: [usize; 2]) -> Self {
        Self(slots_and_features.to_vec())
    }
}

impl From<[usize; 3]> for Shape {
    fn from(height_width_and_channels: [usize; 3]) -> Self {
        Self(height_width_and_channels.to_vec())
    }
}

impl Shape {
    /// The sizes, slowest first.
    #[must_use]
    pub fn sizes(&self) -> &[usize] {
        &self.0
    }

    /// Number of values; `None` if it cannot be counted.
    #[must_use]
    pub fn n_values(&self) -> Option<usize> {
        self.0.iter().try_fold(1_usize, |product, &size| product.checked_mul(size))
    }

    /// The sizes of an image, if it is one.
    pub(crate) fn image(&self) -> Option<[usize; 3]> {
        self.0[..].try_into().ok()
    }

    /// The same with another last size.
    pub(crate) fn with_last(&self, size: usize) -> Self {
        let mut sizes = self.0.clone();
        if let Some(last) = sizes.last_mut() {
            *last = size;
        }
        Self(sizes)
    }

    /// The last size.
    pub(crate) fn last(&self) -> usize {
        self.0.last().copied().unwrap_or(0)
    }

    /// The shape of both side by side along the last size, if they agree in all others.
    pub(crate) fn beside(&self, other: &Self) -> Option<Self> {
        let (last, others) = self.0.split_last()?;
        let (other_last, other_others) = other.0.split_last()?;
        let sum = last.checked_add(*other_last)?;
        (others == other_others).then(|| Self(others.iter().copied().chain([sum]).collect()))
    }

    /// Whether it has one to three sizes above zero that a vector of `f64` can hold.
    pub(crate) fn is_sound(&self) -> bool {
        let most = isize::MAX.unsigned_abs() / size_of::<f64>();
        (1..=3).contains(&self.0.len()) && self.n_values().is_some_and(|n| n > 0 && n <= most)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.0.iter().map(usize::to_string).collect();
        write!(formatter, "{}", sizes.join(" x "))
    }
}
