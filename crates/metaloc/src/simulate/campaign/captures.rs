//! Frames of single points as Nexmon captures, made from the seed when they are asked for.

use std::fmt::Write;
use std::path::Path;

use metaloc_radio::capture::{CaptureWriteError, NexmonWriter};
use metaloc_radio::signal::{Chip, CsiFrame};
use serde::Serialize;

use super::{Campaign, Visit};
use crate::error::Error;
use crate::survey::write_whole;

/// The table that says where captures were taken, as `metaloc import --format captures` reads it.
const POSITIONS: &str = "positions.csv";

/// Points whose captures are asked for.
#[derive(Debug)]
pub struct Captures<'a> {
    pub(super) campaign: &'a Campaign,
    /// Place and day, point.
    pub(super) points: Vec<((usize, usize), usize)>,
}

/// A capture that was written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WrittenCapture {
    /// File in the folder.
    pub file: String,
    /// Packets in it.
    pub packets: usize,
    /// Its length.
    pub bytes: u64,
}

impl Campaign {
    /// The captures of points named `ENVIRONMENT/POINT`; one that is named twice is written once.
    ///
    /// # Errors
    /// If there is no such point, or the campaign's chip is not one of Nexmon's.
    pub fn captures(&self, names: &[String]) -> Result<Captures<'_>, Error> {
        let Some(csi) = self.config.csi else {
            return Err(Error::usage("the campaign has no section `[csi]`: there are no frames"));
        };
        if matches!(csi.chip, Chip::Intel5300 | Chip::Esp32 | Chip::Image) {
            return Err(Error::usage(CaptureWriteError::Chip(csi.chip).to_string()));
        }
        let days: Vec<_> = self.days().collect();
        let find = |name: &String| {
            let (environment, point) = name.rsplit_once('/').ok_or_else(|| {
                Error::usage(format!("`{name}` is not like ENVIRONMENT/POINT, such as day-1/p001"))
            })?;
            let day = days.iter().find(|day| self.environment_name(**day) == environment);
            let day = *day.ok_or_else(|| {
                let have: Vec<String> = days.iter().map(|&d| self.environment_name(d)).collect();
                let have = have.join(", ");
                Error::usage(format!("there is no environment `{environment}`; there are {have}"))
            })?;
            let points = self.plan(day).points();
            let at = points.iter().position(|known| known.id == point).ok_or_else(|| {
                let last = points.last().map_or("none", |point| &point.id);
                Error::usage(format!("{environment} has no point `{point}`; the last is {last}"))
            })?;
            Ok::<_, Error>((day, at))
        };
        let mut points = Vec::new();
        for name in names {
            let point = find(name)?;
            if !points.contains(&point) {
                points.push(point);
            }
        }
        Ok(Captures { campaign: self, points })
    }
}

impl Campaign {
    /// A capture of the last visit to a point.
    ///
    /// # Errors
    /// If there is no such point, or the campaign's chip is not one of Nexmon's.
    pub fn capture(&self, index: (usize, usize), point: &str) -> Result<Vec<u8>, Error> {
        let name = format!("{}/{point}", self.environment_name(index));
        let (day, point) = self.captures(&[name])?.points[0];
        let last = self.config.csi.map_or(1, |csi| csi.visits) - 1;
        Ok(capture(&self.day(day)?.record(&self.config, point, last)?)?.1)
    }
}

impl Captures<'_> {
    /// Bytes that they take, no frame lost.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let config = &self.campaign.config;
        let csi = config.csi.unwrap_or_default();
        let width = csi.subcarriers(config.radio.bandwidth_mhz).count();
        let of = |&(day, _): &((usize, usize), usize)| {
            let n_senders = self.campaign.plan(day).access_points.len();
            let n = csi.images_per_visit() * csi.packets * n_senders;
            csi.visits as u64 * NexmonWriter::<Vec<u8>>::capture_len(n, width)
        };
        self.points.iter().map(of).sum()
    }

    /// Writes a folder with a capture for each point and visit, all access points in it in the order of time, and
    /// `positions.csv`.
    ///
    /// # Errors
    /// If the folder is there already or can't be written; nothing is left half-written.
    pub fn write(&self, folder: &Path) -> Result<Vec<WrittenCapture>, Error> {
        let mut made = Vec::new();
        let mut table = "file,point_id,x_m,y_m,floor,environment,access_point,set\n".to_owned();
        for &(day_index, point) in &self.points {
            let day = self.campaign.day(day_index)?;
            let [x, y, _] = day.points[point].at;
            let id = &day.points[point].id;
            let visits = self.campaign.config.csi.map_or(0, |csi| csi.visits);
            for visit in 0..visits {
                let recorded = day.record(&self.campaign.config, point, visit)?;
                let name = day.name.replace('/', "__");
                let file = format!("{name}-{id}-visit{}.pcap", visit + 1);
                for (_, recording) in &recorded.recordings {
                    let source =
                        recording.source.map_or(String::new(), |source| source.to_string());
                    // Writing to a string can't fail.
                    let _ = writeln!(
                        table,
                        "{file},{id},{x},{y},{},{},{source},visit-{}",
                        day.plan.floor,
                        day.name,
                        visit + 1
                    );
                }
                made.push((file, capture(&recorded)?));
            }
        }
        write_whole(folder, |beside| {
            let put = |name: &str, bytes: &[u8]| {
                let path = beside.join(name);
                std::fs::write(&path, bytes).map_err(|e| crate::survey::SurveyError::file(&path, e))
            };
            put(POSITIONS, table.as_bytes())?;
            made.iter().try_for_each(|(file, (_, bytes))| put(file, bytes))
        })?;
        let written = made.into_iter().map(|(file, (packets, bytes))| WrittenCapture {
            file,
            packets,
            bytes: bytes.len() as u64,
        });
        Ok(written.collect())
    }
}

/// The capture of a visit, and how many packets it has. Each sender counts what it sends, so what was lost
/// is missing from its sequence numbers.
fn capture(visit: &Visit) -> Result<(usize, Vec<u8>), Error> {
    let mut frames = Vec::new();
    for ((_, recording), sequences) in visit.recordings.iter().zip(&visit.sequences) {
        frames.extend(sequences.iter().enumerate().map(|(index, &sequence)| CsiFrame {
            sequence: Some(sequence),
            ..recording.csi_frame(index)
        }));
    }
    frames.sort_by_key(|frame| frame.time_ns);
    let refuse = |e: CaptureWriteError| Error::usage(e.to_string());
    let mut writer = NexmonWriter::new(Vec::new()).map_err(|e| refuse(e.into()))?;
    for frame in &frames {
        writer.write(frame).map_err(refuse)?;
    }
    Ok((frames.len(), writer.finish().map_err(|e| refuse(e.into()))?))
}
