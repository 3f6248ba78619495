//! What the algorithms' tests share: a model to be done by hand, and derivatives by differences.

use metaloc_nn::{Activation, Initializer, Loss, NetworkDescription};

use crate::algorithm::{TaskAtHand, TaskSlot};
use crate::message::FirstStep;
use crate::seed::{ChaCha8Rng, Purpose, stream};
use crate::{Batch, Labels, Learner, MetaAlgorithm, MetaError, NetworkLearner, Task};

/// `f(x) = p0 x` with loss mean (f - y)^2, written out by hand: independent of the engine. Its
/// Hessian matrix is the mean of 2 x^2.
pub(crate) struct Line;

impl Learner for Line {
    type Workspace = ();
    fn n_parameters(&self) -> usize {
        1
    }
    fn initial_parameters(&self, _: &mut ChaCha8Rng) -> Vec<f32> {
        vec![0.0]
    }
    fn workspace(&self) {}
    fn loss_and_gradient(
        &self,
        p: &[f32],
        batch: &Batch,
        gradient: &mut [f32],
        (): &mut (),
    ) -> Result<f32, MetaError> {
        let Labels::Values { values, .. } = &batch.labels else { panic!("values") };
        let n = values.len() as f32;
        let residuals: Vec<f32> =
            batch.inputs.iter().zip(values).map(|(x, y)| p[0] * x - y).collect();
        gradient[0] =
            residuals.iter().zip(&batch.inputs).map(|(r, x)| 2.0 * r * x).sum::<f32>() / n;
        Ok(residuals.iter().map(|r| r * r).sum::<f32>() / n)
    }
    fn hessian_vector_product(
        &self,
        _: &[f32],
        batch: &Batch,
        direction: &[f32],
        product: &mut [f32],
        (): &mut (),
    ) -> Result<(), MetaError> {
        let squares: f32 = batch.inputs.iter().map(|x| 2.0 * x * x).sum();
        product[0] = squares / batch.inputs.len() as f32 * direction[0];
        Ok(())
    }
    fn loss(&self, p: &[f32], batch: &Batch, ws: &mut ()) -> Result<f32, MetaError> {
        self.loss_and_gradient(p, batch, &mut [0.0], ws)
    }
    fn predict(
        &self,
        p: &[f32],
        inputs: &[f32],
        (): &mut (),
        answers: &mut Vec<f32>,
    ) -> Result<(), MetaError> {
        answers.extend(inputs.iter().map(|x| p[0] * x));
        Ok(())
    }
}

/// One sample of [`Line`].
pub(crate) fn batch(x: f32, y: f32) -> Batch {
    let labels = Labels::Values { values: vec![y], n_outputs: 1 };
    Batch { inputs: vec![x], n_inputs: 1, labels }
}

/// The first iteration's request for a task.
pub(crate) fn at_hand(task: &Task) -> TaskAtHand<'_> {
    TaskAtHand { task, iteration: 0, first_step: &FirstStep::Own }
}

/// Loss and gradient of one task, of an algorithm with meta-parameters of any length.
pub(crate) fn run<L: Learner>(
    algorithm: &impl MetaAlgorithm,
    learner: &L,
    meta_parameters: &[f32],
    task: &TaskAtHand<'_>,
) -> (f32, Vec<f32>) {
    let mut slot = TaskSlot::new(learner);
    slot.gradient.resize(meta_parameters.len(), 0.0);
    let loss = algorithm.task_gradient(learner, meta_parameters, task, &mut slot).unwrap();
    (loss, slot.gradient)
}

/// A network of three layers of tanh, smooth enough for differences in `f32`.
pub(crate) fn smooth_network() -> NetworkLearner {
    let network = NetworkDescription::mlp(3, &[8, 8], 2, Activation::Tanh).check().unwrap();
    let initializer = Initializer::XavierUniform;
    NetworkLearner { network, loss: Loss::SquaredError, initializer }
}

/// The network's starting parameters.
pub(crate) fn smooth_start() -> Vec<f32> {
    smooth_network().initial_parameters(&mut stream(1, Purpose::Initialization, 0, 0))
}

/// Numbers between -1 and 1; another seed gives others.
pub(crate) fn values(seed: u64, n: usize) -> Vec<f32> {
    let mut draw = stream(seed, Purpose::Initialization, 0, 1);
    let uniform = |_| rand::Rng::next_u32(&mut draw) as f32 / 2f32.powi(31) - 1.0;
    (0..n).map(uniform).collect()
}

/// A task of the network; another seed gives another one.
pub(crate) fn smooth_task(seed: u64) -> Task {
    let batch = |seed, n: usize| {
        let labels = Labels::Values { values: values(seed, 2 * n), n_outputs: 2 };
        Batch { inputs: values(seed + 1, 3 * n), n_inputs: 3, labels }
    };
    Task { support: batch(10 * seed, 7), query: batch(10 * seed + 2, 9) }
}

/// The relative error of a gradient at `at` against central differences of `objective`, along
/// random directions. `scales` are the lengths of a step in each parameter.
pub(crate) fn difference_error(
    objective: impl Fn(&[f32]) -> f64,
    at: &[f32],
    scales: &[f32],
    gradient: &[f32],
) -> f64 {
    let (mut error, mut size) = (0.0, 0.0);
    for seed in 0..5 {
        let direction = values(1000 + seed, at.len());
        let direction: Vec<f32> = direction.iter().zip(scales).map(|(d, s)| d * s).collect();
        let moved = |sign: f32| -> Vec<f32> {
            at.iter().zip(&direction).map(|(p, d)| p + sign * d).collect()
        };
        let expected = (objective(&moved(1.0)) - objective(&moved(-1.0))) / 2.0;
        let products = gradient.iter().zip(&direction);
        let along: f64 = products.map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
        error += (along - expected).powi(2);
        size += expected.powi(2);
    }
    (error / size).sqrt()
}

/// Query losses of the network after each of so many steps on the support set, a step size for
/// each step and parameter: plain descent, independent of the inner loop.
pub(crate) fn query_losses(
    theta: &[f32],
    task: &Task,
    steps: usize,
    step_size: impl Fn(usize, usize) -> f32,
) -> Vec<f64> {
    let learner = smooth_network();
    let (mut theta, mut gradient) = (theta.to_vec(), vec![0.0; theta.len()]);
    let mut workspace = learner.workspace();
    let descend = |step| {
        let support = &task.support;
        learner.loss_and_gradient(&theta, support, &mut gradient, &mut workspace).unwrap();
        let moves = theta.iter_mut().zip(&gradient).enumerate();
        moves.for_each(|(place, (p, g))| *p -= step_size(step, place) * g);
        f64::from(learner.loss(&theta, &task.query, &mut workspace).unwrap())
    };
    (0..steps).map(descend).collect()
}
