//! A part of a batch on its way through the steps of a plan, there and back.
//!
//! The same walk computes a gradient and, where parameters have tangents, a Hessian-vector product:
//! each value then flows with its derivative along the direction `v` of the parameters, each
//! gradient with its own, and what gathers is `d/de gradient(parameters + e v) = H v`
//! (B. A. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 1994).

use crate::dual::Dual;
use crate::kernels::level::{SimdLevel, Vectorized};
use crate::kernels::matmul::Accumulate;
use crate::kernels::vector::{Available, Vector};
use crate::layer::convolution::Packed;
use crate::layer::{Context, Elementary, Layer, Pass, Sides, SidesMut};
use crate::loss::{Loss, Targets};
use crate::network::Mode;
use crate::number::Number;
use crate::plan::{DeltaUse, Operation, Plan, Step};
use crate::real::Real;
use crate::workspace::{Duals, Lane, Tools, grow};

/// What all parts of a batch share.
pub(crate) struct Call<'a, R: Real> {
    pub(crate) plan: &'a Plan,
    /// Parameters, and the direction of a Hessian-vector product.
    pub(crate) parameters: Sides<'a, R>,
    /// Packed weights of each step, and packed tangents.
    pub(crate) packed: (&'a [Packed<R>], &'a [Packed<R>]),
    pub(crate) mode: Mode<'a, R>,
}

/// Some samples of a batch.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a, R> {
    pub(crate) inputs: &'a [R],
    pub(crate) n: usize,
    /// Place of the first one in the batch.
    pub(crate) first: usize,
}

