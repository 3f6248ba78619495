//! What stands behind a convolution's products: bias, rectifier and max-pooling, there and back.
//!
//! A strip is what the products of some lines of a convolution's outputs make: `[pixels, stride]`,
//! a line of pooled outputs after the other, each `pool rows x (columns * pool columns)` pixels.

use crate::kernels::convolution::DeltaGrid;
use crate::kernels::level::Vectorized;
use crate::kernels::vector::{Available, Vector};
use crate::real::Real;

/// The byte of an output through which nothing flows back: the rectifier held it at zero.
pub(crate) const SILENT: u8 = u8::MAX;

/// Values handled side by side: a strip's stride is a multiple, which every kernel's vector divides.
pub(crate) const LANES: usize = 16;

/// How the outputs of a strip come from its pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finish {
    pub(crate) filters: usize,
    /// Pooled outputs of a line.
    pub(crate) columns: usize,
    /// Height and width of the pooled windows.
    pub(crate) pool: [usize; 2],
    pub(crate) rectified: bool,
    /// Distance of two pixels in a strip.
    pub(crate) stride: usize,
}

impl Finish {
    /// Places in the strip of the first pixels under a line's outputs.
    #[inline(always)]
    fn corners(&self, line: usize) -> impl Iterator<Item = usize> + use<> {
        let step = self.pool[1] * self.stride;
        let first = line * self.pool[0] * self.columns * step;
        (0..self.columns).map(move |column| first + column * step)
    }

    /// A vector of outputs and which pixels they come from, the first of equals; the strip from the
    /// first pixel on.
    #[inline(always)]
    fn output<R: Real, V: Vector<R>>(&self, vectors: Available<V>, strip: &[R], bias: V) -> (V, V) {
        let (mut best, mut choice) = (vectors.load(strip), vectors.splat(R::ZERO));
        if self.pool != [1, 1] {
            for row in 0..self.pool[0] {
                for column in 0..self.pool[1] {
                    let candidate = vectors.load(&strip[row * self.row() + column * self.stride..]);
                    let tap = vectors.splat(R::from_f64((row * self.pool[1] + column) as f64));
                    // A NaN is not passed over; the first pixel meets itself, and stays.
                    choice = candidate.where_at_most(best, choice, tap);
                    best = candidate.where_at_most(best, best, candidate);
                }
            }
        }
        let value = best.plus(bias);
        if !self.rectified {
            return (value, choice);
        }
        let (zero, silent) = (vectors.splat(R::ZERO), vectors.splat(R::from_f64(SILENT.into())));
        (value.where_at_most(zero, zero, value), value.where_at_most(zero, silent, choice))
    }

    /// Distance of two rows of pixels.
    #[inline(always)]
    fn row(&self) -> usize {
        self.columns * self.pool[1] * self.stride
    }
}

/// Makes the outputs of a strip.
///
/// # Shapes
/// - `outputs`: `[lines, columns, filters]`; `choices`: the same, or nothing if they are not needed
pub(crate) struct Values<'a, R> {
    pub(crate) finish: Finish,
    pub(crate) strip: &'a [R],
    pub(crate) bias: &'a [R],
    pub(crate) outputs: &'a mut [R],
    pub(crate) choices: &'a mut [u8],
}

