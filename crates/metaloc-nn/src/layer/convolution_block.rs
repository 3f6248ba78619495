//! A convolution, batch norm and max-pooling as one step: the block that few-shot networks repeat.
//!
//! Batch norm must see the whole batch before it can go on, so each pass over the convolution's
//! outputs would go through memory. Here there is one pass each way. In a channel, normalisation
//! rises with its input where the gain is positive and falls where it is negative: the largest
//! normalised value of a window stands where `sign(gain) x` is largest. So pooling comes first, and
//! only what it leaves is normalised:
//!
//! ```text
//! there   group of images by group: x = convolution; statistics of x; pooled = x where sign(gain) x is largest
//!         then: output = gain (pooled - mean) / deviation + bias
//! back    the two sums of the norm's gradient, over what was pooled: nothing else flows
//!         group by group: x_delta = a delta (where chosen) + b (x - mean) + c, then the convolution
//! ```
//!
//! The statistics of groups are put together as in T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating
//! formulae and a pairwise algorithm for computing sample variances", COMPSTAT 1982, equation 2.1.

use super::batch_norm::{BatchNorm, Slopes};
use super::convolution::{Convolution, Kept, PackedSides, Scratch};
use super::signed_pool::{N_ROWS, Pool, PoolShape, Unpool};
use super::strip::LANES;
use super::{Context, Layer, Sides, SidesMut};
use crate::kernels::level::{SimdLevel, Vectorized};
use crate::kernels::vector::{Available, Vector};
use crate::real::Real;
use crate::shape::Shape;
use crate::workspace::grow;

/// Outputs of the convolution that a group of images has, about: they stay in the second cache.
const GROUP_VALUES: usize = 32 * 1024;

/// A convolution with batch norm and max-pooling of separate windows behind it.
///
/// # Shapes
/// - parameters: the convolution's, then the norm's
/// - statistics: the norm's
/// - outputs: `[rows, columns, filters]` of the pooling
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ConvolutionBlock {
    pub(crate) convolution: Convolution,
    pub(crate) norm: BatchNorm,
    /// Whether a rectifier stands behind the norm.
    rectified: bool,
    pool: PoolShape,
}

/// What a block leaves for the way back, and its buffers. Vectors reach behind the last value.
#[derive(Clone, Debug, Default)]
pub(crate) struct BlockKept<R> {
    /// Of each group of images.
    groups: Vec<Kept<R>>,
    /// The convolution's outputs.
    values: Vec<R>,
    /// Those that pooling chose.
    pooled: Vec<R>,
    /// For each of them the place in its window.
    choices: Vec<u8>,
    /// Gradient with respect to what the norm makes of them.
    delta: Vec<R>,
    /// Rows of a number for each filter.
    rows: [Vec<R>; N_ROWS],
    moments: Moments,
}

/// Count, means and sums of squared differences of what was seen so far, a channel each.
#[derive(Clone, Debug, Default)]
struct Moments {
    n: f64,
    means: Vec<f64>,
    squares: Vec<f64>,
}

impl Moments {
    fn clear(&mut self, channels: usize) {
        self.n = 0.0;
        for values in [&mut self.means, &mut self.squares] {
            values.clear();
            values.resize(channels, 0.0);
        }
    }

    /// Adds `n` values of a channel with these means and variances.
    fn add<R: Real>(&mut self, n: usize, statistics: &[R]) {
        let (new, n) = (n as f64, self.n + n as f64);
        let (means, variances) = statistics.split_at(self.means.len());
        let sums = self.means.iter_mut().zip(&mut self.squares);
        for ((mean, squares), (other, variance)) in sums.zip(means.iter().zip(variances)) {
            let difference = other.to_f64() - *mean;
            *mean += difference * new / n;
            *squares += variance.to_f64() * new + difference * difference * self.n * new / n;
        }
        self.n = n;
    }

    /// Means, then variances.
    fn read<R: Real>(&self, statistics: &mut [R]) {
        let variances = self.squares.iter().map(|squares| squares / self.n);
        let values = self.means.iter().copied().chain(variances);
        statistics.iter_mut().zip(values).for_each(|(to, value)| *to = R::from_f64(value));
    }
}

/// Buffers of a block: what it keeps, the norm's cache, and what all convolutions share.
pub(crate) struct BlockBuffers<'a, R> {
    pub(crate) kept: &'a mut BlockKept<R>,
    pub(crate) cache: &'a mut [R],
    pub(crate) scratch: &'a mut Scratch<R>,
}

