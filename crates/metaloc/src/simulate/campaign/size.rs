//! How much a campaign makes, told before anything is simulated, and how long it takes, by a small timed part.

use std::collections::HashMap;
use std::time::Instant;

use serde::Serialize;

use super::{Campaign, Captures};
use crate::error::Error;

/// What a campaign holds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CampaignSize {
    /// Places times days.
    pub environments: u64,
    /// Survey points, each counted on each day.
    pub points: u64,
    /// Scans.
    pub scans: u64,
    /// CSI frames, none lost.
    pub frames: u64,
    /// Bytes of the survey folder, about.
    pub bytes: u64,
    /// Time on this machine, about (s), once it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// Bytes of a reading in a table, about.
const READING_BYTES: u64 = 24;
/// Most frames of an image that are timed.
const TIMED_FRAMES: usize = 50;
/// Most frames, and most scans, of a campaign.
const MOST: u64 = 2_000_000_000;

/// Times of the parts of a day's work (s).
#[derive(Debug, Clone, Copy)]
struct Parts {
    /// Images, clutter: once a day.
    setup_s: f64,
    /// Paths to a place.
    paths_s: f64,
    /// Where waves at people come from.
    lighting_s: f64,
    /// A frame of every access point.
    frame_s: f64,
}

fn product(factors: &[usize]) -> u64 {
    factors.iter().fold(1, |product: u64, factor| product.saturating_mul(*factor as u64))
}

impl Campaign {
    /// How much the campaign holds, by arithmetic alone.
    #[must_use]
    pub fn size(&self) -> CampaignSize {
        let mut size = CampaignSize {
            environments: 0,
            points: 0,
            scans: 0,
            frames: 0,
            bytes: 0,
            seconds: None,
        };
        for index in self.days() {
            let plan = self.plan(index);
            let (n_points, n_senders) = (plan.points().len(), plan.access_points.len());
            size.environments += 1;
            size.points = size.points.saturating_add(n_points as u64);
            let scans = self
                .config
                .scans
                .map_or(0, |s| product(&[s.per_point, n_points]).saturating_add(s.random as u64));
            size.scans = size.scans.saturating_add(scans);
            let table = scans.saturating_mul(n_senders as u64).saturating_mul(READING_BYTES);
            size.bytes = size.bytes.saturating_add(table);
            if let Some(csi) = self.config.csi {
                let frames = product(&[n_points, n_senders, csi.images, csi.packets]);
                let width = csi.subcarriers(self.config.radio.bandwidth_mhz).count() as u64;
                size.frames = size.frames.saturating_add(frames);
                size.bytes = size.bytes.saturating_add(frames.saturating_mul(width * 8 + 12));
            }
        }
        size
    }

    /// Refuses what no machine would finish.
    pub(super) fn check_size(&self) -> Result<(), Error> {
        let CampaignSize { scans, frames, .. } = self.size();
        for (what, n) in [("CSI frames", frames), ("scans", scans)] {
            if n > MOST {
                return Err(Error::usage(format!(
                    "these are {n} {what}, more than {MOST}; use fewer points, days, access points, \
                     images or scans"
                )));
            }
        }
        Ok(())
    }

    /// About how long measuring everything takes on this machine (s): for each place and number of people, the paths
    /// of a point and the begin of an image are timed.
    ///
    /// # Errors
    /// If tracing would take too long.
    pub fn seconds(&self) -> Result<f64, Error> {
        let mut timed = HashMap::new();
        let mut seconds = 0.0;
        let random = self.config.scans.map_or(0, |scans| scans.random) as f64;
        for index in self.days() {
            let parts = self.parts(index, &mut timed)?;
            let n_points = self.plan(index).points().len() as f64;
            let scan_s = parts.lighting_s + parts.frame_s;
            let scans_s = self
                .config
                .scans
                .map_or(0.0, |scans| parts.paths_s + scans.per_point as f64 * scan_s);
            let all = n_points * (scans_s + self.visits_s(&parts));
            let all = all + random * (parts.paths_s + scan_s);
            seconds += parts.setup_s + all / rayon::current_num_threads() as f64;
        }
        Ok(seconds)
    }

    /// All visits to a point on a day (s).
    fn visits_s(&self, parts: &Parts) -> f64 {
        self.config.csi.map_or(0.0, |csi| {
            let image_s = parts.lighting_s + csi.packets as f64 * parts.frame_s;
            csi.visits as f64 * parts.paths_s + csi.images as f64 * image_s
        })
    }

    fn parts(
        &self,
        index: (usize, usize),
        timed: &mut HashMap<(usize, usize), Parts>,
    ) -> Result<Parts, Error> {
        let day = &self.config.places[index.0].days[index.1];
        let kind = (index.0, day.people.unwrap_or(self.config.people.count));
        if let Some(parts) = timed.get(&kind) {
            return Ok(*parts);
        }
        let start = Instant::now();
        let day = self.day(index)?;
        let setup_s = start.elapsed().as_secs_f64();
        let n_frames = self.config.csi.map_or(1, |csi| csi.packets).min(TIMED_FRAMES);
        let [paths_s, lighting_s, frame_s] = day.time_parts(&self.config, n_frames);
        let parts = Parts { setup_s, paths_s, lighting_s, frame_s };
        timed.insert(kind, parts);
        Ok(parts)
    }
}

impl Captures<'_> {
    /// About how long writing them takes on this machine (s); see [`Campaign::seconds`].
    ///
    /// # Errors
    /// If tracing would take too long.
    pub fn seconds(&self) -> Result<f64, Error> {
        let mut timed = HashMap::new();
        let mut seconds = 0.0;
        for (day, _) in &self.points {
            let parts = self.campaign.parts(*day, &mut timed)?;
            seconds += parts.setup_s + self.campaign.visits_s(&parts);
        }
        Ok(seconds)
    }
}

impl std::fmt::Display for CampaignSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { environments, points, scans, frames, bytes, .. } = self;
        write!(
            f,
            "{environments} environments, {points} points, {scans} scans, {frames} CSI frames: about \
             {:.0} MB",
            (*bytes as f64 / 1e6).ceil()
        )
    }
}
