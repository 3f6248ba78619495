//! Max-pooling in front of a norm: of the largest values where the norm rises, the smallest where it
//! falls; and the way back through norm, pooling and rectifier at once. See
//! [`convolution_block`](super::convolution_block).

use super::batch_norm::Slopes;
use super::strip::{clear_border, spilling_chunks};
use crate::kernels::convolution::DeltaGrid;
use crate::kernels::level::Vectorized;
use crate::kernels::vector::{Available, Vector};
use crate::real::Real;

/// Rows of a number for each filter, of the way back: `a`, `b`, `c` and the mean of the norm's
/// [`Slopes`], and the gradient of the convolution's bias.
pub(crate) const N_ROWS: usize = 5;

/// Images and the windows that they are pooled by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PoolShape {
    /// Rows, columns and filters.
    pub(crate) image: [usize; 3],
    /// Height and width of the windows.
    pub(crate) pool: [usize; 2],
}

impl PoolShape {
    /// `None` if no window fits, or a place in it does not fit into a byte.
    pub(crate) fn new(image: [usize; 3], pool: [usize; 2]) -> Option<Self> {
        let fits = pool.iter().all(|&size| size > 0) && pool[0] <= image[0] && pool[1] <= image[1];
        let counted = pool[0].checked_mul(pool[1]).is_some_and(|n| n <= usize::from(u8::MAX));
        (fits && counted).then_some(Self { image, pool })
    }

    /// Rows and columns of what is left after pooling.
    pub(crate) fn pooled(&self) -> [usize; 2] {
        [self.image[0] / self.pool[0], self.image[1] / self.pool[1]]
    }
}

/// Chooses the values of a group that pooling leaves: the first of equals.
///
/// # Shapes
/// Each array goes on for a vector behind its last value.
/// - `values`: `[images, rows, columns, filters]`; `signs`: `[filters]`, each -1, 0 or 1
/// - `pooled`: `[images, pooled rows, pooled columns, filters]`; `choices`: the same, places in windows
pub(crate) struct Pool<'a, R> {
    pub(crate) shape: PoolShape,
    pub(crate) images: usize,
    pub(crate) values: &'a [R],
    pub(crate) signs: &'a [R],
    pub(crate) pooled: &'a mut [R],
    pub(crate) choices: &'a mut [u8],
}

impl<R: Real> Vectorized<R> for Pool<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, vectors: Available<V>) {
        let PoolShape { image: [rows, columns, filters], pool: [pool_rows, pool_columns] } =
            self.shape;
        let [height, width] = self.shape.pooled();
        for line in 0..self.images * height {
            let (image, y) = (line / height, line % height);
            let values = &self.values[(image * rows + y * pool_rows) * columns * filters..];
            let pooled = &mut self.pooled[line * width * filters..];
            let choices = &mut self.choices[line * width * filters..];
            for first in spilling_chunks::<R, V>(filters) {
                let sign = vectors.load(&self.signs[first..]);
                for x in 0..width {
                    let corner = x * pool_columns * filters + first;
                    let mut best = vectors.load(&values[corner..]);
                    let mut largest = best.times(sign);
                    let mut choice = vectors.splat(R::ZERO);
                    for row in 0..pool_rows {
                        for column in 0..pool_columns {
                            let place = corner + (row * columns + column) * filters;
                            let value = vectors.load(&values[place..]);
                            let tap = R::from_f64((row * pool_columns + column) as f64);
                            let key = value.times(sign);
                            choice = key.where_at_most(largest, choice, vectors.splat(tap));
                            best = key.where_at_most(largest, best, value);
                            largest = key.where_at_most(largest, largest, key);
                        }
                    }
                    vectors.store(best, &mut pooled[x * filters + first..]);
                    vectors.store_bytes(choice, &mut choices[x * filters + first..]);
                }
            }
        }
    }
}

/// Finds the gradient with respect to the convolution's own outputs of a group, before its
/// rectifier, and adds up that of the bias.
///
/// # Shapes
/// Each array goes on for a vector behind its last value.
/// - `values`, `choices`: as for [`Pool`]; `delta`: as `choices`
/// - `value_delta`: images of the grid `at`, of which all values are written
pub(crate) struct Unpool<'a, R> {
    pub(crate) shape: PoolShape,
    pub(crate) at: DeltaGrid,
    /// Whether the values come from a rectifier.
    pub(crate) rectified: bool,
    pub(crate) images: usize,
    pub(crate) values: &'a [R],
    pub(crate) choices: &'a [u8],
    pub(crate) delta: &'a [R],
    /// For each filter: see [`N_ROWS`].
    pub(crate) rows: &'a mut [Vec<R>; N_ROWS],
    pub(crate) value_delta: &'a mut [R],
}