impl<R: Real> Call<'_, R> {
    fn has_tangents(&self) -> bool {
        self.parameters.tangents.is_some()
    }

    /// Runs all steps and keeps what each writes.
    pub(crate) fn forward(&self, part: Part<'_, R>, lane: &mut Lane<R>) {
        for index in 0..self.plan.steps.len() {
            self.step_forward(index, part, lane);
        }
    }

    fn step_forward(&self, index: usize, part: Part<'_, R>, lane: &mut Lane<R>) {
        let (plan, step) = (self.plan, &self.plan.steps[index]);
        let (before, after) = lane.values.split_at_mut(index + 1);
        let n_outputs = part.n * plan.widths[index + 1];
        let (tangents_before, tangents_after) = match self.has_tangents() {
            true => {
                let (before, after) = lane.tangents.split_at_mut(index + 1);
                (&before[..], Some(&mut after[0][..n_outputs]))
            }
            false => (&[][..], None),
        };
        let outputs = SidesMut { values: &mut after[0][..n_outputs], tangents: tangents_after };
        let read = |value| self.read(part, value, before, tangents_before);
        let parameters = self.own_parameters(step);
        match &step.operation {
            Operation::Dense(dense) => dense.forward(parameters, read(step.inputs[0].0), outputs),
            Operation::Convolution(convolution) => {
                let packed = self.own_packed(index);
                let buffers = (&mut lane.tools.kept[index], &mut lane.tools.scratch);
                let (inputs, weights) = (read(step.inputs[0].0), (parameters, packed));
                convolution.forward(part.n, weights, inputs, outputs, buffers);
            }
            Operation::Block(block) => {
                let (packed, inputs) = (self.own_packed(index), read(step.inputs[0].0).values);
                let context = self.context(index, part, parameters.values);
                let buffers = lane.tools.block(index);
                block.forward(&context, packed, inputs, outputs.values, buffers);
            }
            Operation::Elementary(layer) => {
                let inputs = read(step.inputs[0].0);
                let n_cache = layer.n_cache(part.n);
                if !self.has_tangents() {
                    let cache = &mut lane.tools.caches[index][..n_cache];
                    let context = &self.context(index, part, parameters.values);
                    let (inputs, outputs) = (inputs.values, outputs.values);
                    let forward = Forward { layer, context, inputs, outputs, cache };
                    SimdLevel::current().vectorize(forward);
                } else if let Some(tangents) = outputs.tangents {
                    let Duals { parameters: p, inputs: x, outputs: y, .. } = &mut lane.tools.duals;
                    pair(parameters, p);
                    pair(inputs, x);
                    grow(y, n_outputs);
                    let cache = &mut lane.tools.dual_caches[index][..n_cache];
                    layer.forward(&self.context(index, part, p), x, &mut y[..n_outputs], cache);
                    unpair(&y[..n_outputs], outputs.values, tangents);
                }
            }
            Operation::Sum | Operation::Concatenation { .. } => {
                let (values, mut tangents) = (outputs.values, outputs.tangents);
                for (place, &(value, _)) in step.inputs.iter().enumerate() {
                    let input = read(value);
                    step.operation.join(place, input.values, values);
                    let Some(tangents) = tangents.as_deref_mut() else { continue };
                    match input.tangents {
                        Some(input) => step.operation.join(place, input, tangents),
                        None => step.operation.join_zeros(place, tangents),
                    }
                }
            }
        }
    }

    /// Carries the gradient with respect to the outputs, in the last delta, back to the first step.
    ///
    /// # Shapes
    /// - `gradient`: `[n_parameters]`, overwritten or added to
    pub(crate) fn backward(
        &self,
        part: Part<'_, R>,
        lane: &mut Lane<R>,
        gradient: &mut [R],
        add: bool,
    ) {
        for index in (0..self.plan.steps.len()).rev() {
            let step = &self.plan.steps[index];
            let own_gradient = &mut gradient[step.parameters.clone()];
            for place in 0..step.inputs.len() {
                let wanted = step.inputs[place].1 != DeltaUse::None;
                if wanted || !own_gradient.is_empty() {
                    self.step_backward((index, place), part, lane, own_gradient, add);
                }
            }
        }
    }

    /// The way back of one step to one of its inputs.
    fn step_backward(
        &self,
        (index, place): (usize, usize),
        part: Part<'_, R>,
        lane: &mut Lane<R>,
        gradient: &mut [R],
        add: bool,
    ) {
        let (plan, step) = (self.plan, &self.plan.steps[index]);
        let (value, delta_use) = step.inputs[place];
        let (n_inputs, n_outputs) = (part.n * plan.widths[value], part.n * plan.widths[index + 1]);
        let second_order = self.has_tangents();
        let Lane {
            values, tangents, deltas, delta_tangents, addend, addend_tangents, tools, ..
        } = lane;
        let none: &mut [Vec<R>] = &mut [];
        let (before, after) = deltas.split_at_mut(index + 1);
        let (tangents_before, tangents_after) = match second_order {
            true => delta_tangents.split_at_mut(index + 1),
            false => (none, &mut [][..]),
        };
        if let Operation::Dense(dense) = &step.operation {
            let outputs = &values[index + 1][..n_outputs];
            dense.hold_back(outputs, &mut after[0][..n_outputs]);
            if let Some(tangents) = tangents_after.first_mut() {
                dense.hold_back(outputs, &mut tangents[..n_outputs]);
            }
        }
        let delta = Sides {
            values: &after[0][..n_outputs],
            tangents: tangents_after.first().map(|tangents| &tangents[..n_outputs]),
        };
        let input_delta = match delta_use {
            DeltaUse::None => None,
            DeltaUse::Overwrite => Some(SidesMut {
                values: &mut before[value][..n_inputs],
                tangents: tangents_before.get_mut(value).map(|tangents| &mut tangents[..n_inputs]),
            }),
            DeltaUse::Add => {
                grow(addend, n_inputs);
                grow(addend_tangents, if second_order { n_inputs } else { 0 });
                let tangents = second_order.then(|| &mut addend_tangents[..n_inputs]);
                Some(SidesMut { values: &mut addend[..n_inputs], tangents })
            }
        };
        let outputs = Sides {
            values: &values[index + 1][..n_outputs],
            tangents: tangents.get(index + 1).and_then(|values| values.get(..n_outputs)),
        };
        let inputs = self.read(part, value, values, if second_order { tangents } else { &[] });
        let flows = Flows { parameters: self.own_parameters(step), inputs, outputs, delta };
        self.operate_back((index, place), part, flows, tools, (gradient, add), input_delta);
        if delta_use == DeltaUse::Add {
            add_to(&mut before[value][..n_inputs], addend);
            if second_order {
                add_to(&mut tangents_before[value][..n_inputs], addend_tangents);
            }
        }
    }

    /// What a step's operation makes of the gradients.
    fn operate_back(
        &self,
        (index, place): (usize, usize),
        part: Part<'_, R>,
        flows: Flows<'_, R>,
        tools: &mut Tools<R>,
        (gradient, add): (&mut [R], bool),
        input_delta: Option<SidesMut<'_, R>>,
    ) {
        match &self.plan.steps[index].operation {
            Operation::Dense(dense) => {
                let Flows { parameters, inputs, delta, .. } = flows;
                let accumulate = if add { Accumulate::Add } else { Accumulate::Overwrite };
                dense.backward(parameters, inputs, delta, (gradient, accumulate), input_delta);
            }
            Operation::Convolution(convolution) => {
                let (packed, into) = (self.own_packed(index), (gradient, add));
                let buffers = (&tools.kept[index], &mut tools.scratch);
                let flows = (flows.inputs, flows.delta);
                convolution.backward(part.n, packed, flows, into, input_delta, buffers);
            }
            Operation::Block(block) => {
                let (packed, into) = (self.own_packed(index), (gradient, add));
                let Flows { parameters, inputs, outputs, delta } = flows;
                let context = self.context(index, part, parameters.values);
                let flows = (inputs.values, outputs.values, delta.values);
                let input_delta = input_delta.map(|sides| sides.values);
                block.backward(&context, packed, flows, into, input_delta, tools.block(index));
            }
            Operation::Elementary(layer) => {
                if !add {
                    gradient.fill(R::ZERO);
                }
                let n_cache = layer.n_cache(part.n);
                let back = ElementaryBack { call: self, index, part, layer, flows };
                if self.has_tangents() {
                    let cache = &mut tools.dual_caches[index][..n_cache];
                    back.run_dual(cache, gradient, input_delta, &mut tools.duals);
                } else {
                    let cache = &mut tools.caches[index][..n_cache];
                    back.run(cache, gradient, input_delta.map(|sides| sides.values));
                }
            }
            operation @ (Operation::Sum | Operation::Concatenation { .. }) => {
                let Some(input_delta) = input_delta else { return };
                operation.part(place, flows.delta.values, input_delta.values);
                if let (Some(delta), Some(to)) = (flows.delta.tangents, input_delta.tangents) {
                    operation.part(place, delta, to);
                }
            }
        }
    }

    /// The part's share of the loss; in `lane` the gradient with respect to the outputs if asked for.
    pub(crate) fn loss(
        &self,
        part: Part<'_, R>,
        lane: &mut Lane<R>,
        (loss, targets, n_batch): (Loss, Targets<'_, R>, usize),
        with_gradient: bool,
    ) -> f64 {
        let (last, width) = (self.plan.steps.len(), self.plan.widths[self.plan.steps.len()]);
        // Support samples stand first, in a batch that is not cut, and have no share in the loss.
        let n_support = self.n_support();
        let judged = n_support * width..part.n * width;
        let n_outputs = judged.len();
        let targets = targets.part(part.first, part.n - n_support, width);
        if with_gradient {
            lane.deltas[last][..judged.start].fill(R::ZERO);
        }
        let outputs = &lane.values[last][judged.clone()];
        if !self.has_tangents() {
            let delta = with_gradient.then(|| &mut lane.deltas[last][judged]);
            return loss.evaluate(outputs, targets, width, n_batch, delta);
        }
        lane.delta_tangents[last][..judged.start].fill(R::ZERO);
        let Duals { outputs: y, delta: d, .. } = &mut lane.tools.duals;
        pair(Sides { values: outputs, tangents: Some(&lane.tangents[last][judged.clone()]) }, y);
        grow(d, n_outputs);
        let value = loss.evaluate(y, targets, width, n_batch, Some(&mut d[..n_outputs]));
        let deltas = &mut lane.deltas[last][judged.clone()];
        unpair(&d[..n_outputs], deltas, &mut lane.delta_tangents[last][judged]);
        value.value()
    }

    /// Support samples at the beginning of the batch.
    pub(crate) fn n_support(&self) -> usize {
        let targets = self.mode.support.map_or(0, <[R]>::len);
        self.plan.support_outputs().map_or(0, |width| targets / width)
    }

    /// A flowing value of the part.
    fn read<'a>(
        &self,
        part: Part<'a, R>,
        value: usize,
        values: &'a [Vec<R>],
        tangents: &'a [Vec<R>],
    ) -> Sides<'a, R> {
        if value == 0 {
            return Sides { values: part.inputs, tangents: None };
        }
        let n = part.n * self.plan.widths[value];
        Sides { values: &values[value][..n], tangents: tangents.get(value).map(|t| &t[..n]) }
    }

    fn own_parameters(&self, step: &Step) -> Sides<'_, R> {
        let own = step.parameters.clone();
        let tangents = self.parameters.tangents.map(|tangents| &tangents[own.clone()]);
        Sides { values: &self.parameters.values[own], tangents }
    }

    /// Packed weights of a step, and packed tangents or, in a pass without, the weights again.
    fn own_packed(&self, index: usize) -> (&Packed<R>, &Packed<R>) {
        let weights = &self.packed.0[index];
        (weights, self.packed.1.get(index).unwrap_or(weights))
    }

    fn context<'c, N: Number<Real = R>>(
        &'c self,
        index: usize,
        part: Part<'_, R>,
        parameters: &'c [N],
    ) -> Context<'c, N> {
        let own = self.plan.steps[index].statistics.clone();
        Context {
            parameters,
            statistics: self.mode.statistics.map(|statistics| &statistics[own]),
            n: part.n,
            dropout: self
                .mode
                .dropout
                .map(|seed| seed ^ (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            first_sample: part.first,
            support: self.mode.support,
        }
    }
}

