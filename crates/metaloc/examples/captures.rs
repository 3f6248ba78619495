//! Our side of `benches/compare/captures.py`: reads the capture that the argument names once for each
//! line of standard input, and answers `SECONDS FRAMES SUM`. Frames are dropped as they come, or all
//! kept to the end with a second argument `keep`.

use metaloc::capture::CaptureFile;
use metaloc::radio::capture::{CaptureOptions, Event};
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: captures CAPTURE [keep]")?;
    let keep = std::env::args().nth(2).is_some_and(|word| word == "keep");
    for line in std::io::stdin().lock().lines() {
        line?;
        let begin = Instant::now();
        let mut capture = CaptureFile::open(Path::new(&path), &CaptureOptions::default())?;
        let (mut n_frames, mut sum, mut kept) = (0_u64, 0.0, Vec::new());
        while let Some(event) = capture.next_event()? {
            if let Event::Frame(frame) = event {
                n_frames += 1;
                // One value, so that nothing is left out as unused.
                sum += frame.values.first().map_or(0.0, |value| f64::from(value.re + value.im));
                if keep {
                    kept.push(frame);
                }
            }
        }
        let seconds = begin.elapsed().as_secs_f64();
        let mut output = std::io::stdout().lock();
        writeln!(output, "{seconds} {n_frames} {sum}")?;
        output.flush()?;
    }
    Ok(())
}
