//! Networks with a name, for settings and benchmarks.

use std::fmt;
use std::str::FromStr;

use metaloc_nn::{LayerDescription, NetworkDescription};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A network that only needs the sizes of its inputs and outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NetworkPreset {
    /// Five 3x3 convolutions of 32, 32, 64, 64 and 64 filters with zeros around the image, a
    /// rectifier behind each and a 2x2 max-pool behind the first four, then a dense layer.
    Cnn,
    /// That of the MetaLoc authors' released code: four 3x3 convolutions of 10 filters, a rectifier
    /// and batch norm behind each, a 2x2 max-pool behind the first three, then a dense layer.
    CnnSmall,
}

impl NetworkPreset {
    /// All presets.
    pub const ALL: [Self; 2] = [Self::Cnn, Self::CnnSmall];

    /// The name in a configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cnn => "cnn",
            Self::CnnSmall => "cnn-small",
        }
    }

    /// The network for images of `[height, width, channels]`, unchecked: an image may be too small
    /// for the pools.
    #[must_use]
    pub fn description(self, inputs: [usize; 3], outputs: usize) -> NetworkDescription {
        match self {
            Self::Cnn => cnn(inputs, outputs),
            Self::CnnSmall => cnn_small(inputs, outputs),
        }
    }
}

impl fmt::Display for NetworkPreset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for NetworkPreset {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|preset| preset.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::usage(format!("unknown network `{name}`; there is: {names}"))
        })
    }
}

fn cnn(inputs: [usize; 3], outputs: usize) -> NetworkDescription {
    let mut layers = Vec::new();
    for (index, filters) in [32, 32, 64, 64, 64].into_iter().enumerate() {
        layers.push(convolution(filters, 1));
        layers.push(LayerDescription::Relu {});
        if index < 4 {
            layers.push(pool());
        }
    }
    layers.push(LayerDescription::Dense { outputs });
    NetworkDescription { inputs: inputs.into(), layers }
}

fn cnn_small(inputs: [usize; 3], outputs: usize) -> NetworkDescription {
    let mut layers = Vec::new();
    for index in 0..4 {
        layers.extend([convolution(10, 0), LayerDescription::Relu {}, batch_norm()]);
        if index < 3 {
            layers.push(pool());
        }
    }
    layers.push(LayerDescription::Dense { outputs });
    NetworkDescription { inputs: inputs.into(), layers }
}

/// Batch norm with its default settings, as a user writes it.
fn batch_norm() -> LayerDescription {
    let written = serde_json::json!({ "kind": "batch_norm" });
    serde_json::from_value(written).expect("the engine has batch norm")
}

/// A 3x3 convolution.
fn convolution(filters: usize, padding: usize) -> LayerDescription {
    let (kernel, stride) = ([3, 3], [1, 1]);
    LayerDescription::Conv2d { filters, kernel, stride, padding: [padding; 2] }
}

/// A 2x2 max-pool.
fn pool() -> LayerDescription {
    LayerDescription::MaxPool { kernel: [2, 2], stride: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_by_hand() {
        // 50 x 52 is halved four times to 3 x 3, of 64 channels.
        let weights = 9 * (3 * 32 + 32 * 32 + 32 * 64 + 2 * 64 * 64) + 3 * 3 * 64 * 10;
        let biases = 2 * 32 + 3 * 64 + 10;
        let network = NetworkPreset::Cnn.description([50, 52, 3], 10).check().unwrap();
        assert_eq!(network.n_parameters(), weights + biases);
        assert_eq!((network.n_inputs(), network.n_outputs()), (7800, 10));
        assert!(NetworkPreset::Cnn.description([15, 15, 3], 10).check().is_err());

        // 50 becomes 48, 24, 22, 11, 9, 4 and 2. Each convolution has 10 biases, gains and shifts.
        let parameters = 9 * (3 * 10 + 3 * 10 * 10) + 4 * 30 + 2 * 2 * 10 * 10 + 10;
        let network = NetworkPreset::CnnSmall.description([50, 50, 3], 10).check().unwrap();
        assert_eq!(network.n_parameters(), parameters);
    }

    #[test]
    fn names_are_read_back_and_others_refused() {
        for preset in NetworkPreset::ALL {
            assert_eq!(preset.to_string().parse::<NetworkPreset>().unwrap(), preset);
            let json = serde_json::to_value(preset).unwrap();
            assert_eq!(json, preset.name());
        }
        let error = "resnet".parse::<NetworkPreset>().unwrap_err().to_string();
        assert!(error.starts_with("unknown network `resnet`; there is: cnn"), "{error}");
    }
}