impl<R: Real> Unpool<'_, R> {
    /// Some filters of a row of pixels.
    ///
    /// # Shapes
    /// - `values`, `to`: from the row's first pixel on; `choices`, `delta`: from the first output of
    ///   the row's windows on, or nothing if it stands in none
    #[inline(always)]
    fn row<V: Vector<R>>(
        &self,
        vectors: Available<V>,
        slopes: &Slopes<'_, V>,
        (values, choices, delta): (&[R], &[u8], &[R]),
        first_tap: usize,
        to: &mut [R],
    ) -> V {
        let PoolShape { image: [_, columns, filters], pool: [_, pool] } = self.shape;
        let rectified = self.rectified;
        let (mut sum, mut place) = (vectors.splat(R::ZERO), 0);
        let width = if delta.is_empty() { 0 } else { columns / pool };
        for x in 0..width {
            let choice = vectors.load_bytes(&choices[x * filters..]);
            let flow = slopes.a[0].times(vectors.load(&delta[x * filters..]));
            for column in 0..pool {
                let tap = vectors.splat(R::from_f64((first_tap + column) as f64));
                let value = vectors.load(&values[place..]);
                let slope = slopes.b[0].times(value.minus(slopes.mean[0])).plus(slopes.c[0]);
                let at_least = tap.where_at_most(choice, flow.plus(slope), slope);
                let delta = choice.where_at_most(tap, at_least, slope);
                let delta = held_back(vectors, rectified, value, delta);
                sum = sum.plus(delta);
                vectors.store(delta, &mut to[place..]);
                place += filters;
            }
        }
        for _ in width * pool..columns {
            let value = vectors.load(&values[place..]);
            let slope = slopes.b[0].times(value.minus(slopes.mean[0])).plus(slopes.c[0]);
            let delta = held_back(vectors, rectified, value, slope);
            sum = sum.plus(delta);
            vectors.store(delta, &mut to[place..]);
            place += filters;
        }
        sum
    }
}

/// What flows back through a rectifier, if there is one, that gave these values.
#[inline(always)]
fn held_back<R: Real, V: Vector<R>>(
    vectors: Available<V>,
    rectified: bool,
    value: V,
    delta: V,
) -> V {
    let zero = vectors.splat(R::ZERO);
    if rectified { value.where_at_most(zero, zero, delta) } else { delta }
}

impl<R: Real> Vectorized<R> for Unpool<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(mut self, vectors: Available<V>) {
        let PoolShape { image: [rows, columns, filters], pool: [pool_rows, pool_columns] } =
            self.shape;
        let ([height, width], at) = (self.shape.pooled(), self.at);
        let to = std::mem::take(&mut self.value_delta);
        for image in 0..self.images {
            let image_place = image * at.grid.n_values();
            for y in 0..rows {
                let row = image_place + at.first + y * at.grid.row();
                let values = &self.values[(image * rows + y) * columns * filters..];
                let outputs = (image * height + y / pool_rows) * width * filters;
                for first in spilling_chunks::<R, V>(filters) {
                    let [a, b, c, mean, sum] = &*self.rows;
                    let a = [vectors.load(&a[first..])];
                    let b = [vectors.load(&b[first..])];
                    let c = [vectors.load(&c[first..])];
                    let mean = [vectors.load(&mean[first..])];
                    let sum: V = vectors.load(&sum[first..]);
                    let slopes = Slopes { a: &a, b: &b, c: &c, mean: &mean };
                    let (choices, delta) = match y < height * pool_rows {
                        true => (&self.choices[outputs + first..], &self.delta[outputs + first..]),
                        false => (&[][..], &[][..]),
                    };
                    let from = (&values[first..], choices, delta);
                    let tap = y % pool_rows * pool_columns;
                    let own = self.row(vectors, &slopes, from, tap, &mut to[row + first..]);
                    vectors.store(sum.plus(own), &mut self.rows[N_ROWS - 1][first..]);
                }
            }
            // What reached behind the rows.
            let own = image_place..image_place + at.grid.n_values();
            clear_border(&at, [rows, columns], &mut to[own]);
        }
    }
}
