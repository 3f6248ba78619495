//! How a description becomes a plan.
//!
//! Nested descriptions become one list. A dense layer with a rectifier behind it, and a convolution
//! with a rectifier, a norm and a max-pooling, become one step.

use crate::error::NetworkError;
use crate::layer::attention::Attention;
use crate::layer::average_pool::AveragePool;
use crate::layer::batch_norm::BatchNorm;
use crate::layer::convolution::Convolution;
use crate::layer::convolution_block::ConvolutionBlock;
use crate::layer::dense::Dense;
use crate::layer::dropout::Dropout;
use crate::layer::global_average_pool::GlobalAveragePool;
use crate::layer::group_norm::GroupNorm;
use crate::layer::leaky_relu::LeakyRelu;
use crate::layer::max_pool::MaxPool;
use crate::layer::relu::Relu;
use crate::layer::ridge::Ridge;
use crate::layer::sigmoid::Sigmoid;
use crate::layer::slice::Slice;
use crate::layer::softmax::Softmax;
use crate::layer::softmax_mean::SoftmaxMean;
use crate::layer::tanh::Tanh;
use crate::layer::{Elementary, Layer, LayerDescription, ParameterArray, Refusal};
use crate::network::ParameterView;
use crate::plan::{DeltaUse, Operation, Plan, Step};
use crate::shape::Shape;
use std::ops::Range;

/// Values that a vector of `f64` can hold: of all parameters, and of a sample.
const MOST_VALUES: usize = isize::MAX.unsigned_abs() / size_of::<f64>();

/// Checks `layers` on samples of shape `inputs` and lists their steps; `blocks`: convolutions may
/// become one step with the norm behind them, which has no tangents.
pub(crate) fn plan(
    inputs: &Shape,
    layers: &[LayerDescription],
    blocks: bool,
) -> Result<Plan, NetworkError> {
    let mut builder = Builder { plan: Plan::default(), blocks };
    builder.plan.widths.push(inputs.n_values().unwrap_or(0));
    let flow = Flow { value: 0, shape: inputs.clone() };
    builder.add_all(layers, "layer", flow)?;
    let mut plan = builder.plan;
    find_delta_uses(&mut plan);
    Ok(plan)
}

/// A value on its way, with its shape.
#[derive(Clone)]
struct Flow {
    value: usize,
    shape: Shape,
}

struct Builder {
    plan: Plan,
    blocks: bool,
}

impl Builder {
    /// Adds layers one behind the other; `prefix` and their places name them.
    fn add_all(
        &mut self,
        layers: &[LayerDescription],
        prefix: &str,
        mut flow: Flow,
    ) -> Result<Flow, NetworkError> {
        let mut next = 0;
        while let Some(layer) = layers.get(next) {
            let n_layers;
            (flow, n_layers) = match layer {
                LayerDescription::Conv2d { .. } => {
                    self.add_convolution(&layers[next..], (prefix, next), &flow)?
                }
                LayerDescription::Dense { .. } => {
                    let rectified = matches!(layers.get(next + 1), Some(LayerDescription::Relu {}));
                    let flow =
                        self.add_dense(layer, rectified, &format!("{prefix}{next}"), &flow)?;
                    (flow, 1 + usize::from(rectified))
                }
                _ => (self.add(layer, &format!("{prefix}{next}"), &flow)?, 1),
            };
            next += n_layers;
        }
        Ok(flow)
    }

    /// Adds a dense layer, with the rectifier behind it.
    fn add_dense(
        &mut self,
        layer: &LayerDescription,
        rectified: bool,
        name: &str,
        flow: &Flow,
    ) -> Result<Flow, NetworkError> {
        let mut dense = self.refused(name, layer, flow, |shape| {
            let LayerDescription::Dense { outputs } = *layer else {
                unreachable!("a dense layer, see the caller")
            };
            Dense::check(shape, outputs)
        })?;
        if rectified {
            dense = dense.with_relu();
        }
        let name = (name, layer.kind());
        let parameters = self.lay_out(name, dense.parameters())?;
        let (shape, operation) = (dense.outputs(), Operation::Dense(dense));
        self.push(operation, &[flow.value], shape, name, parameters)
    }