/// What flows through an elementary layer on the way back.
struct Flows<'a, R> {
    parameters: Sides<'a, R>,
    inputs: Sides<'a, R>,
    outputs: Sides<'a, R>,
    delta: Sides<'a, R>,
}

/// The way back of an elementary layer, without and with tangents.
struct ElementaryBack<'a, R: Real> {
    call: &'a Call<'a, R>,
    index: usize,
    part: Part<'a, R>,
    layer: &'a Elementary,
    flows: Flows<'a, R>,
}

impl<R: Real> ElementaryBack<'_, R> {
    fn run(self, cache: &mut [R], gradient: &mut [R], input_delta: Option<&mut [R]>) {
        let Self { call, index, part, layer, flows } = self;
        let context = &call.context(index, part, flows.parameters.values);
        let (inputs, outputs) = (flows.inputs.values, flows.outputs.values);
        let pass = Pass { inputs, outputs, cache, delta: flows.delta.values };
        SimdLevel::current().vectorize(Backward { layer, context, pass, gradient, input_delta });
    }

    fn run_dual(
        self,
        cache: &mut [Dual<R>],
        gradient: &mut [R],
        input_delta: Option<SidesMut<'_, R>>,
        duals: &mut Duals<R>,
    ) {
        let Self { call, index, part, layer, flows } = self;
        let n_inputs = flows.inputs.values.len();
        pair(flows.parameters, &mut duals.parameters);
        pair(flows.inputs, &mut duals.inputs);
        pair(flows.outputs, &mut duals.outputs);
        pair(flows.delta, &mut duals.delta);
        duals.gradient.clear();
        duals.gradient.resize(gradient.len(), Dual::ZERO);
        grow(&mut duals.input_delta, n_inputs);
        let context = call.context(index, part, &duals.parameters);
        let (inputs, outputs, delta) = (&duals.inputs[..], &duals.outputs[..], &duals.delta[..]);
        let pass = Pass { inputs, outputs, cache, delta };
        let wanted = input_delta.is_some().then(|| &mut duals.input_delta[..n_inputs]);
        layer.backward(&context, pass, &mut duals.gradient, wanted);
        gradient.iter_mut().zip(&duals.gradient).for_each(|(sum, own)| *sum += own.tangent);
        if let Some(SidesMut { values, tangents: Some(tangents) }) = input_delta {
            unpair(&duals.input_delta[..n_inputs], values, tangents);
        }
    }
}

