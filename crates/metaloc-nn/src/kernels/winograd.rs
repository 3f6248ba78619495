//! Convolutions with windows of 3 x 3 by Winograd's minimal filtering, `F(2 x 2, 3 x 3)`.
//!
//! S. Winograd, "Arithmetic complexity of computations" (1980); A. Lavin and S. Gray, "Fast
//! algorithms for convolutional neural networks", CVPR 2016, Eq. (8), with the matrices of its
//! section 4.1. Four outputs, 2 x 2, come from a tile of 4 x 4 inputs `d` by
//!
//! ```text
//! Y = A^T [ (G g G^T) * (B^T d B) ] A          * value by value, summed over the channels
//! ```
//!
//! with 16 products a channel and filter where the definition takes 36. Over many tiles the products
//! are 16 matrix products, one for each place in the tile. The gradient with respect to the filters
//! is the transposed formula, `G^T [ (B^T d B) * (A delta A^T) ] G`, summed over the tiles.
//!
//! All numbers in the matrices are 0, 1 and 1/2, so the error stays near that of the definition:
//! the largest absolute row sums are 2 for `B^T`, 3 for `A^T` and 3/2 for `G`, each applied twice.
//! Tests hold it below 4 times that of the plain sum.
#![allow(unsafe_code)] // tiles and vectors through pointers; see the SAFETY reasons

use super::level::Vectorized;
use super::tile::{Loop, Tile, TileKernel, tile_rows};
use super::vector::{Available, Vector};
use crate::real::Real;

/// Places in a tile.
pub(crate) const PLACES: usize = 16;
/// Channels handled side by side; numbers of channels and filters are multiples of it.
pub(crate) const LANES: usize = 16;

/// A matrix of a transform, applied to a column of values.
trait Map<const N: usize, const M: usize> {
    fn column<R: Real, V: Vector<R>>(constants: Constants<V>, values: [V; N]) -> [V; M];

    /// Applies the matrix to all columns of a tile, then to all rows.
    #[inline(always)]
    fn tile<R: Real, V: Vector<R>>(constants: Constants<V>, tile: [[V; N]; N]) -> [[V; M]; M] {
        let mut columns = [[constants.zero; N]; M];
        for x in 0..N {
            let mut column = [constants.zero; N];
            for y in 0..N {
                column[y] = tile[y][x];
            }
            let column = Self::column(constants, column);
            for y in 0..M {
                columns[y][x] = column[y];
            }
        }
        let mut mapped = [[constants.zero; M]; M];
        for y in 0..M {
            mapped[y] = Self::column(constants, columns[y]);
        }
        mapped
    }
}

/// The numbers in the matrices.
#[derive(Clone, Copy)]
struct Constants<V> {
    zero: V,
    half: V,
}

impl<V> Constants<V> {
    #[inline(always)]
    fn new<R: Real>(_: Available<V>) -> Self
    where
        V: Vector<R>,
    {
        // SAFETY: the CPU has the instructions.
        unsafe { Self { zero: V::splat(R::ZERO), half: V::splat(R::from_f64(0.5)) } }
    }
}

/// `B^T`
struct Inputs;
impl Map<4, 4> for Inputs {
    #[inline(always)]
    fn column<R: Real, V: Vector<R>>(_: Constants<V>, d: [V; 4]) -> [V; 4] {
        [d[0].minus(d[2]), d[1].plus(d[2]), d[2].minus(d[1]), d[1].minus(d[3])]
    }
}

/// `A^T`
struct Outputs;
impl Map<4, 2> for Outputs {
    #[inline(always)]
    fn column<R: Real, V: Vector<R>>(_: Constants<V>, m: [V; 4]) -> [V; 2] {
        [m[0].plus(m[1]).plus(m[2]), m[1].minus(m[2]).minus(m[3])]
    }
}

/// `A`
struct Deltas;
impl Map<2, 4> for Deltas {
    #[inline(always)]
    fn column<R: Real, V: Vector<R>>(constants: Constants<V>, d: [V; 2]) -> [V; 4] {
        [d[0], d[0].plus(d[1]), d[0].minus(d[1]), constants.zero.minus(d[1])]
    }
}

/// `G`
struct Filters;
impl Map<3, 4> for Filters {
    #[inline(always)]
    fn column<R: Real, V: Vector<R>>(constants: Constants<V>, g: [V; 3]) -> [V; 4] {
        let (ends, middle) = (g[0].plus(g[2]).times(constants.half), g[1].times(constants.half));
        [g[0], ends.plus(middle), ends.minus(middle), g[2]]
    }
}

