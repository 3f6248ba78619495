//! Conventional training: a network, samples in random order, a step for each small batch.

use metaloc_meta::seed::ChaCha8Rng;
use metaloc_nn::{
    LayerDescription, Loss, Mode, Network, Objective, OptimizerDescription, Targets, Workspace,
};
use rand::Rng;
use rand::seq::SliceRandom;

use crate::error::Error;

/// How a network is trained.
#[derive(Debug, Clone, Copy)]
pub(super) struct MiniBatches {
    /// Updates.
    pub(super) steps: usize,
    /// Samples of an update.
    pub(super) batch: usize,
    /// Takes the updates.
    pub(super) optimizer: OptimizerDescription,
}

/// Places of samples, batch after batch: every epoch takes them in another order; what is left of an
/// epoch after its last whole batch is left out, unless all samples are fewer than a batch.
pub(super) struct Shuffled {
    order: Vec<usize>,
    size: usize,
    next: usize,
}

impl Shuffled {
    /// Batches of so many of `n` samples.
    ///
    /// # Errors
    /// No samples, or batches of none.
    pub(super) fn new(n: usize, batch: usize) -> Result<Self, Error> {
        if n == 0 || batch == 0 {
            return Err(Error::usage("training needs samples, and batches of at least 1"));
        }
        Ok(Self { order: (0..n).collect(), size: batch.min(n), next: 0 })
    }

    /// The next batch.
    pub(super) fn batch(&mut self, rng: &mut ChaCha8Rng) -> &[usize] {
        let place = self.next % (self.order.len() / self.size);
        self.next += 1;
        if place == 0 {
            self.order.shuffle(rng);
        }
        &self.order[place * self.size..(place + 1) * self.size]
    }
}

/// What a network should answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answers<'a> {
    /// Its own inputs, by squared error.
    Inputs,
    /// A class a sample, by cross-entropy.
    Classes(&'a [u32]),
}

impl MiniBatches {
    /// Updates `parameters` on samples `[n, n_inputs]`, in batches as [`Shuffled`] makes them. Dropout
    /// among the network's own layers, not among those in branches, drops.
    ///
    /// # Errors
    /// An illegal setting, no samples, or a loss that is not finite.
    pub(super) fn train(
        &self,
        network: &Network,
        parameters: &mut [f32],
        (inputs, answers): (&[f32], Answers<'_>),
        rng: &mut ChaCha8Rng,
    ) -> Result<(), Error> {
        let width = network.n_inputs();
        let n = inputs.len() / width;
        let mut shuffled = Shuffled::new(n, self.batch)?;
        let drops = |layer: &LayerDescription| matches!(layer, LayerDescription::Dropout { .. });
        let drops = network.description().layers.iter().any(drops);
        let mut optimizer = self.optimizer.start(parameters.len())?;
        let mut gradient = vec![0.0; parameters.len()];
        let mut workspace = Workspace::splitting();
        let (mut rows, mut classes) = (Vec::new(), Vec::new());
        for _ in 0..self.steps {
            let chosen = shuffled.batch(rng);
            rows.clear();
            chosen.iter().for_each(|&i| rows.extend(&inputs[i * width..(i + 1) * width]));
            let (targets, loss) = match answers {
                Answers::Inputs => (Targets::Values(&rows[..]), Loss::SquaredError),
                Answers::Classes(of) => {
                    classes.clear();
                    classes.extend(chosen.iter().map(|&i| of[i]));
                    (Targets::Classes(&classes[..]), Loss::CrossEntropy)
                }
            };
            let mode = Mode { dropout: drops.then(|| rng.next_u64()), ..Mode::default() };
            let objective = Objective { mode, ..Objective::new(&rows[..], targets, loss) };
            network.loss_and_gradient(parameters, objective, &mut gradient, &mut workspace)?;
            optimizer.step(parameters, &gradient)?;
        }
        match parameters.iter().all(|parameter| parameter.is_finite()) {
            true => Ok(()),
            false => Err(Error::usage("training diverged; take a smaller step size")),
        }
    }
}

#[cfg(test)]
mod tests {
    use metaloc_meta::seed::{Purpose, stream};
    use metaloc_nn::{LayerDescription, NetworkDescription};

    use super::*;

    /// A network `y = w x` (and a bias that starts at 0) that should answer its input, by hand: the
    /// loss is `(w x + b - x)^2`.
    #[test]
    fn one_step_by_hand() {
        let layers = vec![LayerDescription::Dense { outputs: 1 }];
        let network = NetworkDescription { inputs: 1.into(), layers }.check().unwrap();
        let mut parameters = [0.5, 0.0];
        let batches = MiniBatches { steps: 1, batch: 9, optimizer: OptimizerDescription::sgd(0.1) };
        let mut rng = stream(1, Purpose::Locator, 0, 0);
        batches.train(&network, &mut parameters, (&[2.0], Answers::Inputs), &mut rng).unwrap();
        // d/dw = 2 (0.5 * 2 - 2) * 2 = -4, d/db = -2.
        assert!((parameters[0] - 0.9).abs() < 1e-6 && (parameters[1] - 0.2).abs() < 1e-6);
    }

    #[test]
    fn classes_are_learned_and_seeds_repeat() {
        let layers = vec![LayerDescription::Dense { outputs: 2 }];
        let network = NetworkDescription { inputs: 1.into(), layers }.check().unwrap();
        let batches =
            MiniBatches { steps: 300, batch: 2, optimizer: OptimizerDescription::sgd(0.5) };
        let trained = |seed| {
            let mut parameters = vec![0.0; network.n_parameters()];
            let samples: (&[f32], _) =
                (&[-2.0, -1.0, 1.0, 2.0, 3.0], Answers::Classes(&[0, 0, 1, 1, 1]));
            let mut rng = stream(seed, Purpose::Locator, 0, 0);
            batches.train(&network, &mut parameters, samples, &mut rng).unwrap();
            parameters
        };
        let mut workspace = network.workspace();
        let outputs = network.predict(&trained(1), &[-1.5, 1.5], &mut workspace).unwrap();
        assert!(outputs[0] > outputs[1] && outputs[2] < outputs[3]);
        assert_eq!(trained(1), trained(1));
        assert_ne!(trained(1), trained(2));
    }
}
