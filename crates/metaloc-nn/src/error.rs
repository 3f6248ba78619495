//! What can be wrong with a network, a batch or an optimiser.

/// Why a network, a batch or an optimiser was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The description lists no layer.
    #[error("a network needs at least one layer, got none")]
    NoLayers,
    /// The description lists only layers without parameters.
    #[error("a network needs at least one layer with parameters, got {layers} without")]
    NoParameters {
        /// Layers in the description.
        layers: usize,
    },
    /// The shape of a sample is none.
    #[error("inputs: expected one to three sizes above 0, got {got}")]
    Inputs {
        /// Shape given.
        got: String,
    },
    /// A layer cannot read what the layer before it writes.
    #[error("{layer} ({kind}): expected {expected} as inputs, got {got}")]
    LayerInputs {
        /// Name of the layer: its place in the description, from 0.
        layer: String,
        /// Kind of the layer.
        kind: &'static str,
        /// Shape that the layer needs, in words.
        expected: String,
        /// Shape that reaches it.
        got: String,
    },
    /// A layer's setting lies outside its range.
    #[error("{layer} ({kind}): expected {expected} for `{setting}`, got {got}")]
    LayerSetting {
        /// Name of the layer: its place in the description, from 0.
        layer: String,
        /// Kind of the layer.
        kind: &'static str,
        /// Name of the setting.
        setting: &'static str,
        /// Allowed values, in words.
        expected: String,
        /// Value given.
        got: String,
    },
    /// A layer's parameters or outputs cannot be counted.
    #[error("{layer} ({kind}): more parameters or outputs than memory can hold")]
    TooLarge {
        /// Name of the layer: its place in the description, from 0.
        layer: String,
        /// Kind of the layer.
        kind: &'static str,
    },
    /// A slice does not have the length that the network or the optimiser needs.
    #[error("{what}: expected {expected} values, got {got}")]
    WrongLength {
        /// Which slice.
        what: &'static str,
        /// Values needed.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// The inputs are not whole samples.
    #[error("inputs: expected a multiple of {n_inputs} values (one sample), got {got}")]
    RaggedInputs {
        /// Values in a sample.
        n_inputs: usize,
        /// Values given.
        got: usize,
    },
    /// A closed-form head is not told what to fit.
    #[error(
        "support: expected whole targets of {n_outputs} values for some but not all of the {n} \
         samples (the network ends in a ridge regression), got {got} values"
    )]
    Support {
        /// Values of a target.
        n_outputs: usize,
        /// Samples of the batch.
        n: usize,
        /// Values given.
        got: usize,
    },
    /// The batch holds no sample.
    #[error("inputs: expected at least one sample, got an empty batch")]
    EmptyBatch,
    /// The loss cannot be taken against this kind of targets.
    #[error("{loss} loss: expected {expected} as targets, got {got}")]
    TargetKind {
        /// Name of the loss.
        loss: &'static str,
        /// Kind of targets that the loss takes.
        expected: &'static str,
        /// Kind of targets given.
        got: &'static str,
    },
    /// A class does not exist.
    #[error("target of sample {sample}: expected a class below {n_classes}, got {got}")]
    ClassOutOfRange {
        /// Position in the batch, from 0.
        sample: usize,
        /// Outputs of the network, one a class.
        n_classes: usize,
        /// Class given.
        got: u32,
    },
    /// The loss is infinite or not a number: the training diverged, or the data hold such values.
    #[error("{loss} loss: expected a finite value, got {got}; choose a smaller step size")]
    NonFiniteLoss {
        /// Name of the loss.
        loss: &'static str,
        /// Value computed.
        got: f64,
    },
    /// An optimiser's setting lies outside its range.
    #[error("{setting}: expected {expected}, got {got}")]
    OptimizerSetting {
        /// Name of the setting.
        setting: &'static str,
        /// Allowed values, in words.
        expected: &'static str,
        /// Value given.
        got: f64,
    },
}

/// Checks the length of a slice.
pub(crate) fn expect_length(
    what: &'static str,
    expected: usize,
    got: usize,
) -> Result<(), NetworkError> {
    if expected == got { Ok(()) } else { Err(NetworkError::WrongLength { what, expected, got }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_hold_expected_and_got() {
        let error = expect_length("gradient", 3, 4).unwrap_err();
        assert_eq!(error.to_string(), "gradient: expected 3 values, got 4");
        let (layer, kind) = ("layer2".to_owned(), "dense");
        let (expected, got) = ("at least 1".to_owned(), "0".to_owned());
        let error = NetworkError::LayerSetting { layer, kind, setting: "outputs", expected, got };
        let text = "layer2 (dense): expected at least 1 for `outputs`, got 0";
        assert_eq!(error.to_string(), text);
    }
}