/// `G^T`
struct Gradients;
impl Map<4, 3> for Gradients {
    #[inline(always)]
    fn column<R: Real, V: Vector<R>>(constants: Constants<V>, u: [V; 4]) -> [V; 3] {
        let sum = u[1].plus(u[2]).times(constants.half);
        [u[0].plus(sum), u[1].minus(u[2]).times(constants.half), sum.plus(u[3])]
    }
}

/// The tile of `N x N` pixels that begins at `place`.
///
/// # Safety
/// The CPU has the instructions; the tile and a vector at its last pixel lie in `images`.
#[inline(always)]
unsafe fn load_tile<R: Real, V: Vector<R>, const N: usize>(
    constants: Constants<V>,
    images: &[R],
    place: usize,
    [row, pixel]: [usize; 2],
) -> [[V; N]; N] {
    debug_assert!(place + (N - 1) * (row + pixel) + V::LANES <= images.len());
    let mut tile = [[constants.zero; N]; N];
    for (y, vectors) in tile.iter_mut().enumerate() {
        for (x, vector) in vectors.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            *vector = unsafe { V::load(images.as_ptr().add(place + y * row + x * pixel)) };
        }
    }
    tile
}

/// Writes the 16 places of a tile, each to its plane.
///
/// # Safety
/// A vector at `place` of the last plane lies in `transformed`.
#[inline(always)]
unsafe fn store_planes<R: Real, V: Vector<R>>(
    tile: &[[V; 4]; 4],
    transformed: &mut [R],
    place: usize,
    plane: usize,
) {
    debug_assert!(place + (PLACES - 1) * plane + V::LANES <= transformed.len());
    for index in 0..PLACES {
        // SAFETY: the caller's promise.
        unsafe {
            let to = transformed.as_mut_ptr().add(place + index * plane);
            tile[index / 4][index % 4].store(to);
        }
    }
}

/// Asserts that the tiles of `n x n` pixels lie in `images`, with `places` of tiles each in
/// `transformed`.
fn check_tiles<R>(images: &[R], tiles: &Tiles<'_>, n: usize, transformed: &[R]) {
    let last = tiles
        .places
        .iter()
        .max()
        .map_or(0, |place| place + (n - 1) * (tiles.row + tiles.pixel) + tiles.channels);
    assert!(last <= images.len(), "tiles reach {last} of {}", images.len());
    assert!(tiles.channels.is_multiple_of(LANES));
    assert!(transformed.len() >= PLACES * tiles.places.len() * tiles.channels);
}

/// Some tiles of images, or of what becomes of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tiles<'a> {
    /// Where in the images each tile's first value lies.
    pub(crate) places: &'a [usize],
    /// Distance of two rows of an image.
    pub(crate) row: usize,
    /// Distance of two pixels of an image.
    pub(crate) pixel: usize,
    /// Channels of a pixel.
    pub(crate) channels: usize,
}

/// `B^T d B` of tiles of 4 x 4, as `[places, tiles, channels]`.
pub(crate) struct TransformInputs<'a, R> {
    pub(crate) images: &'a [R],
    pub(crate) tiles: Tiles<'a>,
    pub(crate) transformed: &'a mut [R],
}

impl<R: Real> Vectorized<R> for TransformInputs<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, vectors: Available<V>) {
        let Self { images, tiles, transformed } = self;
        check_tiles(images, &tiles, 4, transformed);
        let Tiles { places, row, pixel, channels } = tiles;
        let (constants, plane) = (Constants::new(vectors), places.len() * channels);
        for (tile, &place) in places.iter().enumerate() {
            for first in (0..channels).step_by(V::LANES) {
                // SAFETY: checked above; the CPU has the instructions.
                unsafe {
                    let d = load_tile(constants, images, place + first, [row, pixel]);
                    let transform = Inputs::tile(constants, d);
                    store_planes(&transform, transformed, tile * channels + first, plane);
                }
            }
        }
    }
}

/// `A delta A^T` of tiles of 2 x 2, as `[places, tiles, channels]`.
pub(crate) struct TransformDeltas<'a, R> {
    pub(crate) images: &'a [R],
    pub(crate) tiles: Tiles<'a>,
    pub(crate) transformed: &'a mut [R],
}

impl<R: Real> Vectorized<R> for TransformDeltas<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, vectors: Available<V>) {
        let Self { images, tiles, transformed } = self;
        check_tiles(images, &tiles, 2, transformed);
        let Tiles { places, row, pixel, channels } = tiles;
        let (constants, plane) = (Constants::new(vectors), places.len() * channels);
        for (tile, &place) in places.iter().enumerate() {
            for first in (0..channels).step_by(V::LANES) {
                // SAFETY: checked above; the CPU has the instructions.
                unsafe {
                    let d = load_tile(constants, images, place + first, [row, pixel]);
                    let transform = Deltas::tile(constants, d);
                    store_planes(&transform, transformed, tile * channels + first, plane);
                }
            }
        }
    }
}

