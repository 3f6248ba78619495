//! Layers, one file each.
//!
//! A layer reads a batch of samples, writes a batch of samples, and on the way back turns the
//! gradient with respect to its outputs into the one with respect to its inputs and parameters.
//!
//! [`Layer`]s are written once for any [`Number`](crate::number::Number): run on dual numbers, the
//! same lines give the exact Hessian-vector product. Dense layers and convolutions, where nearly all the time goes,
//! call kernels instead and spell their tangents out.

pub(crate) mod attention;
pub(crate) mod average_pool;
pub(crate) mod batch_norm;
pub(crate) mod context;
pub(crate) mod convolution;
pub(crate) mod convolution_block;
pub(crate) mod dense;
mod description;
pub(crate) mod dropout;
mod elementary;
pub(crate) mod global_average_pool;
pub(crate) mod group_norm;
pub(crate) mod leaky_relu;
pub(crate) mod max_pool;
pub(crate) mod relu;
pub(crate) mod ridge;
pub(crate) mod sigmoid;
pub(crate) mod signed_pool;
pub(crate) mod slice;
pub(crate) mod softmax;
pub(crate) mod softmax_mean;
pub(crate) mod strip;
pub(crate) mod tanh;
mod window;

pub use context::StatisticsKind;
pub(crate) use context::{
    Context, Initial, Layer, ParameterArray, Pass, Refusal, Sides, SidesMut, Taken,
};
pub use description::{Activation, LayerDescription};
pub(crate) use elementary::Elementary;
pub(crate) use window::Window;