impl<R: Real> Vectorized<R> for Values<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, vectors: Available<V>) {
        let Self { finish, strip, bias, outputs, choices } = self;
        let (filters, line) = (finish.filters, finish.columns * finish.filters);
        assert!(finish.stride.is_multiple_of(LANES) && filters <= finish.stride);
        assert!(strip.len() * finish.filters >= outputs.len() * finish.stride);
        let keeps = !choices.is_empty();
        assert!(!keeps || choices.len() == outputs.len());
        let (mut edge, mut edge_choices) = ([R::ZERO; LANES], [0; LANES]);
        for index in 0..outputs.len() / line {
            for first in spilling_chunks::<R, V>(filters) {
                let end = filters.min(first + V::LANES);
                edge[..end - first].copy_from_slice(&bias[first..end]);
                let bias = vectors.load(&edge);
                for (x, corner) in finish.corners(index).enumerate() {
                    let place = index * line + x * filters + first;
                    let (values, choice) = finish.output(vectors, &strip[corner + first..], bias);
                    if place + V::LANES <= outputs.len() {
                        vectors.store(values, &mut outputs[place..]);
                        if keeps {
                            vectors.store_bytes(choice, &mut choices[place..]);
                        }
                        continue;
                    }
                    vectors.store(values, &mut edge);
                    outputs[place..place + end - first].copy_from_slice(&edge[..end - first]);
                    if keeps {
                        vectors.store_bytes(choice, &mut edge_choices);
                        choices[place..place + end - first]
                            .copy_from_slice(&edge_choices[..end - first]);
                    }
                }
            }
        }
    }
}

/// The first filter of each vector, in an order in which rows of pixels may be written vector by
/// vector: the one that is not full reaches into the next pixel, and is written over there.
#[inline(always)]
pub(crate) fn spilling_chunks<R, V: Vector<R>>(filters: usize) -> impl Iterator<Item = usize> {
    let whole = filters - filters % V::LANES;
    (whole < filters).then_some(whole).into_iter().chain((0..whole).step_by(V::LANES))
}

/// Makes the output tangents of a strip of tangents: that of the chosen value, with the bias's.
pub(crate) struct Tangents<'a, R> {
    pub(crate) finish: Finish,
    pub(crate) strip: &'a [R],
    pub(crate) bias: &'a [R],
    pub(crate) outputs: &'a mut [R],
    pub(crate) choices: &'a [u8],
}

impl<R: Real> Vectorized<R> for Tangents<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, _: Available<V>) {
        let Self { finish, strip, bias, outputs, choices } = self;
        let (filters, line) = (finish.filters, finish.columns * finish.filters);
        let mut choices = choices.chunks_exact(line);
        for (index, outputs) in outputs.chunks_exact_mut(line).enumerate() {
            let choices = choices.next();
            for (x, corner) in finish.corners(index).enumerate() {
                let outputs = &mut outputs[x * filters..(x + 1) * filters];
                let Some(choices) = choices else {
                    for (filter, to) in outputs.iter_mut().enumerate() {
                        *to = strip[corner + filter] + bias[filter];
                    }
                    continue;
                };
                let choices = &choices[x * filters..(x + 1) * filters];
                outputs.fill(R::ZERO);
                let mut tap = 0;
                for row in 0..finish.pool[0] {
                    for column in 0..finish.pool[1] {
                        let place = corner + row * finish.row() + column * finish.stride;
                        let values = strip[place..place + filters].iter().zip(bias);
                        let chosen = outputs.iter_mut().zip(choices);
                        for ((to, &choice), (&value, &bias)) in chosen.zip(values) {
                            *to = if choice == tap { value + bias } else { *to };
                        }
                        tap += 1;
                    }
                }
            }
        }
    }
}

/// Adds output gradients to the bias's gradient.
pub(crate) struct BiasGradient<'a, R> {
    pub(crate) delta: &'a [R],
    /// One for each gradient, or nothing if all flow.
    pub(crate) choices: &'a [u8],
    pub(crate) sums: &'a mut [R],
}

impl<R: Real> Vectorized<R> for BiasGradient<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, _: Available<V>) {
        let filters = self.sums.len();
        if self.choices.is_empty() {
            for delta in self.delta.chunks_exact(filters) {
                self.sums.iter_mut().zip(delta).for_each(|(sum, &delta)| *sum += delta);
            }
            return;
        }
        let pixels = self.delta.chunks_exact(filters).zip(self.choices.chunks_exact(filters));
        for (delta, choices) in pixels {
            for ((sum, &delta), &choice) in self.sums.iter_mut().zip(delta).zip(choices) {
                *sum += if choice == SILENT { R::ZERO } else { delta };
            }
        }
    }
}

