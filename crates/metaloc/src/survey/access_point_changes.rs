//! Access points that came, stayed and went between historical environments and a new one.

use std::collections::BTreeSet;

use metaloc_radio::signal::{AccessPointId, RssScan};
use serde::Serialize;

use super::Survey;

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
    /// Compares the scans of historical environments with those of a new one.
    #[must_use]
    pub fn between<'a>(
        survey: &Survey,
        historical: impl Iterator<Item = &'a RssScan>,
        new: impl Iterator<Item = &'a RssScan>,
    ) -> Self {
        let (before, now) = (heard(historical), heard(new));
        let names = |ids: Vec<&AccessPointId>| {
            let mut names: Vec<String> =
                ids.into_iter().map(|&id| survey.access_points.name(id).to_owned()).collect();
            names.sort_unstable();
            names
        };
        Self {
            shared: names(before.intersection(&now).collect()),
            new: names(now.difference(&before).collect()),
            gone: names(before.difference(&now).collect()),
        }
    }
}

fn heard<'a>(scans: impl Iterator<Item = &'a RssScan>) -> BTreeSet<AccessPointId> {
    scans.flat_map(RssScan::readings).map(|&(id, _)| id).collect()
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
        let mut survey = Survey::default();
        let ids: Vec<_> = ["a", "b", "c"].map(|name| survey.access_points.intern(name)).into();
        let scan =
            |i: &[usize]| RssScan::new(i.iter().map(|&i| (ids[i], -50.0)).collect()).unwrap();
        let (old, new) = ([scan(&[0, 1])], [scan(&[1]), scan(&[2])]);
        let changes = AccessPointChanges::between(&survey, old.iter(), new.iter());
        assert_eq!(changes.to_string(), "1 access points in common, 1 new, 1 gone");
        assert_eq!((changes.shared[0].as_str(), changes.gone[0].as_str()), ("b", "a"));
    }
}
