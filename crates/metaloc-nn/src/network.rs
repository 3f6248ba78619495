//! A checked network, run on any parameter vector.

use crate::description::NetworkDescription;
use crate::error::{NetworkError, expect_length};
use crate::initializer::Initializer;
use crate::layer::Layer;
use crate::loss::{Loss, Targets};
use crate::real::Real;
use crate::workspace::Workspace;

/// Where one array lies in the flat parameter vector, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterView {
    /// `layer0.weight`, `layer0.bias`, ...; numbers are places in the description's list.
    pub name: String,
    /// First value's place in the parameter vector.
    pub offset: usize,
    /// `[inputs, outputs]` for a dense layer's weight, `[outputs]` for its bias.
    pub shape: Vec<usize>,
}

impl ParameterView {
    /// Number of values.
    #[must_use]
    pub fn n_values(&self) -> usize {
        self.shape.iter().product()
    }

    /// The array's part of a parameter vector or gradient; `None` if the vector is too short.
    #[must_use]
    pub fn of<'a, R>(&self, parameters: &'a [R]) -> Option<&'a [R]> {
        parameters.get(self.offset..self.offset + self.n_values())
    }
}

/// A checked network: a function of one flat parameter vector, which it does not hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    pub(crate) description: NetworkDescription,
    pub(crate) layers: Vec<Layer>,
    pub(crate) views: Vec<ParameterView>,
    pub(crate) n_parameters: usize,
    pub(crate) n_outputs: usize,
    /// Outputs of the widest layer.
    pub(crate) widest: usize,
}

impl Network {
    /// Length of the parameter vector.
    #[must_use]
    pub fn n_parameters(&self) -> usize {
        self.n_parameters
    }

    /// Values in a sample.
    #[must_use]
    pub fn n_inputs(&self) -> usize {
        self.description.inputs
    }

    /// Values in a prediction.
    #[must_use]
    pub fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    /// What the network was made from.
    #[must_use]
    pub fn description(&self) -> &NetworkDescription {
        &self.description
    }

    /// The arrays in the parameter vector, in its order and without gaps.
    #[must_use]
    pub fn views(&self) -> &[ParameterView] {
        &self.views
    }

    /// An empty workspace; it grows to the largest batch it sees.
    #[must_use]
    pub fn workspace<R: Real>(&self) -> Workspace<R> {
        Workspace { activations: Vec::new(), delta: Vec::new(), previous_delta: Vec::new() }
    }

    /// Draws parameters to start training from: weights by the initializer, biases zero.
    ///
    /// # Shapes
    /// - returns: `[n_parameters]`
    #[must_use]
    pub fn initial_parameters<R: Real>(
        &self,
        initializer: Initializer,
        rng: &mut (impl rand::Rng + ?Sized),
    ) -> Vec<R> {
        let mut parameters = vec![R::ZERO; self.n_parameters];
        for layer in &self.layers {
            if let Layer::Dense(dense) = layer {
                let weight = &mut parameters[dense.weight_offset..dense.bias_offset()];
                initializer.fill(weight, dense.n_inputs, dense.n_outputs, rng);
            }
        }
        parameters
    }