impl ConvolutionBlock {
    /// Puts the layers together, if the windows fit; `rectified`: there is a rectifier behind the
    /// norm.
    pub(crate) fn new(
        convolution: &Convolution,
        norm: &BatchNorm,
        rectified: bool,
        pool: [usize; 2],
    ) -> Option<Self> {
        let pool = PoolShape::new(convolution.outputs().image()?, pool)?;
        let (convolution, norm) = (convolution.without_spreading()?, norm.clone());
        Some(Self { convolution, norm, rectified, pool })
    }

    pub(crate) fn outputs(&self) -> Shape {
        let [rows, columns] = self.pool.pooled();
        [rows, columns, self.filters()].into()
    }

    fn filters(&self) -> usize {
        self.pool.image[2]
    }

    fn n_values(&self) -> usize {
        self.pool.image.iter().product()
    }

    fn n_outputs(&self) -> usize {
        self.pool.pooled().iter().product::<usize>() * self.filters()
    }

    /// Images of a group.
    fn group(&self) -> usize {
        (GROUP_VALUES / self.n_values()).max(1)
    }

    /// # Shapes
    /// - `inputs`: `[n, inputs]`, `outputs`: `[n, outputs]`
    pub(crate) fn forward<R: Real>(
        &self,
        context: &Context<'_, R>,
        packed: PackedSides<'_, R>,
        inputs: &[R],
        outputs: &mut [R],
        buffers: BlockBuffers<'_, R>,
    ) {
        let BlockBuffers { kept, cache, scratch } = buffers;
        let cache = &mut cache[..self.norm.n_cache(context.n)];
        let (n, level) = (context.n, SimdLevel::current());
        let (n_inputs, n_values, n_outputs) = (inputs.len() / n, self.n_values(), self.n_outputs());
        kept.reserve(self, n);
        let (own, of_norm) = context.parameters.split_at(self.convolution.n_parameters());
        for (sign, &gain) in kept.rows[0].iter_mut().zip(&of_norm[..self.filters()]) {
            let negative = if gain < R::ZERO { -R::ONE } else { R::ZERO };
            *sign = if gain > R::ZERO { R::ONE } else { negative };
        }
        kept.moments.clear(self.filters());
        for (group, first) in (0..n).step_by(self.group()).enumerate() {
            let images = self.group().min(n - first);
            let inputs = &inputs[first * n_inputs..(first + images) * n_inputs];
            let place = first * n_values..(first + images) * n_values;
            self.convolution.forward(
                images,
                (Sides { values: own, tangents: None }, packed),
                Sides { values: inputs, tangents: None },
                SidesMut { values: &mut kept.values[place.clone()], tangents: None },
                (&mut kept.groups[group], scratch),
            );
            if context.statistics.is_none() {
                let inputs = &kept.values[place.clone()];
                level.vectorize(Take { norm: &self.norm, inputs, cache });
                let statistics = &mut kept.rows[1][..2 * self.filters()];
                self.norm.read_statistics(cache, statistics);
                kept.moments.add(place.len() / self.filters(), statistics);
            }
            level.vectorize(Pool {
                shape: self.pool,
                images,
                values: &kept.values[place.start..],
                signs: &kept.rows[0],
                pooled: &mut kept.pooled[first * n_outputs..],
                choices: &mut kept.choices[first * n_outputs..],
            });
        }
        match context.statistics {
            Some(statistics) => self.norm.give(statistics, cache),
            None => {
                let statistics = &mut kept.rows[1][..2 * self.filters()];
                kept.moments.read(statistics);
                self.norm.give(statistics, cache);
            }
        }
        let (parameters, inputs) = (of_norm, &kept.pooled[..outputs.len()]);
        level.vectorize(Normalise { block: self, parameters, inputs, outputs, cache });
    }

