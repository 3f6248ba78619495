//! A checked network, run on any parameter vector.

use crate::cut::{Cut, MOST_LANES};
use crate::description::NetworkDescription;
use crate::error::{NetworkError, expect_length};
use crate::initializer::Initializer;
use crate::layer::convolution::Packed;
use crate::layer::{Initial, Sides};
use crate::loss::{Loss, Targets};
use crate::pass::{Call, Part};
use crate::plan::{Plan, Step};
use crate::real::Real;
use crate::workspace::{Extent, Lane, Workspace, grow};
use rayon::prelude::*;

/// Parameters whose gradients are summed over the lanes at a time.
const SUM_CHUNK: usize = 8 * 1024;

/// Where one array lies in the flat parameter vector, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterView {
    /// `layer0.weight`, `layer0.bias`, ...; numbers are places in the description's lists.
    pub name: String,
    /// First value's place in the parameter vector.
    pub offset: usize,
    /// `[inputs, outputs]` for a dense layer's weight, `[height, width, channels, filters]` for a
    /// convolution's, `[outputs]` for their biases.
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

/// How the layers behave that know of more than their inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mode<'a, R> {
    /// `[n_statistics]`: what batch norm normalises by; `None`: the statistics of the batch.
    pub statistics: Option<&'a [R]>,
    /// Seed of what dropout drops; `None`: nothing is dropped.
    pub dropout: Option<u64>,
    /// `[n_support, n_outputs]`: targets of the samples that the batch begins with, for a network
    /// that ends in a ridge regression. They have outputs, but no share in a loss, whose targets are
    /// those of the other samples.
    pub support: Option<&'a [R]>,
}

impl<R> Default for Mode<'_, R> {
    fn default() -> Self {
        Self { statistics: None, dropout: None, support: None }
    }
}

/// What is to be made small: a loss on a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective<'a, R> {
    /// `[n, n_inputs]` row-major.
    pub inputs: &'a [R],
    /// Values `[n, n_outputs]` or classes `[n]`.
    pub targets: Targets<'a, R>,
    /// How outputs are judged.
    pub loss: Loss,
    /// How layers behave.
    pub mode: Mode<'a, R>,
}

impl<'a, R> Objective<'a, R> {
    /// A loss on a batch, with batch norm by the batch's statistics and nothing dropped.
    #[must_use]
    pub fn new(inputs: &'a [R], targets: Targets<'a, R>, loss: Loss) -> Self {
        Self { inputs, targets, loss, mode: Mode::default() }
    }
}

/// A checked network: a function of one flat parameter vector, which it does not hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    pub(crate) description: NetworkDescription,
    pub(crate) plan: Plan,
    /// The same without what has no tangents: for Hessian-vector products.
    pub(crate) plan_with_tangents: Plan,
}

impl Network {
    /// Length of the parameter vector.
    #[must_use]
    pub fn n_parameters(&self) -> usize {
        self.plan.n_parameters
    }

    /// Values in a sample.
    #[must_use]
    pub fn n_inputs(&self) -> usize {
        self.plan.widths[0]
    }

    /// Values in a prediction.
    #[must_use]
    pub fn n_outputs(&self) -> usize {
        self.plan.widths[self.plan.steps.len()]
    }

    /// Multiply-adds of dense layers and convolutions for one sample, there.
    #[must_use]
    pub fn n_products(&self) -> usize {
        self.plan.n_products()
    }

    /// What the network was made from.
    #[must_use]
    pub fn description(&self) -> &NetworkDescription {
        &self.description
    }

    /// The arrays in the parameter vector, in its order and without gaps.
    #[must_use]
    pub fn views(&self) -> &[ParameterView] {
        &self.plan.views
    }

    /// An empty workspace; it grows to the largest batch it sees.
    #[must_use]
    pub fn workspace<R: Real>(&self) -> Workspace<R> {
        Workspace::default()
    }

