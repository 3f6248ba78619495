//! The arithmetic that has to be fast, each kernel with a plain twin that tests compare it with.

pub(crate) mod convolution;
pub mod fma_peak;
pub mod level;
pub mod matmul;
pub(crate) mod tile;
