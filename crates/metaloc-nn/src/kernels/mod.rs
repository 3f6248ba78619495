//! The arithmetic that has to be fast, each kernel with a plain twin that tests compare it with.

pub mod fma_peak;
pub mod level;
pub mod matmul;
pub(crate) mod tile;
