//! All layers that are written once for any number, as one type.

use super::max_pool::MaxPool;
use super::relu::Relu;
use super::tanh::Tanh;
use super::{Context, Layer, ParameterArray, Pass};
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
            fn statistics(&self) -> Option<(usize, usize)> {
                match self { $(Self::$layer(layer) => layer.statistics(),)* }
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
                pass: &Pass<'_, N>,
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

elementary!(MaxPool, Relu, Tanh);
