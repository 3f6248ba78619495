//! Lines of the ESP32-CSI-Tool (S. M. Hernandez, E. Bulut, "Lightweight and standalone IoT based WiFi
//! sensing for active repositioning and mobility", WoWMoM 2020), as a serial port prints them.
//!
//! ```text
//! column  0 CSI_DATA      7 bandwidth: 1 is 40 MHz    18 device clock (us)     25 values:
//!         2 source       11 STBC                      19 antenna                  [imag real ...]
//!         3 RSSI (dBm)   16 channel                   22 whether 23 is set
//!                        17 secondary: 0 none,        23 time since 1970 (s)
//!                           1 above, 2 below          24 bytes that there were
//! ```
//!
//! A line holds up to three estimates, one behind the other: from the legacy part of the preamble
//! (LLTF), from that of 802.11n (HT-LTF), and once more from the latter where it was sent twice
//! (STBC). How many numbers are printed tells which; column 24 may count more than were printed.
//! Each begins at subcarrier 0 and goes on at the lowest one below it (ESP-IDF, "Wi-Fi channel state
//! information").

use super::window::Window;
use super::{CaptureError, Event, Skip, SkipReason};
use crate::signal::{Chip, CsiFrame, MacAddress, Stream, Subcarriers};
use num_complex::Complex32;
use serde::{Deserialize, Serialize};
use std::io::Read;

/// How a line of CSI begins.
const MARK: &[u8] = b"CSI_DATA,";
/// How the line of column names begins.
const NAMES: &[u8] = b"type,role,mac,";
/// Longest line (bytes); the longest good one has some 3000. This far a capture's beginning is
/// searched for a line of CSI.
const LONGEST_LINE: usize = 64 * 1024;
const COLUMNS: usize = 26;
/// What some editors write first: a byte-order mark.
const ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Subcarriers of the legacy estimate.
const LEGACY: usize = 64;

/// Which of a line's estimates makes the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Esp32Estimate {
    /// The one from the legacy preamble: every line has it, so frames of all formats compare.
    #[default]
    Legacy,
    /// The first from the preamble of 802.11n: more subcarriers, and 40 MHz; lines without it are
    /// skipped.
    HighThroughput,
}

/// Reads the lines of the ESP32-CSI-Tool. Column names, which a device repeats when it starts again,
/// and lines of other text are skipped; a line that others broke into is damaged.
pub struct Esp32Reader<R> {
    window: Window<R>,
    estimate: Esp32Estimate,
}

impl<R: Read> Esp32Reader<R> {
    /// Reads from the beginning of a log; other text may come first.
    ///
    /// # Errors
    /// [`CaptureError::NotACapture`], [`CaptureError::Read`].
    pub fn new(input: R, estimate: Esp32Estimate) -> Result<Self, CaptureError> {
        Self::on(Window::new(input), estimate)
    }

    /// Reads what a window holds.
    pub(super) fn on(mut window: Window<R>, estimate: Esp32Estimate) -> Result<Self, CaptureError> {
        let mut searched = 0;
        loop {
            if is_log(&window.bytes()[searched..]) {
                return Ok(Self { window, estimate });
            }
            let ahead = window.ahead();
            // What is searched for may stand across the end.
            searched = ahead.saturating_sub(NAMES.len());
            window.fill(ahead + 1)?;
            if window.ahead() == ahead || ahead >= LONGEST_LINE {
                let found = window.bytes()[..ahead.min(4)].to_vec();
                let expected = "a log of the ESP32-CSI-Tool has lines that begin with CSI_DATA";
                return Err(CaptureError::NotACapture { found, expected });
            }
        }
    }