    /// Adds a convolution, and those of the layers behind it that can be one step with it; returns
    /// how many they are together.
    fn add_convolution(
        &mut self,
        layers: &[LayerDescription],
        (prefix, place): (&str, usize),
        flow: &Flow,
    ) -> Result<(Flow, usize), NetworkError> {
        let layer = &layers[0];
        let name = format!("{prefix}{place}");
        let mut convolution = self.refused(&name, layer, flow, |shape| {
            let LayerDescription::Conv2d { filters, kernel, stride, padding } = *layer else {
                unreachable!("a convolution, see the caller")
            };
            Convolution::check(shape, filters, kernel, stride, padding)
        })?;
        let mut behind = 1;
        if let Some(LayerDescription::Relu {}) = layers.get(behind) {
            convolution = convolution.with_relu();
            behind += 1;
        }
        if let Some((block, n_layers)) = block(&convolution, &layers[behind..], behind == 1)
            && self.blocks
        {
            let norm = &layers[behind];
            self.check_statistics(&block.norm.clone().into(), &name, norm, &convolution.outputs())?;
            let first = self.lay_out((&name, layer.kind()), convolution.parameters())?.start;
            let name = format!("{prefix}{}", place + behind);
            let end = self.lay_out((&name, norm.kind()), block.norm.parameters())?.end;
            let (shape, operation) = (block.outputs(), Operation::Block(Box::new(block)));
            let flow =
                self.push(operation, &[flow.value], shape, (&name, norm.kind()), first..end)?;
            return Ok((flow, behind + n_layers));
        }
        if let Some(LayerDescription::MaxPool { kernel, stride }) = layers.get(behind)
            && stride.is_none_or(|stride| stride == *kernel)
            && let Some(pooled) = convolution.with_pool(*kernel)
        {
            convolution = pooled;
            behind += 1;
        }
        let name = (&name[..], layer.kind());
        let parameters = self.lay_out(name, convolution.parameters())?;
        let (shape, operation) = (convolution.outputs(), Operation::Convolution(convolution));
        Ok((self.push(operation, &[flow.value], shape, name, parameters)?, behind))
    }

    fn add(
        &mut self,
        layer: &LayerDescription,
        name: &str,
        flow: &Flow,
    ) -> Result<Flow, NetworkError> {
        match layer {
            LayerDescription::Flatten {} => {
                let values = self.plan.widths[flow.value];
                Ok(Flow { value: flow.value, shape: values.into() })
            }
            LayerDescription::Residual { layers } => {
                let branch = self.add_all(layers, &format!("{name}.layer"), flow.clone())?;
                self.join(layer, name, &flow.shape, &[flow.clone(), branch])
            }
            LayerDescription::Sum { branches } | LayerDescription::Concatenate { branches } => {
                let shape = flow.shape.clone();
                let ends = branches.iter().enumerate().map(|(index, layers)| {
                    let prefix = format!("{name}.branch{index}.layer");
                    self.add_all(layers, &prefix, flow.clone())
                });
                let ends = ends.collect::<Result<Vec<_>, _>>()?;
                self.join(layer, name, &shape, &ends)
            }
            _ => {
                let elementary =
                    self.refused(name, layer, flow, |shape| elementary(layer, shape))?;
                self.check_statistics(&elementary, name, layer, &flow.shape)?;
                let name = (name, layer.kind());
                let parameters = self.lay_out(name, elementary.parameters())?;
                let (shape, operation) = (elementary.outputs(), Operation::Elementary(elementary));
                self.push(operation, &[flow.value], shape, name, parameters)
            }
        }
    }

    /// Checks that a layer's statistics are of the kind of those before it.
    fn check_statistics(
        &self,
        elementary: &Elementary,
        name: &str,
        layer: &LayerDescription,
        inputs: &Shape,
    ) -> Result<(), NetworkError> {
        let first = self.plan.statistics().next().map(|(_, taken)| taken.kind);
        let kinds = elementary.statistics().map(|taken| taken.kind).zip(first);
        let Some((got, first)) = kinds.filter(|(got, first)| got != first) else { return Ok(()) };
        let refusal = Refusal::Setting {
            setting: "statistics",
            expected: format!("{first:?}, as in the layers before").to_lowercase(),
            got: format!("{got:?}").to_lowercase(),
        };
        Err(refusal_error(refusal, name, layer, inputs))
    }

