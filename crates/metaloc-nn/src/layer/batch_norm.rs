//! Batch normalisation (S. Ioffe and C. Szegedy, "Batch normalization", ICML 2015, Algorithm 1).
//!
//! Over the `m` values of a channel, of all samples and pixels, with mean `u` and variance `v`
//! (divided by `m`):
//!
//! ```text
//! h = (x - u) / sqrt(v + epsilon),   y = gain h + bias
//! x_delta = gain (y_delta - mean(y_delta) - h mean(y_delta h)) / sqrt(v + epsilon)
//! ```
//!
//! Where statistics are given instead, `u` and `v` are constants, and the two means in the last line
//! fall away. They are those of a support set, kept from [`Network::statistics`], or running ones.
//!
//! Few channels make short rows, and short rows waste vectors. So loops run over *periods*: as many
//! pixels as fill whole vectors, with what belongs to a channel repeated along them.
//!
//! [`Network::statistics`]: crate::Network::statistics

use super::group_norm::{check_epsilon, gain_and_bias};
use super::{Context, Layer, ParameterArray, Pass, Refusal, StatisticsKind, Taken};
use crate::number::Number;
use crate::shape::Shape;
use std::ops::Range;

/// Values that a period should fill: four of the widest vectors, which loops take at a time, or one.
const VECTORS: [usize; 2] = [64, 16];
/// Longest period of more than one pixel.
const LONGEST_PERIOD: usize = 512;
/// Periods whose sum is added to the total at a time, so that long sums stay exact.
const BLOCK: usize = 64;

/// Batch normalisation in a checked network.
///
/// # Shapes
/// - parameters: gain `[channels]`, then bias `[channels]`
/// - statistics: mean `[channels]`, then variance `[channels]`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BatchNorm {
    shape: Shape,
    channels: usize,
    pixels: usize,
    epsilon: f64,
    momentum: f64,
    kind: StatisticsKind,
}

/// The cache: rows of a period each, and the variances. The way back uses the last three rows anew.
struct Cache<'a, N> {
    mean: &'a mut [N],
    /// One over the deviation.
    inverse: &'a mut [N],
    rows: [&'a mut [N]; 3],
    variance: &'a mut [N],
}

impl BatchNorm {
    pub(crate) fn check(
        inputs: &Shape,
        kind: StatisticsKind,
        epsilon: f64,
        momentum: f64,
    ) -> Result<Self, Refusal> {
        check_epsilon(epsilon)?;
        if !(momentum > 0.0 && momentum <= 1.0) {
            let expected = "a share above 0 and at most 1".to_owned();
            let got = momentum.to_string();
            return Err(Refusal::Setting { setting: "momentum", expected, got });
        }
        let (shape, channels) = (inputs.clone(), inputs.last());
        let pixels = inputs.n_values().unwrap_or(channels) / channels;
        Ok(Self { shape, channels, pixels, epsilon, momentum, kind })
    }

    /// Values of a period: a multiple of the channels and, for few channels, of wide vectors.
    fn period(&self) -> usize {
        let filling = |values: &usize| {
            let mut periods = (1..=LONGEST_PERIOD / self.channels).map(|n| n * self.channels);
            periods.find(|period| period.is_multiple_of(*values))
        };
        VECTORS.iter().find_map(filling).unwrap_or(self.channels)
    }

    fn cut<'a, N>(&self, cache: &'a mut [N]) -> Cache<'a, N> {
        let period = self.period();
        let (mean, rest) = cache.split_at_mut(period);
        let (inverse, rest) = rest.split_at_mut(period);
        let (first, rest) = rest.split_at_mut(period);
        let (second, rest) = rest.split_at_mut(period);
        let (third, variance) = rest.split_at_mut(period);
        Cache { mean, inverse, rows: [first, second, third], variance }
    }

    /// Repeats the first channels along a period.
    fn repeat<N: Number>(&self, period: &mut [N]) {
        for place in self.channels..period.len() {
            period[place] = period[place - self.channels];
        }
    }

    /// Sums of a channel over a period fold into its first entry.
    fn fold<N: Number>(&self, period: &mut [N]) {
        for place in self.channels..period.len() {
            let value = period[place];
            period[place % self.channels] += value;
        }
    }
}

