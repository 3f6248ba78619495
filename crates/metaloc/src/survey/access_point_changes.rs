//! Access points that came, stayed and went between historical environments and a new one.

use std::collections::BTreeSet;

use serde::Serialize;

/// Access points by where they were heard, names sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct AccessPointChanges {
    /// Heard in the historical environments and in the new one.
    pub shared: Vec<String>,
    /// Heard in the new one only.
    pub new: Vec<String>,
    /// Heard in the historical ones only.
    pub gone: Vec<String>,
}

impl AccessPointChanges {
    /// Compares the access points heard before with those heard now.
    #[must_use]
    pub fn between<'a>(
        before: impl IntoIterator<Item = &'a str>,
        now: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let before: BTreeSet<&str> = before.into_iter().collect();
        let now: BTreeSet<&str> = now.into_iter().collect();
        let names = |names: Vec<&&str>| names.into_iter().map(|&name| name.to_owned()).collect();
        Self {
            shared: names(before.intersection(&now).collect()),
            new: names(now.difference(&before).collect()),
            gone: names(before.difference(&now).collect()),
        }
    }
}

impl std::fmt::Display for AccessPointChanges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} access points in common, {} new, {} gone",
            self.shared.len(),
            self.new.len(),
            self.gone.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn came_stayed_went() {
        let changes = AccessPointChanges::between(["a", "b"], ["b", "c"]);
        assert_eq!(changes.to_string(), "1 access points in common, 1 new, 1 gone");
        assert_eq!((changes.shared[0].as_str(), changes.gone[0].as_str()), ("b", "a"));
    }
}
