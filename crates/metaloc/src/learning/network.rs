//! Which network is trained: an MLP by its widths, a preset by its name, or a list of layers.

use metaloc_nn::{
    Activation, Initializer, LayerDescription, Loss, NetworkDescription, NetworkError, Shape,
    StatisticsKind,
};
use serde::{Deserialize, Serialize};

use super::presets;
use crate::error::Error;

/// The network; an MLP by default, as in the paper's regression experiments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct NetworkConfig {
    /// Its layers.
    pub architecture: Architecture,
    /// How weights are drawn before training.
    pub initializer: Initializer,
    /// Loss of training and adaptation. If left out: the Euclidean error in frame units for
    /// positions, cross-entropy for points.
    pub loss: Option<Loss>,
}

/// The layers of a network.
#[derive(Debug, Clone, PartialEq)]
pub enum Architecture {
    /// Dense layers.
    Mlp {
        /// Widths of the hidden layers. The paper says four; the width is our choice.
        hidden: Vec<usize>,
        /// Activation of the hidden layers.
        activation: Activation,
    },
    /// The paper's convolutional network ([`presets::cnn`]).
    Cnn,
    /// The released code's small one ([`presets::cnn_small`]).
    CnnSmall,
    /// A small learned kernel over reference points ([`presets::reference_kernel`]).
    ReferenceKernel,
    /// Every layer as written; the last one's outputs are the network's.
    Layers(Vec<LayerDescription>),
}

impl Default for NetworkConfig {
    fn default() -> Self {
        let architecture =
            Architecture::Mlp { hidden: default_hidden(), activation: Activation::Relu };
        Self { architecture, initializer: Initializer::default(), loss: None }
    }
}

fn default_hidden() -> Vec<usize> {
    vec![64; 4]
}

impl NetworkConfig {
    /// The network for samples of shape `inputs`, checked.
    ///
    /// # Errors
    /// [`Error::Usage`] that names the setting, the layer, what was found and what to do.
    pub fn describe(&self, inputs: &Shape, n_outputs: usize) -> Result<NetworkDescription, Error> {
        let description = match &self.architecture {
            Architecture::Mlp { hidden, activation } => {
                let n_inputs = inputs.n_values().unwrap_or(0);
                let mlp = NetworkDescription::mlp(n_inputs, hidden, n_outputs, *activation);
                NetworkDescription { inputs: inputs.clone(), ..mlp }
            }
            Architecture::Cnn => presets::cnn(inputs.clone(), n_outputs),
            Architecture::CnnSmall => presets::cnn_small(inputs.clone(), n_outputs),
            Architecture::ReferenceKernel => presets::reference_kernel(inputs.clone()),
            Architecture::Layers(layers) => {
                NetworkDescription { inputs: inputs.clone(), layers: layers.clone() }
            }
        };
        let network = description.check().map_err(|error| self.refusal(&error, inputs))?;
        if let Some(kind @ (StatisticsKind::Batch | StatisticsKind::Running)) =
            network.statistics_kind()
        {
            let kind = format!("{kind:?}").to_lowercase();
            return Err(Error::usage(format!(
                "setting `network.layers`: batch norm by the statistics of `{kind}`; scans are \
                 located one at a time in a new environment: write `statistics = \"support\"`"
            )));
        }
        if network.n_support_outputs().is_some() {
            return Err(Error::usage(
                "setting `network.layers`: a ridge layer is fitted to a support set, which training \
                 does not pass to it yet: end with a dense layer",
            ));
        }
        if network.n_outputs() == n_outputs {
            Ok(description)
        } else {
            Err(wrong_outputs(&description.layers, network.n_outputs(), n_outputs))
        }
    }

    /// What the engine refuses, in terms of the settings.
    fn refusal(&self, error: &NetworkError, inputs: &Shape) -> Error {
        let preset = |name: &str| format!("`network.preset = \"{name}\"`");
        let (setting, remedy) = match &self.architecture {
            Architecture::Mlp { .. } => ("`network.hidden`".to_owned(), String::new()),
            Architecture::Cnn => (preset("cnn"), IMAGES_ONLY.to_owned()),
            Architecture::CnnSmall => (preset("cnn-small"), IMAGES_ONLY.to_owned()),
            Architecture::ReferenceKernel => (
                preset("reference-kernel"),
                "; it reads `fingerprint.kind = \"reference-kernel\"`".to_owned(),
            ),
            Architecture::Layers(_) => (
                "`network.layers`".to_owned(),
                match error {
                    NetworkError::LayerInputs { .. } => {
                        format!("; the network's own inputs are {inputs}")
                    }
                    NetworkError::NoLayers => "; leave `layers` out for an MLP".to_owned(),
                    _ => String::new(),
                },
            ),
        };
        Error::usage(format!("setting {setting}: {error}{remedy}"))
    }
}

