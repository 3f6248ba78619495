//! A checked network as a list of steps: each reads earlier steps' outputs and writes its own.
//!
//! Each value that flows between steps has a number: 0 is the network's inputs, `i + 1` what step `i`
//! writes.

use crate::layer::convolution::Convolution;
use crate::layer::convolution_block::ConvolutionBlock;
use crate::layer::dense::Dense;
use crate::layer::{Elementary, Initial, Layer, Taken};
use crate::network::ParameterView;
use crate::real::Real;
use std::ops::Range;

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operation {
    Dense(Dense),
    Convolution(Convolution),
    Block(Box<ConvolutionBlock>),
    Elementary(Elementary),
    /// The sum of its inputs.
    Sum,
    /// Its inputs side by side: `rows` rows of a sample, and each input's values of a row.
    Concatenation {
        rows: usize,
        widths: Vec<usize>,
    },
}

impl Operation {
    /// The convolution in it.
    pub(crate) fn convolution(&self) -> Option<&Convolution> {
        match self {
            Self::Convolution(convolution) => Some(convolution),
            Self::Block(block) => Some(&block.convolution),
            _ => None,
        }
    }

    /// The statistics that it takes over a batch.
    pub(crate) fn statistics(&self) -> Option<Taken> {
        match self {
            Self::Elementary(layer) => layer.statistics(),
            Self::Block(block) => block.norm.statistics(),
            _ => None,
        }
    }

    /// Reads the statistics of the batch from what the way there left.
    pub(crate) fn read_statistics<R: Real>(&self, cache: &[R], statistics: &mut [R]) {
        match self {
            Self::Elementary(layer) => layer.read_statistics(cache, statistics),
            Self::Block(block) => block.norm.read_statistics(cache, statistics),
            _ => {}
        }
    }
}

/// What becomes of the gradient with respect to an input of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeltaUse {
    /// Nothing before it has parameters.
    None,
    /// It is the first one found on the way back.
    Overwrite,
    /// It adds to those of other steps that read the same value.
    Add,
}

/// One step of a checked network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) operation: Operation,
    /// Values read, and what becomes of their gradients.
    pub(crate) inputs: Vec<(usize, DeltaUse)>,
    /// The step's own in the parameter vector.
    pub(crate) parameters: Range<usize>,
    /// The step's own in the statistics.
    pub(crate) statistics: Range<usize>,
}

impl Step {
    /// Whether anything before the step has parameters.
    pub(crate) fn needs_input_delta(&self) -> bool {
        self.inputs.iter().any(|&(_, delta_use)| delta_use != DeltaUse::None)
    }
}

/// The steps of a network and the sizes of what flows between them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// Values a sample, of each value that flows.
    pub(crate) widths: Vec<usize>,
    pub(crate) views: Vec<ParameterView>,
    /// For each view, how it is first filled.
    pub(crate) starts: Vec<Initial>,
    pub(crate) n_parameters: usize,
    pub(crate) n_statistics: usize,
}

impl Plan {
    /// Values a sample that a pass keeps in memory.
    pub(crate) fn kept_values(&self) -> usize {
        self.widths.iter().sum()
    }

    /// Whether samples must be kept together; statistics from outside set batch norm free.
    pub(crate) fn couples_samples(&self, statistics_given: bool) -> bool {
        self.steps.iter().any(|step| match &step.operation {
            operation if operation.statistics().is_some() => !statistics_given,
            Operation::Elementary(layer) => layer.couples_samples(),
            _ => false,
        })
    }

    /// The steps with statistics, and what they take.
    pub(crate) fn statistics(&self) -> impl Iterator<Item = (usize, Taken)> {
        let steps = self.steps.iter().enumerate();
        steps.filter_map(|(index, step)| Some((index, step.operation.statistics()?)))
    }

    /// Values of a support sample's target, where a closed-form head needs them.
    pub(crate) fn support_outputs(&self) -> Option<usize> {
        self.steps.iter().find_map(|step| match &step.operation {
            Operation::Elementary(layer) => layer.support_outputs(),
            _ => None,
        })
    }

    /// Multiply-adds of a sample, there.
    pub(crate) fn n_products(&self) -> usize {
        let products = |step: &Step| match &step.operation {
            Operation::Dense(dense) => dense.n_products(),
            operation => operation.convolution().map_or(0, Convolution::n_products),
        };
        self.steps.iter().map(products).sum()
    }
}
