//! What all meta-learning algorithms share: the tasks of one iteration become one gradient.

use rayon::prelude::*;
use std::borrow::Borrow;
use std::sync::Mutex;

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

/// Memory for one task at a time; made once, reused for others.
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

/// Memory for the tasks of an iteration; made once, reused in every one.
pub struct MetaMemory<L: Learner> {
    /// Each task's contribution to the meta-gradient.
    gradients: Vec<Vec<f32>>,
    /// One a thread, so that what a task leaves in the thread's cache serves the next one.
    slots: Vec<Mutex<TaskSlot<L>>>,
}

impl<L: Learner> MetaMemory<L> {
    /// Memory for so many tasks of `learner`.
    #[must_use]
    pub fn new(learner: &L, n_tasks: usize) -> Self {
        let gradients = vec![vec![0.0; learner.n_parameters()]; n_tasks];
        Self { gradients, slots: Vec::new() }
    }
}

/// Sums the contributions of the tasks that `draw` makes or lends, as many as `memory` is for, in
/// parallel.
///
/// Returns the mean task loss; `meta_gradient` becomes the sum over tasks (Eq. 8). Halves of the
/// tasks are summed, then added: in an order that depends on their number, not on that of the
/// threads.
///
/// # Errors
/// The first failing task's error, in the tasks' order.
pub fn meta_gradient<L: Learner, A: MetaAlgorithm, T: Borrow<Task>>(
    algorithm: &A,
    learner: &L,
    meta_parameters: &[f32],
    memory: &mut MetaMemory<L>,
    draw: impl Fn(u64) -> Result<T, MetaError> + Sync,
    meta_gradient: &mut [f32],
) -> Result<f32, MetaError> {
    let MetaMemory { gradients, slots } = memory;
    slots.resize_with(rayon::current_num_threads(), || Mutex::new(TaskSlot::new(learner)));
    let run = |task: usize, gradient: &mut Vec<f32>| {
        let drawn = draw(task as u64)?;
        with_slot(learner, slots, |slot| {
            std::mem::swap(&mut slot.gradient, gradient);
            let loss = algorithm.task_gradient(learner, meta_parameters, drawn.borrow(), slot);
            std::mem::swap(&mut slot.gradient, gradient);
            loss
        })
    };
    let n_tasks = gradients.len() as f32;
    let loss = match &mut gradients[..] {
        [] => {
            meta_gradient.fill(0.0);
            0.0
        }
        [gradient] => {
            let loss = run(0, gradient)?;
            meta_gradient.copy_from_slice(gradient);
            loss
        }
        gradients => {
            let (left, right, loss) = sum_halves(gradients, 0, &run)?;
            each_chunk(meta_gradient, right, |sums, right, first| {
                let gradients = left[first..].iter().zip(right);
                sums.iter_mut().zip(gradients).for_each(|(sum, (left, right))| *sum = left + right);
            });
            loss
        }
    };
    Ok(loss / n_tasks)
}

/// Runs with the slot of this thread or, where a learner's own threads have come between, another.
fn with_slot<L: Learner, T>(
    learner: &L,
    slots: &[Mutex<TaskSlot<L>>],
    run: impl FnOnce(&mut TaskSlot<L>) -> T,
) -> T {
    let (own, n) = (rayon::current_thread_index().unwrap_or(0), slots.len());
    let free = (0..n).find_map(|offset| slots[(own + offset) % n].try_lock().ok());
    match free {
        Some(mut slot) => run(&mut slot),
        None => run(&mut TaskSlot::new(learner)),
    }
}

/// The sums of the gradients of two halves of the tasks, of which the first has number `first`, and
/// the sum of all losses.
fn sum_halves<'a>(
    gradients: &'a mut [Vec<f32>],
    first: usize,
    run: &(impl Fn(usize, &mut Vec<f32>) -> Result<f32, MetaError> + Sync),
) -> Result<(&'a mut [f32], &'a [f32], f32), MetaError> {
    let (left, right) = gradients.split_at_mut(gradients.len() / 2);
    let middle = first + left.len();
    let (loss, of_right) =
        rayon::join(|| sum_tasks(left, first, run), || sum_tasks(right, middle, run));
    Ok((&mut left[0], &right[0], loss? + of_right?))
}

/// The sum of the losses of tasks; that of their gradients goes into the first one's.
fn sum_tasks(
    gradients: &mut [Vec<f32>],
    first: usize,
    run: &(impl Fn(usize, &mut Vec<f32>) -> Result<f32, MetaError> + Sync),
) -> Result<f32, MetaError> {
    if let [gradient] = gradients {
        return run(first, gradient);
    }
    let (left, right, loss) = sum_halves(gradients, first, run)?;
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
