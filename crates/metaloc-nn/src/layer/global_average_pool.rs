//! Global average-pooling: the mean of each channel over all pixels, or of each feature over all
//! slots (M. Lin, Q. Chen, S. Yan, "Network in network", ICLR 2014, section 3.2).

use super::{Context, Layer, Pass, Refusal};
use crate::number::Number;
use crate::shape::Shape;

/// Global average-pooling in a checked network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GlobalAveragePool {
    pixels: usize,
    channels: usize,
}

impl GlobalAveragePool {
    pub(crate) fn check(inputs: &Shape) -> Result<Self, Refusal> {
        match *inputs.sizes() {
            [pixels, channels] => Ok(Self { pixels, channels }),
            [height, width, channels] => Ok(Self { pixels: height * width, channels }),
            _ => Err(Refusal::Inputs(
                "an image, height x width x channels, or slots x features".to_owned(),
            )),
        }
    }
}

impl Layer for GlobalAveragePool {
    fn outputs(&self) -> Shape {
        self.channels.into()
    }

    #[inline(always)]
    fn forward<N: Number>(&self, _: &Context<'_, N>, inputs: &[N], outputs: &mut [N], _: &mut [N]) {
        outputs.fill(N::ZERO);
        let share = N::from_f64(1.0 / self.pixels as f64);
        let samples = inputs.chunks_exact(self.pixels * self.channels);
        for (means, sample) in outputs.chunks_exact_mut(self.channels).zip(samples) {
            for pixel in sample.chunks_exact(self.channels) {
                means.iter_mut().zip(pixel).for_each(|(mean, &value)| *mean += share * value);
            }
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
        let share = N::from_f64(1.0 / self.pixels as f64);
        let samples = input_delta.chunks_exact_mut(self.pixels * self.channels);
        for (sample, delta) in samples.zip(pass.delta.chunks_exact(self.channels)) {
            for pixel in sample.chunks_exact_mut(self.channels) {
                pixel.iter_mut().zip(delta).for_each(|(to, &delta)| *to = share * delta);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // small numbers, exact by hand

    use super::*;
    use crate::layer::context::tests::bare;

    #[test]
    fn means_by_hand() {
        let pool = GlobalAveragePool::check(&[1, 2, 2].into()).unwrap();
        let (mut outputs, mut input_delta) = ([0.0; 2], [7.0; 4]);
        pool.forward(&bare(1), &[1.0, 10.0, 3.0, 20.0_f64], &mut outputs, &mut []);
        assert_eq!(outputs, [2.0, 15.0]);
        let pass =
            Pass { inputs: &[0.0; 4], outputs: &outputs, cache: &mut [], delta: &[4.0, 6.0] };
        pool.backward(&bare(1), pass, &mut [], Some(&mut input_delta));
        assert_eq!(input_delta, [2.0, 3.0, 2.0, 3.0]);
        assert!(GlobalAveragePool::check(&4.into()).is_err());
    }
}
