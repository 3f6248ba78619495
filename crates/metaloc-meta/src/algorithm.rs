//! What all meta-learning algorithms share: the tasks of one iteration become one gradient.

use rayon::prelude::*;
use std::borrow::Borrow;

use crate::{Learner, MetaError, Task};

/// Parameters whose gradients a thread sums at a time.
const SUM_CHUNK: usize = 16 * 1024;

/// How the tasks of one iteration become one gradient of the meta-parameters.
pub trait MetaAlgorithm: Sync {
    /// Name for people and files, as on the command line.
    fn name(&self) -> &'static str;

    /// The inner step size in force, for messages.
    fn inner_step_size(&self) -> f64;

    /// One task's loss and its contribution to the gradient, written into `slot.gradient`.
    ///
    /// # Errors
    /// What the learner reports.
    fn task_gradient<L: Learner>(
        &self,
        learner: &L,
        meta_parameters: &[f32],
        task: &Task,
        slot: &mut TaskSlot<L>,
    ) -> Result<f32, MetaError>;
}

/// Memory for one task of a meta-batch; made once, reused in every iteration.
pub struct TaskSlot<L: Learner> {
    /// The task's contribution to the meta-gradient.
    pub gradient: Vec<f32>,
    /// The task's own parameters theta'_i.
    pub task_parameters: Vec<f32>,
    /// What second-order MAML keeps of its inner steps, one after the other: the parameters
    /// before each. Empty until an algorithm grows it.
    pub trajectory: Vec<f32>,
    /// Second-order MAML's Hessian-vector product. Empty until an algorithm grows it.
    pub product: Vec<f32>,
    /// The learner's scratch memory.
    pub workspace: L::Workspace,
}

impl<L: Learner> TaskSlot<L> {
    /// Memory for one task of `learner`.
    #[must_use]
    pub fn new(learner: &L) -> Self {
        let n = learner.n_parameters();
        Self {
            gradient: vec![0.0; n],
            task_parameters: vec![0.0; n],
            trajectory: Vec::new(),
            product: Vec::new(),
            workspace: learner.workspace(),
        }
    }
}

/// Sums the contributions of the tasks that `draw` makes or lends, one a slot, tasks in parallel.
///
/// Returns the mean task loss; `meta_gradient` becomes the sum over tasks (Eq. 8), and what slots
/// hold is used up. Halves of the slots are summed, then added: in an order that depends on their
/// number, not on that of the threads, and where a thread still has its own tasks in its cache.
///
/// # Errors
/// The first failing task's error, in slot order.
pub fn meta_gradient<L: Learner, A: MetaAlgorithm, T: Borrow<Task>>(
    algorithm: &A,
    learner: &L,
    meta_parameters: &[f32],
    slots: &mut [TaskSlot<L>],
    draw: impl Fn(u64) -> Result<T, MetaError> + Sync,
    meta_gradient: &mut [f32],
) -> Result<f32, MetaError> {
    let task_gradient = |index: usize, slot: &mut TaskSlot<L>| {
        let task = draw(index as u64)?;
        algorithm.task_gradient(learner, meta_parameters, task.borrow(), slot)
    };
    let n_tasks = slots.len() as f32;
    let loss = match slots {
        [] => {
            meta_gradient.fill(0.0);
            0.0
        }
        [slot] => {
            let loss = task_gradient(0, slot)?;
            meta_gradient.copy_from_slice(&slot.gradient);
            loss
        }
        slots => {
            let (left, right, loss) = sum_halves(slots, 0, &task_gradient)?;
            each_chunk(meta_gradient, right, |sums, right, first| {
                let gradients = left[first..].iter().zip(right);
                sums.iter_mut().zip(gradients).for_each(|(sum, (left, right))| *sum = left + right);
            });
            loss
        }
    };
    Ok(loss / n_tasks)
}

/// The sums of the gradients of two halves of the slots, of which the first has number `first`, and
/// the sum of all losses.
fn sum_halves<'a, L: Learner>(
    slots: &'a mut [TaskSlot<L>],
    first: usize,
    task_gradient: &(impl Fn(usize, &mut TaskSlot<L>) -> Result<f32, MetaError> + Sync),
) -> Result<(&'a mut [f32], &'a [f32], f32), MetaError> {
    let (left, right) = slots.split_at_mut(slots.len() / 2);
    let middle = first + left.len();
    let (loss, of_right) = rayon::join(
        || sum_tasks(left, first, task_gradient),
        || sum_tasks(right, middle, task_gradient),
    );
    Ok((&mut left[0].gradient, &right[0].gradient, loss? + of_right?))
}

/// The sum of the losses of slots; that of their gradients goes into the first one's.
fn sum_tasks<L: Learner>(
    slots: &mut [TaskSlot<L>],
    first: usize,
    task_gradient: &(impl Fn(usize, &mut TaskSlot<L>) -> Result<f32, MetaError> + Sync),
) -> Result<f32, MetaError> {
    if let [slot] = slots {
        return task_gradient(first, slot);
    }
    let (left, right, loss) = sum_halves(slots, first, task_gradient)?;
    each_chunk(left, right, |sums, gradients, _| {
        sums.iter_mut().zip(gradients).for_each(|(sum, gradient)| *sum += gradient);
    });
    Ok(loss)
}

/// Runs over two arrays on all threads, if they are long: `run(to, from, place of the first)`.
fn each_chunk(to: &mut [f32], from: &[f32], run: impl Fn(&mut [f32], &[f32], usize) + Sync) {
    if to.len() <= SUM_CHUNK {
        run(to, from, 0);
        return;
    }
    let chunks = to.par_chunks_mut(SUM_CHUNK).zip(from.par_chunks(SUM_CHUNK)).enumerate();
    chunks.for_each(|(index, (to, from))| run(to, from, index * SUM_CHUNK));
}