/// Where the 2 x 2 outputs of a tile go.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OutputTile {
    /// Pixel of the first one.
    pub(crate) pixel: usize,
    /// Pixels from one row to the next.
    pub(crate) row: usize,
    /// Rows and columns of the tile that there are.
    pub(crate) size: [usize; 2],
}

/// `A^T m A` of products, written where each tile says.
pub(crate) struct TransformOutputs<'a, R> {
    /// `[places, tiles, filters]`
    pub(crate) products: &'a [R],
    pub(crate) tiles: &'a [OutputTile],
    pub(crate) filters: usize,
    /// `[pixels, stride]`
    pub(crate) outputs: &'a mut [R],
    pub(crate) stride: usize,
}

impl<R: Real> Vectorized<R> for TransformOutputs<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, vectors: Available<V>) {
        let Self { products, tiles, filters, outputs, stride } = self;
        let (constants, plane) = (Constants::new(vectors), tiles.len() * filters);
        assert!(filters.is_multiple_of(LANES) && filters <= stride);
        assert!(products.len() >= PLACES * plane);
        for (index, tile) in tiles.iter().enumerate() {
            let [rows, columns] = tile.size;
            assert!(rows <= 2 && columns <= 2);
            let last = tile.pixel + (rows - 1) * tile.row + columns;
            assert!(last * stride <= outputs.len(), "outputs");
            for first in (0..filters).step_by(V::LANES) {
                // SAFETY: checked above; the CPU has the instructions.
                unsafe {
                    let m =
                        load_tile(constants, products, index * filters + first, [4 * plane, plane]);
                    let results = Outputs::tile(constants, m);
                    for (y, vectors) in results.iter().enumerate().take(rows) {
                        for (x, vector) in vectors.iter().enumerate().take(columns) {
                            let to = (tile.pixel + y * tile.row + x) * stride + first;
                            vector.store(outputs.as_mut_ptr().add(to));
                        }
                    }
                }
            }
        }
    }
}

/// `G g G^T` of all filters, packed for [`multiply`]: `[places, panels, channels, width]`.
pub(crate) struct TransformFilters<'a, R> {
    /// `[3, 3, rows, columns]` of the matrix of each tap.
    pub(crate) weights: &'a [R],
    /// Channels and filters as the weights lie.
    pub(crate) channels: usize,
    pub(crate) filters: usize,
    /// Whether filters are turned round and exchanged with channels.
    pub(crate) turned: bool,
    /// Columns of a panel.
    pub(crate) width: usize,
    pub(crate) packed: &'a mut [R],
}

impl<R: Real> Vectorized<R> for TransformFilters<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, vectors: Available<V>) {
        let Self { weights, channels, filters, turned, width, packed } = self;
        let (rows, columns) = if turned { (filters, channels) } else { (channels, filters) };
        let constants = Constants::new(vectors);
        assert!(channels.is_multiple_of(LANES) && filters.is_multiple_of(LANES));
        assert!(weights.len() >= 9 * channels * filters && width.is_multiple_of(V::LANES));
        assert!(packed.len() >= PLACES * channels * filters);
        let mut gathered = [R::ZERO; 9 * LANES];
        for row in 0..rows {
            for first in (0..columns).step_by(V::LANES) {
                let (panel, column) = (first / width * width, first % width);
                let panel_width = width.min(columns - panel);
                let to = panel * rows + row * panel_width + column;
                // SAFETY: checked above; the CPU has the instructions.
                unsafe {
                    let g = if turned {
                        for (tap, lanes) in gathered.chunks_exact_mut(LANES).enumerate() {
                            let place = ((8 - tap) * channels + first) * filters + row;
                            for (lane, value) in lanes[..V::LANES].iter_mut().enumerate() {
                                *value = weights[place + lane * filters];
                            }
                        }
                        load_tile(constants, &gathered, 0, [3 * LANES, LANES])
                    } else {
                        let plane = channels * filters;
                        load_tile(constants, weights, row * filters + first, [3 * plane, plane])
                    };
                    store_planes(&Filters::tile(constants, g), packed, to, rows * columns);
                }
            }
        }
    }
}

/// `G^T u G` of products summed over tiles, added to the gradient of the filters.
pub(crate) struct AddGradient<'a, R> {
    /// `[places, channels, filters]`
    pub(crate) products: &'a [R],
    pub(crate) channels: usize,
    pub(crate) filters: usize,
    /// `[3, 3, channels, filters]`
    pub(crate) gradient: &'a mut [R],
}