    /// Values of a support sample's target, in a network that ends in a ridge regression
    /// ([`Mode::support`]).
    #[must_use]
    pub fn n_support_outputs(&self) -> Option<usize> {
        self.plan.support_outputs()
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
        let mut parameters = vec![R::ZERO; self.n_parameters()];
        for (view, start) in self.plan.views.iter().zip(&self.plan.starts) {
            let array = &mut parameters[view.offset..view.offset + view.n_values()];
            match *start {
                Initial::Weights { fan_in, fan_out } => {
                    initializer.fill(array, fan_in, fan_out, rng);
                }
                Initial::Constant(value) => array.fill(R::from_f64(value)),
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
        self.predict_in(Mode::default(), parameters, inputs, workspace)
    }

    /// [`predict`](Self::predict) with layers that behave as `mode` says.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub fn predict_in<'w, R: Real>(
        &self,
        mode: Mode<'_, R>,
        parameters: &[R],
        inputs: &[R],
        workspace: &'w mut Workspace<R>,
    ) -> Result<&'w [R], NetworkError> {
        let n = self.check_batch(parameters, inputs, &mode)?;
        let Workspace { lanes, packed, outputs, splits, .. } = workspace;
        let cut = Cut::new(&self.plan, n, *splits, self.couples_samples(&mode));
        pack(&self.plan, parameters, false, packed, cut.n_lanes > 1);
        let call = Call {
            plan: &self.plan,
            parameters: Sides { values: parameters, tangents: None },
            packed: (packed, &[]),
            mode,
        };
        let (last, width) = (self.plan.steps.len(), self.n_outputs());
        grow(outputs, n * width);
        let mut rest = &mut outputs[..n * width];
        let mut shares = [const { None }; MOST_LANES];
        for (lane, share) in shares.iter_mut().enumerate().take(cut.n_lanes) {
            let (own, behind) = rest.split_at_mut(cut.samples(lane).len() * width);
            (*share, rest) = (Some(own), behind);
        }
        let run = |(lane, (buffers, share)): (usize, (&mut Lane<R>, &mut Option<&mut [R]>))| {
            let Some(share) = share else { return };
            let start = cut.samples(lane).start;
            cut.each_part(lane, |first, n| {
                buffers.reserve(&self.plan, n, Extent::Outputs);
                let inputs = &inputs[first * self.n_inputs()..(first + n) * self.n_inputs()];
                call.forward(Part { inputs, n, first }, buffers);
                let place = (first - start) * width..(first - start + n) * width;
                share[place].copy_from_slice(&buffers.values[last][..n * width]);
            });
        };
        cut.reserve(lanes);
        if cut.n_lanes == 1 {
            run((0, (&mut lanes[0], &mut shares[0])));
        } else {
            let work = lanes[..cut.n_lanes].par_iter_mut().zip(&mut shares[..cut.n_lanes]);
            work.enumerate().for_each(run);
        }
        Ok(&workspace.outputs[..n * width])
    }

    /// The mean loss over a batch.
    ///
    /// # Shapes
    /// - `parameters`: `[n_parameters]`
    ///
    /// # Errors
    /// As [`predict`](Self::predict); [`NetworkError::TargetKind`],
    /// [`NetworkError::ClassOutOfRange`]; [`NetworkError::NonFiniteLoss`].
    pub fn loss<R: Real>(
        &self,
        parameters: &[R],
        objective: Objective<'_, R>,
        workspace: &mut Workspace<R>,
    ) -> Result<R, NetworkError> {
        let parameters = Sides { values: parameters, tangents: None };
        self.run(Extent::Outputs, parameters, objective, &mut [], workspace)
    }

    /// The mean loss over a batch, and its gradient with respect to the parameters.
    ///
    /// # Shapes
    /// - `parameters`, `gradient`: `[n_parameters]`; `gradient` is overwritten
    ///
    /// # Errors
    /// As [`loss`](Self::loss). `gradient` is untouched then, but perhaps for
    /// [`NetworkError::NonFiniteLoss`].
    pub fn loss_and_gradient<R: Real>(
        &self,
        parameters: &[R],
        objective: Objective<'_, R>,
        gradient: &mut [R],
        workspace: &mut Workspace<R>,
    ) -> Result<R, NetworkError> {
        expect_length("gradient", self.n_parameters(), gradient.len())?;
        let parameters = Sides { values: parameters, tangents: None };
        self.run(Extent::Gradient, parameters, objective, gradient, workspace)
    }

    /// The product of the loss's Hessian matrix at `parameters` with a direction, exact but for
    /// rounding: the derivative of the gradient along the direction.
    ///
    /// # Shapes
    /// - `parameters`, `direction`, `product`: `[n_parameters]`; `product` is overwritten
    ///
    /// # Errors
    /// As [`loss_and_gradient`](Self::loss_and_gradient).
    pub fn hessian_vector_product<R: Real>(
        &self,
        parameters: &[R],
        objective: Objective<'_, R>,
        direction: &[R],
        product: &mut [R],
        workspace: &mut Workspace<R>,
    ) -> Result<(), NetworkError> {
        expect_length("direction", self.n_parameters(), direction.len())?;
        expect_length("product", self.n_parameters(), product.len())?;
        let parameters = Sides { values: parameters, tangents: Some(direction) };
        self.run(Extent::HessianVectorProduct, parameters, objective, product, workspace)?;
        Ok(())
    }

    /// Checks the lengths and counts the samples.
    fn check_batch<R>(
        &self,
        parameters: &[R],
        inputs: &[R],
        mode: &Mode<'_, R>,
    ) -> Result<usize, NetworkError> {
        expect_length("parameters", self.n_parameters(), parameters.len())?;
        if let Some(statistics) = mode.statistics {
            expect_length("statistics", self.n_statistics(), statistics.len())?;
        }
        if inputs.is_empty() {
            return Err(NetworkError::EmptyBatch);
        }
        if !inputs.len().is_multiple_of(self.n_inputs()) {
            let (n_inputs, got) = (self.n_inputs(), inputs.len());
            return Err(NetworkError::RaggedInputs { n_inputs, got });
        }
        let n = inputs.len() / self.n_inputs();
        if let Some(n_outputs) = self.plan.support_outputs() {
            let got = mode.support.map_or(0, <[R]>::len);
            if got == 0 || !got.is_multiple_of(n_outputs) || got / n_outputs >= n {
                return Err(NetworkError::Support { n_outputs, n, got });
            }
        }
        Ok(n)
    }

