//! A convolution's products, by the definition or by minimal filtering, whichever is faster.
//!
//! Minimal filtering ([`super::winograd`]) serves windows of 3 x 3 moved by one pixel over whole
//! vectors of channels; [`super::convolution`] serves the rest.

use super::convolution::{self, DeltaGrid, Grid, PackedFilters};
use super::tile::TileKernel;
use super::winograd::{
    self, AddGradient, LANES, OutputTile, PLACES, Tiles, TransformDeltas, TransformFilters,
    TransformInputs, TransformOutputs,
};
use crate::real::Real;
use crate::workspace::grow;
use std::ops::Range;

/// Pixels that a strip has at least, where there are so many: tiles of products come out full.
const STRIP_PIXELS: usize = 96;
/// The same for tiles of minimal filtering, four pixels each.
const STRIP_TILES: usize = 39;
/// Tiles over which the gradient of the filters is summed at a time.
const GRADIENT_TILES: usize = 120;

/// The outputs of a correlation: lines of some rows of pixels, line after line and image after image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lines {
    /// Lines of an image.
    pub(crate) per_image: usize,
    /// Rows of a line.
    pub(crate) rows: usize,
    /// Pixels of a row.
    pub(crate) columns: usize,
    /// Where the first pixel's window begins in an image.
    pub(crate) first: usize,
    /// Rows and columns from one window to the next.
    pub(crate) stride: [usize; 2],
}

/// A correlation of images with filters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Correlation {
    /// An image with its border.
    pub(crate) grid: Grid,
    pub(crate) filters: PackedFilters,
    pub(crate) lines: Lines,
}

/// Buffers that correlations share.
#[derive(Clone, Debug, Default)]
pub(crate) struct CorrelationScratch<R> {
    places: Vec<usize>,
    tiles: Vec<OutputTile>,
    transformed: Vec<R>,
    deltas: Vec<R>,
    products: Vec<R>,
    /// Products of the gradient of the filters, summed over all tiles so far.
    sums: Vec<R>,
}

/// Whether minimal filtering can serve.
fn is_minimal(window: [usize; 2], stride: [usize; 2], channels: usize, filters: usize) -> bool {
    let whole = |n: usize| n.is_multiple_of(LANES);
    window == [3, 3] && stride == [1, 1] && whole(channels) && whole(filters)
}

impl Correlation {
    /// Values behind the last image that may be read, and are not used.
    pub(crate) fn slack(grid: &Grid) -> usize {
        grid.row() + 2 * grid.channels
    }

    pub(crate) fn is_minimal(&self) -> bool {
        let PackedFilters { window, channels, filters } = self.filters;
        let [rows, columns] = [self.lines.rows * self.lines.per_image, self.lines.columns];
        is_minimal(window, self.lines.stride, channels, filters) && rows >= 4 && columns >= 4
    }

    /// Length of the packed filters.
    pub(crate) fn n_packed<R>(&self, kernel: &TileKernel<R>) -> usize {
        match self.is_minimal() {
            true => PLACES * self.filters.channels * self.filters.filters,
            false => self.filters.n_values(kernel),
        }
    }

    /// Packs filters from weights `[window rows, window columns, channels, filters]`; `turned` ones
    /// are turned round, and their channels exchanged with the filters.
    pub(crate) fn pack<R: Real>(
        &self,
        kernel: &TileKernel<R>,
        weights: &[R],
        turned: bool,
        packed: &mut [R],
    ) {
        let PackedFilters { window: [rows, columns], channels, filters } = self.filters;
        let (channels, filters) = if turned { (filters, channels) } else { (channels, filters) };
        if self.is_minimal() {
            let width = kernel.columns();
            let body = TransformFilters { weights, channels, filters, turned, width, packed };
            kernel.level.vectorize(body);
            return;
        }
        self.filters.pack(kernel, packed, |row, column, channel, filter| match turned {
            false => weights[((row * columns + column) * channels + channel) * filters + filter],
            true => {
                let tap = (rows - 1 - row) * columns + columns - 1 - column;
                weights[(tap * channels + filter) * filters + channel]
            }
        });
    }