    /// The network's outputs for a batch; they lie in the workspace.
    ///
    /// # Shapes
    /// - `parameters`: `[n_parameters]`
    /// - `inputs`: `[n, n_inputs]` row-major
    /// - returns: `[n, n_outputs]` row-major
    ///
    /// # Errors
    /// [`NetworkError::WrongLength`], [`NetworkError::RaggedInputs`], [`NetworkError::EmptyBatch`].
    pub fn predict<'w, R: Real>(
        &self,
        parameters: &[R],
        inputs: &[R],
        workspace: &'w mut Workspace<R>,
    ) -> Result<&'w [R], NetworkError> {
        let n = self.check_batch(parameters, inputs)?;
        Ok(self.forward(parameters, inputs, n, workspace))
    }

    /// The mean loss over a batch.
    ///
    /// # Shapes
    /// - `parameters`: `[n_parameters]`
    /// - `inputs`: `[n, n_inputs]` row-major
    /// - `targets`: values `[n, n_outputs]` or classes `[n]`
    ///
    /// # Errors
    /// As [`predict`](Self::predict); [`NetworkError::TargetKind`],
    /// [`NetworkError::ClassOutOfRange`]; [`NetworkError::NonFiniteLoss`].
    pub fn loss<R: Real>(
        &self,
        parameters: &[R],
        inputs: &[R],
        targets: Targets<'_, R>,
        loss: Loss,
        workspace: &mut Workspace<R>,
    ) -> Result<R, NetworkError> {
        let n = self.check_batch(parameters, inputs)?;
        loss.check(targets, n, self.n_outputs)?;
        let outputs = self.forward(parameters, inputs, n, workspace);
        loss.evaluate(outputs, targets, self.n_outputs, None)
    }

    /// The mean loss over a batch, and its gradient with respect to the parameters.
    ///
    /// # Shapes
    /// - `parameters`, `gradient`: `[n_parameters]`; `gradient` is overwritten
    /// - `inputs`: `[n, n_inputs]` row-major
    /// - `targets`: values `[n, n_outputs]` or classes `[n]`
    ///
    /// # Errors
    /// As [`loss`](Self::loss); `gradient` is untouched then.
    pub fn loss_and_gradient<R: Real>(
        &self,
        parameters: &[R],
        inputs: &[R],
        targets: Targets<'_, R>,
        loss: Loss,
        gradient: &mut [R],
        workspace: &mut Workspace<R>,
    ) -> Result<R, NetworkError> {
        let n = self.check_batch(parameters, inputs)?;
        expect_length("gradient", self.n_parameters, gradient.len())?;
        loss.check(targets, n, self.n_outputs)?;
        workspace.reserve_deltas(self.widest, n);
        self.forward(parameters, inputs, n, workspace);

        let outputs = &workspace.activations[self.layers.len() - 1][..n * self.n_outputs];
        let delta = &mut workspace.delta[..n * self.n_outputs];
        let value = loss.evaluate(outputs, targets, self.n_outputs, Some(delta))?;
        self.backward(parameters, inputs, n, gradient, workspace);
        Ok(value)
    }

    /// Checks the lengths and counts the samples.
    fn check_batch<R>(&self, parameters: &[R], inputs: &[R]) -> Result<usize, NetworkError> {
        expect_length("parameters", self.n_parameters, parameters.len())?;
        if inputs.is_empty() {
            return Err(NetworkError::EmptyBatch);
        }
        if !inputs.len().is_multiple_of(self.n_inputs()) {
            let (n_inputs, got) = (self.n_inputs(), inputs.len());
            return Err(NetworkError::RaggedInputs { n_inputs, got });
        }
        Ok(inputs.len() / self.n_inputs())
    }

    /// Runs all layers and keeps what each writes.
    fn forward<'w, R: Real>(
        &self,
        parameters: &[R],
        inputs: &[R],
        n: usize,
        workspace: &'w mut Workspace<R>,
    ) -> &'w [R] {
        workspace.reserve_outputs(self.layers.iter().map(Layer::n_outputs), n);
        let mut current = inputs;
        for (layer, outputs) in self.layers.iter().zip(&mut workspace.activations) {
            let outputs = &mut outputs[..n * layer.n_outputs()];
            layer.forward(parameters, current, outputs);
            current = outputs;
        }
        &workspace.activations[self.layers.len() - 1][..n * self.n_outputs]
    }

    /// Carries the gradient in `workspace.delta` from the last layer to the first.
    fn backward<R: Real>(
        &self,
        parameters: &[R],
        inputs: &[R],
        n: usize,
        gradient: &mut [R],
        workspace: &mut Workspace<R>,
    ) {
        let Workspace { activations, delta, previous_delta } = workspace;
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let outputs = &activations[index][..n * layer.n_outputs()];
            let delta_values = &delta[..n * layer.n_outputs()];
            let Some(before) = index.checked_sub(1) else {
                layer.backward(parameters, (inputs, outputs), delta_values, gradient, None);
                continue;
            };
            let width = self.layers[before].n_outputs();
            let (inputs, input_delta) =
                (&activations[before][..n * width], &mut previous_delta[..n * width]);
            let pass = (inputs, outputs);
            layer.backward(parameters, pass, delta_values, gradient, Some(input_delta));
            std::mem::swap(delta, previous_delta);
        }
    }
}
