//! All layers that are written once for any number, as one type.

use super::attention::Attention;
use super::average_pool::AveragePool;
use super::batch_norm::BatchNorm;
use super::dropout::Dropout;
use super::global_average_pool::GlobalAveragePool;
use super::group_norm::GroupNorm;
use super::leaky_relu::LeakyRelu;
use super::max_pool::MaxPool;
use super::relu::Relu;
use super::ridge::Ridge;
use super::sigmoid::Sigmoid;
use super::slice::Slice;
use super::softmax::Softmax;
use super::softmax_mean::SoftmaxMean;
use super::tanh::Tanh;
use super::{Context, Layer, ParameterArray, Pass, Taken};
use crate::number::Number;
use crate::shape::Shape;

/// Lists the layers and passes every call on.
macro_rules! elementary {
    ($($layer:ident),*) => {
        /// One of the layers that have no kernels of their own.
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) enum Elementary {
            $($layer($layer),)*
        }

        $(impl From<$layer> for Elementary {
            fn from(layer: $layer) -> Self {
                Self::$layer(layer)
            }
        })*

        impl Layer for Elementary {
            fn outputs(&self) -> Shape {
                match self { $(Self::$layer(layer) => layer.outputs(),)* }
            }
            fn parameters(&self) -> Vec<ParameterArray> {
                match self { $(Self::$layer(layer) => layer.parameters(),)* }
            }
            fn statistics(&self) -> Option<Taken> {
                match self { $(Self::$layer(layer) => layer.statistics(),)* }
            }
            fn read_statistics<N: Number>(&self, cache: &[N], statistics: &mut [N::Real]) {
                match self { $(Self::$layer(layer) => layer.read_statistics(cache, statistics),)* }
            }
            fn support_outputs(&self) -> Option<usize> {
                match self { $(Self::$layer(layer) => layer.support_outputs(),)* }
            }
            fn couples_samples(&self) -> bool {
                match self { $(Self::$layer(layer) => layer.couples_samples(),)* }
            }
            fn n_cache(&self, n: usize) -> usize {
                match self { $(Self::$layer(layer) => layer.n_cache(n),)* }
            }
            #[inline(always)]
            fn forward<N: Number>(
                &self,
                context: &Context<'_, N>,
                inputs: &[N],
                outputs: &mut [N],
                cache: &mut [N],
            ) {
                match self {
                    $(Self::$layer(layer) => layer.forward(context, inputs, outputs, cache),)*
                }
            }
            #[inline(always)]
            fn backward<N: Number>(
                &self,
                context: &Context<'_, N>,
                pass: Pass<'_, N>,
                gradient: &mut [N],
                input_delta: Option<&mut [N]>,
            ) {
                match self {
                    $(Self::$layer(layer) => layer.backward(context, pass, gradient, input_delta),)*
                }
            }
        }
    };
}

elementary!(
    Attention,
    AveragePool,
    BatchNorm,
    Dropout,
    GlobalAveragePool,
    GroupNorm,
    LeakyRelu,
    MaxPool,
    Relu,
    Ridge,
    Sigmoid,
    Slice,
    Softmax,
    SoftmaxMean,
    Tanh
);
