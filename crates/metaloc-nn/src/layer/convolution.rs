//! Two-dimensional convolution, with the rectifier and the max-pooling that may stand behind it.
//!
//! `output[y, x, f] = bias[f] + sum_{r, c, i} input[y down + r - top, x right + c - left, i] weight[r, c, i, f]`
//!
//! A convolution makes much more than what max-pooling keeps of it. Where a rectifier and a pooling
//! of whole, separate windows follow, the three are one pass: a strip of the convolution's outputs
//! stays in the first cache, and what leaves is the pooled value with one byte, the place of the
//! largest value in its window or [`SILENT`]. The way back reads that byte.
//!
//! With tangents (of inputs and weights): the tangent of a convolution is the sum of two; rectifier
//! and pooling pass the tangent of the value that they chose.

use super::strip::{BiasGradient, Finish, LANES, SILENT, Spread, Tangents, Values};
use super::{Initial, ParameterArray, Refusal, Sides, SidesMut};
use crate::kernels::convolution::{DeltaGrid, Grid, PackedFilters};
use crate::kernels::correlation::{Correlation, CorrelationScratch, FilterGradient, Lines};
use crate::kernels::level::SimdLevel;
use crate::kernels::tile::MAX_COLUMNS;
use crate::real::Real;
use crate::shape::Shape;
use crate::workspace::grow;

/// A convolution of a checked network, and what is fused with it.
///
/// # Shapes
/// - inputs: `[height, width, channels]`
/// - parameters: weight `[window rows, window columns, channels, filters]`, then bias `[filters]`
/// - outputs: `[rows, columns, filters]` of the pooling where there is one, else of the convolution
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Convolution {
    inputs: [usize; 3],
    filters: usize,
    window: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    rectified: bool,
    /// Height and width of the pooled windows; `[1, 1]` for none.
    pool: [usize; 2],
    /// Whether the way back finds the output gradients as the rectifier and the pooling got them.
    spreads: bool,
}

/// Buffers of one convolution in one part of a batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept<R> {
    /// Inputs with their borders of zeros, or nothing if they serve as they are.
    padded: Vec<R>,
    padded_tangents: Vec<R>,
    /// For each output the place in its window, or [`SILENT`].
    choices: Vec<u8>,
}

/// Buffers that all convolutions of a pass share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch<R> {
    correlation: CorrelationScratch<R>,
    strip: Vec<R>,
    delta: Vec<R>,
    delta_tangents: Vec<R>,
}

/// Weights laid out for the kernels, made once a call for all parts of a batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packed<R> {
    there: Vec<R>,
    back: Vec<R>,
}

/// Packed weights, and packed tangents of weights or, in a pass without, the weights again.
pub(crate) type PackedSides<'a, R> = (&'a Packed<R>, &'a Packed<R>);

