//! Writing Nexmon CSI captures: what [`super::NexmonReader`] and other readers of Nexmon's read.
//!
//! The layout is that of [`super::nexmon`]; around it stand the headers of Ethernet, IPv4 and UDP as
//! Nexmon's firmware writes them, in a pcap file with times in microseconds.

use std::io::{self, Write};

use num_complex::Complex32;
use thiserror::Error;

use crate::signal::{Chip, CsiFrame, MacAddress, Stream, Subcarriers};

/// Bytes of the pcap file's own header.
const FILE_HEADER: [u8; 24] =
    [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
/// From everybody to everybody, as the firmware has it: Ethernet's header with the type of IPv4.
const ETHERNET: [u8; 14] = *b"\xff\xff\xff\xff\xff\xffNEXMON\x08\x00";
/// 10.10.10.10 to 255.255.255.255.
const ADDRESSES: [u8; 8] = [10, 10, 10, 10, 255, 255, 255, 255];
const PORT: u16 = 5500;
const CSI_HEADER: usize = 18;

/// Why a frame has no place in a Nexmon capture.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CaptureWriteError {
    /// The chip is not one of Nexmon's.
    #[error("chip {0} has no Nexmon captures; use bcm4339, bcm43455c0, bcm4358 or bcm4366c0")]
    Chip(Chip),
    /// The subcarriers don't fill a channel.
    #[error("a frame of {bandwidth_mhz} MHz has all {expected} subcarriers, not {found:?}")]
    Subcarriers {
        /// Width of the channel (MHz).
        bandwidth_mhz: u16,
        /// How many it should have.
        expected: u16,
        /// What it has.
        found: Subcarriers,
    },
    /// The width of the channel is not one of Nexmon's.
    #[error("a channel of {0} MHz; Nexmon's have 20, 40 or 80")]
    Bandwidth(u16),
    /// A value that the chip's words cannot hold.
    #[error("the value {value} does not fit a word of {chip}; scale the frame")]
    Value {
        /// The value.
        value: Complex32,
        /// The chip.
        chip: Chip,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes frames as a Nexmon capture.
///
/// ```
/// use metaloc_radio::capture::{NexmonReader, NexmonWriter};
///
/// let writer = NexmonWriter::new(Vec::new())?;
/// let bytes = writer.finish()?;
/// assert!(NexmonReader::new(&bytes[..], None).is_ok_and(|mut reader| reader.next().is_none()));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct NexmonWriter<W> {
    output: W,
    packets: u16,
}

impl<W: Write> NexmonWriter<W> {
    /// Begins a capture.
    ///
    /// # Errors
    /// What the output says.
    pub fn new(mut output: W) -> io::Result<Self> {
        output.write_all(&FILE_HEADER)?;
        Ok(Self { output, packets: 0 })
    }

    /// Bytes of a capture of so many packets with so many subcarriers.
    #[must_use]
    pub fn capture_len(n_packets: usize, n_subcarriers: usize) -> u64 {
        let packet = 16 + ETHERNET.len() + 20 + 8 + CSI_HEADER + 4 * n_subcarriers;
        (FILE_HEADER.len() + n_packets * packet) as u64
    }

    /// Writes a frame, a packet a stream.
    ///
    /// Times are cut to microseconds, values rounded to the chip's words: whole numbers of BCM4339 and
    /// BCM43455c0; of the others within 2^-8 (BCM4358) or 2^-11 (BCM4366c0) of the larger part. A frame without
    /// signal strength is written as older firmware does; without source, number or channel it gets zeros.
    ///
    /// # Errors
    /// [`CaptureWriteError`]; nothing of the frame is written then, but for an error of the output.
    pub fn write(&mut self, frame: &CsiFrame) -> Result<(), CaptureWriteError> {
        let mut payloads = Vec::with_capacity(frame.streams.len());
        for (index, stream) in frame.streams.iter().enumerate() {
            payloads.push(payload(frame, *stream, frame.stream(index).unwrap_or(&[]))?);
        }
        for payload in payloads {
            self.packets = self.packets.wrapping_add(1);
            let packet = packet(&payload, self.packets);
            let micros = frame.time_ns / 1000;
            let header = [
                (micros / 1_000_000) as u32,
                (micros % 1_000_000) as u32,
                packet.len() as u32,
                packet.len() as u32,
            ];
            for number in header {
                self.output.write_all(&number.to_le_bytes())?;
            }
            self.output.write_all(&packet)?;
        }
        Ok(())
    }

    /// Ends the capture and gives the output back.
    ///
    /// # Errors
    /// What the output says.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }
}

/// Ethernet, IPv4 and UDP around a payload.
fn packet(payload: &[u8], number: u16) -> Vec<u8> {
    let udp_len = (8 + payload.len()) as u16;
    let mut ip = [0_u8; 20];
    ip[0] = 0x45;
    ip[2..4].copy_from_slice(&(20 + udp_len).to_be_bytes());
    ip[4..6].copy_from_slice(&number.to_be_bytes());
    (ip[8], ip[9]) = (1, 17);
    ip[12..].copy_from_slice(&ADDRESSES);
    let sum: u32 =
        ip.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !((folded & 0xffff) + (folded >> 16)) as u16;
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
    let mut packet = ETHERNET.to_vec();
    packet.extend(ip);
    // No checksum of its own: zero, as the firmware writes it.
    for number in [PORT, PORT, udp_len, 0] {
        packet.extend(number.to_be_bytes());
    }
    packet.extend(payload);
    packet
}

/// What the firmware sends for a stream of a frame.
fn payload(
    frame: &CsiFrame,
    stream: Stream,
    values: &[Complex32],
) -> Result<Vec<u8>, CaptureWriteError> {
    let number: u16 = match frame.chip {
        Chip::Bcm4339 => 0x0001,
        Chip::Bcm43455c0 => 0x0065,
        Chip::Bcm4358 => 0x0003,
        Chip::Bcm4366c0 => 0x006a,
        chip @ (Chip::Intel5300 | Chip::Esp32 | Chip::Image) => {
            return Err(CaptureWriteError::Chip(chip));
        }
    };
    let bandwidth_mhz = frame.bandwidth_mhz;
    let (width, expected) = match bandwidth_mhz {
        20 => (2, 64),
        40 => (3, 128),
        80 => (4, 256),
        _ => return Err(CaptureWriteError::Bandwidth(bandwidth_mhz)),
    };
    if frame.subcarriers != Subcarriers::All(expected) || values.len() != usize::from(expected) {
        let found = frame.subcarriers;
        return Err(CaptureWriteError::Subcarriers { bandwidth_mhz, expected, found });
    }
    let channel = frame.channel.unwrap_or(0);
    // Above channel 14 lies the band at 5 GHz.
    let band: u16 = if channel > 14 { 3 } else { 0 };
    let chanspec = band << 14 | width << 11 | u16::from(channel);
    let mut payload = vec![0x11, 0x11];
    match frame.rssi_dbm {
        Some(dbm) => payload.extend([dbm.round().clamp(-128.0, 127.0) as i8 as u8, 0x80]),
        None => payload.extend([0x11, 0x11]),
    }
    payload.extend(frame.source.unwrap_or(MacAddress([0; 6])).0);
    payload.extend((frame.sequence.unwrap_or(0) << 4).to_le_bytes());
    let core = u16::from(stream.receive & 7) | u16::from(stream.transmit & 7) << 3;
    for field in [core, chanspec, number] {
        payload.extend(field.to_le_bytes());
    }
    let (lower, upper) = values.split_at(values.len() / 2);
    for value in upper.iter().chain(lower) {
        payload.extend(word(frame.chip, *value)?.to_le_bytes());
    }
    Ok(payload)
}

/// The word that holds a value.
fn word(chip: Chip, value: Complex32) -> Result<u32, CaptureWriteError> {
    let refused = || CaptureWriteError::Value { value, chip };
    match chip {
        Chip::Bcm4358 => pack(value, 9, 5).ok_or_else(refused),
        Chip::Bcm4366c0 => pack(value, 12, 6).ok_or_else(refused),
        _ => {
            let whole = |x: f32| {
                let rounded = x.round();
                let fits = (f32::from(i16::MIN)..=f32::from(i16::MAX)).contains(&rounded);
                fits.then_some(rounded as i16 as u16).ok_or_else(refused)
            };
            Ok(u32::from(whole(value.im)?) << 16 | u32::from(whole(value.re)?))
        }
    }
}

/// Two numbers of `mantissa` bits, sign and magnitude, with a common exponent: the smallest with which the
/// larger fits. What is too small for the smallest exponent becomes zero.
fn pack(value: Complex32, mantissa: u32, exponent: u32) -> Option<u32> {
    let most = ((1_u32 << (mantissa - 1)) - 1) as f32;
    let largest = value.re.abs().max(value.im.abs());
    if !value.is_finite() {
        return None;
    }
    let lowest = -(1_i32 << (exponent - 1));
    let highest = -lowest - 1;
    let scaled = |power: i32, x: f32| (x * f32::exp2(-power as f32)).round();
    let power = (lowest..=highest).find(|&power| scaled(power, largest) <= most)?;
    let part = |x: f32| u32::from(x < 0.0) << (mantissa - 1) | scaled(power, x.abs()) as u32;
    let bits = (power as u32) & ((1 << exponent) - 1);
    Some(part(value.re) << (exponent + mantissa) | part(value.im) << exponent | bits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::{Event, NexmonReader};

    fn frame(chip: Chip, n: u16, values: Vec<Complex32>) -> CsiFrame {
        CsiFrame {
            chip,
            time_ns: 1_767_603_600_000_123_000,
            source: Some(MacAddress([2, 1, 2, 3, 4, 5])),
            sequence: Some(4095),
            rssi_dbm: Some(-47.0),
            channel: Some(36),
            bandwidth_mhz: n / 64 * 20,
            streams: vec![Stream { receive: 2, transmit: 1 }],
            subcarriers: Subcarriers::All(n),
            values,
        }
    }

    fn written(frames: &[CsiFrame]) -> Vec<u8> {
        let mut writer = NexmonWriter::new(Vec::new()).unwrap();
        frames.iter().for_each(|frame| writer.write(frame).unwrap());
        writer.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Vec<CsiFrame> {
        let events = NexmonReader::new(bytes, None).unwrap();
        let frame = |event| match event {
            Ok(Event::Frame(frame)) => frame,
            other => panic!("{other:?}"),
        };
        events.map(frame).collect()
    }

    fn any_values(n: usize) -> impl Strategy<Value = Vec<Complex32>> {
        let part = any::<i16>().prop_map(f32::from);
        let value = (part.clone(), part).prop_map(|(re, im)| Complex32::new(re, im));
        proptest::collection::vec(value, n)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn whole_numbers_come_back(values in any_values(128), is_4339 in any::<bool>()) {
            let chip = if is_4339 { Chip::Bcm4339 } else { Chip::Bcm43455c0 };
            let frame = frame(chip, 128, values);
            let bytes = written(std::slice::from_ref(&frame));
            prop_assert_eq!(bytes.len() as u64, NexmonWriter::<Vec<u8>>::capture_len(1, 128));
            prop_assert_eq!(read(&bytes), [frame]);
        }

        #[test]
        fn packed_numbers_come_back_nearly(values in any_values(64), power in -20..20_i32) {
            for (chip, bits, lowest) in [(Chip::Bcm4358, 8, -16), (Chip::Bcm4366c0, 11, -32)] {
                let scaled = values.iter().map(|v| v * f32::exp2(power as f32));
                // What the chip's numbers reach.
                let reach = if chip == Chip::Bcm4358 { f32::exp2(22.0) } else { f32::MAX };
                let scaled: Vec<Complex32> = scaled.filter(|v| v.norm() < reach).collect();
                prop_assume!(scaled.len() == 64);
                let found = read(&written(&[frame(chip, 64, scaled.clone())]));
                for (a, b) in found[0].values.iter().zip(scaled) {
                    // Half a step; with half of it, `largest` would have been above the most that fits.
                    let largest = b.re.abs().max(b.im.abs());
                    let relative = 1.0 / (f32::exp2(bits as f32) - 0.5);
                    let least = largest * relative + f32::exp2(lowest as f32 - 1.0);
                    prop_assert!((a - b).re.abs() <= least && (a - b).im.abs() <= least, "{a} {b}");
                }
            }
        }
    }

    #[test]
    fn what_is_missing_stays_missing() {
        let mut frame = frame(Chip::Bcm4339, 64, vec![Complex32::new(1.0, -2.0); 64]);
        frame.rssi_dbm = None;
        frame.streams = vec![Stream::default(), Stream { receive: 1, transmit: 0 }];
        frame.values = vec![Complex32::new(1.0, -2.0); 128];
        let found = read(&written(std::slice::from_ref(&frame)));
        // A packet a stream.
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|f| f.rssi_dbm.is_none()));
        assert_eq!(found[1].streams, frame.streams[1..]);
    }

    #[test]
    fn frames_without_a_place_are_refused() {
        let refused = |frame: CsiFrame, expected: &str| {
            let message =
                NexmonWriter::new(Vec::new()).unwrap().write(&frame).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        };
        let good = || frame(Chip::Bcm4339, 64, vec![Complex32::default(); 64]);
        refused(CsiFrame { chip: Chip::Esp32, ..good() }, "chip esp32");
        refused(CsiFrame { bandwidth_mhz: 160, ..good() }, "160 MHz");
        refused(CsiFrame { bandwidth_mhz: 40, ..good() }, "all 128 subcarriers");
        for value in [Complex32::new(40_000.0, 0.0), Complex32::new(0.0, f32::NAN)] {
            for chip in [Chip::Bcm4339, Chip::Bcm4366c0] {
                if chip == Chip::Bcm4339 || value.im.is_nan() {
                    refused(CsiFrame { chip, values: vec![value; 64], ..good() }, "does not fit");
                }
            }
        }
    }

    /// The checksum of a packet that a real BCM4339 sent (`a1ab`, number 1, 1070 bytes).
    #[test]
    fn headers_are_the_firmware_s() {
        let packet = packet(&[0; 1042], 1);
        assert_eq!(
            packet[14..34],
            *b"\x45\0\x04\x2e\0\x01\0\0\x01\x11\xa1\xab\x0a\x0a\x0a\x0a\xff\xff\xff\xff"
        );
        assert_eq!(packet[34..42], *b"\x15\x7c\x15\x7c\x04\x1a\0\0");
    }
}