/// The way there of an elementary layer.
struct Forward<'a, R: Real> {
    layer: &'a Elementary,
    context: &'a Context<'a, R>,
    inputs: &'a [R],
    outputs: &'a mut [R],
    cache: &'a mut [R],
}

impl<R: Real> Vectorized<R> for Forward<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, _: Available<V>) {
        self.layer.forward(self.context, self.inputs, self.outputs, self.cache);
    }
}

/// The way back of an elementary layer.
struct Backward<'a, R: Real> {
    layer: &'a Elementary,
    context: &'a Context<'a, R>,
    pass: Pass<'a, R>,
    gradient: &'a mut [R],
    input_delta: Option<&'a mut [R]>,
}

impl<R: Real> Vectorized<R> for Backward<'_, R> {
    #[inline(always)]
    fn run<V: Vector<R>>(self, _: Available<V>) {
        let Self { layer, context, pass, gradient, input_delta } = self;
        layer.backward(context, pass, gradient, input_delta);
    }
}

impl Operation {
    /// Writes one input of a sum or a concatenation into the outputs.
    fn join<R: Real>(&self, place: usize, input: &[R], outputs: &mut [R]) {
        match self {
            Self::Concatenation { widths, .. } => {
                let (first, all): (usize, usize) =
                    (widths[..place].iter().sum(), widths.iter().sum());
                let rows = input.chunks_exact(widths[place]).zip(outputs.chunks_exact_mut(all));
                for (from, to) in rows {
                    to[first..first + from.len()].copy_from_slice(from);
                }
            }
            _ if place == 0 => outputs.copy_from_slice(input),
            _ => add_to(outputs, input),
        }
    }

