//! Group normalisation and layer normalisation.
//!
//! Y. Wu and K. He, "Group normalization", ECCV 2018, Eq. (1)-(6); J. Ba, J. Kiros, G. Hinton,
//! "Layer normalization" (2016), Eq. (3). Over each group of `m` values of a sample, with mean `u`
//! and variance `v` (divided by `m`):
//!
//! ```text
//! h = (x - u) / sqrt(v + epsilon),   y = gain h + bias        gain and bias a channel
//! x_delta = (d - mean(d) - h mean(d h)) / sqrt(v + epsilon)   with d = gain y_delta
//! ```
//!
//! A group is a number of channels over all pixels of an image; layer normalisation has one group
//! of all channels at every pixel or slot.

use super::{Context, Initial, Layer, ParameterArray, Pass, Refusal};
use crate::number::Number;
use crate::shape::Shape;

/// Group or layer normalisation in a checked network.
///
/// # Shapes
/// - parameters: gain `[channels]`, then bias `[channels]`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GroupNorm {
    shape: Shape,
    channels: usize,
    /// Channels of a group.
    width: usize,
    /// Pixels of a group.
    pixels: usize,
    epsilon: f64,
}

impl GroupNorm {
    pub(crate) fn check(inputs: &Shape, groups: usize, epsilon: f64) -> Result<Self, Refusal> {
        let (shape, channels) = (inputs.clone(), inputs.last());
        check_epsilon(epsilon)?;
        if groups == 0 || !channels.is_multiple_of(groups) {
            let expected = format!("a divisor of the {channels} channels");
            let got = groups.to_string();
            return Err(Refusal::Setting { setting: "groups", expected, got });
        }
        let pixels = inputs.n_values().unwrap_or(channels) / channels;
        Ok(Self { shape, channels, width: channels / groups, pixels, epsilon })
    }

    pub(crate) fn check_layer(inputs: &Shape, epsilon: f64) -> Result<Self, Refusal> {
        check_epsilon(epsilon)?;
        let (shape, channels) = (inputs.clone(), inputs.last());
        Ok(Self { shape, channels, width: channels, pixels: 1, epsilon })
    }

    /// Calls `visit(group, places)` with the places of each group's values, pixel by pixel: where
    /// the group's channels begin in each of its pixels, and the first channel.
    fn each_group(&self, n_values: usize, mut visit: impl FnMut(usize, usize, usize)) {
        let image = self.pixels * self.channels;
        let mut group = 0;
        for first in (0..n_values).step_by(image) {
            for channel in (0..self.channels).step_by(self.width) {
                visit(group, first + channel, channel);
                group += 1;
            }
        }
    }

    /// The runs of a group's values: where each begins.
    fn runs(&self, first: usize) -> impl Iterator<Item = usize> + use<> {
        let channels = self.channels;
        (0..self.pixels).map(move |pixel| first + pixel * channels)
    }

    fn n_values(&self) -> f64 {
        (self.pixels * self.width) as f64
    }
}

/// Checks what is added to variances.
pub(crate) fn check_epsilon(epsilon: f64) -> Result<(), Refusal> {
    if epsilon > 0.0 && epsilon.is_finite() {
        return Ok(());
    }
    let expected = "a finite number above 0".to_owned();
    Err(Refusal::Setting { setting: "epsilon", expected, got: epsilon.to_string() })
}

/// Gain and bias of every channel.
pub(crate) fn gain_and_bias(channels: usize) -> Vec<ParameterArray> {
    let array = |name, value| {
        let initial = Initial::Constant(value);
        ParameterArray { name, shape: vec![channels], initial }
    };
    vec![array("gain", 1.0), array("bias", 0.0)]
}

impl Layer for GroupNorm {
    fn outputs(&self) -> Shape {
        self.shape.clone()
    }

    fn parameters(&self) -> Vec<ParameterArray> {
        gain_and_bias(self.channels)
    }

    /// Mean and one over the deviation of each group.
    fn n_cache(&self, n: usize) -> usize {
        let image = self.pixels * self.channels;
        2 * n * self.shape.n_values().unwrap_or(image) / image * (self.channels / self.width)
    }