    /// Bytes from the beginning of the capture to the next event.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.window.offset()
    }

    /// The next frame or what stands in its place; `None` at the end.
    ///
    /// # Errors
    /// [`CaptureError::Read`].
    pub fn next_event(&mut self) -> Result<Option<Event>, CaptureError> {
        let offset = self.window.offset();
        let Some(length) = self.part()? else { return self.skip_long() };
        if length == 0 {
            return Ok(None);
        }
        let (at_end, estimate) =
            (self.window.at_end() && self.window.ahead() == length, self.estimate);
        let part = self.window.take(length);
        let is_whole = part.ends_with(b"\n");
        let reason = match frame(part, estimate) {
            Ok(frame) => return Ok(Some(Event::Frame(frame))),
            // The last line broke off, if nothing else is wrong with it.
            Err(SkipReason::BadLine) if at_end && !is_whole => SkipReason::Truncated,
            Err(reason) => reason,
        };
        let n_bytes = length as u64;
        Ok(Some(Event::Skip(Skip { offset, n_bytes, reason })))
    }

    /// Length of the next line, or of the part of it before a line of CSI that begins within it; 0 at
    /// the end, `None` if it is too long.
    fn part(&mut self) -> Result<Option<usize>, CaptureError> {
        let mut searched = 0;
        loop {
            let bytes = &self.window.bytes()[searched..];
            let line = bytes.iter().position(|&byte| byte == b'\n').map(|at| searched + at + 1);
            let ahead = self.window.ahead();
            if line.is_none() && ahead < LONGEST_LINE && !self.window.at_end() {
                searched = ahead;
                self.window.fill(ahead + 1)?;
                continue;
            }
            let end = line.unwrap_or(ahead);
            // The mark that this part itself begins with is none.
            let first = if self.window.bytes().starts_with(ORDER_MARK) { 4 } else { 1 };
            let rest = self.window.bytes().get(first..end).unwrap_or_default();
            let length = find(rest, MARK).map_or(end, |at| at + first);
            return Ok((length <= LONGEST_LINE).then_some(length));
        }
    }

    /// Goes on to the end of a line without bound, or to a line of CSI within it.
    fn skip_long(&mut self) -> Result<Option<Event>, CaptureError> {
        let offset = self.window.offset();
        self.window.advance(1);
        loop {
            self.window.fill(MARK.len())?;
            let bytes = self.window.bytes();
            let line = bytes.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
            let end = line.unwrap_or(bytes.len());
            if let Some(at) = find(&bytes[..end], MARK) {
                self.window.advance(at);
                break;
            }
            let at_end = self.window.at_end();
            // A mark may stand across the end of what was read.
            let keep = if line.is_some() || at_end { 0 } else { MARK.len() - 1 };
            self.window.advance(end - keep.min(end));
            if line.is_some() || at_end {
                break;
            }
        }
        let n_bytes = self.window.offset() - offset;
        Ok(Some(Event::Skip(Skip { offset, n_bytes, reason: SkipReason::Garbage })))
    }
}

impl<R: Read> Iterator for Esp32Reader<R> {
    type Item = Result<Event, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_event().transpose()
    }
}

/// Where `wanted` stands first.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Whether a line of CSI or of column names is among these.
fn is_log(bytes: &[u8]) -> bool {
    find(bytes, MARK).or_else(|| find(bytes, NAMES)).is_some()
}