    /// Ranges of lines to compute at a time.
    pub(crate) fn strips(&self, n: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let Lines { per_image, rows, columns, .. } = self.lines;
        let n_lines = n * per_image;
        // Tiles of two rows: one line of two, or two lines of one and then no line of another image.
        let (step, end_of_strip) = if self.is_minimal() {
            let lines_of_tiles = if rows == 1 { 2 } else { 1 };
            let tiles = columns.div_ceil(2) * rows.div_ceil(2);
            let step = STRIP_TILES.div_ceil(tiles) * lines_of_tiles;
            (step, if rows == 1 { per_image } else { n_lines })
        } else {
            (STRIP_PIXELS.div_ceil(rows * columns), n_lines)
        };
        let mut first = 0;
        std::iter::from_fn(move || {
            let end = (first + step).min((first / end_of_strip + 1) * end_of_strip).min(n_lines);
            let strip = first..end;
            first = end;
            (!strip.is_empty()).then_some(strip)
        })
    }

    /// Pixels of a strip.
    pub(crate) fn n_pixels(&self, strip: &Range<usize>) -> usize {
        strip.len() * self.lines.rows * self.lines.columns
    }

    /// The rows of pixels of a strip: image, row in the image.
    fn rows(&self, strip: Range<usize>) -> impl Iterator<Item = (usize, usize)> + use<> {
        let Lines { per_image, rows, .. } = self.lines;
        strip.flat_map(move |line| {
            (0..rows).map(move |row| (line / per_image, line % per_image * rows + row))
        })
    }

    /// Where the window of a row's first pixel begins.
    fn place(&self, (image, row): (usize, usize)) -> usize {
        image * self.grid.n_values()
            + self.lines.first
            + row * self.lines.stride[0] * self.grid.row()
    }

    /// The sum of correlations of images with filters, `terms` of both, for the pixels of a strip.
    ///
    /// # Shapes
    /// - images: whole ones of the grid, and [`slack`](Self::slack) behind the last one
    /// - `outputs`: `[n_pixels, stride]`
    pub(crate) fn run<R: Real>(
        &self,
        kernel: &TileKernel<R>,
        terms: &[(&[R], &[R])],
        strip: Range<usize>,
        scratch: &mut CorrelationScratch<R>,
        (outputs, stride): (&mut [R], usize),
    ) {
        let columns = self.lines.columns;
        if self.is_minimal() {
            self.run_minimal(kernel, terms, strip, scratch, (outputs, stride));
            return;
        }
        let places = &mut scratch.places;
        places.clear();
        let step = self.lines.stride[1] * self.grid.channels;
        for row in self.rows(strip) {
            let first = self.place(row);
            places.extend((0..columns).map(|x| first + x * step));
        }
        for (index, &(images, packed)) in terms.iter().enumerate() {
            let (from, filters) = ((images, self.grid, &places[..]), (packed, &self.filters));
            convolution::correlate(kernel, from, filters, (&mut *outputs, stride), index > 0);
        }
    }

    fn run_minimal<R: Real>(
        &self,
        kernel: &TileKernel<R>,
        terms: &[(&[R], &[R])],
        strip: Range<usize>,
        scratch: &mut CorrelationScratch<R>,
        (outputs, stride): (&mut [R], usize),
    ) {
        let CorrelationScratch { places, tiles, transformed, products, .. } = scratch;
        let (columns, pixel) = (self.lines.columns, self.grid.channels);
        places.clear();
        tiles.clear();
        let mut rows = self.rows(strip).enumerate().peekable();
        while let Some((index, (image, row))) = rows.next() {
            let below = rows.next_if(|&(_, next)| next == (image, row + 1)).is_some();
            let first = self.place((image, row));
            for x in (0..columns).step_by(2) {
                places.push(first + x * pixel);
                let size = [1 + usize::from(below), 2.min(columns - x)];
                tiles.push(OutputTile { pixel: index * columns + x, row: columns, size });
            }
        }
        let PackedFilters { channels, filters, .. } = self.filters;
        let sizes = [tiles.len(), channels, filters];
        grow(transformed, PLACES * tiles.len() * channels);
        grow(products, PLACES * tiles.len() * filters);
        let level = kernel.level;
        for (index, &(images, packed)) in terms.iter().enumerate() {
            let tiles = Tiles { places, row: self.grid.row(), pixel, channels };
            level.vectorize(TransformInputs { images, tiles, transformed });
            winograd::multiply(kernel, sizes, transformed, packed, (products, index > 0));
        }
        level.vectorize(TransformOutputs { products, tiles, filters, outputs, stride });
    }
}