    fn forward<N: Number>(
        &self,
        context: &Context<'_, N>,
        inputs: &[N],
        outputs: &mut [N],
        cache: &mut [N],
    ) {
        let (gain, bias) = context.parameters.split_at(self.channels);
        let one_over_n = N::Wide::from_f64(1.0 / self.n_values());
        self.each_group(inputs.len(), |group, first, channel| {
            let mut total = N::Wide::ZERO;
            for run in self.runs(first) {
                inputs[run..run + self.width].iter().for_each(|x| total += x.widen());
            }
            let mean = total * one_over_n;
            let mut squares = N::Wide::ZERO;
            for run in self.runs(first) {
                for x in &inputs[run..run + self.width] {
                    let difference = x.widen() - mean;
                    squares += difference * difference;
                }
            }
            let variance = squares * one_over_n + N::Wide::from_f64(self.epsilon);
            let (mean, inverse) = (N::narrow(mean), N::narrow(N::Wide::ONE / variance.sqrt()));
            (cache[2 * group], cache[2 * group + 1]) = (mean, inverse);
            for run in self.runs(first) {
                for place in 0..self.width {
                    let (gain, bias) = (gain[channel + place], bias[channel + place]);
                    outputs[run + place] = gain * ((inputs[run + place] - mean) * inverse) + bias;
                }
            }
        });
    }

    fn backward<N: Number>(
        &self,
        context: &Context<'_, N>,
        pass: Pass<'_, N>,
        gradient: &mut [N],
        mut input_delta: Option<&mut [N]>,
    ) {
        let gain = &context.parameters[..self.channels];
        let (gain_gradient, bias_gradient) = gradient.split_at_mut(self.channels);
        let one_over_n = N::Wide::from_f64(1.0 / self.n_values());
        self.each_group(pass.inputs.len(), |group, first, channel| {
            let (mean, inverse) = (pass.cache[2 * group], pass.cache[2 * group + 1]);
            let (mut of_delta, mut of_product) = (N::Wide::ZERO, N::Wide::ZERO);
            for run in self.runs(first) {
                for place in 0..self.width {
                    let normal = (pass.inputs[run + place] - mean) * inverse;
                    let delta = pass.delta[run + place];
                    gain_gradient[channel + place] += delta * normal;
                    bias_gradient[channel + place] += delta;
                    let scaled = gain[channel + place] * delta;
                    of_delta += scaled.widen();
                    of_product += (scaled * normal).widen();
                }
            }
            let Some(to) = input_delta.as_deref_mut() else { return };
            let (of_delta, of_product) =
                (N::narrow(of_delta * one_over_n), N::narrow(of_product * one_over_n));
            for run in self.runs(first) {
                for place in 0..self.width {
                    let normal = (pass.inputs[run + place] - mean) * inverse;
                    let scaled = gain[channel + place] * pass.delta[run + place];
                    to[run + place] = inverse * (scaled - of_delta - normal * of_product);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::context::tests::bare;

    fn run(norm: &GroupNorm, inputs: &[f64]) -> Vec<f64> {
        let parameters: Vec<f64> = [vec![1.0; norm.channels], vec![0.5; norm.channels]].concat();
        let context = Context { parameters: &parameters, ..bare(1) };
        let (mut outputs, mut cache) = (vec![9.0; inputs.len()], vec![9.0; norm.n_cache(1)]);
        norm.forward(&context, inputs, &mut outputs, &mut cache);
        outputs
    }

    #[test]
    fn groups_by_hand() {
        // Two pixels, two channels, a group each: means 2 and 20, deviations 1 and 10.
        let norm = GroupNorm::check(&[1, 2, 2].into(), 2, 1e-12).unwrap();
        for (got, expected) in
            run(&norm, &[1.0, 10.0, 3.0, 30.0]).iter().zip([-0.5, -0.5, 1.5, 1.5])
        {
            assert!((got - expected).abs() < 1e-9);
        }
        assert!(GroupNorm::check(&6.into(), 4, 1e-5).is_err());
        assert!(GroupNorm::check(&6.into(), 2, 0.0).is_err());
    }

    #[test]
    fn layer_normalisation_is_for_each_slot() {
        let norm = GroupNorm::check_layer(&[2, 2].into(), 1e-12).unwrap();
        for (got, expected) in
            run(&norm, &[1.0, 3.0, 10.0, 30.0]).iter().zip([-0.5, 1.5, -0.5, 1.5])
        {
            assert!((got - expected).abs() < 1e-9);
        }
    }
}
