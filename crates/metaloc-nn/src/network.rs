//! A checked network, run on any parameter vector.

use crate::description::NetworkDescription;
use crate::error::{NetworkError, expect_length};
use crate::initializer::Initializer;
use crate::layer::convolution::Packed;
use crate::layer::{Initial, Layer, Sides, StatisticsKind};
use crate::loss::{Loss, Targets};
use crate::pass::{Call, Part};
use crate::plan::{Operation, Plan};
use crate::real::Real;
use crate::workspace::{Extent, Lane, Workspace, grow};
use rayon::prelude::*;

/// Values that a part of a batch keeps, at most, so that they stay in the second cache.
const PART_VALUES: usize = 128 * 1024;
/// Lanes that a splitting workspace cuts a batch into, at most: the threads that can share it. They
/// do not depend on the number of threads, so that results do not either.
const MOST_LANES: usize = 16;
/// Samples of a lane, about: each lane costs a gradient of its own, to be summed.
const LANE_SAMPLES: usize = 7;
/// Parameters whose gradients are summed over the lanes at a time.
const SUM_CHUNK: usize = 8 * 1024;
/// Multiply-adds below which a batch is not worth the splitting.
const WORTH_SPLITTING: usize = 2_000_000;

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

    /// Values that batch norm layers take over a batch; 0 without such layers.
    #[must_use]
    pub fn n_statistics(&self) -> usize {
        self.plan.n_statistics
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

    /// What the network's batch norm layers normalise by when they predict; `None` without such
    /// layers.
    #[must_use]
    pub fn statistics_kind(&self) -> Option<StatisticsKind> {
        self.plan.statistics().next().map(|(_, _, taken)| taken.kind)
    }

    /// Takes the statistics of a batch: means and variances (divided by the number of values), layer
    /// after layer. Given back in [`Mode::statistics`], they normalise other samples as the batch is.
    ///
    /// # Shapes
    /// - `parameters`: `[n_parameters]`, `statistics`: `[n_statistics]`
    /// - `inputs`: `[n, n_inputs]` row-major
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub fn statistics<R: Real>(
        &self,
        parameters: &[R],
        inputs: &[R],
        statistics: &mut [R],
        workspace: &mut Workspace<R>,
    ) -> Result<(), NetworkError> {
        expect_length("statistics", self.n_statistics(), statistics.len())?;
        self.predict(parameters, inputs, workspace)?;
        let Some(lane) = workspace.lanes.first() else { return Ok(()) };
        for (index, layer, _) in self.plan.statistics() {
            let own = &mut statistics[self.plan.steps[index].statistics.clone()];
            layer.read_statistics(&lane.caches[index], own);
        }
        Ok(())
    }

    /// Running statistics before the first batch: means 0, variances 1.
    #[must_use]
    pub fn initial_statistics<R: Real>(&self) -> Vec<R> {
        let mut statistics = vec![R::ZERO; self.n_statistics()];
        for (index, _, taken) in self.plan.statistics() {
            let own = &mut statistics[self.plan.steps[index].statistics.clone()];
            own[taken.channels..].fill(R::ONE);
        }
        statistics
    }

    /// Moves running statistics towards those of a batch of `n` samples, by each layer's momentum,
    /// with the unbiased variance, as PyTorch does.
    ///
    /// # Shapes
    /// - `running`, `of_batch`: `[n_statistics]`
    ///
    /// # Errors
    /// [`NetworkError::WrongLength`].
    pub fn update_running_statistics<R: Real>(
        &self,
        running: &mut [R],
        of_batch: &[R],
        n: usize,
    ) -> Result<(), NetworkError> {
        expect_length("running statistics", self.n_statistics(), running.len())?;
        expect_length("statistics of the batch", self.n_statistics(), of_batch.len())?;
        for (index, _, taken) in self.plan.statistics() {
            let own = self.plan.steps[index].statistics.clone();
            let observations = (n * taken.per_sample) as f64;
            let unbiased = observations / (observations - 1.0).max(1.0);
            for (place, (running, &new)) in
                running[own.clone()].iter_mut().zip(&of_batch[own]).enumerate()
            {
                let factor = if place < taken.channels { 1.0 } else { unbiased };
                let old = running.to_f64();
                *running = R::from_f64(old + taken.momentum * (factor * new.to_f64() - old));
            }
        }
        Ok(())
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
        let n = self.check_batch(parameters, inputs, mode)?;
        self.pack(parameters, false, &mut workspace.packed);
        let Workspace { lanes, packed, outputs, splits, .. } = workspace;
        let call = Call {
            plan: &self.plan,
            parameters: Sides { values: parameters, tangents: None },
            packed: (packed, &[]),
            mode,
        };
        let cut = self.cut(n, *splits, mode, false);
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
        mode: Mode<'_, R>,
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

    /// Lays convolution weights out for the kernels.
    fn pack<R: Real>(&self, parameters: &[R], back: bool, packed: &mut Vec<Packed<R>>) {
        if packed.len() < self.plan.steps.len() {
            packed.resize_with(self.plan.steps.len(), Packed::default);
        }
        for (step, packed) in self.plan.steps.iter().zip(packed) {
            if let Operation::Convolution(convolution) = &step.operation {
                let back = back && step.needs_input_delta();
                convolution.pack(&parameters[step.parameters.clone()], packed, back);
            }
        }
    }

    /// How a batch is cut into lanes and parts.
    fn cut<R>(&self, n: usize, splits: bool, mode: Mode<'_, R>, couples: bool) -> Cut {
        let couples = couples || self.plan.couples_samples(mode.statistics.is_some());
        if couples {
            return Cut { n, n_lanes: 1, part: n };
        }
        let work = self.plan.n_products().saturating_mul(n);
        let splits = splits && work >= WORTH_SPLITTING && n > 1;
        let n_lanes = if splits { (n / LANE_SAMPLES).clamp(2, MOST_LANES) } else { 1 };
        Cut { n, n_lanes, part: (PART_VALUES / self.plan.kept_values()).max(1) }
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
        let n = self.check_batch(parameters.values, inputs, mode)?;
        let n_support = self
            .plan
            .support_outputs()
            .map_or(0, |width| mode.support.map_or(0, |targets| targets.len() / width));
        loss.check(targets, n - n_support, self.n_outputs())?;
        let Workspace { lanes, packed, packed_tangents, splits, .. } = workspace;
        let back = extent > Extent::Outputs;
        self.pack(parameters.values, back, packed);
        let packed_tangents = match parameters.tangents {
            Some(direction) => {
                self.pack(direction, back, packed_tangents);
                &packed_tangents[..]
            }
            None => &[],
        };
        let call = Call { plan: &self.plan, parameters, packed: (packed, packed_tangents), mode };
        let cut = self.cut(n, *splits, mode, loss.couples_samples());
        cut.reserve(lanes);
        let run_lane = |lane: usize, buffers: &mut Lane<R>, gradient: &mut [R]| {
            buffers.loss = 0.0;
            let start = cut.samples(lane).start;
            cut.each_part(lane, |first, n_part| {
                buffers.reserve(&self.plan, n_part, extent);
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
            let lanes = &lanes[..cut.n_lanes];
            gradient.par_chunks_mut(SUM_CHUNK).enumerate().for_each(|(index, sums)| {
                sums.fill(R::ZERO);
                for lane in lanes {
                    let own = &lane.gradient[index * SUM_CHUNK..];
                    sums.iter_mut().zip(own).for_each(|(sum, &own)| *sum += own);
                }
            });
        }
        Ok(R::from_f64(value))
    }
}

/// How a batch is cut: into lanes, which may run at the same time, and these into parts, which
/// follow one another and stay in the second cache. It depends on sizes alone.
struct Cut {
    n: usize,
    n_lanes: usize,
    /// Samples of a part.
    part: usize,
}

impl Cut {
    /// The samples of a lane.
    fn samples(&self, lane: usize) -> std::ops::Range<usize> {
        lane * self.n / self.n_lanes..(lane + 1) * self.n / self.n_lanes
    }

    /// Calls `run(first, n)` for all parts of a lane.
    fn each_part(&self, lane: usize, mut run: impl FnMut(usize, usize)) {
        let samples = self.samples(lane);
        // As many parts as needed, nearly equal.
        let part = samples.len().div_ceil(samples.len().div_ceil(self.part));
        for first in samples.clone().step_by(part) {
            run(first, part.min(samples.end - first));
        }
    }

    fn reserve<R: Real>(&self, lanes: &mut Vec<Lane<R>>) {
        if lanes.len() < self.n_lanes {
            lanes.resize_with(self.n_lanes, Lane::default);
        }
    }
}
