//! The one thing the algorithms ask of a model: loss and gradient at given parameters.

use metaloc_nn::{Initializer, Loss, Network, Objective, Targets, Workspace};

use crate::seed::ChaCha8Rng;
use crate::{Batch, Labels, MetaError};

/// A model that is trained by gradients. Any such model can be meta-trained: implement this, as
/// `examples/own_model.rs` does.
///
/// Parameters are one flat vector of [`Learner::n_parameters`] numbers.
pub trait Learner: Sync {
    /// Scratch memory; one a thread, reused between calls.
    type Workspace: Send;

    /// Length of the parameter vector.
    fn n_parameters(&self) -> usize;

    /// Random starting parameters.
    fn initial_parameters(&self, rng: &mut ChaCha8Rng) -> Vec<f32>;

    /// Fresh scratch memory.
    fn workspace(&self) -> Self::Workspace;

    /// Fresh scratch memory for work that has the machine to itself: where the model can, one
    /// batch is split over all threads. The same as [`Learner::workspace`] unless overridden.
    fn splitting_workspace(&self) -> Self::Workspace {
        self.workspace()
    }

    /// Lengths of the consecutive groups of parameters that belong together, as a layer's weights
    /// and biases do; the last one is the head. For algorithms that treat them apart.
    fn parameter_groups(&self) -> Vec<usize> {
        vec![self.n_parameters()]
    }

    /// Mean loss over a batch; overwrites `gradient` with its gradient.
    ///
    /// # Errors
    /// If parameters or batch don't fit the model, or the loss is not finite.
    fn loss_and_gradient(
        &self,
        parameters: &[f32],
        batch: &Batch,
        gradient: &mut [f32],
        workspace: &mut Self::Workspace,
    ) -> Result<f32, MetaError>;

    /// Overwrites `product` with the product of the batch loss's Hessian matrix at `parameters` and
    /// `direction`. Second-order MAML needs it; a learner may do without.
    ///
    /// # Errors
    /// As [`Learner::loss_and_gradient`]; [`MetaError::NoHessianVectorProduct`] unless overridden.
    fn hessian_vector_product(
        &self,
        parameters: &[f32],
        batch: &Batch,
        direction: &[f32],
        product: &mut [f32],
        workspace: &mut Self::Workspace,
    ) -> Result<(), MetaError> {
        let _ = (parameters, batch, direction, product, workspace);
        Err(MetaError::NoHessianVectorProduct)
    }

    /// Mean loss over a batch.
    ///
    /// # Errors
    /// As [`Learner::loss_and_gradient`].
    fn loss(
        &self,
        parameters: &[f32],
        batch: &Batch,
        workspace: &mut Self::Workspace,
    ) -> Result<f32, MetaError>;

    /// The model's answers to `inputs`, appended to `answers`.
    ///
    /// # Shapes
    /// `inputs`: `[n, n_inputs]`, `answers`: `[n, n_outputs]`, row-major.
    ///
    /// # Errors
    /// If parameters or inputs don't fit the model.
    fn predict(
        &self,
        parameters: &[f32],
        inputs: &[f32],
        workspace: &mut Self::Workspace,
        answers: &mut Vec<f32>,
    ) -> Result<(), MetaError>;
}

/// A network of our engine with a loss.
#[derive(Debug, Clone)]
pub struct NetworkLearner {
    /// The network.
    pub network: Network,
    /// What its answers are judged by.
    pub loss: Loss,
    /// How its starting weights are drawn.
    pub initializer: Initializer,
}

impl NetworkLearner {
    fn objective<'a>(&self, batch: &'a Batch) -> Objective<'a, f32> {
        let targets = match &batch.labels {
            Labels::Values { values, .. } => Targets::Values(values),
            Labels::Classes(classes) => Targets::Classes(classes),
        };
        Objective::new(&batch.inputs, targets, self.loss)
    }
}

impl Learner for NetworkLearner {
    type Workspace = Workspace<f32>;

    fn n_parameters(&self) -> usize {
        self.network.n_parameters()
    }

    fn parameter_groups(&self) -> Vec<usize> {
        let mut groups: Vec<(&str, usize)> = Vec::new();
        for view in self.network.views() {
            // `layer3.weight` and `layer3.bias` belong together.
            let layer = view.name.rsplit_once('.').map_or(&view.name[..], |(layer, _)| layer);
            match groups.last_mut() {
                Some((last, length)) if *last == layer => *length += view.n_values(),
                _ => groups.push((layer, view.n_values())),
            }
        }
        groups.into_iter().map(|(_, length)| length).collect()
    }

    fn initial_parameters(&self, rng: &mut ChaCha8Rng) -> Vec<f32> {
        self.network.initial_parameters(self.initializer, rng)
    }

    fn workspace(&self) -> Workspace<f32> {
        self.network.workspace()
    }

    fn splitting_workspace(&self) -> Workspace<f32> {
        Workspace::splitting()
    }

    fn loss_and_gradient(
        &self,
        parameters: &[f32],
        batch: &Batch,
        gradient: &mut [f32],
        workspace: &mut Workspace<f32>,
    ) -> Result<f32, MetaError> {
        let objective = self.objective(batch);
        Ok(self.network.loss_and_gradient(parameters, objective, gradient, workspace)?)
    }

    fn hessian_vector_product(
        &self,
        parameters: &[f32],
        batch: &Batch,
        direction: &[f32],
        product: &mut [f32],
        workspace: &mut Workspace<f32>,
    ) -> Result<(), MetaError> {
        let (network, objective) = (&self.network, self.objective(batch));
        Ok(network.hessian_vector_product(parameters, objective, direction, product, workspace)?)
    }

    fn loss(
        &self,
        parameters: &[f32],
        batch: &Batch,
        workspace: &mut Workspace<f32>,
    ) -> Result<f32, MetaError> {
        Ok(self.network.loss(parameters, self.objective(batch), workspace)?)
    }

    fn predict(
        &self,
        parameters: &[f32],
        inputs: &[f32],
        workspace: &mut Workspace<f32>,
        answers: &mut Vec<f32>,
    ) -> Result<(), MetaError> {
        answers.extend_from_slice(self.network.predict(parameters, inputs, workspace)?);
        Ok(())
    }
}
