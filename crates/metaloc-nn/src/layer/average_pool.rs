//! Average-pooling: the mean of each window, channel by channel.
//!
//! Windows that would stick out at the lower and right edges are left out.

use super::{Context, Layer, Pass, Refusal, Window};
use crate::number::Number;
use crate::shape::Shape;

/// Average-pooling in a checked network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AveragePool {
    window: Window,
}

impl AveragePool {
    pub(crate) fn check(
        inputs: &Shape,
        kernel: [usize; 2],
        stride: [usize; 2],
    ) -> Result<Self, Refusal> {
        Ok(Self { window: Window::check(inputs, kernel, stride)? })
    }

    fn share<N: Number>(&self) -> N {
        N::from_f64(1.0 / self.window.n_pixels() as f64)
    }
}

impl Layer for AveragePool {
    fn outputs(&self) -> Shape {
        self.window.outputs().into()
    }

    #[inline(always)]
    fn forward<N: Number>(
        &self,
        context: &Context<'_, N>,
        inputs: &[N],
        outputs: &mut [N],
        _: &mut [N],
    ) {
        outputs.fill(N::ZERO);
        let (channels, share) = (self.window.channels(), self.share::<N>());
        self.window.each_pixel(context.n, |_, input, output| {
            let to = outputs[output..output + channels].iter_mut();
            to.zip(&inputs[input..]).for_each(|(to, &input)| *to += share * input);
        });
    }

    #[inline(always)]
    fn backward<N: Number>(
        &self,
        context: &Context<'_, N>,
        pass: Pass<'_, N>,
        _: &mut [N],
        input_delta: Option<&mut [N]>,
    ) {
        let Some(input_delta) = input_delta else { return };
        input_delta.fill(N::ZERO);
        let (channels, share) = (self.window.channels(), self.share::<N>());
        self.window.each_pixel(context.n, |_, input, output| {
            let to = input_delta[input..input + channels].iter_mut();
            to.zip(&pass.delta[output..]).for_each(|(to, &delta)| *to += share * delta);
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // small numbers, exact by hand

    use super::*;
    use crate::layer::context::tests::bare;

    #[test]
    fn odd_sizes_drop_the_edge() {
        let inputs = [1.0, 2.0, 9.0, 3.0, 6.0, 9.0, 9.0, 9.0, 9.0_f64];
        let pool = AveragePool::check(&[3, 3, 1].into(), [2, 2], [2, 2]).unwrap();
        let (mut outputs, mut input_delta) = ([0.0], [7.0; 9]);
        pool.forward(&bare(1), &inputs, &mut outputs, &mut []);
        assert_eq!(outputs, [3.0]);
        let pass = Pass { inputs: &inputs, outputs: &outputs, cache: &mut [], delta: &[4.0] };
        pool.backward(&bare(1), pass, &mut [], Some(&mut input_delta));
        assert_eq!(input_delta, [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    }
}
