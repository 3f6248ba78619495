//! The buffers that a pass through a network needs.

use crate::real::Real;

/// Memory for the activations and gradients of one pass, used again in the next one.
///
/// It grows to the largest batch it has seen; after that a pass allocates nothing. Any network may
/// use it; each thread needs its own. Nothing in it carries over from one pass to the next.
#[derive(Clone, Debug, Default)]
pub struct Workspace<R> {
    /// Outputs of each layer, `[n, layer outputs]`.
    pub(crate) activations: Vec<Vec<R>>,
    /// Gradient with respect to a layer's outputs, `[n, widest layer]`.
    pub(crate) delta: Vec<R>,
    /// The same for the layer before, while it is computed.
    pub(crate) previous_delta: Vec<R>,
}

impl<R: Real> Workspace<R> {
    /// Grows what is too small for the outputs of `n` samples.
    pub(crate) fn reserve_outputs(
        &mut self,
        widths: impl ExactSizeIterator<Item = usize>,
        n: usize,
    ) {
        if self.activations.len() < widths.len() {
            self.activations.resize(widths.len(), Vec::new());
        }
        for (buffer, width) in self.activations.iter_mut().zip(widths) {
            grow(buffer, n * width);
        }
    }

    /// Grows what is too small for the gradients of `n` samples.
    pub(crate) fn reserve_deltas(&mut self, widest: usize, n: usize) {
        grow(&mut self.delta, n * widest);
        grow(&mut self.previous_delta, n * widest);
    }
}

fn grow<R: Real>(buffer: &mut Vec<R>, length: usize) {
    if buffer.len() < length {
        buffer.resize(length, R::ZERO);
    }
}
