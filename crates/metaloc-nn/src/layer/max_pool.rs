//! Max-pooling: the largest value of each window, channel by channel.
//!
//! `output[y, x, c] = max over the window's rows r and columns k of input[y down + r, x right + k, c]`
//!
//! Windows that would stick out at the lower and right edges are left out, as elsewhere in the
//! field (`ceil_mode=False`). Of equal values the first in row-major order counts, there and back.

use super::{Context, Layer, Pass, Refusal, Window};
use crate::number::Number;
use crate::real::Real;
use crate::shape::Shape;

/// Max-pooling in a checked network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MaxPool {
    window: Window,
}

impl MaxPool {
    pub(crate) fn check(
        inputs: &Shape,
        kernel: [usize; 2],
        stride: [usize; 2],
    ) -> Result<Self, Refusal> {
        Ok(Self { window: Window::check(inputs, kernel, stride)? })
    }
}

impl Layer for MaxPool {
    fn outputs(&self) -> Shape {
        self.window.outputs().into()
    }

    /// For each output, the place of its value in the window.
    fn n_cache(&self, n: usize) -> usize {
        n * self.window.outputs().iter().product::<usize>()
    }

    #[inline(always)]
    fn forward<N: Number>(
        &self,
        context: &Context<'_, N>,
        inputs: &[N],
        outputs: &mut [N],
        cache: &mut [N],
    ) {
        let channels = self.window.channels();
        self.window.each_pixel(context.n, |tap, input, output| {
            let candidates = &inputs[input..input + channels];
            let best = &mut outputs[output..output + channels];
            let choices = &mut cache[output..output + channels];
            let tap_number = N::from_f64(tap as f64);
            for ((best, choice), &candidate) in best.iter_mut().zip(choices).zip(candidates) {
                // A NaN is not passed over, and stays.
                let (value, largest) = (candidate.value(), best.value());
                let keep = tap > 0 && (value <= largest || largest.is_nan());
                *best = if keep { *best } else { candidate };
                *choice = if keep { *choice } else { tap_number };
            }
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
        let channels = self.window.channels();
        self.window.each_pixel(context.n, |tap, input, output| {
            let to = &mut input_delta[input..input + channels];
            let delta = &pass.delta[output..output + channels];
            let choices = &pass.cache[output..output + channels];
            let tap = N::from_f64(tap as f64).value();
            for ((to, &delta), choice) in to.iter_mut().zip(delta).zip(choices) {
                *to += if choice.value() == tap { delta } else { N::ZERO };
            }
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // copies of inputs

    use super::*;
    use crate::layer::context::tests::bare;

    fn there_and_back(pool: &MaxPool, inputs: &[f64], delta: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (mut outputs, mut cache) = (vec![0.0; delta.len()], vec![9.0; delta.len()]);
        let mut input_delta = vec![7.0; inputs.len()];
        pool.forward(&bare(1), inputs, &mut outputs, &mut cache);
        let pass = Pass { inputs, outputs: &outputs, cache: &mut cache, delta };
        pool.backward(&bare(1), pass, &mut [], Some(&mut input_delta));
        (outputs, input_delta)
    }

    #[test]
    fn odd_sizes_drop_the_edge_and_the_first_of_equals_counts() {
        // 3 x 3, one channel; the last row and column stand in no window.
        let inputs = [1.0, 4.0, 9.0, 4.0, 4.0, 9.0, 9.0, 9.0, 9.0_f64];
        let pool = MaxPool::check(&[3, 3, 1].into(), [2, 2], [2, 2]).unwrap();
        assert_eq!(pool.outputs(), [1, 1, 1].into());
        let (outputs, input_delta) = there_and_back(&pool, &inputs, &[5.0]);
        assert_eq!(outputs, [4.0]);
        assert_eq!(input_delta, [0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn windows_may_overlap() {
        let pool = MaxPool::check(&[1, 3, 1].into(), [1, 2], [1, 1]).unwrap();
        let (outputs, input_delta) = there_and_back(&pool, &[1.0, 5.0, 2.0], &[1.0, 2.0]);
        assert_eq!(outputs, [5.0, 5.0]);
        assert_eq!(input_delta, [0.0, 3.0, 0.0]);
    }

    #[test]
    fn not_a_number_is_not_passed_over() {
        let pool = MaxPool::check(&[1, 2, 1].into(), [1, 2], [1, 2]).unwrap();
        for inputs in [[f64::NAN, 1.0], [1.0, f64::NAN]] {
            let (outputs, _) = there_and_back(&pool, &inputs, &[1.0]);
            assert!(outputs[0].is_nan());
        }
    }

    #[test]
    fn windows_larger_than_the_image_are_refused() {
        assert!(MaxPool::check(&[3, 3, 1].into(), [4, 2], [2, 2]).is_err());
        assert!(MaxPool::check(&[3, 3, 1].into(), [2, 2], [0, 2]).is_err());
        assert!(MaxPool::check(&9.into(), [2, 2], [2, 2]).is_err());
    }
}