impl Convolution {
    pub(crate) fn check(
        inputs: &Shape,
        filters: usize,
        window: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> Result<Self, Refusal> {
        let Some(image) = inputs.image() else {
            return Err(Refusal::Inputs("an image, height x width x channels".to_owned()));
        };
        if filters == 0 {
            return Err(Refusal::zero("filters"));
        }
        for (setting, sizes) in [("kernel", window), ("stride", stride)] {
            if sizes.contains(&0) {
                let expected = "two sizes of at least 1".to_owned();
                return Err(Refusal::Setting { setting, expected, got: format!("{sizes:?}") });
            }
        }
        let fits = |axis: usize| {
            padding[axis]
                .checked_mul(2)
                .and_then(|border| border.checked_add(image[axis]))
                .is_some_and(|size| size >= window[axis])
        };
        if !fits(0) || !fits(1) {
            let [height, width] = window;
            return Err(Refusal::Inputs(format!(
                "an image of at least {height} x {width} with its padding of {} and {}",
                padding[0], padding[1]
            )));
        }
        let (rectified, pool, spreads) = (false, [1, 1], true);
        Ok(Self { inputs: image, filters, window, stride, padding, rectified, pool, spreads })
    }

    /// The same convolution with the rectifier behind it.
    pub(crate) fn with_relu(self) -> Self {
        Self { rectified: true, ..self }
    }

    /// The same convolution with max-pooling of separate windows behind it, if that can be fused.
    pub(crate) fn with_pool(&self, pool: [usize; 2]) -> Option<Self> {
        let [rows, columns] = self.pixels();
        let fits = pool[0] <= rows && pool[1] <= columns;
        let counted = pool[0].checked_mul(pool[1]).is_some_and(|n| n < usize::from(SILENT));
        (self.pool == [1, 1] && fits && counted).then(|| Self { pool, ..self.clone() })
    }

    /// The same convolution for a step that finds the gradient before the rectifier itself, if its
    /// outputs lie dense in the grid of these gradients.
    pub(crate) fn without_spreading(&self) -> Option<Self> {
        (self.pool == [1, 1] && self.stride == [1, 1])
            .then(|| Self { spreads: false, ..self.clone() })
    }

    pub(crate) fn is_rectified(&self) -> bool {
        self.rectified
    }

    /// Rows and columns of the convolution's own outputs.
    fn pixels(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            (self.inputs[axis] + 2 * self.padding[axis] - self.window[axis]) / self.stride[axis] + 1
        })
    }

    /// Rows and columns of what is left after pooling.
    fn pooled(&self) -> [usize; 2] {
        let pixels = self.pixels();
        [pixels[0] / self.pool[0], pixels[1] / self.pool[1]]
    }

    pub(crate) fn outputs(&self) -> Shape {
        let [rows, columns] = self.pooled();
        [rows, columns, self.filters].into()
    }

    pub(crate) fn parameters(&self) -> Vec<ParameterArray> {
        let ([rows, columns], channels, filters) = (self.window, self.inputs[2], self.filters);
        let taps = rows.saturating_mul(columns);
        let initial = Initial::Weights {
            fan_in: taps.saturating_mul(channels),
            fan_out: taps.saturating_mul(filters),
        };
        let shape = vec![rows, columns, channels, filters];
        let weight = ParameterArray { name: "weight", shape, initial };
        let initial = Initial::Constant(0.0);
        vec![weight, ParameterArray { name: "bias", shape: vec![filters], initial }]
    }

    fn n_weights(&self) -> usize {
        self.window[0] * self.window[1] * self.inputs[2] * self.filters
    }

    pub(crate) fn n_parameters(&self) -> usize {
        self.n_weights() + self.filters
    }

    /// Multiply-adds of a sample, there.
    pub(crate) fn n_products(&self) -> usize {
        let [rows, columns] = self.pixels();
        rows * columns * self.n_weights()
    }

    /// Whether `Kept::choices` is needed.
    fn chooses(&self) -> bool {
        self.spreads && (self.rectified || self.pool != [1, 1])
    }

    /// The inputs with their border.
    fn padded_grid(&self) -> Grid {
        let [height, width, channels] = self.inputs;
        let [top, left] = self.padding;
        Grid { height: height + 2 * top, width: width + 2 * left, channels }
    }

    /// The output gradients with the border that the input gradient needs, and where the windows of
    /// the input's pixels begin in it.
    pub(crate) fn delta_grid(&self) -> (DeltaGrid, usize) {
        let axis = |axis: usize| {
            let border = (self.window[axis] - 1).saturating_sub(self.padding[axis]);
            let shift = self.padding[axis].saturating_sub(self.window[axis] - 1);
            let end = border + (self.pixels()[axis] - 1) * self.stride[axis] + 1;
            (border, shift, end.max(self.inputs[axis] + self.window[axis] - 1 + shift))
        };
        let ((top, down, height), (left, right, width)) = (axis(0), axis(1));
        let grid = Grid { height, width, channels: self.filters };
        let place = |y: usize, x: usize| (y * width + x) * self.filters;
        let at =
            DeltaGrid { grid, first: place(top, left), pixels: self.pixels(), stride: self.stride };
        (at, place(down, right))
    }

    /// From inputs to outputs.
    fn there(&self) -> Correlation {
        let ([per_image, columns], [rows, pool_columns]) = (self.pooled(), self.pool);
        let (columns, stride) = (columns * pool_columns, self.stride);
        Correlation {
            grid: self.padded_grid(),
            filters: PackedFilters {
                window: self.window,
                channels: self.inputs[2],
                filters: self.filters,
            },
            lines: Lines { per_image, rows, columns, first: 0, stride },
        }
    }

    /// From output gradients to input gradients: filters turned round, exchanged with channels.
    fn back(&self) -> Correlation {
        let ((at, first), [per_image, columns, channels]) = (self.delta_grid(), self.inputs);
        let (window, stride) = (self.window, [1, 1]);
        Correlation {
            grid: at.grid,
            filters: PackedFilters { window, channels: self.filters, filters: channels },
            lines: Lines { per_image, rows: 1, columns, first, stride },
        }
    }

    fn filter_gradient(&self) -> FilterGradient {
        let (grid, window) = (self.padded_grid(), self.window);
        FilterGradient { grid, window, delta: self.delta_grid().0 }
    }

    /// Lays the weights out for [`forward`](Self::forward) and, where `back` is asked for, for
    /// [`backward`](Self::backward) with an input gradient.
    pub(crate) fn pack<R: Real>(&self, parameters: &[R], packed: &mut Packed<R>, back: bool) {
        let kernel = R::tile_kernel(SimdLevel::current());
        let weights = &parameters[..self.n_weights()];
        let there = self.there();
        grow(&mut packed.there, there.n_packed(&kernel));
        there.pack(&kernel, weights, false, &mut packed.there);
        if back {
            let back = self.back();
            grow(&mut packed.back, back.n_packed(&kernel));
            back.pack(&kernel, weights, true, &mut packed.back);
        }
    }

    /// # Shapes
    /// - `inputs`: `[n, inputs]`, `outputs`: `[n, outputs]`
    pub(crate) fn forward<R: Real>(
        &self,
        n: usize,
        (parameters, packed): (Sides<'_, R>, PackedSides<'_, R>),
        inputs: Sides<'_, R>,
        outputs: SidesMut<'_, R>,
        (kept, scratch): (&mut Kept<R>, &mut Scratch<R>),
    ) {
        if self.needs_border() {
            self.pad(n, inputs.values, &mut kept.padded);
        }
        let (kernel, level) = (R::tile_kernel(SimdLevel::current()), SimdLevel::current());
        let (there, finish) = (self.there(), self.finish());
        let n_outputs = n * self.pooled()[0] * self.pooled()[1] * self.filters;
        if self.chooses() && kept.choices.len() < n_outputs {
            kept.choices.resize(n_outputs, 0);
        }
        let bias = &parameters.values[self.n_weights()..];
        let mut tangents = outputs.tangents.zip(parameters.tangents);
        if tangents.is_some()
            && self.needs_border()
            && let Some(input_tangents) = inputs.tangents
        {
            self.pad(n, input_tangents, &mut kept.padded_tangents);
        }
        let Kept { padded, padded_tangents, choices: kept_choices } = kept;
        let images = self.images(inputs, padded, padded_tangents);
        let Scratch { correlation, strip, .. } = scratch;
        let line = self.pooled()[1] * self.filters;
        for lines in there.strips(n) {
            grow(strip, there.n_pixels(&lines) * finish.stride);
            let terms = [(images.values, &packed.0.there[..])];
            let to = (&mut strip[..], finish.stride);
            there.run(&kernel, &terms, lines.clone(), correlation, to);
            let place = lines.start * line..lines.end * line;
            let values = &mut outputs.values[place.clone()];
            let choices = if self.chooses() { &mut kept_choices[place.clone()] } else { &mut [] };
            level.vectorize(Values { finish, strip, bias, outputs: values, choices });

            let Some((tangents, direction)) = &mut tangents else { continue };
            let terms = [
                (images.values, &packed.1.there[..]),
                (images.tangents.unwrap_or(&[]), &packed.0.there[..]),
            ];
            let terms = if images.tangents.is_some() { &terms[..] } else { &terms[..1] };
            there.run(&kernel, terms, lines, correlation, (&mut strip[..], finish.stride));
            let (bias, outputs) = (&direction[self.n_weights()..], &mut tangents[place]);
            level.vectorize(Tangents { finish, strip, bias, outputs, choices });
        }
    }

    /// Whether the products need images with a border, or read behind the last one.
    fn needs_border(&self) -> bool {
        self.padding != [0, 0] || self.there().is_minimal() || self.filter_gradient().is_minimal()
    }

    /// The inputs as the products need them.
    fn images<'a, R: Real>(
        &self,
        inputs: Sides<'a, R>,
        padded: &'a [R],
        padded_tangents: &'a [R],
    ) -> Sides<'a, R> {
        if !self.needs_border() {
            return inputs;
        }
        Sides { values: padded, tangents: inputs.tangents.map(|_| padded_tangents) }
    }

    fn finish(&self) -> Finish {
        Finish {
            filters: self.filters,
            columns: self.pooled()[1],
            pool: self.pool,
            rectified: self.rectified,
            stride: self.filters.next_multiple_of(LANES),
        }
    }

    /// Copies images into their borders of zeros.
    fn pad<R: Real>(&self, n: usize, inputs: &[R], padded: &mut Vec<R>) {
        let (grid, row) = (self.padded_grid(), self.inputs[1] * self.inputs[2]);
        let (top, left) = (self.padding[0], self.padding[1] * grid.channels);
        grow(padded, n * grid.n_values() + Correlation::slack(&grid));
        let images = padded.chunks_exact_mut(grid.n_values());
        for (image, inputs) in images.zip(inputs.chunks_exact(self.inputs[0] * row)) {
            for (y, to) in image.chunks_exact_mut(grid.row()).enumerate() {
                match y.checked_sub(top).and_then(|y| inputs.get(y * row..(y + 1) * row)) {
                    None => to.fill(R::ZERO),
                    Some(values) => {
                        to[..left].fill(R::ZERO);
                        to[left..left + row].copy_from_slice(values);
                        to[left + row..].fill(R::ZERO);
                    }
                }
            }
        }
    }

    /// # Shapes
    /// - `inputs`: those of [`forward`](Self::forward)
    /// - `delta`: `[n, outputs]`, `input_delta`: `[n, inputs]`
    pub(crate) fn backward<R: Real>(
        &self,
        n: usize,
        packed: PackedSides<'_, R>,
        (inputs, delta): (Sides<'_, R>, Sides<'_, R>),
        (gradient, add): (&mut [R], bool),
        mut input_delta: Option<SidesMut<'_, R>>,
        (kept, scratch): (&Kept<R>, &mut Scratch<R>),
    ) {
        let kernel = R::tile_kernel(SimdLevel::current());
        let (weight_gradient, bias_gradient) = gradient.split_at_mut(self.n_weights());
        if !add {
            bias_gradient.fill(R::ZERO);
        }
        let bias_delta = delta.tangents.unwrap_or(delta.values);
        let choices = if self.chooses() { &kept.choices[..bias_delta.len()] } else { &[] };
        let level = SimdLevel::current();
        level.vectorize(BiasGradient { delta: bias_delta, choices, sums: bias_gradient });

        let n_outputs = self.pooled()[0] * self.pooled()[1] * self.filters;
        let n_inputs: usize = self.inputs.iter().product();
        let (filter_gradient, n_image) = (self.filter_gradient(), self.padded_grid().n_values());
        let images_there = self.images(inputs, &kept.padded, &kept.padded_tangents);
        let group = filter_gradient.group();
        for first in (0..n).step_by(group) {
            let images = group.min(n - first);
            let outputs = first * n_outputs..(first + images) * n_outputs;
            let choices = if self.chooses() { &kept.choices[outputs.clone()] } else { &[] };
            let inputs = &images_there.values[first * n_image..];
            self.spread(images, &delta.values[outputs.clone()], choices, &mut scratch.delta);
            let mut terms = [(inputs, &scratch.delta[..]); 2];
            let mut n_terms = 1;
            if let Some(tangents) = delta.tangents {
                let spread = &mut scratch.delta_tangents;
                self.spread(images, &tangents[outputs], choices, spread);
                terms[0] = (inputs, &spread[..]);
                if let Some(tangents) = images_there.tangents {
                    terms[1] = (&tangents[first * n_image..], &scratch.delta[..]);
                    n_terms = 2;
                }
            }
            let to = (&mut weight_gradient[..], first == 0, add);
            filter_gradient.add(&kernel, images, &terms[..n_terms], &mut scratch.correlation, to);
            if let Some(input_delta) = &mut input_delta {
                let place = first * n_inputs..(first + images) * n_inputs;
                let values = &mut input_delta.values[place.clone()];
                let tangents = input_delta.tangents.as_deref_mut().map(|values| &mut values[place]);
                self.input_gradient(images, packed, SidesMut { values, tangents }, scratch);
            }
        }
        filter_gradient.finish(&kernel, &scratch.correlation, weight_gradient, add);
    }

    /// The buffer for gradients with respect to the convolution's own outputs of `n` images.
    pub(crate) fn delta_buffer<'a, R: Real>(
        &self,
        n: usize,
        scratch: &'a mut Scratch<R>,
    ) -> &'a mut [R] {
        self.reserve_delta(n, &mut scratch.delta);
        &mut scratch.delta
    }

    fn reserve_delta<R: Real>(&self, n: usize, delta: &mut Vec<R>) {
        let grid = self.delta_grid().0.grid;
        grow(delta, n * grid.n_values() + MAX_COLUMNS + Correlation::slack(&grid));
    }

    /// The way back of some images, from what lies in the [`delta_buffer`](Self::delta_buffer), but
    /// for the bias. [`finish_filters`](Self::finish_filters) when all have come.
    pub(crate) fn backward_spread<R: Real>(
        &self,
        (images, inputs): (usize, &[R]),
        packed: PackedSides<'_, R>,
        (gradient, is_first, add): (&mut [R], bool, bool),
        input_delta: Option<&mut [R]>,
        (kept, scratch): (&Kept<R>, &mut Scratch<R>),
    ) {
        let kernel = R::tile_kernel(SimdLevel::current());
        let inputs = Sides { values: inputs, tangents: None };
        let terms = [(self.images(inputs, &kept.padded, &[]).values, &scratch.delta[..])];
        let to = (&mut gradient[..self.n_weights()], is_first, add);
        self.filter_gradient().add(&kernel, images, &terms, &mut scratch.correlation, to);
        if let Some(values) = input_delta {
            self.input_gradient(images, packed, SidesMut { values, tangents: None }, scratch);
        }
    }

    /// Completes the gradient of the filters.
    pub(crate) fn finish_filters<R: Real>(
        &self,
        gradient: &mut [R],
        add: bool,
        scratch: &Scratch<R>,
    ) {
        let kernel = R::tile_kernel(SimdLevel::current());
        let gradient = &mut gradient[..self.n_weights()];
        self.filter_gradient().finish(&kernel, &scratch.correlation, gradient, add);
    }

    /// Spreads output gradients over the convolution's own outputs, in a [`DeltaGrid`].
    fn spread<R: Real>(&self, n: usize, delta: &[R], choices: &[u8], spread: &mut Vec<R>) {
        self.reserve_delta(n, spread);
        let (at, rows, finish) = (self.delta_grid().0, self.pooled()[0], self.finish());
        SimdLevel::current().vectorize(Spread { at, finish, rows, delta, choices, spread });
    }

    /// The gradient with respect to the inputs, from what lies spread in the scratch.
    fn input_gradient<R: Real>(
        &self,
        images: usize,
        packed: PackedSides<'_, R>,
        mut to: SidesMut<'_, R>,
        scratch: &mut Scratch<R>,
    ) {
        let kernel = R::tile_kernel(SimdLevel::current());
        let (back, [_, width, channels]) = (self.back(), self.inputs);
        let Scratch { correlation, strip, delta, delta_tangents, .. } = scratch;
        let (delta, delta_tangents) = (&delta[..], &delta_tangents[..]);
        for lines in back.strips(images) {
            let place = lines.start * width * channels..lines.end * width * channels;
            let mut write = |terms: &[(&[R], &[R])], to: &mut [R]| {
                if channels.is_multiple_of(LANES) {
                    back.run(&kernel, terms, lines.clone(), correlation, (to, channels));
                    return;
                }
                let stride = channels.next_multiple_of(LANES);
                grow(strip, back.n_pixels(&lines) * stride);
                back.run(&kernel, terms, lines.clone(), correlation, (strip, stride));
                copy_rows(strip, stride, to, channels);
            };
            write(&[(delta, &packed.0.back)], &mut to.values[place.clone()]);
            if let Some(tangents) = to.tangents.as_deref_mut() {
                let terms = [(delta, &packed.1.back[..]), (delta_tangents, &packed.0.back[..])];
                write(&terms, &mut tangents[place]);
            }
        }
    }
}

/// Copies the first `width` values of rows of `stride` values.
fn copy_rows<R: Real>(from: &[R], stride: usize, to: &mut [R], width: usize) {
    for (row, from) in from.chunks_exact(stride).enumerate().take(to.len() / width) {
        let place = row * width;
        // A copy of fixed length is a vector or two; what is too much, the next row writes over.
        match to.get_mut(place..place + LANES) {
            Some(to) if width <= LANES => to.copy_from_slice(&from[..LANES]),
            _ => to[place..place + width].copy_from_slice(&from[..width]),
        }
    }
}
