//! The two products under a convolution, without copying windows into a matrix.
//!
//! Images are `[height, width, channels]` with borders of zeros already around them. Then the
//! values under one row of a filter's window lie side by side, and a pixel's output is the sum,
//! over the window's rows, of such a run times as many rows of weights:
//! - [`correlate`] makes outputs from inputs, and input gradients from output gradients (with the
//!   filters turned round);
//! - [`correlate_gradient`] makes the gradient with respect to the filters.
//!
//! Both are tiles of the micro-kernel in `tile.rs`. [`PackedFilters`] says how weights lie for it.
//! The plain twin, which the tests compare with, is the definition of a convolution.
#![allow(unsafe_code)] // tiles through pointers; see the SAFETY reasons

use super::tile::{Loop, Tile, TileKernel, tile_rows};
use crate::real::Real;

/// An image with its border, or several below one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
}

impl Grid {
    /// Values of one row.
    pub(crate) fn row(&self) -> usize {
        self.width * self.channels
    }

    /// Values of one image.
    pub(crate) fn n_values(&self) -> usize {
        self.height * self.row()
    }
}

/// How the weights of a convolution lie for [`correlate`]: in panels of as many filters as the
/// widest tile has columns, the last one padded with zeros to whole vectors; in a panel
/// `[window rows, window columns * channels, panel's filters]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedFilters {
    /// Rows and columns of the window.
    pub(crate) window: [usize; 2],
    /// Channels that a filter reads.
    pub(crate) channels: usize,
    /// Number of filters.
    pub(crate) filters: usize,
}

impl PackedFilters {
    /// Values under one row of the window.
    fn run(&self) -> usize {
        self.window[1] * self.channels
    }

    /// Length of all packed weights.
    pub(crate) fn n_values<R>(&self, kernel: &TileKernel<R>) -> usize {
        self.window[0] * self.run() * kernel.padded(self.filters)
    }

    /// First filter and padded width of each panel.
    fn panels<R: Real>(
        &self,
        kernel: &TileKernel<R>,
    ) -> impl Iterator<Item = (usize, usize)> + use<R> {
        let (filters, kernel) = (self.filters, *kernel);
        (0..filters).step_by(kernel.columns()).map(move |first| {
            let filled = kernel.columns().min(filters - first);
            (first, kernel.padded(filled))
        })
    }

    /// Packs weights; `weight(row, column, channel, filter)` says each.
    pub(crate) fn pack<R: Real>(
        &self,
        kernel: &TileKernel<R>,
        packed: &mut [R],
        weight: impl Fn(usize, usize, usize, usize) -> R,
    ) {
        let mut rest = packed;
        for (first, width) in self.panels(kernel) {
            let (panel, behind) = rest.split_at_mut(self.window[0] * self.run() * width);
            rest = behind;
            let filled = width.min(self.filters - first);
            for (place, values) in panel.chunks_exact_mut(width).enumerate() {
                let (tap, channel) = (place / self.channels, place % self.channels);
                let (row, column) = (tap / self.window[1], tap % self.window[1]);
                for (filter, value) in values[..filled].iter_mut().enumerate() {
                    *value = weight(row, column, channel, first + filter);
                }
                values[filled..].fill(R::ZERO);
            }
        }
    }
}

/// For each pixel, `outputs (+)= sum over the window of inputs * filters`.
///
/// # Shapes
/// - `inputs`: one or more images of `grid`; `pixels`: where in `inputs` each window begins
/// - `packed`: `filters.n_values(kernel)`
/// - `outputs`: `[pixels, stride]`, of which the first `kernel.padded(filters)` columns are written
///
/// # Panics
/// If a window leaves `inputs`, or a slice is too short.
pub(crate) fn correlate<R: Real>(
    kernel: &TileKernel<R>,
    (inputs, grid, pixels): (&[R], Grid, &[usize]),
    (packed, filters): (&[R], &PackedFilters),
    (outputs, stride): (&mut [R], usize),
    add: bool,
) {
    let (rows, run) = (filters.window[0], filters.run());
    let reach = (rows - 1) * grid.row() + run;
    let last = pixels.iter().max().map_or(0, |last| last + reach);
    assert!(last <= inputs.len(), "windows reach {last} of {} inputs", inputs.len());
    assert!(packed.len() >= filters.n_values(kernel), "packed weights");
    assert!(stride >= kernel.padded(filters.filters) && outputs.len() >= pixels.len() * stride);
    let mut panel = packed.as_ptr();
    for (first, width) in filters.panels(kernel) {
        let mut tile = Tile::new([
            Loop::ONCE,
            Loop { steps: rows, left: grid.row(), right: run * width },
            Loop { steps: run, left: 1, right: width },
        ]);
        (tile.right, tile.columns, tile.add) = (panel, width, add);
        let height = tile_rows(pixels.len(), kernel.rows);
        for (index, pixels) in pixels.chunks(height).enumerate() {
            // SAFETY: the assertions above: every window lies in `inputs`, every panel in `packed`,
            // and every output row, of at least `first + width` columns, in `outputs`.
            unsafe {
                for (pointer, &pixel) in tile.left.iter_mut().zip(pixels) {
                    *pointer = inputs.as_ptr().add(pixel);
                }
                let place = index * height * stride + first;
                tile.set_destination(outputs.as_mut_ptr().add(place), stride);
                (kernel.run)(&tile, pixels.len());
            }
        }
        // SAFETY: within or one past `packed`, by its length.
        panel = unsafe { panel.add(rows * run * width) };
    }
}