/// The gradient of a correlation with respect to its filters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FilterGradient {
    /// The images that were correlated.
    pub(crate) grid: Grid,
    pub(crate) window: [usize; 2],
    /// The gradients with respect to the outputs, with zeros behind odd rows and columns.
    pub(crate) delta: DeltaGrid,
}

impl FilterGradient {
    pub(crate) fn is_minimal(&self) -> bool {
        let [rows, columns] = self.delta.pixels;
        let (channels, filters) = (self.grid.channels, self.delta.grid.channels);
        // An odd last row or column needs zeros behind it.
        let end = self.delta.first + (rows * self.delta.grid.width + columns) * filters;
        is_minimal(self.window, self.delta.stride, channels, filters)
            && rows >= 4
            && columns >= 4
            && end < self.delta.grid.n_values()
            && self.delta.first >= filters
    }

    /// Images to take together.
    pub(crate) fn group(&self) -> usize {
        let [rows, columns] = self.delta.pixels;
        match self.is_minimal() {
            true => GRADIENT_TILES.div_ceil(rows.div_ceil(2) * columns.div_ceil(2)),
            false => STRIP_PIXELS.div_ceil(rows * columns),
        }
    }

    /// Adds the products of `n` images, `terms` of inputs and output gradients, to the gradient or
    /// to sums in the scratch; [`finish`](Self::finish) must follow the last ones.
    pub(crate) fn add<R: Real>(
        &self,
        kernel: &TileKernel<R>,
        n: usize,
        terms: &[(&[R], &[R])],
        scratch: &mut CorrelationScratch<R>,
        (gradient, is_first, add): (&mut [R], bool, bool),
    ) {
        if !self.is_minimal() {
            for (index, &(inputs, delta)) in terms.iter().enumerate() {
                let to = (&mut *gradient, add || !is_first || index > 0);
                let (inputs, delta) = ((inputs, self.grid), (delta, self.delta));
                convolution::correlate_gradient(kernel, n, inputs, delta, self.window, to);
            }
            return;
        }
        let CorrelationScratch { places, transformed, deltas, sums, .. } = scratch;
        let (channels, filters) = (self.grid.channels, self.delta.grid.channels);
        let [rows, columns] = self.delta.pixels.map(|size| size.div_ceil(2));
        let n_tiles = n * rows * columns;
        grow(transformed, PLACES * n_tiles * channels);
        grow(deltas, PLACES * n_tiles * filters);
        grow(sums, PLACES * channels * filters);
        let level = kernel.level;
        for (index, &(inputs, delta)) in terms.iter().enumerate() {
            self.tile_places(n, &self.grid, 0, places);
            let tiles = Tiles { places, row: self.grid.row(), pixel: channels, channels };
            level.vectorize(TransformInputs { images: inputs, tiles, transformed });
            let grid = &self.delta.grid;
            self.tile_places(n, grid, self.delta.first, places);
            let tiles = Tiles { places, row: grid.row(), pixel: filters, channels: filters };
            level.vectorize(TransformDeltas { images: delta, tiles, transformed: deltas });
            let sizes = [n_tiles, channels, filters];
            let to = (&mut sums[..], !is_first || index > 0);
            winograd::multiply_gradient(kernel, sizes, transformed, deltas, to);
        }
    }

    /// Where the tiles of `n` images begin.
    fn tile_places(&self, n: usize, grid: &Grid, first: usize, places: &mut Vec<usize>) {
        let [rows, columns] = self.delta.pixels.map(|size| size.div_ceil(2));
        places.clear();
        for row in 0..n * rows {
            let row = row / rows * grid.n_values() + row % rows * 2 * grid.row();
            places.extend((0..columns).map(|x| first + row + x * 2 * grid.channels));
        }
    }

