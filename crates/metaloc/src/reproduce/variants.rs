//! Methods that differ from another in one setting.

use crate::evaluate::MethodConfig;

/// The method `name`, like `like`, with `settings` of learning in TOML.
pub(super) fn variant(name: &str, like: &str, settings: &str) -> MethodConfig {
    MethodConfig {
        name: name.to_owned(),
        like: (name != like).then(|| like.to_owned()),
        // Written here, in this crate: what is no TOML is no setting.
        learning: settings.parse().unwrap_or_default(),
        ..MethodConfig::default()
    }
}

/// The number behind the colon of a method's name.
pub(super) fn number_of(method: &str) -> Option<f64> {
    method.split_once(':')?.1.parse().ok()
}

/// A method's name in front of the colon.
pub(super) fn plain(method: &str) -> &str {
    method.split(':').next().unwrap_or(method)
}
