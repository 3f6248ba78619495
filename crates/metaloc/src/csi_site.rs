//! A place surveyed with channel state information, as learning and locating see it: points with
//! windows of clean packets.

use std::collections::BTreeMap;
use std::sync::Arc;

use metaloc_radio::RadioError;
use metaloc_radio::geometry::Position;
use metaloc_radio::preprocess::{CsiConfig, CsiWindow, WindowReport};
use metaloc_radio::signal::{AccessPoints, Chip, CsiRecording, MacAddress};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::survey::{Environment, Sample};

/// An environment's points with windows.
#[derive(Debug, Clone, PartialEq)]
pub struct CsiSite {
    /// Name of the environment.
    pub environment: String,
    /// The access points whose windows stand side by side in a window, in this order.
    pub access_points: Vec<String>,
    /// What each access point's windows were cut from; empty where nobody knows.
    pub kinds: Vec<FrameKind>,
    /// Places that have at least one window.
    pub points: Vec<CsiPoint>,
}

/// A place with the windows recorded there.
#[derive(Debug, Clone, PartialEq)]
pub struct CsiPoint {
    /// Name of the point in its environment.
    pub id: String,
    /// Where it is.
    pub position: Position,
    /// Windows of all access points side by side, in order of measurement.
    pub windows: Vec<Arc<CsiWindow>>,
}

/// What frames must have in common to be compared: another chip scales them in another way, another
/// channel is another fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameKind {
    /// The chip that estimated the channel.
    pub chip: Chip,
    /// Width of the channel (MHz).
    pub bandwidth_mhz: u16,
    /// Number of the Wi-Fi channel, if it is known and always the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<u8>,
    /// The sender's address, if it is known and always the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<MacAddress>,
}

impl FrameKind {
    /// The kind of a recording's frames.
    #[must_use]
    pub fn of(recording: &CsiRecording) -> Self {
        let &CsiRecording { chip, bandwidth_mhz, channel, source, .. } = recording;
        Self { chip, bandwidth_mhz, channel, source }
    }

    /// What frames of such a chip, bandwidth and channel have that these don't, in words; `None` if
    /// they can be compared.
    #[must_use]
    pub fn unlike(&self, other: &Self) -> Option<String> {
        if self.chip != other.chip {
            return Some(format!("chip {}, not {}", other.chip, self.chip));
        }
        if self.bandwidth_mhz != other.bandwidth_mhz {
            return Some(format!("{} MHz, not {}", other.bandwidth_mhz, self.bandwidth_mhz));
        }
        match (self.channel, other.channel) {
            (Some(own), Some(others)) if own != others => {
                Some(format!("channel {others}, not {own}"))
            }
            _ => None,
        }
    }

    /// This kind with what one more recording of the access point tells.
    fn and(self, recording: &CsiRecording) -> Result<Self, String> {
        let other = Self::of(recording);
        if (self.chip, self.bandwidth_mhz) != (other.chip, other.bandwidth_mhz) {
            return Err(self.unlike(&other).unwrap_or_default());
        }
        let channel = self.channel.filter(|_| self.channel == other.channel);
        let source = self.source.filter(|_| self.source == other.source);
        Ok(Self { channel, source, ..self })
    }
}

impl CsiSite {
    /// The site of an environment, from the samples that `keep` accepts, and what became of their
    /// frames.
    ///
    /// The windows of a point are cut from each access point's recordings; the i-th window of each
    /// access point make the point's i-th window, the access points in the order of their names.
    /// Where one has fewer than the others, the others' last ones are left out. No window spans two
    /// samples.
    ///
    /// # Errors
    /// [`Error::Needs`] for phase differences of one antenna, and for what pictures do not show; if a recording lacks what the settings ask for, or recordings don't fit side by side; the
    /// message names the sample.
    pub fn of_environment(
        environment: &Environment,
        names: &AccessPoints,
        config: &CsiConfig,
        keep: impl Fn(&Sample) -> bool,
    ) -> Result<(Self, WindowReport), Error> {
        let mut report = WindowReport::default();
        // Point, access point -> windows.
        let mut windows: BTreeMap<u32, BTreeMap<&str, Vec<CsiWindow>>> = BTreeMap::new();
        let mut kinds: BTreeMap<&str, FrameKind> = BTreeMap::new();
        for sample in environment.samples.iter().filter(|sample| keep(sample)) {
            let Some(csi) = &sample.csi else { continue };
            let (cut, of_sample) = config.windows(&csi.recording).map_err(|e| match e {
                RadioError::NoCoherentAntennas => Error::needs("phase-coherent antennas"),
                RadioError::NotInPictures { lacks, .. } => Error::needs(lacks),
                e => Error::usage(format!("{}, sample {}: {e}", environment.name, sample.id)),
            })?;
            report += of_sample;
            let access_point = names.name(csi.access_point);
            let known = kinds.get(access_point).copied();
            let kind = known.unwrap_or(FrameKind::of(&csi.recording)).and(&csi.recording);
            let kind = kind.map_err(|reason| {
                Error::usage(format!(
                    "{}, sample {}: {reason} as in the other recordings of {access_point}; survey \
                     an environment with one kind of device",
                    environment.name, sample.id
                ))
            })?;
            kinds.insert(access_point, kind);
            windows.entry(sample.point).or_default().entry(access_point).or_default().extend(cut);
        }
        let mut access_points: Vec<&str> =
            windows.values().flat_map(|w| w.keys().copied()).collect();
        access_points.sort_unstable();
        access_points.dedup();
        let mut points = Vec::new();
        for (point, by_access_point) in windows {
            let surveyed = &environment.points[point as usize];
            let lists: Vec<&Vec<CsiWindow>> =
                access_points.iter().filter_map(|name| by_access_point.get(name)).collect();
            // A point that misses an access point has no image.
            let complete = lists.len() == access_points.len();
            let n = lists.iter().map(|list| list.len()).min().unwrap_or(0);
            let joined = (0..if complete { n } else { 0 }).map(|index| {
                let parts: Vec<&CsiWindow> = lists.iter().map(|list| &list[index]).collect();
                CsiWindow::joined(&parts).map(Arc::new).ok_or_else(|| {
                    Error::usage(format!(
                        "{}, point {}: its access points' recordings have unlike numbers of \
                         subcarriers; survey with one bandwidth",
                        environment.name, surveyed.id
                    ))
                })
            });
            let windows = joined.collect::<Result<Vec<_>, Error>>()?;
            if !windows.is_empty() {
                let (id, position) = (surveyed.id.clone(), surveyed.position);
                points.push(CsiPoint { id, position, windows });
            }
        }
        let kinds = access_points.iter().map(|name| kinds[name]).collect();
        let access_points = access_points.into_iter().map(str::to_owned).collect();
        let environment = environment.name.clone();
        Ok((Self { environment, access_points, kinds, points }, report))
    }

    /// Number of windows.
    #[must_use]
    pub fn n_windows(&self) -> usize {
        self.points.iter().map(|point| point.windows.len()).sum()
    }
}
