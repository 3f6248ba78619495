//! The arithmetic that has to be fast, each kernel with a plain twin that tests compare it with.

pub mod fma_peak;
pub mod matmul;
mod tile;
