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

    /// Place of the first largest value of a window in its image.
    fn largest<N: Number>(&self, image: &[N], output: usize) -> usize {
        let mut places = self.window.places(output);
        let mut best = places.next().unwrap_or(0);
        for place in places {
            // A NaN is not passed over.
            let (value, largest) = (image[place].value(), image[best].value());
            if value > largest || (value.is_nan() && !largest.is_nan()) {
                best = place;
            }
        }
        best
    }
}

impl Layer for MaxPool {
    fn outputs(&self) -> Shape {
        self.window.outputs().into()
    }

    fn forward<N: Number>(&self, _: &Context<'_, N>, inputs: &[N], outputs: &mut [N], _: &mut [N]) {
        for (image, outputs) in self.window.images(inputs).zip(self.window.results_mut(outputs)) {
            for (index, output) in outputs.iter_mut().enumerate() {
                *output = image[self.largest(image, index)];
            }
        }
    }

    fn backward<N: Number>(
        &self,
        _: &Context<'_, N>,
        pass: &Pass<'_, N>,
        _: &mut [N],
        input_delta: Option<&mut [N]>,
    ) {
        let Some(input_delta) = input_delta else { return };
        input_delta.fill(N::ZERO);
        let deltas = self.window.images_mut(input_delta).zip(self.window.results(pass.delta));
        for (image, (to, delta)) in self.window.images(pass.inputs).zip(deltas) {
            for (index, &delta) in delta.iter().enumerate() {
                to[self.largest(image, index)] += delta;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // copies of inputs

    use super::*;
    use crate::layer::context::tests::bare;

    #[test]
    fn odd_sizes_drop_the_edge_and_the_first_of_equals_counts() {
        // 3 x 3, one channel; the last row and column stand in no window.
        let inputs = [1.0, 4.0, 9.0, 4.0, 4.0, 9.0, 9.0, 9.0, 9.0_f64];
        let pool = MaxPool::check(&[3, 3, 1].into(), [2, 2], [2, 2]).unwrap();
        assert_eq!(pool.outputs(), [1, 1, 1].into());
        let (mut outputs, mut input_delta) = ([0.0], [7.0; 9]);
        pool.forward(&bare(1), &inputs, &mut outputs, &mut []);
        assert_eq!(outputs, [4.0]);
        let pass = Pass { inputs: &inputs, outputs: &outputs, cache: &[], delta: &[5.0] };
        pool.backward(&bare(1), &pass, &mut [], Some(&mut input_delta));
        assert_eq!(input_delta, [0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn windows_may_overlap() {
        let inputs = [1.0, 5.0, 2.0_f64];
        let pool = MaxPool::check(&[1, 3, 1].into(), [1, 2], [1, 1]).unwrap();
        let (mut outputs, mut input_delta) = ([0.0; 2], [7.0; 3]);
        pool.forward(&bare(1), &inputs, &mut outputs, &mut []);
        assert_eq!(outputs, [5.0, 5.0]);
        let pass = Pass { inputs: &inputs, outputs: &outputs, cache: &[], delta: &[1.0, 2.0] };
        pool.backward(&bare(1), &pass, &mut [], Some(&mut input_delta));
        assert_eq!(input_delta, [0.0, 3.0, 0.0]);
    }

    #[test]
    fn windows_larger_than_the_image_are_refused() {
        assert!(MaxPool::check(&[3, 3, 1].into(), [4, 2], [2, 2]).is_err());
        assert!(MaxPool::check(&[3, 3, 1].into(), [2, 2], [0, 2]).is_err());
        assert!(MaxPool::check(&9.into(), [2, 2], [2, 2]).is_err());
    }
}