/// The frame of a line.
fn frame(line: &[u8], estimate: Esp32Estimate) -> Result<CsiFrame, SkipReason> {
    let bad = SkipReason::BadLine;
    let line = line.strip_prefix(ORDER_MARK).unwrap_or(line);
    if !line.starts_with(MARK) {
        let is_text = std::str::from_utf8(line).is_ok_and(|text| !text.contains('\0'));
        return Err(match () {
            () if line.starts_with(NAMES) => SkipReason::ColumnNames,
            () if is_text => SkipReason::OtherText,
            () => SkipReason::Garbage,
        });
    }
    let line = std::str::from_utf8(line).map_err(|_| bad)?.trim_end();
    let columns: Vec<&str> = line.splitn(COLUMNS, ',').collect();
    if columns.len() < COLUMNS {
        return Err(bad);
    }
    let number = |column: usize| columns[column].trim().parse::<u32>().map_err(|_| bad);
    let secondary = number(17)?;
    if secondary > 2 {
        return Err(bad);
    }
    let rssi_dbm: i8 = columns[3].trim().parse().map_err(|_| bad)?;
    let values = values(columns[25]).ok_or(bad)?;
    let legacy = place(LEGACY, secondary);
    let (first, subcarriers) = match estimate {
        Esp32Estimate::Legacy => (0, legacy),
        Esp32Estimate::HighThroughput => {
            (LEGACY, high_throughput(values.len(), secondary).ok_or(SkipReason::NoEstimate)?)
        }
    };
    let mut values = values.get(first..first + subcarriers.count()).ok_or(bad)?.to_vec();
    // From subcarrier 0 upward, then from the lowest up to -1.
    let n_below = subcarriers.place(0).unwrap_or(0);
    values.rotate_right(n_below);
    Ok(CsiFrame {
        chip: Chip::Esp32,
        time_ns: match number(22)? {
            0 => u64::from(number(18)?) * 1000,
            _ => since_1970(columns[23]).ok_or(bad)?,
        },
        source: Some(mac_address(columns[2]).ok_or(bad)?),
        sequence: None,
        rssi_dbm: Some(f32::from(rssi_dbm)),
        channel: Some(u8::try_from(number(16)?).map_err(|_| bad)?),
        bandwidth_mhz: if secondary == 0 { 20 } else { 40 },
        streams: vec![Stream { receive: u8::try_from(number(19)?).map_err(|_| bad)?, transmit: 0 }],
        subcarriers,
        values,
    })
}

/// The values of a list; `None` if it is none, or has as many as no frame has.
fn values(list: &str) -> Option<Vec<Complex32>> {
    let list = list.trim_matches('"').strip_prefix('[')?.strip_suffix(']')?;
    let numbers: Vec<i8> =
        list.split_ascii_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    if !matches!(numbers.len(), 128 | 256 | 376 | 380 | 384 | 612) {
        return None;
    }
    let (pairs, _) = numbers.as_chunks::<2>();
    Some(
        pairs
            .iter()
            .map(|&[imag, real]| Complex32::new(f32::from(real), f32::from(imag)))
            .collect(),
    )
}

/// Where an estimate of 20 MHz with `n` subcarriers lies in the channel.
fn place(n: usize, secondary: u32) -> Subcarriers {
    let count = n as u16;
    match secondary {
        0 => Subcarriers::All(count),
        1 => Subcarriers::Range { first: -(n as i16), count },
        _ => Subcarriers::Range { first: 0, count },
    }
}

/// The subcarriers of the first estimate behind the legacy one, in a line of so many values.
fn high_throughput(n_values: usize, secondary: u32) -> Option<Subcarriers> {
    match (n_values, secondary) {
        (128, _) | (192, 0) => Some(place(64, secondary)),
        (188, 1) => Some(place(62, secondary)),
        (190, 2) => Some(place(63, secondary)),
        (192, _) => Some(Subcarriers::All(128)),
        (306, 1 | 2) => Some(Subcarriers::Range { first: -60, count: 121 }),
        _ => None,
    }
}

fn mac_address(text: &str) -> Option<MacAddress> {
    let mut bytes = [0; 6];
    let mut parts = text.trim().split(':');
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(MacAddress(bytes))
}