/// Sizes as the presets' pooling and windows need them.
const IMAGES_ONLY: &str = "; presets `cnn` and `cnn-small` need images (of at least 16 x 16 and \
                           38 x 38 pixels), `preset = \"mlp\"` reads every fingerprint";

fn wrong_outputs(layers: &[LayerDescription], got: usize, expected: usize) -> Error {
    let (place, kind) = (layers.len() - 1, layers.last().map_or("", LayerDescription::kind));
    let remedy = match layers.last() {
        Some(LayerDescription::Dense { .. }) => format!("write `outputs = {expected}` there"),
        _ => format!("add `{{ kind = \"dense\", outputs = {expected} }}` behind it"),
    };
    Error::usage(format!(
        "setting `network.layers`: the last layer, layer{place} ({kind}), gives {got} outputs, the \
         task needs {expected}: {remedy}"
    ))
}

/// The names of networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Preset {
    Mlp,
    Cnn,
    CnnSmall,
    ReferenceKernel,
}

/// A [`NetworkConfig`] as it stands in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    preset: Option<Preset>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden: Option<Vec<usize>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    activation: Option<Activation>,
    #[serde(default)]
    initializer: Initializer,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    loss: Option<Loss>,
    #[serde(skip_serializing_if = "Option::is_none")]
    layers: Option<Vec<LayerDescription>>,
}

impl TryFrom<Written> for NetworkConfig {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { preset, hidden, activation, initializer, loss, layers } = written;
        let preset_given = preset.map(|_| "preset");
        let sizes_given = [hidden.as_ref().map(|_| "hidden"), activation.map(|_| "activation")];
        let sizes_given = || sizes_given.into_iter().flatten();
        let architecture = match (layers, preset) {
            (Some(layers), _) => {
                if let Some(other) = preset_given.into_iter().chain(sizes_given()).next() {
                    return Err(format!(
                        "`network.layers` and `network.{other}` exclude each other: `layers` lists \
                         the whole network; leave one of them out"
                    ));
                }
                Architecture::Layers(layers)
            }
            (None, Some(preset @ (Preset::Cnn | Preset::CnnSmall | Preset::ReferenceKernel))) => {
                let (architecture, name) = match preset {
                    Preset::Cnn => (Architecture::Cnn, "cnn"),
                    Preset::ReferenceKernel => (Architecture::ReferenceKernel, "reference-kernel"),
                    _ => (Architecture::CnnSmall, "cnn-small"),
                };
                if let Some(other) = sizes_given().next() {
                    return Err(format!(
                        "`network.preset = \"{name}\"` and `network.{other}` exclude each other: \
                         only the preset `mlp` has it; leave one of them out"
                    ));
                }
                architecture
            }
            (None, None | Some(Preset::Mlp)) => Architecture::Mlp {
                hidden: hidden.unwrap_or_else(default_hidden),
                activation: activation.unwrap_or_default(),
            },
        };
        Ok(Self { architecture, initializer, loss })
    }
}

