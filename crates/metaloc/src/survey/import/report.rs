//! What an import read, and what it dropped and why.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// Most warnings that are printed.
const MOST_PRINTED: usize = 10;

/// Counts of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// Files read.
    pub files: usize,
    /// Rows read.
    pub rows_read: usize,
    /// Rows kept as samples.
    pub rows_kept: usize,
    /// Rows dropped, by reason.
    pub dropped: BTreeMap<&'static str, usize>,
    /// Rows left out because they belong to environments that were not asked for.
    pub not_asked_for: usize,
    /// CSI frames read.
    #[serde(skip_serializing_if = "is_zero")]
    pub frames_read: usize,
    /// CSI frames kept, in rows that are kept.
    #[serde(skip_serializing_if = "is_zero")]
    pub frames_kept: usize,
    /// CSI frames dropped and parts of captures skipped, by reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub frames_dropped: BTreeMap<&'static str, usize>,
    /// What else is odd about files, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Access points that the files list.
    pub access_points_listed: usize,
    /// Access points that a kept row heard; the others are no part of the survey.
    pub access_points_heard: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl ImportReport {
    /// Adds a warning, once.
    pub(super) fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Counts frames that are dropped.
    pub(super) fn drop_frames(&mut self, reason: &'static str, n_frames: usize) {
        if n_frames > 0 {
            *self.frames_dropped.entry(reason).or_default() += n_frames;
        }
    }

    /// Rows dropped for any reason.
    #[must_use]
    pub fn n_dropped(&self) -> usize {
        self.dropped.values().sum()
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (files, read, kept) = (self.files, self.rows_read, self.rows_kept);
        write!(
            f,
            "{read} rows read from {files} files, {kept} kept, {} dropped",
            self.n_dropped()
        )?;
        for (reason, count) in &self.dropped {
            write!(f, "\n  {count} dropped: {reason}")?;
        }
        if self.frames_read > 0 {
            write!(f, "\n  {} CSI frames read, {} kept", self.frames_read, self.frames_kept)?;
        }
        for (reason, count) in &self.frames_dropped {
            write!(f, "\n  {count} dropped: {reason}")?;
        }
        for warning in self.warnings.iter().take(MOST_PRINTED) {
            write!(f, "\n  warning: {warning}")?;
        }
        if self.warnings.len() > MOST_PRINTED {
            write!(f, "\n  and {} more warnings", self.warnings.len() - MOST_PRINTED)?;
        }
        let (listed, heard) = (self.access_points_listed, self.access_points_heard);
        if listed > 0 {
            write!(f, "\n  {heard} access points heard, of {listed} listed")?;
        }
        if self.not_asked_for > 0 {
            write!(f, "\n  {} left out: other environments", self.not_asked_for)?;
        }
        Ok(())
    }
}
