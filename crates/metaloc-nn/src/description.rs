//! A network as a list of layers, and its check: shapes, sizes, places of the parameters.

use crate::error::NetworkError;
use crate::layer::dense::Dense;
use crate::layer::{Activation, Layer, LayerDescription};
use crate::network::{Network, ParameterView};
use serde::{Deserialize, Serialize};

/// A network as written in a configuration or a model file; unchecked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkDescription {
    /// Values in a sample.
    pub inputs: usize,
    /// Layers, first to last; each reads what the one before writes.
    pub layers: Vec<LayerDescription>,
}

impl NetworkDescription {
    /// Dense layers of the given widths with an activation behind each but the last.
    #[must_use]
    pub fn mlp(inputs: usize, hidden: &[usize], outputs: usize, activation: Activation) -> Self {
        let hidden = hidden
            .iter()
            .flat_map(|&width| [LayerDescription::Dense { outputs: width }, activation.into()]);
        Self { inputs, layers: hidden.chain([LayerDescription::Dense { outputs }]).collect() }
    }

    /// Checks the description and lays the parameters out.
    ///
    /// # Errors
    /// [`NetworkError::NoLayers`], [`NetworkError::NoParameters`], [`NetworkError::ZeroInputs`],
    /// [`NetworkError::ZeroOutputs`], [`NetworkError::TooLarge`].
    pub fn check(&self) -> Result<Network, NetworkError> {
        let first = self.layers.first().ok_or(NetworkError::NoLayers)?;
        if self.inputs == 0 {
            return Err(NetworkError::ZeroInputs { kind: first.kind() });
        }
        let (mut layers, mut views) = (Vec::with_capacity(self.layers.len()), Vec::new());
        let (mut width, mut offset) = (self.inputs, 0);
        for (index, layer) in self.layers.iter().enumerate() {
            layers.push(match *layer {
                LayerDescription::Dense { outputs } => {
                    let dense = place_dense(index, width, outputs, offset)?;
                    views.extend(dense_views(index, &dense));
                    (width, offset) = (outputs, dense.end());
                    Layer::Dense(dense)
                }
                LayerDescription::Relu => Layer::Relu { width },
                LayerDescription::Tanh => Layer::Tanh { width },
            });
        }
        if offset == 0 {
            return Err(NetworkError::NoParameters { layers: self.layers.len() });
        }
        let widest = layers.iter().map(Layer::n_outputs).max().unwrap_or(0);
        let description = self.clone();
        Ok(Network { description, layers, views, n_parameters: offset, n_outputs: width, widest })
    }
}

/// Places a dense layer's parameters at `offset`.
fn place_dense(
    layer: usize,
    inputs: usize,
    outputs: usize,
    offset: usize,
) -> Result<Dense, NetworkError> {
    if outputs == 0 {
        return Err(NetworkError::ZeroOutputs { layer, inputs });
    }
    let end = inputs.checked_add(1).and_then(|rows| rows.checked_mul(outputs));
    let end = end.and_then(|n| n.checked_add(offset));
    // A vector of `f64` must be able to hold them all.
    if end.is_none_or(|end| end > isize::MAX.unsigned_abs() / size_of::<f64>()) {
        return Err(NetworkError::TooLarge { layer, inputs, outputs });
    }
    Ok(Dense { n_inputs: inputs, n_outputs: outputs, weight_offset: offset })
}

fn dense_views(layer: usize, dense: &Dense) -> [ParameterView; 2] {
    let weight = ParameterView {
        name: format!("layer{layer}.weight"),
        offset: dense.weight_offset,
        shape: vec![dense.n_inputs, dense.n_outputs],
    };
    let bias = ParameterView {
        name: format!("layer{layer}.bias"),
        offset: dense.bias_offset(),
        shape: vec![dense.n_outputs],
    };
    [weight, bias]
}
