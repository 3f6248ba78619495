//! Leaky rectifier (A. Maas, A. Hannun, A. Ng, "Rectifier nonlinearities improve neural network
//! acoustic models", ICML 2013).
//!
//! `output = input` above 0, `slope * input` elsewhere; its derivative at 0 is taken as the slope.

use super::{Context, Layer, Pass, Refusal};
use crate::number::Number;
use crate::shape::Shape;

/// A leaky rectifier in a checked network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LeakyRelu {
    shape: Shape,
    slope: f64,
}

impl LeakyRelu {
    pub(crate) fn check(inputs: &Shape, slope: f64) -> Result<Self, Refusal> {
        if !slope.is_finite() {
            let (setting, expected) = ("slope", "a finite number".to_owned());
            return Err(Refusal::Setting { setting, expected, got: slope.to_string() });
        }
        Ok(Self { shape: inputs.clone(), slope })
    }
}

impl Layer for LeakyRelu {
    fn outputs(&self) -> Shape {
        self.shape.clone()
    }

    #[inline(always)]
    fn forward<N: Number>(&self, _: &Context<'_, N>, inputs: &[N], outputs: &mut [N], _: &mut [N]) {
        let (slope, zero) = (N::from_f64(self.slope), N::ZERO.value());
        for (output, &input) in outputs.iter_mut().zip(inputs) {
            *output = if input.value() > zero { input } else { slope * input };
        }
    }

    #[inline(always)]
    fn backward<N: Number>(
        &self,
        _: &Context<'_, N>,
        pass: Pass<'_, N>,
        _: &mut [N],
        input_delta: Option<&mut [N]>,
    ) {
        let Some(input_delta) = input_delta else { return };
        let (slope, zero) = (N::from_f64(self.slope), N::ZERO.value());
        for ((to, &delta), input) in input_delta.iter_mut().zip(pass.delta).zip(pass.inputs) {
            *to = if input.value() > zero { delta } else { slope * delta };
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // small numbers, exact by hand

    use super::*;
    use crate::layer::context::tests::bare;

    #[test]
    fn leaks_below_zero() {
        let relu = LeakyRelu::check(&3.into(), 0.5).unwrap();
        let (mut outputs, mut input_delta) = ([0.0; 3], [7.0; 3]);
        let inputs = [-4.0, 0.0, 2.0_f64];
        relu.forward(&bare(1), &inputs, &mut outputs, &mut []);
        assert_eq!(outputs, [-2.0, 0.0, 2.0]);
        let pass = Pass { inputs: &inputs, outputs: &outputs, cache: &mut [], delta: &[2.0; 3] };
        relu.backward(&bare(1), pass, &mut [], Some(&mut input_delta));
        assert_eq!(input_delta, [1.0, 1.0, 2.0]);
        assert!(LeakyRelu::check(&3.into(), f64::NAN).is_err());
    }
}
