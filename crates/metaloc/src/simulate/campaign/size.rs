//! How much a campaign makes, told before anything is written.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::Campaign;
use crate::error::Error;

/// What a campaign holds, and what making it takes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CampaignSize {
    /// Places times days.
    pub environments: usize,
    /// Survey points, each counted on each day.
    pub points: usize,
    /// Scans.
    pub scans: usize,
    /// CSI frames, none lost.
    pub frames: usize,
    /// Bytes of the survey folder, about.
    pub bytes: u64,
    /// Time on this machine, about (s): that of the first day's first point, times points.
    pub seconds: f64,
}

/// Bytes of a reading in a table, about.
const READING_BYTES: u64 = 24;
/// Points that are timed.
const TIMED: usize = 2;

impl Campaign {
    /// How much the campaign holds; measures a few points to know how long it takes.
    ///
    /// # Errors
    /// If tracing would take too long.
    pub fn size(&self) -> Result<CampaignSize, Error> {
        let (mut points, mut scans, mut frames, mut bytes, mut seconds) = (0, 0, 0, 0, 0.0);
        let environments = self.days().count();
        let mut times: Vec<Option<Duration>> = vec![None; self.config.places.len()];
        for index in self.days() {
            let plan = self.plan(index);
            let (n_points, n_senders) = (plan.points().len(), plan.access_points.len());
            let random = self.config.scans.map_or(0, |s| s.random);
            points += n_points;
            let day_scans = self.config.scans.map_or(0, |s| s.per_point * n_points + s.random);
            scans += day_scans;
            bytes += (day_scans * n_senders) as u64 * READING_BYTES;
            if let Some(csi) = self.config.csi {
                let n = n_points * n_senders * csi.images * csi.packets;
                let width = csi.subcarriers(self.config.radio.bandwidth_mhz).count();
                frames += n;
                bytes += (n * (width * 8 + 12)) as u64;
            }
            let each = match times[index.0] {
                Some(each) => each,
                None => *times[index.0].insert(self.time_of_points(index)?),
            };
            seconds += each.as_secs_f64() * (n_points + random) as f64 / TIMED as f64;
        }
        seconds /= rayon::current_num_threads() as f64;
        Ok(CampaignSize { environments, points, scans, frames, bytes, seconds })
    }

    fn time_of_points(&self, index: (usize, usize)) -> Result<Duration, Error> {
        let start = Instant::now();
        let day = self.day(index)?;
        let ids = vec![metaloc_radio::signal::AccessPointId(0); day.access_points.len()];
        let step = day.n_points().div_ceil(TIMED);
        for point in (0..day.n_points()).step_by(step) {
            self.samples_at(&day, point, &ids, None)?;
        }
        Ok(start.elapsed())
    }
}

impl std::fmt::Display for CampaignSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { environments, points, scans, frames, bytes, seconds } = self;
        write!(
            f,
            "{environments} environments, {points} points, {scans} scans, {frames} CSI frames: about \
             {:.0} MB and {:.0} s",
            (*bytes as f64 / 1e6).ceil(),
            seconds.ceil()
        )
    }
}
