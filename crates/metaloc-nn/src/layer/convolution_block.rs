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
    /// Rows, columns and filters of the convolution.
    image: [usize; 3],
    /// Height and width of the pooled windows.
    pool: [usize; 2],
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
    /// Gradient with respect to the convolution's outputs of a group.
    value_delta: Vec<R>,
    /// Rows of a number for each filter.
    rows: [Vec<R>; 4],
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
        let image = convolution.outputs().image()?;
        let fits = pool.iter().all(|&size| size > 0) && pool[0] <= image[0] && pool[1] <= image[1];
        let counted = pool[0].checked_mul(pool[1]).is_some_and(|n| n <= usize::from(u8::MAX));
        let (convolution, norm) = (convolution.clone(), norm.clone());
        (fits && counted).then_some(Self { convolution, norm, rectified, image, pool })
    }

    /// Rows and columns of what is left after pooling.
    fn pooled(&self) -> [usize; 2] {
        [self.image[0] / self.pool[0], self.image[1] / self.pool[1]]
    }

    pub(crate) fn outputs(&self) -> Shape {
        let [rows, columns] = self.pooled();
        [rows, columns, self.image[2]].into()
    }

    fn filters(&self) -> usize {
        self.image[2]
    }

    fn n_values(&self) -> usize {
        self.image.iter().product()
    }

    fn n_outputs(&self) -> usize {
        self.pooled()[0] * self.pooled()[1] * self.filters()
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
                block: self,
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
    /// - `outputs`, `delta`: `[n, outputs]`, `input_delta`: `[n, inputs]`
    pub(crate) fn backward<R: Real>(
        &self,
        context: &Context<'_, R>,
        packed: PackedSides<'_, R>,
        (outputs, delta): (&[R], &[R]),
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
        for (group, first) in (0..n).step_by(self.group()).enumerate() {
            let images = self.group().min(n - first);
            level.vectorize(Unpool {
                block: self,
                images,
                values: &kept.values[first * n_values..],
                choices: &kept.choices[first * n_outputs..],
                delta: &kept.delta[first * n_outputs..],
                rows: &kept.rows,
                value_delta: &mut kept.value_delta,
            });
            let input_delta = input_delta.as_deref_mut().map(|all| {
                let n_inputs = all.len() / n;
                let values = &mut all[first * n_inputs..(first + images) * n_inputs];
                SidesMut { values, tangents: None }
            });
            self.convolution.backward(
                images,
                packed,
                Sides { values: &kept.value_delta[..images * n_values], tangents: None },
                (own_gradient, add || group > 0),
                input_delta,
                (&kept.groups[group], scratch),
            );
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
        grow(&mut self.value_delta, group.min(n) * n_values + LANES);
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

/// Chooses the values of a group that pooling leaves: the first of equals.
struct Pool<'a, R> {
    block: &'a ConvolutionBlock,
    images: usize,
    values: &'a [R],
    signs: &'a [R],
    pooled: &'a mut [R],
    choices: &'a mut [u8],
}

impl<R: Real> Vectorized<R> for Pool<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, vectors: Available<V>) {
        let ([rows, columns, filters], [pool_rows, pool_columns]) =
            (self.block.image, self.block.pool);
        let [height, width] = self.block.pooled();
        // Vectors that reach into the next output are written over by it.
        let mut output = 0;
        for line in 0..self.images * height {
            let (image, y) = (line / height, line % height);
            for x in 0..width {
                let corner =
                    ((image * rows + y * pool_rows) * columns + x * pool_columns) * filters;
                for first in (0..filters).step_by(V::LANES) {
                    let sign = vectors.load(&self.signs[first..]);
                    let mut best = vectors.load(&self.values[corner + first..]);
                    let mut largest = best.times(sign);
                    let mut choice = vectors.splat(R::ZERO);
                    for row in 0..pool_rows {
                        for column in 0..pool_columns {
                            let place = corner + (row * columns + column) * filters + first;
                            let value = vectors.load(&self.values[place..]);
                            let tap = R::from_f64((row * pool_columns + column) as f64);
                            let key = value.times(sign);
                            choice = key.where_at_most(largest, choice, vectors.splat(tap));
                            best = key.where_at_most(largest, best, value);
                            largest = key.where_at_most(largest, largest, key);
                        }
                    }
                    vectors.store(best, &mut self.pooled[output + first..]);
                    vectors.store_bytes(choice, &mut self.choices[output + first..]);
                }
                output += filters;
            }
        }
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

/// Finds the gradient with respect to the convolution's outputs of a group.
struct Unpool<'a, R> {
    block: &'a ConvolutionBlock,
    images: usize,
    values: &'a [R],
    choices: &'a [u8],
    delta: &'a [R],
    /// `a`, `b`, `c` and the mean.
    rows: &'a [Vec<R>; 4],
    value_delta: &'a mut [R],
}

impl<R: Real> Unpool<'_, R> {
    /// A pixel; `chosen`: its output and its place in the window, if it stands in one.
    #[inline(always)]
    fn pixel<V: Vector<R>>(
        &mut self,
        vectors: Available<V>,
        pixel: usize,
        chosen: Option<(usize, usize)>,
    ) {
        let filters = self.block.filters();
        let [a, b, c, mean] = self.rows;
        for first in (0..filters).step_by(V::LANES) {
            let [b, c, mean] = [b, c, mean].map(|row| vectors.load(&row[first..]));
            let value = vectors.load(&self.values[pixel + first..]);
            let mut delta = b.times(value.minus(mean)).plus(c);
            if let Some((output, tap)) = chosen {
                let tap = vectors.splat(R::from_f64(tap as f64));
                let choice: V = vectors.load_bytes(&self.choices[output + first..]);
                let own = vectors.load(&a[first..]);
                let flow = own.times(vectors.load(&self.delta[output + first..])).plus(delta);
                let at_least = tap.where_at_most(choice, flow, delta);
                delta = choice.where_at_most(tap, at_least, delta);
            }
            // What reaches into the next pixel is written over by it.
            vectors.store(delta, &mut self.value_delta[pixel + first..]);
        }
    }
}

impl<R: Real> Vectorized<R> for Unpool<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(mut self, vectors: Available<V>) {
        let ([rows, columns, filters], [pool_rows, pool_columns]) =
            (self.block.image, self.block.pool);
        let [height, width] = self.block.pooled();
        let mut pixel = 0;
        for line in 0..self.images * rows {
            let (image, y) = (line / rows, line % rows);
            let inside = if y < height * pool_rows { width } else { 0 };
            let first = (image * height + y / pool_rows) * width * filters;
            for x in 0..inside {
                for column in 0..pool_columns {
                    let tap = y % pool_rows * pool_columns + column;
                    self.pixel(vectors, pixel, Some((first + x * filters, tap)));
                    pixel += filters;
                }
            }
            for _ in inside * pool_columns..columns {
                self.pixel(vectors, pixel, None);
                pixel += filters;
            }
        }
    }
}
