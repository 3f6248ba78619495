//! Methods that differ from another in one setting.

use crate::evaluate::MethodConfig;

/// The protocol's method of this name.
pub(super) fn as_it_is(name: &str) -> MethodConfig {
    MethodConfig { name: name.to_owned(), ..MethodConfig::default() }
}

/// `ALGORITHM:N`, like another method but for one setting of learning, by section and key, which is N.
pub(super) fn variant(
    (algorithm, like): (&str, &str),
    (section, key): (&str, &str),
    n: u32,
) -> MethodConfig {
    let setting = toml::Table::from_iter([(key.to_owned(), toml::Value::from(i64::from(n)))]);
    MethodConfig {
        name: format!("{algorithm}:{n}"),
        like: Some(like.to_owned()),
        learning: toml::Table::from_iter([(section.to_owned(), setting.into())]),
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
