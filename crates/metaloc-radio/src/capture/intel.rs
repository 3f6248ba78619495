//! Records of the Linux 802.11n CSI tool for Intel's 5300 (D. Halperin, W. Hu, A. Sheth, D. Wetherall,
//! "Tool release: gathering 802.11n traces with channel state information", CCR 2011).
//!
//! ```text
//! record   0 length, u16 big endian, of what follows      2 code: bb estimate, c1 packet
//! body     0 time, u32 (us)    8 receive antennas, u8     13 noise, i8 (dBm)     16 length, u16
//!          4 count, u16        9 transmit streams, u8     14 AGC, u8 (dB)        18 rate, u16
//!          6 reserved         10 RSSI of A, B, C, u8      15 antennas, u8        20 values
//!             (numbers little endian)
//! values   bits, lowest first; for each of 30 subcarriers 3 unused ones, then for each receive chain
//!          and each transmit stream the real and the imaginary part, i8 each
//! ```

use super::window::Window;
use super::{CaptureError, Event, Skip, SkipReason};
use crate::signal::{Chip, CsiFrame, Stream, Subcarriers};
use num_complex::Complex32;
use std::io::Read;

/// Length and code.
const RECORD_HEADER: usize = 3;
/// Bytes of an estimate before its values.
const HEADER: usize = 20;
const ESTIMATE: u8 = 0xbb;
const PACKET: u8 = 0xc1;
/// Longest record of a packet.
const LONGEST_PACKET: usize = 8 * 1024;
const SUBCARRIERS: usize = 30;
/// Bit of the rate that says 40 MHz.
const WIDE: u16 = 0x0800;
/// What the chip reports where it knows no noise, and what is taken then (dBm).
const NO_NOISE: i8 = -127;
const USUAL_NOISE: f64 = -92.0;

/// Reads the estimates of Intel's 5300 from a log of its CSI tool.
pub struct IntelReader<R> {
    window: Window<R>,
    scaled: bool,
}

/// Length of the values for so many antennas and streams.
fn n_value_bytes(receive: u8, transmit: u8) -> usize {
    (SUBCARRIERS * (usize::from(receive) * usize::from(transmit) * 16 + 3)).div_ceil(8)
}

impl<R: Read> IntelReader<R> {
    /// Reads from the beginning of a log. `scaled` values are in units of the noise, so that the
    /// square of one is a signal-to-noise ratio; others are the chip's integers.
    ///
    /// # Errors
    /// [`CaptureError::NotACapture`], [`CaptureError::Read`].
    pub fn new(input: R, scaled: bool) -> Result<Self, CaptureError> {
        Self::on(Window::new(input), scaled)
    }

    /// Reads what a window holds.
    pub(super) fn on(window: Window<R>, scaled: bool) -> Result<Self, CaptureError> {
        let mut reader = Self { window, scaled };
        reader.window.fill(RECORD_HEADER + HEADER)?;
        if reader.record(0).is_none() {
            let found = reader.window.bytes()[..reader.window.ahead().min(4)].to_vec();
            let expected = "a log of the CSI tool begins with a length and the code bb or c1";
            return Err(CaptureError::NotACapture { found, expected });
        }
        Ok(reader)
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
        self.window.fill(RECORD_HEADER + HEADER)?;
        if self.window.ahead() == 0 {
            return Ok(None);
        }
        let Some(length) = self.record(0) else { return self.skip_garbage().map(Some) };
        self.window.fill(length)?;
        if self.window.ahead() < length {
            return self.skip_garbage().map(Some);
        }
        let (offset, scaled) = (self.window.offset(), self.scaled);
        if let Some(n) = self.overrun(length) {
            self.window.advance(n);
            let (n_bytes, reason) = (n as u64, SkipReason::Overrun);
            return Ok(Some(Event::Skip(Skip { offset, n_bytes, reason })));
        }
        let record = self.window.take(length);
        if record[2] == ESTIMATE {
            return Ok(Some(Event::Frame(frame(&record[RECORD_HEADER..], scaled))));
        }
        let (n_bytes, reason) = (length as u64, SkipReason::OtherPacket);
        Ok(Some(Event::Skip(Skip { offset, n_bytes, reason })))
    }

    /// Where in the record of this length the next estimate begins, if its length runs into that: bytes
    /// of it are missing. To know that, the reader waits for the header behind each record.
    fn overrun(&mut self, length: usize) -> Option<usize> {
        self.window.look_ahead(length + RECORD_HEADER + HEADER);
        // A packet's record is too easily found in garbage. Garbage behind a good record is no fault
        // of it.
        if self.window.ahead() == length || self.is_estimate(length) {
            return None;
        }
        (1..length).find(|&place| self.is_estimate(place))
    }

    /// Whether an estimate's record begins so many bytes ahead.
    fn is_estimate(&self, ahead: usize) -> bool {
        self.window.bytes().get(ahead + 2) == Some(&ESTIMATE) && self.record(ahead).is_some()
    }

    /// Length of the record that stands so many bytes ahead, if one can.
    fn record(&self, ahead: usize) -> Option<usize> {
        let bytes = self.window.bytes().get(ahead..)?;
        let &[high, low, code] = bytes.first_chunk()?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let body = &bytes[RECORD_HEADER..];
        let is_sound = match code {
            PACKET => (1..=LONGEST_PACKET).contains(&length),
            ESTIMATE if body.len() >= HEADER => {
                let [receive, transmit] = [body[8], body[9]];
                let n_values = usize::from(u16::from_le_bytes([body[16], body[17]]));
                (1..=3).contains(&receive)
                    && (1..=3).contains(&transmit)
                    && n_values == n_value_bytes(receive, transmit)
                    && length == 1 + HEADER + n_values
            }
            _ => false,
        };
        is_sound.then_some(length + 2)
    }