    /// Turns a layer's refusal into an error that names the layer.
    fn refused<T>(
        &self,
        name: &str,
        layer: &LayerDescription,
        flow: &Flow,
        check: impl FnOnce(&Shape) -> Result<T, Refusal>,
    ) -> Result<T, NetworkError> {
        check(&flow.shape).map_err(|refusal| refusal_error(refusal, name, layer, &flow.shape))
    }

    /// Adds the step in which branches come together.
    fn join(
        &mut self,
        layer: &LayerDescription,
        name: &str,
        inputs: &Shape,
        ends: &[Flow],
    ) -> Result<Flow, NetworkError> {
        let refuse = |refusal| Err(refusal_error(refusal, name, layer, inputs));
        let Some((first, others)) = ends.split_first() else {
            return refuse(Refusal::zero("branches"));
        };
        let concatenates = matches!(layer, LayerDescription::Concatenate { .. });
        let mut shape = first.shape.clone();
        for other in others {
            let joined = match concatenates {
                true => shape.beside(&other.shape),
                false => (shape == other.shape).then(|| shape.clone()),
            };
            let Some(joined) = joined else {
                return Err(NetworkError::LayerInputs {
                    layer: name.to_owned(),
                    kind: layer.kind(),
                    expected: match concatenates {
                        true => format!(
                            "branches that differ from {} in the last size only",
                            first.shape
                        ),
                        false => format!("branches of shape {}", first.shape),
                    },
                    got: other.shape.to_string(),
                });
            };
            shape = joined;
        }
        let values: Vec<usize> = ends.iter().map(|end| end.value).collect();
        let operation = if concatenates {
            let widths: Vec<usize> = ends.iter().map(|end| end.shape.last()).collect();
            Operation::Concatenation { rows: self.plan.widths[values[0]] / widths[0], widths }
        } else {
            Operation::Sum
        };
        self.push(operation, &values, shape, (name, layer.kind()), 0..0)
    }

