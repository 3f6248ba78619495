//! Nexmon CSI (M. Schulz, D. Wegemer, M. Hollick, "Nexmon: the C-based firmware patching framework",
//! 2017; F. Gringoli et al., "Free your CSI", WiNTECH 2019): UDP packets in a pcap capture.
//!
//! ```text
//! payload  0 magic 11 11       10 sequence control, u16    16 chip, u16
//!          2 RSSI, i8 (dBm)    12 core and stream, u16     18 values, a 32-bit word for each
//!          3 frame control     14 chanspec, u16               subcarrier: 0 .. n/2 - 1, -n/2 .. -1
//!          4 source, 6 bytes      (numbers little endian)
//! ```
//!
//! Older firmware writes 11 11 in place of RSSI and frame control. The word is two `i16`, real and
//! imaginary, or a pair of numbers with a common exponent ([`unpack`]).

use super::named_chip::{NamedChip, NamedChips};
use super::pcap::{Next, Record, Records};
use super::window::Window;
use super::{CaptureError, Event, SkipReason};
use crate::signal::{Chip, CsiFrame, MacAddress, Stream, Subcarriers};
use num_complex::Complex32;
use std::io::Read;

/// Port that the packets go to.
const PORT: u16 = 5500;
/// Bytes before the values.
const HEADER: usize = 18;
/// Bytes that may follow the values; some chips append a word.
const MOST_TRAILING: usize = 8;

/// Reads Nexmon's frames from a pcap capture.
pub struct NexmonReader<R> {
    records: Records<R>,
    forced_chip: Option<Chip>,
    named: NamedChips,
}

impl<R: Read> NexmonReader<R> {
    /// Reads the capture's header. A chip that is given counts, whatever frames say.
    ///
    /// # Errors
    /// [`CaptureError::NotACapture`], [`CaptureError::LinkType`], [`CaptureError::Read`].
    pub fn new(input: R, forced_chip: Option<Chip>) -> Result<Self, CaptureError> {
        Self::on(Window::new(input), forced_chip)
    }

    /// Reads what a window holds.
    pub(super) fn on(window: Window<R>, forced_chip: Option<Chip>) -> Result<Self, CaptureError> {
        Ok(Self { records: Records::new(window)?, forced_chip, named: NamedChips::default() })
    }

    /// The chips that the packets so far name, also where another was forced; at most the first 16.
    #[must_use]
    pub fn named_chips(&self) -> &[NamedChip] {
        self.named.all()
    }

    /// Bytes from the beginning of the capture to the next event.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.records.position()
    }

    /// The next frame or what stands in its place; `None` at the end.
    ///
    /// # Errors
    /// [`CaptureError::Read`].
    pub fn next_event(&mut self) -> Result<Option<Event>, CaptureError> {
        let record = match self.records.next()? {
            None => return Ok(None),
            Some(Next::Skip(skip)) => return Ok(Some(Event::Skip(skip))),
            Some(Next::Record(record)) => record,
        };
        Ok(Some(match frame(&record, self.forced_chip, &mut self.named) {
            Ok(frame) => Event::Frame(frame),
            Err(reason) => Event::Skip(record.skip(reason)),
        }))
    }
}

impl<R: Read> Iterator for NexmonReader<R> {
    type Item = Result<Event, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_event().transpose()
    }
}

/// The two bytes of a little-endian number.
fn u16_at(bytes: &[u8], place: usize) -> u16 {
    u16::from_le_bytes([bytes[place], bytes[place + 1]])
}

/// What a UDP packet to [`PORT`] carries: Ethernet, IPv4, UDP.
fn payload<'a>(record: &Record<'a>) -> Result<&'a [u8], SkipReason> {
    let big_endian = |bytes: &[u8], place: usize| u16_at(bytes, place).swap_bytes();
    let other = SkipReason::OtherPacket;
    let short = if record.is_cut { SkipReason::CutPacket } else { other };
    let ip = record.packet.get(14..).ok_or(short)?;
    if big_endian(record.packet, 12) != 0x0800 || ip.first().is_none_or(|byte| byte >> 4 != 4) {
        return Err(other);
    }
    let udp = ip.get(usize::from(ip[0] & 15) * 4..).filter(|udp| udp.len() >= 8).ok_or(short)?;
    if ip.get(9) != Some(&17) || big_endian(udp, 2) != PORT {
        return Err(other);
    }
    // Ethernet may pad a packet; UDP says its own length.
    let length = usize::from(big_endian(udp, 4));
    let cut = if record.is_cut { SkipReason::CutPacket } else { SkipReason::WrongLength };
    udp.get(8..length).ok_or(cut)
}

