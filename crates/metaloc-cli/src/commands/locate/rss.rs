//! RSS scans, located one by one.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use metaloc::capture::CaptureFile;
use metaloc::learning::SiteModel;
use metaloc::locate::{Locator, site_locator};
use metaloc::radio::capture::CaptureOptions;
use metaloc::radio::gain_offset;
use metaloc::radio::radio_map::RadioMap;
use metaloc::radio::signal::{AccessPointId, AccessPoints, RssScan};
use serde::Deserialize;

use crate::args::Locate;
use crate::output::{Usage, note};

/// A scan as it comes in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScanLine {
    id: serde_json::Value,
    rss: std::collections::BTreeMap<String, f32>,
}

/// A scan on its way: what it is called, and what was heard or why it can't be used.
type Scan = (serde_json::Value, Result<RssScan, String>);

/// Locates scans.
pub(super) fn run(args: &Locate, site: SiteModel, quiet: bool) -> anyhow::Result<()> {
    if args.capture.is_given() || !args.transmitter.is_empty() {
        let options = "--chip, --esp32-estimate and --transmitter are for captures";
        bail!(Usage(format!("{options}; this model reads RSS scans")));
    }
    let [scans_file] = args.scans.as_slice() else {
        bail!("give one file of scans, or `-` for JSON lines from standard input");
    };
    // Not of a pipe, which can be read but once.
    if scans_file.is_file() && CaptureFile::open(scans_file, &CaptureOptions::default()).is_ok() {
        bail!(
            "{}: a capture of channel state information; this model reads RSS scans, JSON lines or \
             an rss.csv",
            scans_file.display()
        );
    }
    let access_points = site.access_points.clone();
    let map = site.radio_map().clone();
    let locator = site_locator(site)?;
    let mut out = std::io::stdout().lock();
    if is_csv(scans_file) || args.calibrate_gain {
        let mut scans: Vec<Scan> = if is_csv(scans_file) {
            csv_scans(scans_file, &access_points)?
        } else {
            json_lines(scans_file, &access_points)?.collect::<Result<_, _>>()?
        };
        if args.calibrate_gain {
            calibrate(&mut scans, &map, quiet);
        }
        for scan in scans {
            answer(&mut out, &*locator, scan)?;
        }
    } else {
        for scan in json_lines(scans_file, &access_points)? {
            answer(&mut out, &*locator, scan?)?;
        }
    }
    out.flush()?;
    Ok(())
}

fn is_csv(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}

fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    Ok(Box::new(file))
}

/// Scans from JSON lines; a line that can't be read becomes a scan with a reason.
fn json_lines<'a>(
    path: &'a Path,
    access_points: &'a AccessPoints,
) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Scan>> + 'a> {
    // Bytes, not text: a line that is no UTF-8 must not end the batch.
    let lines = BufReader::new(open(path)?).split(b'\n').enumerate();
    Ok(lines.filter_map(move |(index, line)| {
        let line = match line {
            Ok(line) if line.trim_ascii().is_empty() => return None,
            Ok(line) => line,
            Err(error) => {
                return Some(Err(error).with_context(|| path.display().to_string()));
            }
        };
        Some(Ok(match serde_json::from_slice::<ScanLine>(&line) {
            Ok(scan) => {
                let readings = scan.rss.iter().map(|(name, &dbm)| (name.as_str(), dbm));
                (scan.id, scan_of(readings, access_points))
            }
            Err(error) => {
                let place = format!("line {}", index + 1);
                let reason =
                    format!("{place}: {error}; expected {{\"id\": ..., \"rss\": {{\"ap\": dBm}}}}");
                (serde_json::Value::String(place), Err(reason))
            }
        }))
    }))
}

/// A scan in the model's indices. Access points that the model's radio map does not know get
/// indices past the end of its list: they count as heard, but match nothing.
fn scan_of<'a>(
    readings: impl Iterator<Item = (&'a str, f32)>,
    access_points: &AccessPoints,
) -> Result<RssScan, String> {
    let mut unknown = access_points.len() as u32;
    let mut indexed = Vec::new();
    for (name, dbm) in readings {
        let id = access_points.find(name).unwrap_or_else(|| {
            unknown += 1;
            AccessPointId(unknown)
        });
        if !(-120.0..=0.0).contains(&dbm) {
            return Err(format!("RSS of `{name}` is {dbm} dBm; a receiver reports -120 to 0"));
        }
        indexed.push((id, dbm));
    }
    RssScan::new(indexed).map_err(|error| error.to_string())
}

/// Scans from an `rss.csv` (sample_id, access_point, dbm), in the order of first appearance.
fn csv_scans(path: &Path, access_points: &AccessPoints) -> anyhow::Result<Vec<Scan>> {
    let rows = metaloc::survey::read_rss_csv(path)?;
    let scan = |(id, readings): (String, Vec<(String, f32)>)| {
        let readings = readings.iter().map(|(name, dbm)| (name.as_str(), *dbm));
        (serde_json::Value::String(id), scan_of(readings, access_points))
    };
    Ok(rows.into_iter().map(scan).collect())
}

/// Removes the receiver's constant offset, and says how large it was.
fn calibrate(scans: &mut [Scan], map: &RadioMap, quiet: bool) {
    let heard: Vec<RssScan> = scans.iter().filter_map(|(_, scan)| scan.clone().ok()).collect();
    let Some(offset) = gain_offset::estimate(map, &heard) else {
        note(format!(
            "receiver gain: not estimated, that takes {} scans or more",
            gain_offset::MIN_SCANS
        ));
        return;
    };
    if !quiet {
        note(format!(
            "receiver gain: {:+.0} dB added, estimated from {} scans",
            offset.correction_db, offset.n_scans
        ));
    }
    for (_, scan) in scans.iter_mut() {
        if let Ok(scan) = scan {
            *scan = scan.shifted(offset.correction_db);
        }
    }
}

fn answer(out: &mut impl Write, locator: &dyn Locator, (id, scan): Scan) -> anyhow::Result<()> {
    let estimate = scan.and_then(|scan| locator.locate(&scan).map_err(|e| e.to_string()));
    super::answer::write(out, id, estimate)
}
