//! A network as a list of layers, and its check: shapes, sizes, places of the parameters.

use crate::error::NetworkError;
use crate::layer::{Activation, LayerDescription};
use crate::network::Network;
use crate::planner::plan;
use crate::shape::Shape;
use serde::{Deserialize, Serialize};

/// A network as written in a configuration or a model file; unchecked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkDescription {
    /// Shape of a sample.
    pub inputs: Shape,
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
        let layers = hidden.chain([LayerDescription::Dense { outputs }]).collect();
        Self { inputs: inputs.into(), layers }
    }

    /// Checks the description and lays the parameters out.
    ///
    /// # Errors
    /// [`NetworkError::NoLayers`], [`NetworkError::NoParameters`], [`NetworkError::Inputs`];
    /// [`NetworkError::LayerInputs`], [`NetworkError::LayerSetting`] and [`NetworkError::TooLarge`],
    /// which name the layer.
    pub fn check(&self) -> Result<Network, NetworkError> {
        if self.layers.is_empty() {
            return Err(NetworkError::NoLayers);
        }
        if !self.inputs.is_sound() {
            return Err(NetworkError::Inputs { got: self.inputs.to_string() });
        }
        let plan_of = |blocks| plan(&self.inputs, &self.layers, blocks);
        let (plan, plan_with_tangents) = (plan_of(true)?, plan_of(false)?);
        if plan.n_parameters == 0 {
            return Err(NetworkError::NoParameters { layers: self.layers.len() });
        }
        Ok(Network { description: self.clone(), plan, plan_with_tangents })
    }
}
