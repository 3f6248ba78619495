//! The windows of pooling layers.

use super::Refusal;
use crate::shape::Shape;

/// Windows over images of `[height, width, channels]`, channel by channel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Window {
    inputs: [usize; 3],
    kernel: [usize; 2],
    stride: [usize; 2],
}

impl Window {
    pub(crate) fn check(
        inputs: &Shape,
        kernel: [usize; 2],
        stride: [usize; 2],
    ) -> Result<Self, Refusal> {
        let Some(image) = inputs.image() else {
            return Err(Refusal::Inputs("an image, height x width x channels".to_owned()));
        };
        for (setting, sizes) in [("kernel", kernel), ("stride", stride)] {
            if sizes.contains(&0) {
                let expected = "two sizes of at least 1".to_owned();
                return Err(Refusal::Setting { setting, expected, got: format!("{sizes:?}") });
            }
        }
        if image[0] < kernel[0] || image[1] < kernel[1] {
            let [height, width] = kernel;
            return Err(Refusal::Inputs(format!("an image of at least {height} x {width}")));
        }
        Ok(Self { inputs: image, kernel, stride })
    }

    /// Pixels under a window.
    pub(crate) fn n_pixels(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Channels of inputs and outputs.
    pub(crate) fn channels(&self) -> usize {
        self.inputs[2]
    }

    /// `[rows, columns, channels]`
    pub(crate) fn outputs(&self) -> [usize; 3] {
        let size = |axis: usize| (self.inputs[axis] - self.kernel[axis]) / self.stride[axis] + 1;
        [size(0), size(1), self.inputs[2]]
    }

    /// Calls `visit(tap, input, output)` for every pixel under every window of a batch: its place
    /// in the window, row-major, and where the channels of it and of the output begin.
    #[inline(always)]
    pub(crate) fn each_pixel(&self, n: usize, mut visit: impl FnMut(usize, usize, usize)) {
        let ([height, width, channels], [rows, columns, _]) = (self.inputs, self.outputs());
        let mut output = 0;
        for image in 0..n {
            for y in 0..rows {
                for x in 0..columns {
                    let corner = (image * height + y * self.stride[0]) * width + x * self.stride[1];
                    for row in 0..self.kernel[0] {
                        for column in 0..self.kernel[1] {
                            let input = (corner + row * width + column) * channels;
                            visit(row * self.kernel[1] + column, input, output);
                        }
                    }
                    output += channels;
                }
            }
        }
    }
}