/// Seconds since 1970 in nanoseconds; the tool prints microseconds.
fn since_1970(seconds: &str) -> Option<u64> {
    let seconds: f64 = seconds.trim().parse().ok()?;
    let us = (seconds * 1e6).round();
    (0.0..1.8e16).contains(&us).then(|| us as u64 * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(numbers: usize, secondary: u32) -> Vec<u8> {
        let list: Vec<String> = (0..numbers).map(|at| (at as u8 as i8).to_string()).collect();
        format!(
            "CSI_DATA,STA,0A:1b:2C:3d:4E:5f,-61,11,1,7,1,1,1,1,0,0,0,-95,0,6,{secondary},70,0,101,0,0,\
             1.5,384,[{} ]\r\n",
            list.join(" ")
        )
        .into_bytes()
    }

    #[test]
    fn estimates_lie_where_espressif_says() {
        let all = [(128, 0), (256, 1), (376, 1), (380, 2), (384, 0), (384, 2), (612, 1)];
        let expected = [
            (Subcarriers::All(64), None),
            (
                Subcarriers::Range { first: -64, count: 64 },
                Some(Subcarriers::Range { first: -64, count: 64 }),
            ),
            (
                Subcarriers::Range { first: -64, count: 64 },
                Some(Subcarriers::Range { first: -62, count: 62 }),
            ),
            (
                Subcarriers::Range { first: 0, count: 64 },
                Some(Subcarriers::Range { first: 0, count: 63 }),
            ),
            (Subcarriers::All(64), Some(Subcarriers::All(64))),
            (Subcarriers::Range { first: 0, count: 64 }, Some(Subcarriers::All(128))),
            (
                Subcarriers::Range { first: -64, count: 64 },
                Some(Subcarriers::Range { first: -60, count: 121 }),
            ),
        ];
        for ((numbers, secondary), (legacy, high)) in all.into_iter().zip(expected) {
            let line = line(numbers, secondary);
            let found = frame(&line, Esp32Estimate::Legacy).map(|frame| frame.subcarriers);
            assert_eq!(found, Ok(legacy), "{numbers} {secondary}");
            let found = frame(&line, Esp32Estimate::HighThroughput).map(|frame| frame.subcarriers);
            assert_eq!(found, high.ok_or(SkipReason::NoEstimate), "{numbers} {secondary}");
        }
    }

    #[test]
    fn the_imaginary_part_comes_first_and_zero_leads() {
        let value =
            |at: i32| Complex32::new((2 * at + 1) as u8 as i8 as f32, (2 * at) as u8 as i8 as f32);
        let legacy = frame(&line(384, 1), Esp32Estimate::Legacy).unwrap();
        assert_eq!((legacy.on(0, -64), legacy.on(0, -1)), (Some(value(0)), Some(value(63))));
        let none = frame(&line(128, 0), Esp32Estimate::Legacy).unwrap();
        assert_eq!((none.on(0, 0), none.on(0, -32)), (Some(value(0)), Some(value(32))));
        let wide = frame(&line(612, 2), Esp32Estimate::HighThroughput).unwrap();
        assert_eq!((wide.on(0, 0), wide.on(0, 60)), (Some(value(64)), Some(value(124))));
        assert_eq!((wide.on(0, -60), wide.on(0, -1)), (Some(value(125)), Some(value(184))));
    }

    #[test]
    fn columns_by_hand() {
        let frame = frame(&line(128, 0), Esp32Estimate::Legacy).unwrap();
        assert_eq!(frame.source, Some(MacAddress([0x0a, 0x1b, 0x2c, 0x3d, 0x4e, 0x5f])));
        assert_eq!((frame.rssi_dbm, frame.channel), (Some(-61.0), Some(6)));
        assert_eq!((frame.time_ns, frame.sequence), (70_000, None));
        assert_eq!(since_1970("1627394056.608620"), Some(1_627_394_056_608_620_000));
        assert_eq!([since_1970("-1"), since_1970("nan"), since_1970("1e12")], [None; 3]);
        for text in
            ["", "0a:1b:2c:3d:4e", "0a:1b:2c:3d:4e:5f:60", "0a:1b:2c:3d:4e:5g", "a:1b:2c:3d:4e:5f"]
        {
            assert_eq!(mac_address(text), None, "{text}");
        }
    }
}