    /// Goes on to the next place where an estimate stands, or to the end.
    fn skip_garbage(&mut self) -> Result<Event, CaptureError> {
        let offset = self.window.offset();
        let is_tail = self.record(0).is_some() || self.window.ahead() < RECORD_HEADER + HEADER;
        let mut found = false;
        while !found {
            self.window.advance(1);
            self.window.fill(RECORD_HEADER + HEADER + n_value_bytes(3, 3))?;
            if self.window.ahead() == 0 {
                break;
            }
            let length = self.record(0).filter(|_| self.window.bytes()[2] == ESTIMATE);
            found = length.is_some_and(|length| length <= self.window.ahead());
        }
        let n_bytes = self.window.offset() - offset;
        let reason = match is_tail && !found {
            true => SkipReason::Truncated,
            false => SkipReason::Garbage,
        };
        Ok(Event::Skip(Skip { offset, n_bytes, reason }))
    }
}

impl<R: Read> Iterator for IntelReader<R> {
    type Item = Result<Event, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_event().transpose()
    }
}

/// The estimate in a checked record.
fn frame(body: &[u8], scaled: bool) -> CsiFrame {
    let u16_at = |place: usize| u16::from_le_bytes([body[place], body[place + 1]]);
    let time_us = u32::from_le_bytes([body[0], body[1], body[2], body[3]]);
    let (receive, transmit) = (usize::from(body[8]), usize::from(body[9]));
    let antennas = antennas(body[15], receive);
    let mut values = vec![Complex32::ZERO; receive * transmit * SUBCARRIERS];
    let bits = &body[HEADER..];
    let number = |first: usize| {
        let (byte, shift) = (first / 8, first % 8);
        let low = u16::from(bits[byte]) >> shift;
        let high = if shift == 0 { 0 } else { u16::from(bits[byte + 1]) << (8 - shift) };
        f32::from((low | high) as u8 as i8)
    };
    let mut place = 0;
    for subcarrier in 0..SUBCARRIERS {
        place += 3;
        for &antenna in &antennas {
            for stream in 0..transmit {
                let value = Complex32::new(number(place), number(place + 8));
                values[(antenna * transmit + stream) * SUBCARRIERS + subcarrier] = value;
                place += 16;
            }
        }
    }
    let rssi_dbm = total_rssi([body[10], body[11], body[12]], body[14]);
    if scaled {
        let scale = scale(rssi_dbm, i8::from_le_bytes([body[13]]), &values, [receive, transmit]);
        values.iter_mut().for_each(|value| *value *= scale);
    }
    let is_wide = u16_at(18) & WIDE != 0;
    let streams = (0..receive as u8)
        .flat_map(|receive| (0..transmit as u8).map(move |transmit| Stream { receive, transmit }));
    CsiFrame {
        chip: Chip::Intel5300,
        time_ns: u64::from(time_us) * 1000,
        source: None,
        sequence: Some(u16_at(4)),
        rssi_dbm: rssi_dbm.map(|dbm| dbm as f32),
        channel: None,
        bandwidth_mhz: if is_wide { 40 } else { 20 },
        streams: streams.collect(),
        subcarriers: if is_wide { Subcarriers::Intel40 } else { Subcarriers::Intel20 },
        values,
    }
}

/// The antenna of each receive chain: two bits each, where they name three different ones; chains in
/// their own order elsewhere.
fn antennas(selection: u8, receive: usize) -> Vec<usize> {
    let named: Vec<usize> =
        (0..receive).map(|chain| usize::from(selection >> (2 * chain) & 3)).collect();
    let mut sorted = named.clone();
    sorted.sort_unstable();
    if sorted == [0, 1, 2] { named } else { (0..receive).collect() }
}

/// Strength of what all antennas received (dBm); `None` if none tells.
fn total_rssi(rssi: [u8; 3], agc: u8) -> Option<f64> {
    let powers = rssi.iter().filter(|&&rssi| rssi != 0);
    let power: f64 = powers.map(|&rssi| 10_f64.powf(f64::from(rssi) / 10.0)).sum();
    (power > 0.0).then(|| 10.0 * power.log10() - 44.0 - f64::from(agc))
}

/// Factor from the chip's integers to units of the noise, that of the receiver and of the rounding,
/// as in the tool's `get_scaled_csi`.
fn scale(
    rssi_dbm: Option<f64>,
    noise: i8,
    values: &[Complex32],
    [receive, transmit]: [usize; 2],
) -> f32 {
    let power: f64 = values.iter().map(|value| f64::from(value.norm_sqr())).sum();
    let Some(rssi_dbm) = rssi_dbm.filter(|_| power > 0.0) else { return 0.0 };
    let per_unit = 10_f64.powf(rssi_dbm / 10.0) / (power / SUBCARRIERS as f64);
    let noise = if noise == NO_NOISE { USUAL_NOISE } else { f64::from(noise) };
    let rounding = per_unit * (receive * transmit) as f64;
    let share = match transmit {
        2 => 2.0,
        3 => 10_f64.powf(0.45),
        _ => 1.0,
    };
    (per_unit * share / (10_f64.powf(noise / 10.0) + rounding)).sqrt() as f32
}
