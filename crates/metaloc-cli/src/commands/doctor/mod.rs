//! `metaloc doctor`.

mod row;
mod text;

use std::path::Path;

use anyhow::bail;
use metaloc::capture::{CaptureFile, MOST_PANELS, draw};
use metaloc::model_file::write_beside;
use metaloc::radio::capture::{CaptureFormat, CaptureOptions, NamedChip};
use metaloc::radio::diagnosis::{CaptureReport, Diagnosis};
use metaloc::report::svg_to_png;

use crate::args::Doctor;
use crate::interrupt::{self, Flag};
use crate::output::{Output, note};
use crate::progress::CaptureProgress;

/// Pixels of a PNG for each of the picture's.
const SCALE: f32 = 1.5;

/// A capture that was looked at.
struct Patient {
    name: String,
    format: CaptureFormat,
    n_bytes: u64,
    /// Why it could not be read to its end.
    error: Option<String>,
    named_chips: Vec<NamedChip>,
    /// What to tell about them.
    chip_notes: Vec<String>,
    report: CaptureReport,
}

pub(crate) fn run(args: &Doctor, quiet: bool) -> anyhow::Result<()> {
    let options = args.capture.options();
    let interrupt = interrupt::watch()?;
    let output = Output::new(&args.json);
    let (mut patients, mut failed, mut broken) = (Vec::new(), 0, 0);
    for path in &args.captures {
        match look_at(path, &options, &interrupt, quiet) {
            Ok(patient) => {
                failed += usize::from(patient.report.frames == 0);
                broken += usize::from(patient.error.is_some() && patient.report.frames > 0);
                output.say(text::capture(&patient))?;
                patients.push(patient);
            }
            Err(error) => {
                note(format!("error: {error:#}"));
                failed += 1;
            }
        }
    }
    output.rows(&patients.iter().flat_map(row::rows).collect::<Vec<_>>())?;
    if let Some(path) = &args.picture {
        paint(path, &patients, quiet)?;
    }
    match (failed, broken, args.captures.len()) {
        (0, 0, _) => Ok(()),
        (0, _, 1) => bail!("the capture could not be read to its end"),
        (0, broken, all) => bail!("{broken} of {all} captures could not be read to their end"),
        (_, _, 1) => bail!("no frames were found"),
        (failed, 0, all) => bail!("no frames were found in {failed} of {all} captures"),
        (failed, broken, all) => bail!(
            "no frames were found in {failed} of {all} captures, and {broken} could not be read to \
             their end"
        ),
    }
}

/// Reads a capture to its end, or to Ctrl-C.
fn look_at(
    path: &Path,
    options: &CaptureOptions,
    interrupt: &Flag,
    quiet: bool,
) -> anyhow::Result<Patient> {
    let mut capture = match path == Path::new("-") {
        true => CaptureFile::from_input(Box::new(std::io::stdin()), "standard input", options)?,
        false => CaptureFile::open(path, options)?,
    };
    let name = match path == Path::new("-") {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    };
    let progress = CaptureProgress::new(&name, capture.progress().1, quiet);
    let (mut diagnosis, mut error) = (Diagnosis::default(), None);
    for n in 0_u64.. {
        match capture.next_event() {
            Ok(None) => break,
            Ok(Some(event)) => diagnosis.observe(&event),
            // What was read is worth a report.
            Err(cause) => {
                note(format!("error: {cause}"));
                error = Some(cause.to_string());
                break;
            }
        }
        if n.is_multiple_of(256) {
            progress.set(capture.progress().0);
        }
        if interrupt.is_set() {
            note("interrupted; this is about what was read");
            break;
        }
    }
    Ok(Patient {
        name,
        format: capture.format(),
        n_bytes: capture.position(),
        error,
        named_chips: capture.named_chips().to_vec(),
        chip_notes: capture.chip_notes(),
        report: diagnosis.finish(),
    })
}

/// Draws what captures hold.
fn paint(path: &Path, patients: &[Patient], quiet: bool) -> anyhow::Result<()> {
    let named: Vec<(&str, &CaptureReport)> =
        patients.iter().map(|patient| (patient.name.as_str(), &patient.report)).collect();
    if named.iter().all(|(_, report)| report.groups.is_empty()) {
        return Ok(());
    }
    let (svg, left_out) = draw(&named)?;
    match path.extension().is_some_and(|extension| extension == "png") {
        true => write_beside(path, &svg_to_png(&svg, SCALE)?)?,
        false => write_beside(path, svg.as_bytes())?,
    }
    if !quiet {
        let more = match left_out {
            0 => String::new(),
            n => format!("; it shows {MOST_PANELS} streams, {n} more are left out"),
        };
        note(format!("picture: {}{more}", path.display()));
    }
    Ok(())
}