/// Sums what `add(block, range)` adds to a block for each period of values, of which the last may be
/// short: a block of periods first, so that long sums stay exact.
#[inline(always)]
fn sum_periods<N: Number>(
    sums: &mut [N],
    block: &mut [N],
    length: usize,
    add: impl Fn(&mut [N], Range<usize>),
) {
    let period = sums.len();
    sums.fill(N::ZERO);
    for first in (0..length).step_by(BLOCK * period) {
        block.fill(N::ZERO);
        let end = length.min(first + BLOCK * period);
        for start in (first..end).step_by(period) {
            add(block, start..end.min(start + period));
        }
        sums.iter_mut().zip(&*block).for_each(|(sum, &block)| *sum += block);
    }
}

impl BatchNorm {
    /// Leaves given statistics in the cache.
    #[inline(always)]
    pub(crate) fn give<N: Number>(&self, statistics: &[N::Real], cache: &mut [N]) {
        let Cache { mean, variance, .. } = self.cut(cache);
        let (means, variances) = statistics.split_at(self.channels);
        mean.iter_mut().zip(means).for_each(|(to, &value)| *to = N::constant(value));
        variance.iter_mut().zip(variances).for_each(|(to, &value)| *to = N::constant(value));
    }

    /// Leaves the statistics of these inputs in the cache.
    #[inline(always)]
    pub(crate) fn take<N: Number>(&self, inputs: &[N], cache: &mut [N]) {
        let Cache { mean, rows: [sums, block, _], variance, .. } = self.cut(cache);
        let share = N::from_f64(self.channels as f64 / inputs.len() as f64);
        sum_periods(mean, block, inputs.len(), |sums, range| {
            sums.iter_mut().zip(&inputs[range]).for_each(|(sum, &x)| *sum += x);
        });
        self.fold(mean);
        mean[..self.channels].iter_mut().for_each(|mean| *mean = *mean * share);
        self.repeat(mean);
        sum_periods(sums, block, inputs.len(), |sums, range| {
            for ((sum, &x), &mean) in sums.iter_mut().zip(&inputs[range]).zip(&*mean) {
                *sum += (x - mean) * (x - mean);
            }
        });
        self.fold(sums);
        variance.iter_mut().zip(&*sums).for_each(|(to, &sum)| *to = sum * share);
    }

    /// Normalises by the statistics in the cache: `y = scale (x - mean) + bias`, where `scale` is
    /// the gain over the deviation.
    #[inline(always)]
    pub(crate) fn normalise<N: Number>(
        &self,
        parameters: &[N],
        inputs: &[N],
        outputs: &mut [N],
        cache: &mut [N],
    ) {
        let (channels, period) = (self.channels, self.period());
        let Cache { mean, inverse, rows: [scale, shift, _], variance } = self.cut(cache);
        for (inverse, &variance) in inverse.iter_mut().zip(&*variance) {
            *inverse = N::ONE / (variance + N::from_f64(self.epsilon)).sqrt();
        }
        let (gain, bias) = parameters.split_at(channels);
        for channel in 0..channels {
            scale[channel] = gain[channel] * inverse[channel];
            shift[channel] = bias[channel];
        }
        for row in [&mut *mean, &mut *inverse, &mut *scale, &mut *shift] {
            self.repeat(row);
        }
        for (to, from) in outputs.chunks_mut(period).zip(inputs.chunks(period)) {
            let rows = scale.iter().zip(&*shift).zip(&*mean);
            for ((to, &x), ((&scale, &shift), &mean)) in to.iter_mut().zip(from).zip(rows) {
                *to = scale * (x - mean) + shift;
            }
        }
    }

