//! A bounded sample of frames, spread evenly over all.

/// Most frames of a sample.
pub const MOST_SAMPLED: usize = 512;

/// A frame of a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled {
    /// Number of the frame in its group, from 0.
    pub number: u64,
    /// Its level: root of the mean power of a used subcarrier, without the strongest twentieth.
    pub level: f32,
    /// `[streams, subcarriers]`: amplitudes in units of the level.
    pub amplitudes: Vec<f32>,
}

/// Takes every frame, then every second, every fourth, as they become more.
#[derive(Debug)]
pub(super) struct Sample {
    stride: u64,
    frames: Vec<Sampled>,
}

impl Sample {
    pub(super) fn new() -> Self {
        Self { stride: 1, frames: Vec::new() }
    }

    /// Whether the frame with this number belongs to it.
    pub(super) fn wants(&self, number: u64) -> bool {
        number.is_multiple_of(self.stride)
    }

    pub(super) fn push(&mut self, frame: Sampled) {
        if self.frames.len() == MOST_SAMPLED {
            self.stride *= 2;
            let stride = self.stride;
            self.frames.retain(|frame| frame.number.is_multiple_of(stride));
        }
        if self.wants(frame.number) {
            self.frames.push(frame);
        }
    }

    pub(super) fn into_frames(self) -> Vec<Sampled> {
        self.frames
    }
}
