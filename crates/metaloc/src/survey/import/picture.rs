//! Pictures of channel state information: the pixels of a PNG file as amplitudes, a recording a channel.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use metaloc_radio::num_complex::Complex32;
use metaloc_radio::signal::{Chip, CsiRecording, Stream, Subcarriers};
use png::{BitDepth, ColorType, Decoder};

use crate::survey::SurveyError;

/// Packets of a picture.
const PACKETS: usize = 50;
/// Subcarriers of a picture.
const SUBCARRIERS: usize = 52;
/// Channels of a picture: an access point each.
pub(super) const CHANNELS: usize = 3;

/// The pixels of a picture, 0 to 255.
pub(super) struct Picture {
    /// `[packets, subcarriers, channels]`
    pub(super) pixels: Vec<u8>,
}

impl Picture {
    /// Reads a picture of 52 x 50 pixels, whose rows are packets, or 50 x 52, whose columns are; 8 bits of
    /// red, green and blue.
    ///
    /// # Errors
    /// A missing file, one that is not a whole PNG, or a picture of another size or kind.
    pub(super) fn read(path: &Path, remedy: &str) -> Result<Self, SurveyError> {
        let file = File::open(path).map_err(|e| SurveyError::opening(path, e, remedy))?;
        let refuse = |reason: String| SurveyError::format(path, reason);
        let damaged = |e: png::DecodingError| {
            refuse(format!("not a whole PNG picture ({e}); copy or unpack it again"))
        };
        let mut reader = Decoder::new(BufReader::new(file)).read_info().map_err(damaged)?;
        let info = reader.info();
        let (width, height) = (info.width as usize, info.height as usize);
        let rows_are_packets = match (width, height) {
            (SUBCARRIERS, PACKETS) => true,
            (PACKETS, SUBCARRIERS) => false,
            _ => {
                return Err(refuse(format!(
                    "a picture of {width} x {height} pixels; {SUBCARRIERS} x {PACKETS} (subcarriers x \
                     packets) or {PACKETS} x {SUBCARRIERS} are expected: take the files as they were \
                     published, not resized"
                )));
            }
        };
        if (info.color_type, info.bit_depth) != (ColorType::Rgb, BitDepth::Eight) {
            return Err(refuse(format!(
                "a picture of kind {:?} with {} bits; {CHANNELS} channels of 8 bits (RGB) are \
                 expected, one an access point: save it as such, or leave it out of the table",
                info.color_type, info.bit_depth as u8
            )));
        }
        let mut pixels = vec![0; width * height * CHANNELS];
        reader.next_frame(&mut pixels).and_then(|_| reader.finish()).map_err(damaged)?;
        Ok(Self { pixels: if rows_are_packets { pixels } else { turned(&pixels) } })
    }

    /// What a channel shows: amplitudes of 0 to 1, nothing else. The frames have no time of their own.
    pub(super) fn recording(&self, channel: usize) -> CsiRecording {
        let of_channel = self.pixels.iter().skip(channel).step_by(CHANNELS);
        CsiRecording {
            chip: Chip::Image,
            source: None,
            channel: None,
            bandwidth_mhz: 20,
            streams: vec![Stream::default()],
            subcarriers: Subcarriers::Range { first: 0, count: SUBCARRIERS as u16 },
            time_ns: vec![0; PACKETS],
            rssi_dbm: vec![None; PACKETS],
            values: of_channel
                .map(|&pixel| Complex32::new(f32::from(pixel) / 255.0, 0.0))
                .collect(),
        }
    }
}

/// `[subcarriers, packets, channels]` as `[packets, subcarriers, channels]`.
fn turned(pixels: &[u8]) -> Vec<u8> {
    let pixel = |packet: usize, k: usize| {
        let at = (k * PACKETS + packet) * CHANNELS;
        &pixels[at..at + CHANNELS]
    };
    let rows = (0..PACKETS).flat_map(|packet| (0..SUBCARRIERS).map(move |k| (packet, k)));
    rows.flat_map(|(packet, k)| pixel(packet, k)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_rows() {
        let number = |packet: usize, k: usize, channel: usize| (packet + 60 * channel + k) as u8;
        let upright: Vec<u8> = (0..PACKETS * SUBCARRIERS * CHANNELS)
            .map(|i| number(i / (SUBCARRIERS * CHANNELS), i / CHANNELS % SUBCARRIERS, i % CHANNELS))
            .collect();
        let lying: Vec<u8> = (0..PACKETS * SUBCARRIERS * CHANNELS)
            .map(|i| number(i / CHANNELS % PACKETS, i / (PACKETS * CHANNELS), i % CHANNELS))
            .collect();
        assert_eq!(turned(&lying), upright);
        let recording = Picture { pixels: upright }.recording(1);
        assert_eq!(recording.values.len(), PACKETS * SUBCARRIERS);
        let expected = f32::from(number(3, 51, 1)) / 255.0;
        assert!((recording.frame(3)[51].re - expected).abs() < 1e-9);
    }
}