    /// Turns the sums of all products into the gradient.
    pub(crate) fn finish<R: Real>(
        &self,
        kernel: &TileKernel<R>,
        scratch: &CorrelationScratch<R>,
        gradient: &mut [R],
        add: bool,
    ) {
        if !self.is_minimal() {
            return;
        }
        if !add {
            gradient.fill(R::ZERO);
        }
        let (channels, filters) = (self.grid.channels, self.delta.grid.channels);
        let products = &scratch.sums;
        kernel.level.vectorize(AddGradient { products, channels, filters, gradient });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::level::SimdLevel;

    const CHANNELS: usize = 48;
    const FILTERS: usize = 32;
    const GRID: Grid = Grid { height: 11, width: 12, channels: CHANNELS };

    /// Values spread over [-1, 1) without a pattern that sums could profit from.
    fn values<R: Real>(n: usize, seed: usize) -> Vec<R> {
        let scrambled = |i: usize| (i + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        (0..n).map(|i| R::from_f64(scrambled(i) as f64 / f64::from(1 << 23) - 1.0)).collect()
    }

    fn correlation(rows: usize) -> Correlation {
        let filters = PackedFilters { window: [3, 3], channels: CHANNELS, filters: FILTERS };
        let lines = Lines { per_image: 9 / rows, rows, columns: 10, first: 0, stride: [1, 1] };
        Correlation { grid: GRID, filters, lines }
    }

    /// All outputs of two images, by minimal filtering and by the definition.
    fn outputs<R: Real>(level: SimdLevel, rows: usize) -> (Vec<R>, Vec<R>) {
        let (kernel, correlation) = (R::tile_kernel(level), correlation(rows));
        assert!(correlation.is_minimal());
        let n = 2 * GRID.n_values();
        let mut images = values::<R>(n, 1);
        images.resize(n + Correlation::slack(&GRID), R::from_f64(1e3));
        let weights = values::<R>(9 * CHANNELS * FILTERS, 2);
        let mut packed = vec![R::ZERO; correlation.n_packed(&kernel)];
        correlation.pack(&kernel, &weights, false, &mut packed);
        let (mut minimal, mut plain) = (Vec::new(), Vec::new());
        for strip in correlation.strips(2) {
            let mut part = vec![R::ZERO; correlation.n_pixels(&strip) * FILTERS];
            let (mut scratch, to) = (CorrelationScratch::default(), (&mut part[..], FILTERS));
            correlation.run(&kernel, &[(&images, &packed)], strip.clone(), &mut scratch, to);
            minimal.extend(part);
            for (image, row) in correlation.rows(strip) {
                for column in 0..10 {
                    let window = |tap: usize, channel: usize| {
                        let (y, x) = (row + tap / 3, column + tap % 3);
                        images[image * GRID.n_values() + y * GRID.row() + x * CHANNELS + channel]
                    };
                    for filter in 0..FILTERS {
                        let mut sum = R::ZERO;
                        for place in 0..9 * CHANNELS {
                            let (tap, channel) = (place / CHANNELS, place % CHANNELS);
                            sum += window(tap, channel) * weights[place * FILTERS + filter];
                        }
                        plain.push(sum);
                    }
                }
            }
        }
        (minimal, plain)
    }

    fn rms<R: Real>(errors: impl ExactSizeIterator<Item = R>) -> f64 {
        let n = errors.len() as f64;
        (errors.map(|error| error.to_f64().powi(2)).sum::<f64>() / n).sqrt()
    }

    #[test]
    fn minimal_filtering_is_as_exact_as_the_definition() {
        for rows in [1, 3] {
            let (exact, plain) = outputs::<f64>(SimdLevel::Portable, rows);
            for level in SimdLevel::ALL.into_iter().filter(|level| level.is_available()) {
                let (minimal, _) = outputs::<f64>(level, rows);
                let error = rms(minimal.iter().zip(&plain).map(|(a, b)| a - b));
                assert!(error < 1e-14, "{level}: {error}");

                let (minimal, plain) = outputs::<f32>(level, rows);
                let against = |values: &[f32]| {
                    rms(values.iter().zip(&exact).map(|(&value, exact)| f64::from(value) - exact))
                };
                let (error, of_plain) = (against(&minimal), against(&plain));
                assert!(error < 4.0 * of_plain, "{level}: {error} against {of_plain}");
            }
        }
    }

    #[test]
    fn strips_cover_all_lines_once() {
        for rows in [1, 2, 3] {
            for n in [1, 2, 7] {
                let correlation = correlation(rows);
                let lines: Vec<usize> = correlation.strips(n).flatten().collect();
                assert_eq!(lines, (0..n * (9 / rows)).collect::<Vec<_>>());
            }
        }
    }
}