    /// # Shapes
    /// - `inputs`, `input_delta`: `[n, inputs]`; `outputs`, `delta`: `[n, outputs]`
    pub(crate) fn backward<R: Real>(
        &self,
        context: &Context<'_, R>,
        packed: PackedSides<'_, R>,
        (inputs, outputs, delta): (&[R], &[R], &[R]),
        (gradient, add): (&mut [R], bool),
        mut input_delta: Option<&mut [R]>,
        buffers: BlockBuffers<'_, R>,
    ) {
        let BlockBuffers { kept, cache, scratch } = buffers;
        let cache = &mut cache[..self.norm.n_cache(context.n)];
        let (n, level) = (context.n, SimdLevel::current());
        let (n_values, n_outputs) = (self.n_values(), self.n_outputs());
        let n_parameters = self.convolution.n_parameters();
        let (own_gradient, norm_gradient) = gradient.split_at_mut(n_parameters);
        if !add {
            norm_gradient.fill(R::ZERO);
        }
        let flowing = &mut kept.delta[..delta.len()];
        let (norm, pooled) = (&self.norm, &kept.pooled[..delta.len()]);
        let outputs = self.rectified.then_some(outputs);
        let gradient = norm_gradient;
        level.vectorize(Gather { norm, outputs, delta, flowing, pooled, gradient, cache });
        let taken = context.statistics.is_none().then_some(n * n_values);
        let Slopes { a, b, c, mean } =
            self.norm.slopes(&context.parameters[n_parameters..], taken, cache);
        for (row, slopes) in kept.rows.iter_mut().zip([a, b, c, mean]) {
            row[..self.filters()].copy_from_slice(&slopes[..self.filters()]);
        }
        kept.rows[N_ROWS - 1].fill(R::ZERO);
        for (group, first) in (0..n).step_by(self.group()).enumerate() {
            let images = self.group().min(n - first);
            level.vectorize(Unpool {
                shape: self.pool,
                at: self.convolution.delta_grid().0,
                rectified: self.convolution.is_rectified(),
                images,
                values: &kept.values[first * n_values..],
                choices: &kept.choices[first * n_outputs..],
                delta: &kept.delta[first * n_outputs..],
                rows: &mut kept.rows,
                value_delta: self.convolution.delta_buffer(images, scratch),
            });
            let n_inputs = inputs.len() / n;
            let place = first * n_inputs..(first + images) * n_inputs;
            let inputs = (images, &inputs[place.clone()]);
            let input_delta = input_delta.as_deref_mut().map(|all| &mut all[place]);
            let into = (&mut own_gradient[..], group == 0, add);
            let buffers = (&kept.groups[group], &mut *scratch);
            self.convolution.backward_spread(inputs, packed, into, input_delta, buffers);
        }
        self.convolution.finish_filters(own_gradient, add, scratch);
        let bias_gradient = &mut own_gradient[n_parameters - self.filters()..];
        for (to, &sum) in bias_gradient.iter_mut().zip(&kept.rows[N_ROWS - 1]) {
            *to = if add { *to + sum } else { sum };
        }
    }
}

impl<R: Real> BlockKept<R> {
    fn reserve(&mut self, block: &ConvolutionBlock, n: usize) {
        let (group, n_values) = (block.group(), block.n_values());
        if self.groups.len() < n.div_ceil(group) {
            self.groups.resize_with(n.div_ceil(group), Kept::default);
        }
        grow(&mut self.values, n * n_values + LANES);
        let n_outputs = n * block.n_outputs() + LANES;
        grow(&mut self.pooled, n_outputs);
        grow(&mut self.delta, n_outputs);
        if self.choices.len() < n_outputs {
            self.choices.resize(n_outputs, 0);
        }
        for row in &mut self.rows {
            grow(row, (2 * block.filters()).next_multiple_of(LANES));
        }
    }
}

/// Takes the statistics of a group.
struct Take<'a, R> {
    norm: &'a BatchNorm,
    inputs: &'a [R],
    cache: &'a mut [R],
}

impl<R: Real> Vectorized<R> for Take<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, _: Available<V>) {
        self.norm.take(self.inputs, self.cache);
    }
}

/// Normalises, and rectifies where that is asked for.
struct Normalise<'a, R> {
    block: &'a ConvolutionBlock,
    parameters: &'a [R],
    inputs: &'a [R],
    outputs: &'a mut [R],
    cache: &'a mut [R],
}

impl<R: Real> Vectorized<R> for Normalise<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, _: Available<V>) {
        let Self { block, parameters, inputs, outputs, cache } = self;
        block.norm.normalise(parameters, inputs, outputs, cache);
        if block.rectified {
            for value in outputs {
                *value = if *value <= R::ZERO { R::ZERO } else { *value };
            }
        }
    }
}

/// Finds what flows through the rectifier, and the gradient of the norm's parameters.
struct Gather<'a, R> {
    norm: &'a BatchNorm,
    /// Where there is a rectifier.
    outputs: Option<&'a [R]>,
    delta: &'a [R],
    flowing: &'a mut [R],
    pooled: &'a [R],
    gradient: &'a mut [R],
    cache: &'a mut [R],
}

