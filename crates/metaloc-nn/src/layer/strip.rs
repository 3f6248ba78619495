//! What stands behind a convolution's products: bias, rectifier and max-pooling, there and back.
//!
//! A strip is what the products of some lines of a convolution's outputs make: `[pixels, stride]`,
//! a line of pooled outputs after the other, each `pool rows x (columns * pool columns)` pixels.

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
    /// Place in the strip of the first pixel under an output.
    #[inline(always)]
    fn corner(&self, line: usize, column: usize) -> usize {
        (line * self.pool[0] * self.columns + column) * self.pool[1] * self.stride
    }

    /// Distance of a pixel under an output from the first one.
    #[inline(always)]
    fn offset(&self, choice: usize) -> usize {
        let (row, column) = (choice / self.pool[1], choice % self.pool[1]);
        (row * self.columns * self.pool[1] + column) * self.stride
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
    fn run<V: Vector<R>>(self, _: Available<V>) {
        let Self { finish, strip, bias, outputs, choices } = self;
        let (filters, n_taps) = (finish.filters, finish.pool[0] * finish.pool[1]);
        let whole = filters - filters % LANES;
        for (pixel, outputs) in outputs.chunks_exact_mut(filters).enumerate() {
            let corner = finish.corner(pixel / finish.columns, pixel % finish.columns);
            let choices = choices.get_mut(pixel * filters..(pixel + 1) * filters);
            let choices = choices.unwrap_or_default();
            for first in (0..whole).step_by(LANES) {
                let (best, choice) = largest(&finish, strip, corner + first, n_taps);
                let (values, choice) = rectify(&finish, best, choice, &bias[first..][..LANES]);
                outputs[first..][..LANES].copy_from_slice(&values);
                if !choices.is_empty() {
                    choices[first..][..LANES].copy_from_slice(&choice.map(|tap| tap as u8));
                }
            }
            if whole < filters {
                let (best, choice) = largest(&finish, strip, corner + whole, n_taps);
                let (values, choice) = rectify(&finish, best, choice, &bias[whole..]);
                outputs[whole..].copy_from_slice(&values[..filters - whole]);
                if !choices.is_empty() {
                    let choice = choice.map(|tap| tap as u8);
                    choices[whole..].copy_from_slice(&choice[..filters - whole]);
                }
            }
        }
    }
}

/// The largest values under an output, and which they are; the first of equals.
#[inline(always)]
fn largest<R: Real>(
    finish: &Finish,
    strip: &[R],
    corner: usize,
    n_taps: usize,
) -> ([R; LANES], [u32; LANES]) {
    let mut best = [R::ZERO; LANES];
    best.copy_from_slice(&strip[corner..][..LANES]);
    let mut choice = [0_u32; LANES];
    for tap in 1..n_taps {
        let candidates = &strip[corner + finish.offset(tap)..][..LANES];
        for lane in 0..LANES {
            // A NaN is not passed over.
            let worse = candidates[lane] <= best[lane];
            best[lane] = if worse { best[lane] } else { candidates[lane] };
            choice[lane] = if worse { choice[lane] } else { tap as u32 };
        }
    }
    (best, choice)
}

#[inline(always)]
fn rectify<R: Real>(
    finish: &Finish,
    mut values: [R; LANES],
    mut choice: [u32; LANES],
    bias: &[R],
) -> ([R; LANES], [u32; LANES]) {
    values.iter_mut().zip(bias).for_each(|(value, &bias)| *value += bias);
    if finish.rectified {
        for (value, choice) in values.iter_mut().zip(&mut choice) {
            let held = *value <= R::ZERO;
            *value = if held { R::ZERO } else { *value };
            *choice = if held { u32::from(SILENT) } else { *choice };
        }
    }
    (values, choice)
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
        let (filters, n_taps) = (finish.filters, finish.pool[0] * finish.pool[1]);
        for (pixel, outputs) in outputs.chunks_exact_mut(filters).enumerate() {
            let corner = finish.corner(pixel / finish.columns, pixel % finish.columns);
            let Some(choices) = choices.get(pixel * filters..(pixel + 1) * filters) else {
                let pixel = strip[corner..].iter().zip(bias);
                outputs.iter_mut().zip(pixel).for_each(|(to, (&value, &bias))| *to = value + bias);
                continue;
            };
            outputs.fill(R::ZERO);
            for tap in 0..n_taps {
                let values = strip[corner + finish.offset(tap)..][..filters].iter().zip(bias);
                for ((to, (&value, &bias)), &choice) in outputs.iter_mut().zip(values).zip(choices)
                {
                    *to = if choice == tap as u8 { value + bias } else { *to };
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

/// Writes the output gradients that flow to one pixel: those of the outputs that chose it.
#[inline(always)]
pub(crate) fn chosen<R: Real>(delta: &[R], choices: &[u8], tap: usize, to: &mut [R]) {
    for ((to, &delta), &choice) in to.iter_mut().zip(delta).zip(choices) {
        *to = if choice == tap as u8 { delta } else { R::ZERO };
    }
}
