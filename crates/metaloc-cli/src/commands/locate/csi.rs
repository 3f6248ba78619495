//! Captures of channel state information, located window by window.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use metaloc::capture::{CaptureFile, Transmitter, WindowStream};
use metaloc::learning::CsiSiteModel;
use metaloc::locate::{CsiLocator, csi_locator};
use metaloc::radio::capture::{CaptureOptions, Event};

use super::answer;
use crate::args::Locate;
use crate::output::note;

/// Locates each window of the captures, in order. One that can't be read does not keep the others from
/// being located; the command fails in the end.
pub(super) fn run(args: &Locate, site: CsiSiteModel, quiet: bool) -> anyhow::Result<()> {
    if args.calibrate_gain {
        bail!("--calibrate-gain is for RSS scans; this model reads channel state information");
    }
    let transmitters = transmitters(args, &site)?;
    let (encoder, kinds) = (site.model.encoder.clone(), site.support.kinds.clone());
    let locator = csi_locator(site)?;
    let options = args.capture.options();
    let (mut located, mut failed) = (0, Vec::new());
    for path in &args.scans {
        let (window, shape) = (&encoder.config.window, encoder.window_shape);
        let mut stream = WindowStream::new(window, shape, &transmitters, &kinds);
        match capture(path, &options, &mut stream, &*locator, quiet) {
            Ok(windows) => located += windows,
            Err(error) => failed.push(error),
        }
    }
    let last = failed.pop();
    for error in failed {
        note(format!("error: {error:#}"));
    }
    if let Some(error) = last {
        return Err(error);
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

/// Locates each window of a capture; how many.
fn capture(
    path: &Path,
    options: &CaptureOptions,
    stream: &mut WindowStream,
    locator: &dyn CsiLocator,
    quiet: bool,
) -> anyhow::Result<usize> {
    let mut out = std::io::stdout().lock();
    let name = path.display().to_string();
    let mut capture =
        open(path, options).context("this model reads captures of channel state information")?;
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
        let Some(window) = window.with_context(|| name.clone())? else { continue };
        windows += 1;
        let estimate = locator.locate(&window).map_err(|e| e.to_string());
        answer::write(&mut out, format!("{name}#{windows}").into(), estimate)?;
        // Who reads a pipe waits for each answer.
        out.flush()?;
    }
    // Why nothing was located is said also where little is to be said.
    if !quiet || windows == 0 {
        for said in capture.chip_notes() {
            note(format!("{name}: {said}"));
        }
        say_what_was_left(&name, &skipped, frames, stream);
    }
    Ok(windows)
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
    for (reason, count) in stream.left_out() {
        note(format!("{name}: {count} of {frames} frames left out: {reason}"));
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
/// points' addresses in the survey.
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
    // The address that the survey's captures had, or that the access point is called by.
    let address = |(index, name): (usize, &String)| {
        let known = site.support.kinds.get(index).and_then(|kind| kind.source);
        known.map_or_else(|| name.parse(), Ok).map(Transmitter::Address)
    };
    let addresses: Result<Vec<_>, String> = names.iter().enumerate().map(address).collect();
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
