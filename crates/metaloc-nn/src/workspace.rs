//! The buffers that a pass through a network needs.

use crate::dual::Dual;
use crate::layer::Layer;
use crate::layer::convolution::{Kept, Packed, Scratch};
use crate::layer::convolution_block::{BlockBuffers, BlockKept};
use crate::number::Number;
use crate::plan::{Operation, Plan};
use crate::real::Real;

/// Memory for the activations and gradients of one call, used again in the next one.
///
/// It grows to the largest batch it has seen; after that a call allocates nothing. Any network may
/// use it; each thread needs its own. Nothing in it carries over from one call to the next.
///
/// A *splitting* workspace cuts a batch of enough work into lanes that run on all threads of the
/// rayon pool; the others run on the calling thread. Results depend on which of the two it is, by
/// rounding, but not on the number of threads.
#[derive(Clone, Debug, Default)]
pub struct Workspace<R> {
    pub(crate) lanes: Vec<Lane<R>>,
    /// Weights of each step, laid out for the kernels; the same for tangents.
    pub(crate) packed: Vec<Packed<R>>,
    pub(crate) packed_tangents: Vec<Packed<R>>,
    /// Outputs of the whole batch.
    pub(crate) outputs: Vec<R>,
    pub(crate) splits: bool,
}

impl<R: Real> Workspace<R> {
    /// A workspace that splits large batches over the threads of the rayon pool.
    #[must_use]
    pub fn splitting() -> Self {
        Self { splits: true, ..Self::default() }
    }
}

/// Buffers of one part of a batch at a time; vectors of vectors have one entry a flowing value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lane<R> {
    pub(crate) values: Vec<Vec<R>>,
    pub(crate) tangents: Vec<Vec<R>>,
    pub(crate) deltas: Vec<Vec<R>>,
    pub(crate) delta_tangents: Vec<Vec<R>>,
    pub(crate) tools: Tools<R>,
    /// An input gradient on its way to be added to others.
    pub(crate) addend: Vec<R>,
    pub(crate) addend_tangents: Vec<R>,
    /// The lane's share of the gradient, where there is more than one lane.
    pub(crate) gradient: Vec<R>,
    /// The lane's share of the loss.
    pub(crate) loss: f64,
}

/// What steps keep for the way back, and what they need only while they run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tools<R> {
    /// What each step leaves for the way back.
    pub(crate) caches: Vec<Vec<R>>,
    pub(crate) dual_caches: Vec<Vec<Dual<R>>>,
    pub(crate) kept: Vec<Kept<R>>,
    pub(crate) blocks: Vec<BlockKept<R>>,
    pub(crate) scratch: Scratch<R>,
    pub(crate) duals: Duals<R>,
}

impl<R: Real> Tools<R> {
    /// The buffers of the block at a step.
    pub(crate) fn block(&mut self, index: usize) -> BlockBuffers<'_, R> {
        let (kept, cache) = (&mut self.blocks[index], &mut self.caches[index][..]);
        BlockBuffers { kept, cache, scratch: &mut self.scratch }
    }
}

/// Values with their tangents beside them, for one layer at a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Duals<R> {
    pub(crate) parameters: Vec<Dual<R>>,
    pub(crate) inputs: Vec<Dual<R>>,
    pub(crate) outputs: Vec<Dual<R>>,
    pub(crate) delta: Vec<Dual<R>>,
    pub(crate) gradient: Vec<Dual<R>>,
    pub(crate) input_delta: Vec<Dual<R>>,
}

/// What a call computes, and so which buffers it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Extent {
    Outputs,
    Gradient,
    HessianVectorProduct,
}

impl<R: Real> Lane<R> {
    /// Grows what is too small for a pass of `n` samples.
    pub(crate) fn reserve(&mut self, plan: &Plan, n: usize, extent: Extent) {
        let second_order = extent == Extent::HessianVectorProduct;
        reserve(&mut self.values, &plan.widths, n);
        if extent >= Extent::Gradient {
            reserve(&mut self.deltas, &plan.widths, n);
        }
        if second_order {
            reserve(&mut self.tangents, &plan.widths, n);
            reserve(&mut self.delta_tangents, &plan.widths, n);
        }
        let n_steps = plan.steps.len();
        let Tools { caches, dual_caches, kept, blocks, .. } = &mut self.tools;
        resize(kept, n_steps);
        resize(blocks, n_steps);
        resize(caches, n_steps);
        resize(dual_caches, n_steps);
        for (index, step) in plan.steps.iter().enumerate() {
            match &step.operation {
                Operation::Elementary(layer) if second_order => {
                    grow(&mut dual_caches[index], layer.n_cache(n));
                }
                Operation::Elementary(layer) => grow(&mut caches[index], layer.n_cache(n)),
                Operation::Block(block) => grow(&mut caches[index], block.norm.n_cache(n)),
                _ => {}
            }
        }
    }
}

/// One buffer for each width but the first, which are the inputs.
fn reserve<R: Real>(buffers: &mut Vec<Vec<R>>, widths: &[usize], n: usize) {
    resize(buffers, widths.len());
    for (buffer, width) in buffers.iter_mut().zip(widths).skip(1) {
        grow(buffer, n * width);
    }
}

fn resize<T: Default>(entries: &mut Vec<T>, length: usize) {
    if entries.len() < length {
        entries.resize_with(length, T::default);
    }
}

/// Makes a buffer at least this long.
pub(crate) fn grow<N: Number>(buffer: &mut Vec<N>, length: usize) {
    if buffer.len() < length {
        buffer.resize(length, N::ZERO);
    }
}