    /// [`join`](Self::join) of an input of zeros.
    fn join_zeros<R: Real>(&self, place: usize, outputs: &mut [R]) {
        match self {
            Self::Concatenation { widths, .. } => {
                let (first, all): (usize, usize) =
                    (widths[..place].iter().sum(), widths.iter().sum());
                for to in outputs.chunks_exact_mut(all) {
                    to[first..first + widths[place]].fill(R::ZERO);
                }
            }
            _ if place == 0 => outputs.fill(R::ZERO),
            _ => {}
        }
    }

    /// The gradient with respect to one input of a sum or a concatenation.
    fn part<R: Real>(&self, place: usize, delta: &[R], input_delta: &mut [R]) {
        let Self::Concatenation { widths, .. } = self else {
            input_delta.copy_from_slice(delta);
            return;
        };
        let (first, all): (usize, usize) = (widths[..place].iter().sum(), widths.iter().sum());
        let rows = input_delta.chunks_exact_mut(widths[place]).zip(delta.chunks_exact(all));
        for (to, from) in rows {
            to.copy_from_slice(&from[first..first + widths[place]]);
        }
    }
}

fn add_to<R: Real>(sums: &mut [R], values: &[R]) {
    sums.iter_mut().zip(values).for_each(|(sum, &value)| *sum += value);
}

/// Puts values and tangents together; no tangents are zeros.
fn pair<R: Real>(sides: Sides<'_, R>, duals: &mut Vec<Dual<R>>) {
    duals.clear();
    match sides.tangents {
        Some(tangents) => duals.extend(
            sides.values.iter().zip(tangents).map(|(&value, &tangent)| Dual { value, tangent }),
        ),
        None => duals.extend(sides.values.iter().map(|&value| Dual::constant(value))),
    }
}

/// Takes values and tangents apart.
fn unpair<R: Real>(duals: &[Dual<R>], values: &mut [R], tangents: &mut [R]) {
    for ((dual, value), tangent) in duals.iter().zip(values).zip(tangents) {
        (*value, *tangent) = (dual.value, dual.tangent);
    }
}