/// Where the output gradients of a convolution lie: at every `stride`th pixel of a grid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeltaGrid {
    pub(crate) grid: Grid,
    /// Place of the first pixel in the grid.
    pub(crate) first: usize,
    /// Rows and columns of pixels.
    pub(crate) pixels: [usize; 2],
    /// Steps down and to the right, of the convolution and of the pixels in the grid.
    pub(crate) stride: [usize; 2],
}

/// `gradient (+)= sum over images and pixels of window^T * delta`
///
/// # Shapes
/// - `inputs`: `n` images of `grid`
/// - `delta`: `n` images of `at.grid`, and a vector more, which is read and not used
/// - `gradient`: `[window rows, window columns, grid.channels, filters]`
///
/// # Panics
/// If a window leaves the images, or a slice is too short.
pub(crate) fn correlate_gradient<R: Real>(
    kernel: &TileKernel<R>,
    n: usize,
    (inputs, grid): (&[R], Grid),
    (delta, at): (&[R], DeltaGrid),
    window: [usize; 2],
    (gradient, add): (&mut [R], bool),
) {
    let ([rows, columns], [down, right]) = (at.pixels, at.stride);
    let (run, filters) = (window[1] * grid.channels, at.grid.channels);
    assert!((rows - 1) * down + window[0] <= grid.height, "window rows");
    assert!((columns - 1) * right + window[1] <= grid.width, "window columns");
    let last_delta =
        at.first + (rows - 1) * down * at.grid.row() + ((columns - 1) * right + 1) * filters;
    assert!(last_delta <= at.grid.n_values(), "output gradients");
    assert!(inputs.len() >= n * grid.n_values());
    assert!(delta.len() >= n * at.grid.n_values() + kernel.columns());
    assert_eq!(gradient.len(), window[0] * run * filters, "gradient of the filters");
    let mut tile = Tile::new([
        Loop { steps: n, left: grid.n_values(), right: at.grid.n_values() },
        Loop { steps: rows, left: down * grid.row(), right: down * at.grid.row() },
        Loop { steps: columns, left: right * grid.channels, right: right * filters },
    ]);
    tile.add = add;
    let height = tile_rows(run, kernel.rows);
    for window_row in 0..window[0] {
        for first_row in (0..run).step_by(height) {
            for first in (0..filters).step_by(kernel.columns()) {
                tile.columns = kernel.columns().min(filters - first);
                // SAFETY: the assertions above: windows and output gradients lie in their images,
                // vectors of the last gradients in what is behind them, and the destination's
                // `columns` of each row in `gradient`.
                unsafe {
                    tile.right = delta.as_ptr().add(at.first + first);
                    let from = window_row * grid.row() + first_row;
                    tile.set_left(inputs.as_ptr().add(from), 1);
                    let place = (window_row * run + first_row) * filters + first;
                    tile.set_destination(gradient.as_mut_ptr().add(place), filters);
                    (kernel.run)(&tile, height.min(run - first_row));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::level::SimdLevel;
    use proptest::prelude::*;

    /// Small multiples of 1/16, so that every sum is exact in any order.
    fn values<R: Real>(n: usize, seed: usize) -> Vec<R> {
        (0..n).map(|i| R::from_f64(((i * 37 + seed * 101) % 32) as f64 / 16.0 - 1.0)).collect()
    }

    struct Case {
        n: usize,
        grid: Grid,
        window: [usize; 2],
        filters: usize,
        stride: [usize; 2],
    }

    impl Case {
        fn pixels(&self) -> [usize; 2] {
            let size = |size, window, stride| (size - window) / stride + 1;
            [
                size(self.grid.height, self.window[0], self.stride[0]),
                size(self.grid.width, self.window[1], self.stride[1]),
            ]
        }

        /// Calls `visit(weight, input, output)` with the three places of every product.
        fn products(&self, mut visit: impl FnMut(usize, usize, usize)) {
            let ([rows, columns], channels) = (self.pixels(), self.grid.channels);
            for place in 0..self.n * rows * columns * self.filters {
                let (pixel, filter) = (place / self.filters, place % self.filters);
                let (image, y, x) =
                    (pixel / columns / rows, pixel / columns % rows, pixel % columns);
                for tap in 0..self.window[0] * self.window[1] * channels {
                    let (row, run) =
                        (tap / channels / self.window[1], tap % (self.window[1] * channels));
                    let input = image * self.grid.n_values()
                        + (y * self.stride[0] + row) * self.grid.row()
                        + x * self.stride[1] * channels
                        + run;
                    visit(tap * self.filters + filter, input, place);
                }
            }
        }
    }

    fn compare<R: Real>(level: SimdLevel, case: &Case, add: bool) {
        let kernel = R::tile_kernel(level);
        let (channels, filters) = (case.grid.channels, case.filters);
        let taps = case.window[0] * case.window[1] * channels;
        let [rows, columns] = case.pixels();
        let n_pixels = case.n * rows * columns;
        let inputs = values::<R>(case.n * case.grid.n_values(), 1);
        let weights = values::<R>(taps * filters, 2);

        let packing = PackedFilters { window: case.window, channels, filters };
        let mut packed = vec![R::from_f64(f64::NAN); packing.n_values(&kernel)];
        packing.pack(&kernel, &mut packed, |row, column, channel, filter| {
            weights[((row * case.window[1] + column) * channels + channel) * filters + filter]
        });
        let mut pixels = Vec::new();
        case.products(|weight, input, _| {
            if weight == 0 {
                pixels.push(input);
            }
        });
        let width = kernel.padded(filters);
        let mut got = vec![R::ONE; n_pixels * width];
        let from = (&inputs[..], case.grid, &pixels[..]);
        correlate(&kernel, from, (&packed, &packing), (&mut got, width), add);
        let mut expected = vec![if add { R::ONE } else { R::ZERO }; n_pixels * filters];
        case.products(|weight, input, output| expected[output] += weights[weight] * inputs[input]);
        for (got, expected) in got.chunks(width).zip(expected.chunks(filters)) {
            assert_eq!(&got[..filters], expected, "{level}");
        }

        let delta = values::<R>(n_pixels * filters + kernel.columns(), 3);
        // Stretched to the stride, as a layer stores it for the input gradient.
        let wide = Grid {
            height: (rows - 1) * case.stride[0] + 1,
            width: (columns - 1) * case.stride[1] + 1,
            channels: filters,
        };
        let mut stretched = vec![R::ZERO; case.n * wide.n_values() + kernel.columns()];
        for (pixel, values) in delta[..n_pixels * filters].chunks(filters).enumerate() {
            let (image, y, x) = (pixel / columns / rows, pixel / columns % rows, pixel % columns);
            let place = image * wide.n_values()
                + y * case.stride[0] * wide.row()
                + x * case.stride[1] * filters;
            stretched[place..place + filters].copy_from_slice(values);
        }
        let at = DeltaGrid { grid: wide, first: 0, pixels: [rows, columns], stride: case.stride };
        let mut got = vec![R::ONE; taps * filters];
        let from = (&inputs[..], case.grid);
        let to = (&mut got[..], add);
        correlate_gradient(&kernel, case.n, from, (&stretched, at), case.window, to);
        let mut expected = vec![if add { R::ONE } else { R::ZERO }; taps * filters];
        case.products(|weight, input, output| expected[weight] += delta[output] * inputs[input]);
        assert_eq!(got, expected, "{level}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_kernel_equals_the_definition(
            n in 1_usize..4, channels in 1_usize..20, filters in 1_usize..70,
            window: [bool; 2], more in [0_usize..4, 0..4], stride in [1_usize..4, 1..4], add: bool,
        ) {
            let window = window.map(|three| if three { 3 } else { 1 });
            let [height, width] = [window[0] + more[0] * 2, window[1] + more[1]];
            let grid = Grid { height, width, channels };
            let case = Case { n, grid, window, filters, stride };
            for level in SimdLevel::ALL.into_iter().filter(|level| level.is_available()) {
                compare::<f32>(level, &case, add);
                compare::<f64>(level, &case, add);
            }
        }
    }
}
