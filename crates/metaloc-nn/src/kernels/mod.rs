//! The arithmetic that has to be fast, each kernel with a plain twin that tests compare it with.

pub(crate) mod convolution;
pub(crate) mod correlation;
pub mod fma_peak;
pub mod level;
pub mod matmul;
pub(crate) mod tile;
pub(crate) mod vector;
pub(crate) mod winograd;
