//! The list of access points that a survey knows, each name kept once.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// Index of an access point in its survey's [`AccessPoints`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccessPointId(pub u32);

/// Access-point names in the order in which they were first met; scans refer to them by index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub struct AccessPoints {
    names: Vec<String>,
    index: HashMap<String, AccessPointId>,
}

impl AccessPoints {
    /// The index of `name`, added to the list if it is not there yet.
    pub fn intern(&mut self, name: &str) -> AccessPointId {
        if let Some(&id) = self.index.get(name) {
            return id;
        }
        let id = AccessPointId(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names.push(name.to_owned());
        self.index.insert(name.to_owned(), id);
        id
    }

    /// The index of `name`, if it is known.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<AccessPointId> {
        self.index.get(name).copied()
    }

    /// The name at `id`.
    ///
    /// # Panics
    /// If `id` comes from another list and is past the end of this one.
    #[must_use]
    pub fn name(&self, id: AccessPointId) -> &str {
        &self.names[id.0 as usize]
    }

    /// All names, in index order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Number of access points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

impl From<Vec<String>> for AccessPoints {
    fn from(names: Vec<String>) -> Self {
        let mut list = Self::default();
        for name in &names {
            list.intern(name);
        }
        list
    }
}

impl From<AccessPoints> for Vec<String> {
    fn from(list: AccessPoints) -> Self {
        list.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_once() {
        let mut list = AccessPoints::default();
        let a = list.intern("aa:bb");
        let b = list.intern("cc:dd");
        assert_eq!(list.intern("aa:bb"), a);
        assert_ne!(a, b);
        assert_eq!(list.name(b), "cc:dd");
        assert_eq!(list.find("nobody"), None);
        assert_eq!(list.len(), 2);
    }
}
