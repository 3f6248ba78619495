//! Captures of channel state information, located window by window.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use metaloc::capture::{CaptureFile, Transmitter, WindowStream};
use metaloc::learning::CsiSiteModel;
use metaloc::locate::csi_locator;
use metaloc::radio::capture::{CaptureOptions, Event};
use metaloc::radio::signal::Chip;

use super::answer;
use crate::args::Locate;
use crate::output::note;

/// Locates each window of the captures, in order.
pub(super) fn run(args: &Locate, site: CsiSiteModel, quiet: bool) -> anyhow::Result<()> {
    if args.calibrate_gain {
        bail!("--calibrate-gain is for RSS scans; this model reads channel state information");
    }
    let transmitters = transmitters(args, &site)?;
    let encoder = site.model.encoder.clone();
    let locator = csi_locator(site)?;
    let named = |chip: &Chip| args.chip.as_deref() == Some(chip.name());
    let chip = Chip::ALL.into_iter().find(named);
    let options = CaptureOptions { chip, ..CaptureOptions::default() };
    let mut out = std::io::stdout().lock();
    let mut located = 0;
    for path in &args.scans {
        let mut stream =
            WindowStream::new(&encoder.config.window, encoder.window_shape, &transmitters);
        let mut capture = open(path, &options)?;
        let mut skipped: BTreeMap<&'static str, usize> = BTreeMap::new();
        let (mut frames, mut windows) = (0, 0);
        let mut is_at_end = false;
        while !is_at_end {
            let window = match capture.next_event()? {
                Some(Event::Frame(frame)) => {
                    frames += 1;
                    stream.push(frame)
                }
                Some(Event::Skip(skip)) => {
                    *skipped.entry(skip.reason.text()).or_default() += 1;
                    continue;
                }
                None => {
                    is_at_end = true;
                    stream.finish()
                }
            };
            let Some(window) = window.with_context(|| path.display().to_string())? else {
                continue;
            };
            windows += 1;
            let id = format!("{}#{windows}", path.display());
            let estimate = locator.locate(&window).map_err(|e| e.to_string());
            answer::write(&mut out, id.into(), estimate)?;
            // Who reads a pipe waits for each answer.
            out.flush()?;
        }
        located += windows;
        if !quiet {
            for said in capture.chip_notes() {
                note(format!("{}: {said}", path.display()));
            }
            say_what_was_left(&path.display().to_string(), &skipped, frames, &stream);
        }
    }
    if located == 0 {
        bail!(
            "no window of {} frames from each of the survey's access points; record longer, or see \
             what is in the capture with `metaloc doctor`",
            encoder.config.window.packets
        );
    }
    Ok(())
}

/// Says what of a capture was not located, and why.
fn say_what_was_left(
    name: &str,
    skipped: &BTreeMap<&'static str, usize>,
    frames: usize,
    stream: &WindowStream,
) {
    for (reason, count) in skipped {
        note(format!("{name}: {count} skipped: {reason}"));
    }
    if stream.not_asked_for() > 0 {
        note(format!(
            "{name}: {} of {frames} frames left out: of other transmitters, or with other antennas \
             or subcarriers than the survey's",
            stream.not_asked_for()
        ));
    }
    if stream.waiting() > 0 {
        note(format!("{name}: {} frames left over, too few for a window", stream.waiting()));
    }
}

fn open(path: &Path, options: &CaptureOptions) -> anyhow::Result<CaptureFile> {
    if path == Path::new("-") {
        return Ok(CaptureFile::from_input(Box::new(std::io::stdin()), "-", options)?);
    }
    Ok(CaptureFile::open(path, options)?)
}

/// Whose frames stand for the survey's access points: as named on the command line, or by the access
/// points' names where these are addresses.
fn transmitters(args: &Locate, site: &CsiSiteModel) -> anyhow::Result<Vec<Transmitter>> {
    let names = &site.support.access_points;
    if !args.transmitter.is_empty() {
        if args.transmitter.len() != names.len() {
            bail!(
                "--transmitter names {} addresses, the survey has the access points {}; name one for \
                 each, in this order",
                args.transmitter.len(),
                names.join(", ")
            );
        }
        return Ok(args.transmitter.iter().map(|&mac| Transmitter::Address(mac)).collect());
    }
    let addresses: Result<Vec<_>, String> =
        names.iter().map(|name| name.parse().map(Transmitter::Address)).collect();
    match addresses {
        Ok(addresses) => Ok(addresses),
        Err(_) if names.len() == 1 => Ok(vec![Transmitter::Only]),
        Err(_) => bail!(
            "the survey's access points are called {}, which are no addresses; say with \
             --transmitter which addresses they have, in this order",
            names.join(", ")
        ),
    }
}