impl<R: Real> Vectorized<R> for Gather<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, _: Available<V>) {
        let Self { norm, outputs, delta, flowing, pooled, gradient, cache } = self;
        flowing.copy_from_slice(delta);
        for (to, &output) in flowing.iter_mut().zip(outputs.unwrap_or(&[])) {
            *to = if output <= R::ZERO { R::ZERO } else { *to };
        }
        norm.gather(pooled, flowing, gradient, cache);
    }
}

#[cfg(test)]
mod tests {
    use crate::loss::{Loss, Targets};
    use crate::network::{Mode, Network, Objective};
    use crate::{NetworkDescription, Shape};
    use serde_json::{Value, json};

    /// The network, and the same one with each layer a step of its own.
    fn networks(inputs: [usize; 3], layers: &Value) -> (Network, Network) {
        let layers = serde_json::from_value(layers.clone()).unwrap();
        let network = NetworkDescription { inputs: Shape::from(inputs), layers }.check().unwrap();
        let plan = network.plan_with_tangents.clone();
        assert!(network.plan.steps.len() < plan.steps.len(), "layers make a block");
        (network.clone(), Network { plan, ..network })
    }

    /// Quarters from -1 to 1, so that windows have equals.
    fn values(n: usize, seed: usize) -> Vec<f64> {
        let scrambled = |i: usize| (i + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        (0..n).map(|i| (scrambled(i) % 9) as f64 / 4.0 - 1.0).collect()
    }

    /// Compares gradient, loss and statistics of the two.
    fn compare(inputs: [usize; 3], layers: &Value, n: usize, given: bool) {
        let (network, plain) = networks(inputs, layers);
        let parameters = values(network.n_parameters(), 1);
        let (batch, targets) =
            (values(n * network.n_inputs(), 2), values(n * network.n_outputs(), 3));
        let statistics: Vec<f64> =
            values(network.n_statistics(), 4).iter().map(|value| value + 1.5).collect();
        let mode = Mode { statistics: given.then_some(&statistics[..]), ..Mode::default() };
        let loss = Loss::SquaredError;
        let objective =
            Objective { mode, ..Objective::new(&batch, Targets::Values(&targets), loss) };
        let run = |network: &Network| {
            let mut workspace = network.workspace();
            let mut all = vec![9.0; network.n_parameters() + network.n_statistics()];
            let (gradient, statistics) = all.split_at_mut(network.n_parameters());
            network.loss_and_gradient(&parameters, objective, gradient, &mut workspace).unwrap();
            network.statistics(&parameters, &batch, statistics, &mut workspace).unwrap();
            let outputs = network.predict_in(mode, &parameters, &batch, &mut workspace).unwrap();
            [&all, outputs].concat()
        };
        for (place, (got, expected)) in run(&network).iter().zip(run(&plain)).enumerate() {
            let close = (got - expected).abs() <= 1e-9 * (1.0 + expected.abs());
            assert!(close, "{place}: {got} against {expected}, {layers}");
        }
    }

    #[test]
    fn a_block_is_its_layers() {
        let relu = json!({ "kind": "relu" });
        let norm = json!({ "kind": "batch_norm", "epsilon": 0.01 });
        let pool = |kernel: [usize; 2]| json!({ "kind": "max_pool", "kernel": kernel });
        let dense = json!({ "kind": "dense", "outputs": 2 });
        for filters in [1, 3, 10, 16, 19, 32] {
            for (padding, kernel) in [([0, 0], [2, 2]), ([1, 1], [3, 2]), ([0, 3], [1, 2])] {
                let convolution = json!(
                    { "kind": "conv2d", "filters": filters, "kernel": [3, 3], "padding": padding }
                );
                for layers in [
                    json!([convolution, relu, norm, pool(kernel), dense]),
                    json!([convolution, norm, relu, pool(kernel), dense]),
                    json!([convolution, norm, pool(kernel), convolution, norm, dense]),
                ] {
                    for given in [false, true] {
                        compare([9, 10, 2], &layers, 5, given);
                    }
                }
            }
        }
    }

    #[test]
    fn groups_of_images_make_no_difference() {
        // Two images a group, and a last group of one.
        let convolution = json!({ "kind": "conv2d", "filters": 10, "kernel": [3, 3] });
        let norm = json!({ "kind": "batch_norm" });
        let pool = json!({ "kind": "max_pool", "kernel": [8, 8] });
        let dense = json!({ "kind": "dense", "outputs": 2 });
        compare(
            [42, 40, 1],
            &json!([convolution, { "kind": "relu" }, norm, pool, dense]),
            5,
            false,
        );
    }
}