    /// Adds to the gradient, and leaves the sums behind it in the cache.
    #[inline(always)]
    pub(crate) fn gather<N: Number>(
        &self,
        inputs: &[N],
        delta: &[N],
        gradient: &mut [N],
        cache: &mut [N],
    ) {
        let Cache { mean, inverse, rows: [of_delta, of_product, block], .. } = self.cut(cache);
        let (gain_gradient, bias_gradient) = gradient.split_at_mut(self.channels);
        sum_periods(of_delta, block, delta.len(), |sums, range| {
            sums.iter_mut().zip(&delta[range]).for_each(|(sum, &delta)| *sum += delta);
        });
        sum_periods(of_product, block, delta.len(), |sums, range| {
            let values = delta[range.clone()].iter().zip(&inputs[range]).zip(&*mean);
            for (sum, ((&delta, &x), &mean)) in sums.iter_mut().zip(values) {
                *sum += delta * (x - mean);
            }
        });
        self.fold(of_delta);
        self.fold(of_product);
        for channel in 0..self.channels {
            gain_gradient[channel] += of_product[channel] * inverse[channel];
            bias_gradient[channel] += of_delta[channel];
        }
    }

    /// What `x_delta = a y_delta + b (x - mean) + c` needs, behind [`gather`](Self::gather), for
    /// statistics of `n_values` values, or given ones.
    #[inline(always)]
    pub(crate) fn slopes<'a, N: Number>(
        &self,
        parameters: &[N],
        n_values: Option<usize>,
        cache: &'a mut [N],
    ) -> Slopes<'a, N> {
        let Cache { mean, inverse, rows: [of_delta, of_product, block], .. } = self.cut(cache);
        let share = n_values.map(|n| N::from_f64(self.channels as f64 / n as f64));
        for channel in 0..self.channels {
            let a = parameters[channel] * inverse[channel];
            let (b, c) = share.map_or((N::ZERO, N::ZERO), |share| {
                let square = inverse[channel] * inverse[channel];
                (-(a * square * of_product[channel] * share), -(a * of_delta[channel] * share))
            });
            (block[channel], of_product[channel], of_delta[channel]) = (a, b, c);
        }
        for row in [&mut *block, &mut *of_product, &mut *of_delta] {
            self.repeat(row);
        }
        Slopes { a: block, b: of_product, c: of_delta, mean }
    }
}

/// Rows of a period each: how a gradient passes a normalisation.
pub(crate) struct Slopes<'a, N> {
    pub(crate) a: &'a [N],
    pub(crate) b: &'a [N],
    pub(crate) c: &'a [N],
    pub(crate) mean: &'a [N],
}

impl Layer for BatchNorm {
    fn outputs(&self) -> Shape {
        self.shape.clone()
    }

    fn parameters(&self) -> Vec<ParameterArray> {
        gain_and_bias(self.channels)
    }

    fn statistics(&self) -> Option<Taken> {
        let (channels, per_sample) = (self.channels, self.pixels);
        Some(Taken { channels, per_sample, kind: self.kind, momentum: self.momentum })
    }

    fn n_cache(&self, _: usize) -> usize {
        5 * self.period() + self.channels
    }

    fn read_statistics<N: Number>(&self, cache: &[N], statistics: &mut [N::Real]) {
        let values = cache[..self.channels].iter().chain(&cache[5 * self.period()..]);
        statistics.iter_mut().zip(values).for_each(|(to, value)| *to = value.value());
    }

    #[inline(always)]
    fn forward<N: Number>(
        &self,
        context: &Context<'_, N>,
        inputs: &[N],
        outputs: &mut [N],
        cache: &mut [N],
    ) {
        match context.statistics {
            Some(statistics) => self.give(statistics, cache),
            None => self.take(inputs, cache),
        }
        self.normalise(context.parameters, inputs, outputs, cache);
    }

