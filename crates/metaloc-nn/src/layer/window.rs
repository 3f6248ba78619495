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

    /// Values under a window.
    pub(crate) fn n_values(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// `[rows, columns, channels]`
    pub(crate) fn outputs(&self) -> [usize; 3] {
        let size = |axis: usize| (self.inputs[axis] - self.kernel[axis]) / self.stride[axis] + 1;
        [size(0), size(1), self.inputs[2]]
    }

    /// Places in an image of what stands under the window of an output, row-major.
    #[inline]
    pub(crate) fn places(&self, output: usize) -> impl Iterator<Item = usize> + use<> {
        let ([_, columns, channels], [_, width, _]) = (self.outputs(), self.inputs);
        let (pixel, channel) = (output / channels, output % channels);
        let (top, left) = (pixel / columns * self.stride[0], pixel % columns * self.stride[1]);
        let [height, kernel_width] = self.kernel;
        (0..height).flat_map(move |row| {
            (0..kernel_width)
                .map(move |column| ((top + row) * width + left + column) * channels + channel)
        })
    }

    /// The images of a batch.
    pub(crate) fn images<'a, N>(&self, inputs: &'a [N]) -> impl Iterator<Item = &'a [N]> {
        inputs.chunks_exact(self.inputs.iter().product())
    }

    /// The images of a batch.
    pub(crate) fn images_mut<'a, N>(
        &self,
        inputs: &'a mut [N],
    ) -> impl Iterator<Item = &'a mut [N]> {
        inputs.chunks_exact_mut(self.inputs.iter().product())
    }

    /// What each image's windows make.
    pub(crate) fn results<'a, N>(&self, outputs: &'a [N]) -> impl Iterator<Item = &'a [N]> {
        outputs.chunks_exact(self.outputs().iter().product())
    }

    /// What each image's windows make.
    pub(crate) fn results_mut<'a, N>(
        &self,
        outputs: &'a mut [N],
    ) -> impl Iterator<Item = &'a mut [N]> {
        outputs.chunks_exact_mut(self.outputs().iter().product())
    }
}