impl<R: Real> Vectorized<R> for AddGradient<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, vectors: Available<V>) {
        let Self { products, channels, filters, gradient } = self;
        let (constants, plane) = (Constants::new(vectors), channels * filters);
        assert!(plane.is_multiple_of(LANES) && products.len() >= PLACES * plane);
        assert!(gradient.len() >= 9 * plane);
        for first in (0..plane).step_by(V::LANES) {
            // SAFETY: checked above; the CPU has the instructions.
            unsafe {
                let u = load_tile(constants, products, first, [4 * plane, plane]);
                let g = Gradients::tile(constants, u);
                for tap in 0..9 {
                    let sum = gradient.as_mut_ptr().add(tap * plane + first);
                    V::load(sum).plus(g[tap / 3][tap % 3]).store(sum);
                }
            }
        }
    }
}

/// `products[place] (+)= transformed[place] * packed[place]` for all places.
///
/// # Shapes
/// - `transformed`: `[places, tiles, channels]`, `products`: `[places, tiles, filters]`
/// - `packed`: as [`TransformFilters`] packs them in panels of `kernel.columns()`
///
/// # Panics
/// If a slice is too short.
pub(crate) fn multiply<R: Real>(
    kernel: &TileKernel<R>,
    [n_tiles, channels, filters]: [usize; 3],
    transformed: &[R],
    packed: &[R],
    (products, add): (&mut [R], bool),
) {
    assert!(filters.is_multiple_of(LANES) && transformed.len() >= PLACES * n_tiles * channels);
    assert!(packed.len() >= PLACES * channels * filters);
    assert!(products.len() >= PLACES * n_tiles * filters);
    let height = tile_rows(n_tiles, kernel.rows);
    for first in (0..filters).step_by(kernel.columns()) {
        let width = kernel.columns().min(filters - first);
        let steps = Loop { steps: channels, left: 1, right: width };
        let mut tile = Tile::new([Loop::ONCE, Loop::ONCE, steps]);
        (tile.columns, tile.add) = (width, add);
        for place in 0..PLACES {
            for first_row in (0..n_tiles).step_by(height) {
                let index = place * n_tiles + first_row;
                // SAFETY: the assertions above; panels are whole vectors, since `LANES` is a
                // multiple of every kernel's.
                unsafe {
                    tile.right = packed.as_ptr().add((place * filters + first) * channels);
                    tile.set_left(transformed.as_ptr().add(index * channels), channels);
                    let to = products.as_mut_ptr().add(index * filters + first);
                    tile.set_destination(to, filters);
                    (kernel.run)(&tile, height.min(n_tiles - first_row));
                }
            }
        }
    }
}

/// `products[place] (+)= transformed[place]^T * deltas[place]` for all places: sums over tiles.
///
/// # Shapes
/// - `transformed`: `[places, tiles, channels]`, `deltas`: `[places, tiles, filters]`
/// - `products`: `[places, channels, filters]`
///
/// # Panics
/// If a slice is too short.
pub(crate) fn multiply_gradient<R: Real>(
    kernel: &TileKernel<R>,
    [n_tiles, channels, filters]: [usize; 3],
    transformed: &[R],
    deltas: &[R],
    (products, add): (&mut [R], bool),
) {
    assert!(filters.is_multiple_of(LANES) && transformed.len() >= PLACES * n_tiles * channels);
    assert!(deltas.len() >= PLACES * n_tiles * filters);
    assert!(products.len() >= PLACES * channels * filters);
    let height = tile_rows(channels, kernel.rows);
    let steps = Loop { steps: n_tiles, left: channels, right: filters };
    let mut tile = Tile::new([Loop::ONCE, Loop::ONCE, steps]);
    tile.add = add;
    for place in 0..PLACES {
        for first_row in (0..channels).step_by(height) {
            for first in (0..filters).step_by(kernel.columns()) {
                tile.columns = kernel.columns().min(filters - first);
                // SAFETY: the assertions above; whole vectors, as in `multiply`.
                unsafe {
                    let from = place * n_tiles * channels + first_row;
                    tile.set_left(transformed.as_ptr().add(from), 1);
                    tile.right = deltas.as_ptr().add(place * n_tiles * filters + first);
                    let to = (place * channels + first_row) * filters + first;
                    tile.set_destination(products.as_mut_ptr().add(to), filters);
                    (kernel.run)(&tile, height.min(channels - first_row));
                }
            }
        }
    }
}