    /// Whether samples must be kept together.
    fn couples_samples<R>(&self, mode: &Mode<'_, R>) -> bool {
        self.plan.couples_samples(mode.statistics.is_some())
    }

    /// Runs all parts of a batch as far as `extent` says.
    fn run<R: Real>(
        &self,
        extent: Extent,
        parameters: Sides<'_, R>,
        objective: Objective<'_, R>,
        gradient: &mut [R],
        workspace: &mut Workspace<R>,
    ) -> Result<R, NetworkError> {
        let Objective { inputs, targets, loss, mode } = objective;
        let plan = match extent {
            Extent::HessianVectorProduct => &self.plan_with_tangents,
            Extent::Outputs | Extent::Gradient => &self.plan,
        };
        let n = self.check_batch(parameters.values, inputs, &mode)?;
        let n_support = plan
            .support_outputs()
            .map_or(0, |width| mode.support.map_or(0, |targets| targets.len() / width));
        loss.check(targets, n - n_support, self.n_outputs())?;
        let Workspace { lanes, packed, packed_tangents, splits, .. } = workspace;
        let back = extent > Extent::Outputs;
        let together = loss.couples_samples() || self.couples_samples(&mode);
        let cut = Cut::new(plan, n, *splits, together);
        let splits = cut.n_lanes > 1;
        pack(plan, parameters.values, back, packed, splits);
        let packed_tangents = match parameters.tangents {
            Some(direction) => {
                pack(plan, direction, back, packed_tangents, splits);
                &packed_tangents[..]
            }
            None => &[],
        };
        let call = Call { plan, parameters, packed: (packed, packed_tangents), mode };
        cut.reserve(lanes);
        let run_lane = |lane: usize, buffers: &mut Lane<R>, gradient: &mut [R]| {
            buffers.loss = 0.0;
            let start = cut.samples(lane).start;
            cut.each_part(lane, |first, n_part| {
                buffers.reserve(plan, n_part, extent);
                let inputs = &inputs[first * self.n_inputs()..(first + n_part) * self.n_inputs()];
                let part = Part { inputs, n: n_part, first };
                call.forward(part, buffers);
                buffers.loss += call.loss(part, buffers, (loss, targets, n - n_support), back);
                if back && buffers.loss.is_finite() {
                    call.backward(part, buffers, gradient, first > start);
                }
            });
        };
        if cut.n_lanes == 1 {
            run_lane(0, &mut lanes[0], gradient);
        } else {
            let length = gradient.len();
            lanes[..cut.n_lanes].par_iter_mut().enumerate().for_each(|(lane, buffers)| {
                let mut own = std::mem::take(&mut buffers.gradient);
                grow(&mut own, length);
                run_lane(lane, buffers, &mut own[..length]);
                buffers.gradient = own;
            });
        }
        let value = lanes[..cut.n_lanes].iter().map(|lane| lane.loss).sum();
        if !f64::is_finite(value) {
            return Err(NetworkError::NonFiniteLoss { loss: loss.name(), got: value });
        }
        if cut.n_lanes > 1 {
            sum_gradients(&lanes[..cut.n_lanes], gradient);
        }
        Ok(R::from_f64(value))
    }
}

/// Lays convolution weights out for the kernels, on all threads where the batch is split too.
fn pack<R: Real>(
    plan: &Plan,
    parameters: &[R],
    back: bool,
    packed: &mut Vec<Packed<R>>,
    on_all_threads: bool,
) {
    let steps = &plan.steps;
    if packed.len() < steps.len() {
        packed.resize_with(steps.len(), Packed::default);
    }
    let pack = |(step, packed): (&Step, &mut Packed<R>)| {
        if let Some(convolution) = step.operation.convolution() {
            let back = back && step.needs_input_delta();
            convolution.pack(&parameters[step.parameters.clone()], packed, back);
        }
    };
    if on_all_threads {
        steps.par_iter().zip(packed).for_each(pack);
    } else {
        steps.iter().zip(packed).for_each(pack);
    }
}

/// Sums the lanes' gradients, in their order.
fn sum_gradients<R: Real>(lanes: &[Lane<R>], gradient: &mut [R]) {
    gradient.par_chunks_mut(SUM_CHUNK).enumerate().for_each(|(index, sums)| {
        sums.fill(R::ZERO);
        for lane in lanes {
            let own = &lane.gradient[index * SUM_CHUNK..];
            sums.iter_mut().zip(own).for_each(|(sum, &own)| *sum += own);
        }
    });
}