/// The chip with a number.
fn chip(number: u16) -> Option<Chip> {
    match number {
        0x0001 => Some(Chip::Bcm4339),
        0x0065 => Some(Chip::Bcm43455c0),
        0x0003 => Some(Chip::Bcm4358),
        0x006a => Some(Chip::Bcm4366c0),
        _ => None,
    }
}

/// The frame that a packet holds.
fn frame(
    record: &Record<'_>,
    forced_chip: Option<Chip>,
    named: &mut NamedChips,
) -> Result<CsiFrame, SkipReason> {
    let payload = payload(record)?;
    if payload.len() < HEADER || u16_at(payload, 0) != 0x1111 {
        return Err(SkipReason::OtherPacket);
    }
    let number = u16_at(payload, 16);
    let known = chip(number);
    let chanspec = u16_at(payload, 14);
    let (bandwidth_mhz, n_fft) = match chanspec >> 11 & 7 {
        2 => (20, 64),
        3 => (40, 128),
        4 => (80, 256),
        _ => return Err(SkipReason::WrongLength),
    };
    let words = &payload[HEADER..];
    if words.len() < 4 * n_fft || words.len() > 4 * n_fft + MOST_TRAILING {
        return Err(SkipReason::WrongLength);
    }
    named.count(number, known);
    let chip = forced_chip
        .or(known)
        .filter(|chip| !matches!(chip, Chip::Intel5300 | Chip::Esp32 | Chip::Image));
    let chip = chip.ok_or(SkipReason::UnknownChip)?;
    let (words, _) = words.as_chunks::<4>();
    let value = |word: &[u8; 4]| value(chip, u32::from_le_bytes(*word));
    let (upper, lower) = words[..n_fft].split_at(n_fft / 2);
    let is_old = payload[2..4] == [0x11, 0x11];
    // Some firmware writes this number big endian: it has six bits.
    let stream = u16_at(payload, 12);
    let stream = if stream > 63 { stream.swap_bytes() } else { stream };
    let mut source = [0; 6];
    source.copy_from_slice(&payload[4..10]);
    Ok(CsiFrame {
        chip,
        time_ns: record.time_ns,
        source: Some(MacAddress(source)),
        sequence: Some(u16_at(payload, 10) >> 4),
        rssi_dbm: (!is_old).then(|| f32::from(i8::from_le_bytes([payload[2]]))),
        channel: Some((chanspec & 0xff) as u8),
        bandwidth_mhz,
        streams: vec![Stream { receive: (stream & 7) as u8, transmit: (stream >> 3 & 7) as u8 }],
        subcarriers: Subcarriers::All(n_fft as u16),
        values: lower.iter().chain(upper).map(value).collect(),
    })
}

/// The value that a word holds.
fn value(chip: Chip, word: u32) -> Complex32 {
    match chip {
        Chip::Bcm4339 | Chip::Bcm43455c0 | Chip::Intel5300 | Chip::Esp32 | Chip::Image => {
            let [a, b, c, d] = word.to_le_bytes();
            let number = |bytes| f32::from(i16::from_le_bytes(bytes));
            Complex32::new(number([a, b]), number([c, d]))
        }
        Chip::Bcm4358 => unpack(word, 9, 5),
        Chip::Bcm4366c0 => unpack(word, 12, 6),
    }
}

/// Two numbers of `mantissa` bits, sign and magnitude, and the exponent of both, downward from bit
/// `2 mantissa + exponent - 1`: real, imaginary, exponent (two's complement).
fn unpack(word: u32, mantissa: u32, exponent: u32) -> Complex32 {
    let part = |shift: u32| {
        let bits = word >> shift & ((1 << mantissa) - 1);
        let magnitude = (bits & ((1 << (mantissa - 1)) - 1)) as f32;
        if bits >> (mantissa - 1) == 1 { -magnitude } else { magnitude }
    };
    // Shifted up and down again, the exponent's sign fills the upper bits.
    let unused = 32 - exponent;
    let scale = f32::exp2((((word << unused) as i32) >> unused) as f32);
    Complex32::new(part(exponent + mantissa) * scale, part(exponent) * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_word_by_hand() {
        // A frame that CSIKit's users decoded (issue 45): 1302 / 512 and -141 / 512.
        assert_eq!(unpack(0x145a_2377, 12, 6), Complex32::new(1302.0 / 512.0, -141.0 / 512.0));
        assert_eq!(unpack(0, 9, 5), Complex32::new(0.0, 0.0));
        // Real 255, imaginary -1, exponent 3.
        assert_eq!(unpack(255 << 14 | 257 << 5 | 3, 9, 5), Complex32::new(2040.0, -8.0));
    }
}