    /// Lays a layer's parameters out behind all others.
    fn lay_out(
        &mut self,
        (name, kind): (&str, &'static str),
        arrays: Vec<ParameterArray>,
    ) -> Result<Range<usize>, NetworkError> {
        let plan = &mut self.plan;
        let first = plan.n_parameters;
        for array in arrays {
            let end = array.n_values().and_then(|n| n.checked_add(plan.n_parameters));
            let end = end.filter(|&end| end <= MOST_VALUES);
            let end = end.ok_or_else(|| too_large(name, kind))?;
            plan.views.push(ParameterView {
                name: format!("{name}.{}", array.name),
                offset: plan.n_parameters,
                shape: array.shape,
            });
            plan.starts.push(array.initial);
            plan.n_parameters = end;
        }
        Ok(first..plan.n_parameters)
    }

    /// Adds a step.
    fn push(
        &mut self,
        operation: Operation,
        inputs: &[usize],
        shape: Shape,
        (name, kind): (&str, &'static str),
        parameters: Range<usize>,
    ) -> Result<Flow, NetworkError> {
        let plan = &mut self.plan;
        let width = shape.n_values().filter(|&n| n <= MOST_VALUES);
        plan.widths.push(width.ok_or_else(|| too_large(name, kind))?);
        let first = plan.n_statistics;
        plan.n_statistics += operation.statistics().map_or(0, |taken| 2 * taken.channels);
        plan.steps.push(Step {
            operation,
            inputs: inputs.iter().map(|&value| (value, DeltaUse::None)).collect(),
            parameters,
            statistics: first..plan.n_statistics,
        });
        Ok(Flow { value: plan.steps.len(), shape })
    }
}

/// The step that a convolution makes with a norm and a pooling behind it, if they are there and fit,
/// and how many layers those are; `free`: no rectifier stands before the norm, and one may behind it.
fn block(
    convolution: &Convolution,
    behind: &[LayerDescription],
    free: bool,
) -> Option<(ConvolutionBlock, usize)> {
    let (norm, behind) = behind.split_first()?;
    let LayerDescription::BatchNorm { statistics, epsilon, momentum } = norm else { return None };
    let norm = BatchNorm::check(&convolution.outputs(), *statistics, *epsilon, *momentum).ok()?;
    let rectified = free && matches!(behind.first(), Some(LayerDescription::Relu {}));
    let LayerDescription::MaxPool { kernel, stride } = behind.get(usize::from(rectified))? else {
        return None;
    };
    stride.is_none_or(|stride| stride == *kernel).then_some(())?;
    let block = ConvolutionBlock::new(convolution, &norm, rectified, *kernel)?;
    Some((block, 2 + usize::from(rectified)))
}

fn too_large(name: &str, kind: &'static str) -> NetworkError {
    NetworkError::TooLarge { layer: name.to_owned(), kind }
}

fn refusal_error(
    refusal: Refusal,
    name: &str,
    layer: &LayerDescription,
    inputs: &Shape,
) -> NetworkError {
    let (layer, kind) = (name.to_owned(), layer.kind());
    match refusal {
        Refusal::Inputs(expected) => {
            NetworkError::LayerInputs { layer, kind, expected, got: inputs.to_string() }
        }
        Refusal::Setting { setting, expected, got } => {
            NetworkError::LayerSetting { layer, kind, setting, expected, got }
        }
    }
}

/// The checked layer of a description.
fn elementary(layer: &LayerDescription, inputs: &Shape) -> Result<Elementary, Refusal> {
    let shape = inputs.clone();
    Ok(match layer {
        LayerDescription::MaxPool { kernel, stride } => {
            MaxPool::check(inputs, *kernel, stride.unwrap_or(*kernel))?.into()
        }
        LayerDescription::AveragePool { kernel, stride } => {
            AveragePool::check(inputs, *kernel, stride.unwrap_or(*kernel))?.into()
        }
        LayerDescription::GlobalAveragePool {} => GlobalAveragePool::check(inputs)?.into(),
        LayerDescription::BatchNorm { statistics, epsilon, momentum } => {
            BatchNorm::check(inputs, *statistics, *epsilon, *momentum)?.into()
        }
        LayerDescription::GroupNorm { groups, epsilon } => {
            GroupNorm::check(inputs, *groups, *epsilon)?.into()
        }
        LayerDescription::LayerNorm { epsilon } => GroupNorm::check_layer(inputs, *epsilon)?.into(),
        LayerDescription::Attention { width, heads, summary } => {
            Attention::check(inputs, *width, *heads, *summary)?.into()
        }
        LayerDescription::Ridge { outputs, penalty } => {
            Ridge::check(inputs, *outputs, *penalty)?.into()
        }
        LayerDescription::Dropout { rate } => Dropout::check(inputs, *rate)?.into(),
        LayerDescription::LeakyRelu { slope } => LeakyRelu::check(inputs, *slope)?.into(),
        LayerDescription::Sigmoid {} => Sigmoid { shape }.into(),
        LayerDescription::SoftmaxMean { scores, values } => {
            SoftmaxMean::check(inputs, *scores, *values)?.into()
        }
        LayerDescription::Slice { first, count } => Slice::check(inputs, *first, *count)?.into(),
        LayerDescription::Softmax {} => Softmax { shape }.into(),
        LayerDescription::Relu {} => Relu { shape }.into(),
        LayerDescription::Tanh {} => Tanh { shape }.into(),
        LayerDescription::Dense { .. }
        | LayerDescription::Conv2d { .. }
        | LayerDescription::Flatten {}
        | LayerDescription::Residual { .. }
        | LayerDescription::Sum { .. }
        | LayerDescription::Concatenate { .. } => unreachable!("not an elementary layer"),
    })
}

/// Finds out which gradients are needed on the way back, and which add up.
fn find_delta_uses(plan: &mut Plan) {
    let mut has_parameters = vec![false; plan.widths.len()];
    for (index, step) in plan.steps.iter().enumerate() {
        has_parameters[index + 1] = !step.parameters.is_empty()
            || step.inputs.iter().any(|&(value, _)| has_parameters[value]);
    }
    let mut seen = vec![false; plan.widths.len()];
    for step in plan.steps.iter_mut().rev() {
        for (value, use_) in &mut step.inputs {
            *use_ = match (has_parameters[*value], seen[*value]) {
                (false, _) => DeltaUse::None,
                (true, false) => DeltaUse::Overwrite,
                (true, true) => DeltaUse::Add,
            };
            seen[*value] = true;
        }
    }
}
