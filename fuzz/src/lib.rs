//! What holds of a reader whatever it reads: it doesn't panic, frames and skips account for every byte,
//! and it never holds more than a bounded part of its input.

use metaloc_radio::capture::{
    AnyReader, CaptureOptions, Esp32Estimate, Esp32Reader, Event, IntelReader, NexmonReader,
};
use metaloc_radio::diagnosis::Diagnosis;
use std::cell::Cell;
use std::io::Read;
use std::rc::Rc;

/// Most bytes that a reader may have taken and not yet accounted for: two of the longest packets, and
/// what is read at a time.
const MOST_AHEAD: u64 = 1 << 20;
/// One input in so many is read over and over, so that it exceeds what a reader may hold.
const LONG: u64 = 64;
const LONG_BYTES: usize = 3 << 20;

/// Some bytes, `times` over, that come in pieces as from a pipe.
struct Pipe<'a> {
    data: &'a [u8],
    left: usize,
    taken: Rc<Cell<u64>>,
}

impl Read for Pipe<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let taken = self.taken.get() as usize;
        let from = taken % self.data.len().max(1);
        let piece = 1 + taken.wrapping_mul(0x9e37) % 5000;
        let n = piece.min(buffer.len()).min(self.left).min(self.data.len() - from);
        buffer[..n].copy_from_slice(&self.data[from..from + n]);
        self.left -= n;
        self.taken.set((taken + n) as u64);
        Ok(n)
    }
}

/// Reads the input with a reader to its end and checks what holds.
macro_rules! check {
    ($data:expr, $open:expr) => {{
        let (data, taken): (&[u8], _) = ($data, Rc::new(Cell::new(0)));
        let times = if hash(data) % LONG == 0 { LONG_BYTES / data.len().max(1) } else { 1 };
        let left = data.len() * times;
        let opened = $open(Pipe { data, left, taken: taken.clone() });
        let mut diagnosis = Diagnosis::default();
        if let Ok(mut reader) = opened {
            let mut before = reader.position();
            while let Some(event) = reader.next_event().expect("a pipe that doesn't fail") {
                let position = reader.position();
                assert!(position > before, "nothing was read");
                if let Event::Skip(skip) = &event {
                    assert_eq!((skip.offset, skip.offset + skip.n_bytes), (before, position));
                }
                assert!(taken.get() - position <= MOST_AHEAD, "too much is held");
                diagnosis.observe(&event);
                before = position;
            }
            assert_eq!(before, left as u64, "bytes are missing");
        }
        let _ = diagnosis.finish();
    }};
}

/// The reader of Nexmon's captures.
pub fn nexmon(data: &[u8]) {
    check!(data, |pipe| NexmonReader::new(pipe, None));
}

/// The reader of Intel's logs.
pub fn intel(data: &[u8]) {
    check!(data, |pipe| IntelReader::new(pipe, true));
}

/// The reader of an ESP32's lines, both estimates.
pub fn esp32(data: &[u8]) {
    check!(data, |pipe| Esp32Reader::new(pipe, Esp32Estimate::Legacy));
    check!(data, |pipe| Esp32Reader::new(pipe, Esp32Estimate::HighThroughput));
}

/// The reader that tells formats apart.
pub fn any(data: &[u8]) {
    check!(data, |pipe| AnyReader::new(pipe, &CaptureOptions::default()));
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