/// Writes the output gradients that flow to one pixel: those of the outputs that chose it. Whole
/// vectors are written; returns false, with nothing written, where they would not fit.
#[inline(always)]
fn chosen<R: Real, V: Vector<R>>(
    vectors: Available<V>,
    filters: usize,
    (delta, choices): (&[R], &[u8]),
    tap: usize,
    to: &mut [R],
) -> bool {
    let end = filters.next_multiple_of(V::LANES);
    if delta.len() < end || choices.len() < end || to.len() < end {
        return false;
    }
    let (zero, tap) = (vectors.splat(R::ZERO), vectors.splat(R::from_f64(tap as f64)));
    for first in (0..end).step_by(V::LANES) {
        let choice = vectors.load_bytes(&choices[first..]);
        let delta = vectors.load(&delta[first..]);
        let at_least = tap.where_at_most(choice, delta, zero);
        vectors.store(choice.where_at_most(tap, at_least, zero), &mut to[first..]);
    }
    true
}

/// Output gradients of some images on their way to where the convolution's products want them.
///
/// # Shapes
/// - `delta`: `[n, rows, columns, filters]`; `choices`: the same, or nothing if all flow
/// - `spread`: `n` images of the grid, of which all values are written
pub(crate) struct Spread<'a, R> {
    pub(crate) at: DeltaGrid,
    pub(crate) finish: Finish,
    /// Rows of pooled outputs of an image.
    pub(crate) rows: usize,
    pub(crate) delta: &'a [R],
    pub(crate) choices: &'a [u8],
    pub(crate) spread: &'a mut [R],
}

impl<R: Real> Vectorized<R> for Spread<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, vectors: Available<V>) {
        let Self { at, finish, rows, .. } = self;
        let ([pool_rows, pool_columns], columns) = (finish.pool, finish.columns);
        let ([down, right], filters) = (at.stride, at.grid.channels);
        let n_outputs = rows * columns * filters;
        let images = self.spread.chunks_exact_mut(at.grid.n_values());
        // Vectors that reach into the next pixel are written over by it, or cleared with the border.
        let dense = at.stride == [1, 1];
        let spills = dense && !self.choices.is_empty();
        for (image, to) in images.enumerate().take(self.delta.len() / n_outputs) {
            if !dense {
                to.fill(R::ZERO);
            }
            for line in 0..rows * pool_rows {
                let (y, row) = (line / pool_rows, line % pool_rows);
                let first = at.first + line * down * at.grid.row();
                for x in 0..columns {
                    let output = image * n_outputs + (y * columns + x) * filters;
                    for column in 0..pool_columns {
                        let tap = row * pool_columns + column;
                        let place = first + (x * pool_columns + column) * right * filters;
                        let delta = &self.delta[output..];
                        if self.choices.is_empty() {
                            to[place..place + filters].copy_from_slice(&delta[..filters]);
                            continue;
                        }
                        let choices = &self.choices[output..];
                        if spills
                            && chosen(vectors, filters, (delta, choices), tap, &mut to[place..])
                        {
                            continue;
                        }
                        let from = delta.iter().zip(choices);
                        for (to, (&delta, &choice)) in
                            to[place..place + filters].iter_mut().zip(from)
                        {
                            *to = if usize::from(choice) == tap { delta } else { R::ZERO };
                        }
                    }
                }
            }
            if dense {
                clear_border(&at, [rows * pool_rows, columns * pool_columns], to);
            }
        }
    }
}

/// Writes zeros round the first rows and columns of an image, of a stride of one.
#[inline(always)]
pub(crate) fn clear_border<R: Real>(at: &DeltaGrid, [rows, columns]: [usize; 2], image: &mut [R]) {
    let (row, written) = (at.grid.row(), columns * at.grid.channels);
    // From the end of each written row to the beginning of the next one.
    let mut end = 0;
    for y in 0..rows {
        let first = at.first + y * row;
        image[end..first].fill(R::ZERO);
        end = first + written;
    }
    image[end..].fill(R::ZERO);
}
