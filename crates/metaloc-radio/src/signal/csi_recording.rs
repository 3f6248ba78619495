//! What one receiver estimated from one transmitter, one frame after the other.

use num_complex::Complex32;

use super::{Chip, CsiFrame, MacAddress, Stream, Subcarriers};
use crate::RadioError;

/// Nanoseconds after which a device's clock, of 32 bits of microseconds, begins anew.
const DEVICE_CLOCK_NS: u64 = (1 << 32) * 1000;

/// Frames with the same streams and subcarriers, in order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct CsiRecording {
    /// The chip that made the frames.
    pub chip: Chip,
    /// Who sent the frames; `None` if the capture does not say, or they have several senders.
    pub source: Option<MacAddress>,
    /// Number of the Wi-Fi channel, where the capture has it.
    pub channel: Option<u8>,
    /// Width of the channel (MHz).
    pub bandwidth_mhz: u16,
    /// Which way the waves went, for each row of a frame's values.
    pub streams: Vec<Stream>,
    /// What a row's values stand for.
    pub subcarriers: Subcarriers,
    /// When each frame was captured (ns), never falling.
    pub time_ns: Vec<u64>,
    /// Received signal strength of each frame (dBm), where the capture has it.
    pub rssi_dbm: Vec<Option<f32>>,
    /// `[frames, streams, subcarriers]`, as the chip scaled them.
    pub values: Vec<Complex32>,
}

impl CsiRecording {
    /// A recording of these frames.
    ///
    /// Frames are put in order of time. The clocks of Intel's chip and the ESP32 begin anew now and
    /// then: their frames keep their order and get times that go on.
    ///
    /// # Errors
    /// [`RadioError::NoFrames`], or [`RadioError::MixedFrames`] if streams, subcarriers, bandwidth
    /// or chip differ.
    pub fn new(mut frames: Vec<CsiFrame>) -> Result<Self, RadioError> {
        let first = frames.first().ok_or(RadioError::NoFrames)?;
        let layout = |f: &CsiFrame| (f.chip, f.bandwidth_mhz, f.subcarriers, f.streams.clone());
        let expected = layout(first);
        if let Some(index) = frames.iter().position(|frame| layout(frame) != expected) {
            return Err(RadioError::MixedFrames { index });
        }
        let by_device = matches!(first.chip, Chip::Intel5300 | Chip::Esp32);
        if by_device && frames.iter().all(|frame| frame.time_ns < DEVICE_CLOCK_NS) {
            let mut turns = 0;
            for at in 1..frames.len() {
                let back = frames[at].time_ns + turns < frames[at - 1].time_ns;
                turns += if back { DEVICE_CLOCK_NS } else { 0 };
                frames[at].time_ns += turns;
            }
        } else {
            frames.sort_by_key(|frame| frame.time_ns);
        }
        let (chip, bandwidth_mhz, subcarriers, streams) = expected;
        let source = frames[0].source;
        Ok(Self {
            chip,
            source: source.filter(|_| frames.iter().all(|frame| frame.source == source)),
            channel: frames[0].channel,
            bandwidth_mhz,
            streams,
            subcarriers,
            time_ns: frames.iter().map(|frame| frame.time_ns).collect(),
            rssi_dbm: frames.iter().map(|frame| frame.rssi_dbm).collect(),
            values: frames.into_iter().flat_map(|frame| frame.values).collect(),
        })
    }

    /// Number of frames.
    #[must_use]
    pub fn n_frames(&self) -> usize {
        self.time_ns.len()
    }

    /// Values of one frame.
    fn frame_len(&self) -> usize {
        self.streams.len() * self.subcarriers.count()
    }

    /// The values of a frame.
    ///
    /// # Shapes
    /// `[streams, subcarriers]`
    ///
    /// # Panics
    /// If there is no such frame.
    #[must_use]
    pub fn frame(&self, index: usize) -> &[Complex32] {
        &self.values[index * self.frame_len()..(index + 1) * self.frame_len()]
    }