    #[inline(always)]
    fn backward<N: Number>(
        &self,
        context: &Context<'_, N>,
        pass: Pass<'_, N>,
        gradient: &mut [N],
        input_delta: Option<&mut [N]>,
    ) {
        let Pass { inputs, delta, cache, .. } = pass;
        self.gather(inputs, delta, gradient, cache);
        let Some(input_delta) = input_delta else { return };
        let n_values = context.statistics.is_none().then_some(inputs.len());
        let Slopes { a, b, c, mean } = self.slopes(context.parameters, n_values, cache);
        let period = self.period();
        let chunks = delta.chunks(period).zip(inputs.chunks(period));
        for (to, (delta, inputs)) in input_delta.chunks_mut(period).zip(chunks) {
            let slopes = a.iter().zip(b).zip(c).zip(mean);
            let values = delta.iter().zip(inputs);
            for ((to, (&delta, &x)), (((&a, &b), &c), &mean)) in
                to.iter_mut().zip(values).zip(slopes)
            {
                *to = a * delta + b * (x - mean) + c;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::context::tests::bare;

    fn norm(channels: usize) -> BatchNorm {
        BatchNorm::check(&[1, 2, channels].into(), StatisticsKind::Batch, 1e-12, 0.1).unwrap()
    }

    #[test]
    fn statistics_and_outputs_by_hand() {
        // Two samples of two pixels: channels 1, 3, 1, 3 and 10, 10, 30, 30.
        let norm = norm(2);
        let inputs = [1.0, 10.0, 3.0, 10.0, 1.0, 30.0, 3.0, 30.0];
        let (mut outputs, mut cache) = ([9.0; 8], vec![9.0; norm.n_cache(2)]);
        let context = Context { parameters: &[1.0, 2.0, 0.0, 0.5], ..bare(2) };
        norm.forward(&context, &inputs, &mut outputs, &mut cache);
        for (got, expected) in outputs.iter().zip([-1.0, -1.5, 1.0, -1.5, -1.0, 2.5, 1.0, 2.5]) {
            assert!((got - expected).abs() < 1e-9, "{outputs:?}");
        }
        let mut statistics = [9.0; 4];
        norm.read_statistics(&cache, &mut statistics);
        for (got, expected) in statistics.iter().zip([2.0, 20.0, 1.0, 100.0]) {
            assert!((got - expected).abs() < 1e-9, "{statistics:?}");
        }
        let given = Context { statistics: Some(&[1.0, 10.0, 4.0, 25.0]), ..context };
        norm.forward(&given, &inputs, &mut outputs, &mut cache);
        for (got, expected) in outputs.iter().zip([0.0, 0.5, 1.0, 0.5, 0.0, 8.5, 1.0, 8.5]) {
            assert!((got - expected).abs() < 1e-9, "{outputs:?}");
        }
    }

    #[test]
    fn periods_of_any_width_give_the_same() {
        for channels in [1, 3, 10, 16, 33, 64, 65, 100] {
            let norm = norm(channels);
            let n = 130;
            let inputs: Vec<f64> =
                (0..n * 2 * channels).map(|i| ((i * 37) % 101) as f64 / 7.0).collect();
            let parameters = [vec![1.0; channels], vec![0.0; channels]].concat();
            let (mut outputs, mut cache) = (vec![9.0; inputs.len()], vec![9.0; norm.n_cache(n)]);
            let context = Context { parameters: &parameters, ..bare(n) };
            norm.forward(&context, &inputs, &mut outputs, &mut cache);
            for channel in 0..channels {
                let of = |values: &[f64]| {
                    let values = values.iter().skip(channel).step_by(channels);
                    let (n, sum, squares) = values.fold((0.0, 0.0, 0.0), |(n, sum, squares), x| {
                        (n + 1.0, sum + x, squares + x * x)
                    });
                    (sum / n, squares / n - (sum / n) * (sum / n))
                };
                let (mean, variance) = of(&outputs);
                assert!(mean.abs() < 1e-9 && (variance - 1.0).abs() < 1e-9, "{channels}");
            }
        }
    }

    #[test]
    fn settings_outside_their_range_are_refused() {
        let check = |epsilon, momentum| {
            BatchNorm::check(&4.into(), StatisticsKind::Running, epsilon, momentum)
        };
        assert!(check(1e-5, 0.1).is_ok());
        assert!(check(0.0, 0.1).is_err() && check(1e-5, 0.0).is_err() && check(1e-5, 1.1).is_err());
    }
}