impl From<NetworkConfig> for Written {
    fn from(config: NetworkConfig) -> Self {
        let NetworkConfig { architecture, initializer, loss } = config;
        let (preset, hidden, activation, layers) = (None, None, None, None);
        let none = Self { preset, hidden, activation, initializer, loss, layers };
        match architecture {
            Architecture::Mlp { hidden, activation } => {
                Self { hidden: Some(hidden), activation: Some(activation), ..none }
            }
            Architecture::Cnn => Self { preset: Some(Preset::Cnn), ..none },
            Architecture::CnnSmall => Self { preset: Some(Preset::CnnSmall), ..none },
            Architecture::ReferenceKernel => Self { preset: Some(Preset::ReferenceKernel), ..none },
            Architecture::Layers(layers) => Self { layers: Some(layers), ..none },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<NetworkConfig, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn what_is_left_out_keeps_its_default() {
        assert_eq!(read("").unwrap(), NetworkConfig::default());
        assert_eq!(read("preset = \"mlp\"").unwrap(), NetworkConfig::default());
        let config = read("hidden = [8]\ninitializer = \"xavier-uniform\"").unwrap();
        let hidden = vec![8];
        let architecture = Architecture::Mlp { hidden, activation: Activation::Relu };
        let initializer = Initializer::XavierUniform;
        assert_eq!(config, NetworkConfig { architecture, initializer, loss: None });
    }

    #[test]
    fn every_form_is_written_as_it_is_read() {
        for text in [
            "hidden = [8, 4]\nactivation = \"tanh\"",
            "preset = \"mlp\"\nhidden = [8]",
            "preset = \"cnn\"\ninitializer = \"kaiming-normal\"",
            "preset = \"cnn-small\"\nloss = \"squared-error\"",
            "layers = [{ kind = \"residual\", layers = [{ kind = \"relu\" }] }]",
            "[[layers]]\nkind = \"max_pool\"\nkernel = [2, 2]\n[[layers]]\nkind = \"concatenate\"\n\
             branches = [[], [{ kind = \"dense\", outputs = 3 }]]",
        ] {
            let config = read(text).unwrap();
            assert_eq!(read(&toml::to_string(&config).unwrap()).unwrap(), config, "{text}");
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<NetworkConfig>(&json).unwrap(), config, "{text}");
        }
    }

    #[test]
    fn forms_exclude_each_other() {
        for (text, parts) in [
            ("preset = \"cnn\"\nhidden = [8]", ["`network.preset = \"cnn\"`", "`network.hidden`"]),
            (
                "preset = \"cnn-small\"\nactivation = \"relu\"",
                ["`network.preset = \"cnn-small\"`", "`network.activation`"],
            ),
            ("layers = []\nhidden = [8]", ["`network.layers`", "`network.hidden`"]),
            ("layers = []\nactivation = \"relu\"", ["`network.layers`", "`network.activation`"]),
            ("layers = []\npreset = \"mlp\"", ["`network.layers`", "`network.preset`"]),
            ("preset = \"rnn\"", ["unknown variant `rnn`", "`cnn-small`"]),
            ("layers = [{ kind = \"magic\" }]", ["unknown variant `magic`", "`conv2d`"]),
        ] {
            let message = read(text).unwrap_err();
            assert!(parts.iter().all(|part| message.contains(part)), "{text}: {message}");
        }
    }

    fn refused(text: &str, inputs: impl Into<Shape>) -> String {
        read(text).unwrap().describe(&inputs.into(), 2).unwrap_err().to_string()
    }

    #[test]
    fn refusals_name_the_setting_and_the_remedy() {
        for (message, parts) in [
            (refused("layers = []", 15), ["at least one layer", "leave `layers` out"]),
            (refused("hidden = [8, 0]", 15), ["`network.hidden`", "at least 1 for `outputs`"]),
            (
                refused("layers = [{ kind = \"dense\", outputs = 3 }]", 15),
                ["layer0 (dense), gives 3 outputs, the task needs 2", "`outputs = 2` there"],
            ),
            (
                refused("layers = [{ kind = \"dense\", outputs = 3 }, { kind = \"relu\" }]", 15),
                ["layer1 (relu), gives 3", "add `{ kind = \"dense\", outputs = 2 }` behind it"],
            ),
            (
                refused("layers = [{ kind = \"conv2d\", filters = 3, kernel = [3, 3] }]", [5, 3]),
                ["layer0 (conv2d): expected an image", "got 5 x 3; the network's own inputs"],
            ),
            (refused("preset = \"cnn\"", 15), ["got 15; presets `cnn` and", "need images"]),
            (refused("preset = \"cnn-small\"", [30, 40, 1]), ["cnn-small", "38 x 38 pixels"]),
        ] {
            assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        }
    }

    #[test]
    fn presets_end_in_what_the_task_needs() {
        for (text, inputs) in [
            ("preset = \"mlp\"", Shape::from([5, 3])),
            ("preset = \"cnn\"", [16, 20, 3].into()),
            ("preset = \"cnn-small\"", [38, 40, 1].into()),
        ] {
            for n_outputs in [2, 16] {
                let description = read(text).unwrap().describe(&inputs, n_outputs).unwrap();
                assert_eq!(description.inputs, inputs);
                assert_eq!(description.check().unwrap().n_outputs(), n_outputs, "{text}");
            }
        }
    }
}