    /// A frame by itself. A recording does not keep the frames' numbers.
    ///
    /// # Panics
    /// If there is no such frame.
    #[must_use]
    pub fn csi_frame(&self, index: usize) -> CsiFrame {
        CsiFrame {
            chip: self.chip,
            time_ns: self.time_ns[index],
            source: self.source,
            sequence: None,
            rssi_dbm: self.rssi_dbm[index],
            channel: self.channel,
            bandwidth_mhz: self.bandwidth_mhz,
            streams: self.streams.clone(),
            subcarriers: self.subcarriers,
            values: self.frame(index).to_vec(),
        }
    }

    /// Mean of the frames' signal strength (dBm); `None` if the capture has none.
    #[must_use]
    pub fn mean_rssi_dbm(&self) -> Option<f32> {
        let known: Vec<f32> = self.rssi_dbm.iter().copied().flatten().collect();
        let mean = known.iter().sum::<f32>() / known.len() as f32;
        (!known.is_empty()).then_some(mean)
    }

    /// The recording in blocks of so many frames each; frames left over are left out.
    ///
    /// # Panics
    /// If `n_frames` is 0.
    #[must_use]
    pub fn blocks(&self, n_frames: usize) -> Vec<Self> {
        let block = |first: usize| {
            let (range, length) = (first..first + n_frames, self.frame_len());
            Self {
                streams: self.streams.clone(),
                time_ns: self.time_ns[range.clone()].to_vec(),
                rssi_dbm: self.rssi_dbm[range].to_vec(),
                values: self.values[first * length..(first + n_frames) * length].to_vec(),
                ..*self
            }
        };
        (0..self.n_frames() / n_frames).map(|index| block(index * n_frames)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // copies of inputs

    use super::*;

    fn frame(chip: Chip, time_ns: u64, value: f32) -> CsiFrame {
        CsiFrame {
            chip,
            time_ns,
            source: None,
            sequence: None,
            rssi_dbm: Some(-40.0 - value),
            channel: None,
            bandwidth_mhz: 20,
            streams: vec![Stream::default()],
            subcarriers: Subcarriers::All(2),
            values: vec![Complex32::new(value, 0.0); 2],
        }
    }

    #[test]
    fn frames_stand_in_order_of_time() {
        let frames = [(30, 3.0), (10, 1.0), (20, 2.0)];
        let recording =
            |chip| CsiRecording::new(frames.map(|(time, value)| frame(chip, time, value)).to_vec());
        let sorted = recording(Chip::Bcm4339).unwrap();
        assert_eq!(sorted.time_ns, [10, 20, 30]);
        assert_eq!(sorted.frame(2)[1].re, 3.0);
        assert_eq!(sorted.mean_rssi_dbm(), Some(-42.0));
        // Intel's clock began anew behind the first frame.
        let unwrapped = recording(Chip::Intel5300).unwrap();
        assert_eq!(unwrapped.time_ns, [30, 10 + DEVICE_CLOCK_NS, 20 + DEVICE_CLOCK_NS]);
        assert_eq!(unwrapped.frame(0)[0].re, 3.0);
    }

    #[test]
    fn blocks_share_no_frame() {
        let frames = (0..7).map(|i| frame(Chip::Bcm4339, i, i as f32)).collect();
        let blocks = CsiRecording::new(frames).unwrap().blocks(3);
        let times: Vec<_> = blocks.iter().map(|block| block.time_ns.clone()).collect();
        assert_eq!(times, [[0, 1, 2], [3, 4, 5]]);
        assert_eq!(blocks[1].frame(0)[0].re, 3.0);
    }

    #[test]
    fn unlike_frames_are_refused() {
        let mut other = frame(Chip::Bcm4339, 1, 1.0);
        other.subcarriers = Subcarriers::All(4);
        let refused = CsiRecording::new(vec![frame(Chip::Bcm4339, 0, 0.0), other]).unwrap_err();
        assert_eq!(refused, RadioError::MixedFrames { index: 1 });
        assert_eq!(CsiRecording::new(Vec::new()).unwrap_err(), RadioError::NoFrames);
    }
}
