//! Windows of a survey's kind from frames as they come: from files, or from a pipe without end.

use std::collections::{BTreeMap, VecDeque};

use metaloc_radio::capture::StreamJoiner;
use metaloc_radio::preprocess::{CsiConfig, CsiWindow};
use metaloc_radio::signal::{CsiFrame, CsiRecording, MacAddress, Stream, Subcarriers};

use crate::csi_site::FrameKind;
use crate::error::Error;

/// Frames that may wait for a window, in windows: dropped and outlying frames need some room.
const MOST_WAITING: usize = 4;

/// Whose frames make an access point's windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transmitter {
    /// The one with this address.
    Address(MacAddress),
    /// The only one that there is.
    Only,
}

/// Cuts frames into windows of all access points side by side.
pub struct WindowStream {
    config: CsiConfig,
    /// Subcarriers and streams that a window of all access points has.
    shape: [usize; 2],
    access_points: Vec<Waiting>,
    /// Shapes of frame met, and whether the survey's windows have such.
    shapes: Vec<(FrameShape, bool)>,
    /// Frames that are none of the survey's, by what they are instead.
    left_out: BTreeMap<String, usize>,
    joiner: StreamJoiner,
}

/// What tells frames apart that don't fit into one window.
type FrameShape = (u16, Subcarriers, Vec<Stream>);

/// What waits for an access point's next windows.
struct Waiting {
    transmitter: Transmitter,
    /// What the survey's frames were, where that is known.
    kind: Option<FrameKind>,
    /// Who was heard, where any will do.
    heard: Option<MacAddress>,
    frames: Vec<CsiFrame>,
    windows: VecDeque<CsiWindow>,
}

impl WindowStream {
    /// Windows of `window_shape` (packets, subcarriers, streams), cut as `config` says, from one
    /// transmitter an access point; `kinds` are what the survey's frames were, none if that is unknown.
    #[must_use]
    pub fn new(
        config: &CsiConfig,
        window_shape: [usize; 3],
        transmitters: &[Transmitter],
        kinds: &[FrameKind],
    ) -> Self {
        let waiting = |(index, &transmitter): (usize, &Transmitter)| Waiting {
            transmitter,
            kind: kinds.get(index).copied(),
            heard: None,
            frames: Vec::new(),
            windows: VecDeque::new(),
        };
        Self {
            config: config.clone(),
            shape: [window_shape[1], window_shape[2]],
            access_points: transmitters.iter().enumerate().map(waiting).collect(),
            shapes: Vec::new(),
            left_out: BTreeMap::new(),
            joiner: StreamJoiner::default(),
        }
    }

    /// Frames that were left out, by what they are instead of the survey's.
    #[must_use]
    pub fn left_out(&self) -> &BTreeMap<String, usize> {
        &self.left_out
    }

    /// Frames that wait for a window.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.access_points.iter().map(|waiting| waiting.frames.len()).sum()
    }

    /// Takes a frame, or one antenna's estimate of it; the next window of all access points if the
    /// frame before it completed one.
    ///
    /// # Errors
    /// If several transmitters are heard and none was named, or the frame lacks what the settings ask
    /// for.
    pub fn push(&mut self, frame: CsiFrame) -> Result<Option<CsiWindow>, Error> {
        match self.joiner.push(frame) {
            Some(whole) => self.take(whole),
            None => Ok(None),
        }
    }

    /// The window that the last frame completed, if it did.
    ///
    /// # Errors
    /// As [`WindowStream::push`].
    pub fn finish(&mut self) -> Result<Option<CsiWindow>, Error> {
        match self.joiner.finish() {
            Some(whole) => self.take(whole),
            None => Ok(None),
        }
    }

    fn take(&mut self, frame: CsiFrame) -> Result<Option<CsiWindow>, Error> {
        let index = match self.place_of(&frame)? {
            Ok(index) => index,
            Err(reason) => {
                *self.left_out.entry(reason).or_default() += 1;
                return Ok(None);
            }
        };
        let waiting = &mut self.access_points[index];
        waiting.frames.push(frame);
        if waiting.frames.len() < self.config.packets {
            return Ok(None);
        }
        let recording = CsiRecording::new(waiting.frames.clone())?;
        let (windows, _) = self.config.windows(&recording)?;
        if let Some(first) = windows.into_iter().next() {
            waiting.windows.push_back(first);
            waiting.frames.clear();
        } else if waiting.frames.len() >= MOST_WAITING * self.config.packets {
            waiting.frames.drain(..self.config.packets);
        }
        if self.access_points.iter().any(|waiting| waiting.windows.is_empty()) {
            return Ok(None);
        }
        let parts: Vec<CsiWindow> =
            self.access_points.iter_mut().filter_map(|w| w.windows.pop_front()).collect();
        Ok(CsiWindow::joined(&parts.iter().collect::<Vec<_>>()))
    }

    /// The access point that a frame is of, or what it is instead of the survey's.
    fn place_of(&mut self, frame: &CsiFrame) -> Result<Result<usize, String>, Error> {
        let may_be = |waiting: &Waiting| match waiting.transmitter {
            Transmitter::Only => true,
            Transmitter::Address(address) => frame.source == Some(address),
        };
        let Some(index) = self.access_points.iter().position(may_be) else {
            return Ok(Err("of other transmitters".to_owned()));
        };
        let &CsiFrame { chip, bandwidth_mhz, channel, source, .. } = frame;
        let kind = FrameKind { chip, bandwidth_mhz, channel, source };
        if let Some(reason) = self.access_points[index].kind.and_then(|own| own.unlike(&kind)) {
            return Ok(Err(format!("of {reason} as the survey")));
        }
        if !self.is_like_the_survey(frame) {
            return Ok(Err("with other antennas or subcarriers than the survey's".to_owned()));
        }
        let waiting = &mut self.access_points[index];
        // Intel's chip does not say who sent.
        if let (Transmitter::Only, Some(source)) = (waiting.transmitter, source) {
            let first = *waiting.heard.get_or_insert(source);
            if first != source {
                return Err(Error::usage(format!(
                    "frames of several transmitters ({first}, {source}); say which one the \
                     survey's access point is (`--transmitter`)"
                )));
            }
        }
        Ok(Ok(index))
    }

    /// Whether a window of such frames has the survey's subcarriers and share of its streams.
    fn is_like_the_survey(&mut self, frame: &CsiFrame) -> bool {
        let kind = (frame.bandwidth_mhz, frame.subcarriers, frame.streams.clone());
        if let Some((_, known)) = self.shapes.iter().find(|(met, _)| *met == kind) {
            return *known;
        }
        let single = CsiConfig { packets: 1, hampel: None, outliers: None, ..self.config.clone() };
        let window = CsiRecording::new(vec![frame.clone()]).and_then(|r| single.windows(&r));
        let is_like = window.is_ok_and(|(windows, _)| {
            let [subcarriers, streams] = self.shape;
            let of = |w: &CsiWindow| [w.shape()[1], w.shape()[2] * self.access_points.len()];
            windows.first().is_none_or(|w| of(w) == [subcarriers, streams])
        });
        self.shapes.push((kind, is_like));
        is_like
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaloc_radio::num_complex::Complex32;
    use metaloc_radio::signal::Chip;

    fn frame(source: u8, time_ns: u64, n: u16) -> CsiFrame {
        let subcarriers = Subcarriers::All(n);
        CsiFrame {
            chip: Chip::Bcm43455c0,
            time_ns,
            source: Some(MacAddress([source; 6])),
            sequence: None,
            rssi_dbm: None,
            channel: Some(36),
            bandwidth_mhz: 20,
            streams: vec![Stream::default()],
            subcarriers,
            values: vec![Complex32::new(f32::from(source), 0.0); usize::from(n)],
        }
    }

    fn stream(transmitters: &[Transmitter]) -> WindowStream {
        let config = CsiConfig { packets: 2, ..CsiConfig::default() };
        WindowStream::new(&config, [2, 52, transmitters.len()], transmitters, &[])
    }

    #[test]
    fn access_points_are_told_apart_by_their_addresses() {
        let addresses = [7, 9].map(|source| Transmitter::Address(MacAddress([source; 6])));
        let mut stream = stream(&addresses);
        let sources = [9, 7, 3, 9, 7];
        let windows: Vec<_> = sources
            .iter()
            .enumerate()
            .map(|(at, &source)| stream.take(frame(source, at as u64, 64)).unwrap())
            .collect();
        let window = windows[4].as_ref().unwrap();
        assert!(windows[..4].iter().all(Option::is_none));
        assert_eq!((window.shape(), &window.values[..2]), ([2, 52, 2], &[7.0, 9.0][..]));
        assert_eq!((stream.left_out()["of other transmitters"], stream.waiting()), (1, 0));
    }

    #[test]
    fn strangers_are_never_mixed_in() {
        let mut stream = stream(&[Transmitter::Only]);
        assert_eq!(stream.take(frame(7, 0, 32)).unwrap(), None);
        assert_eq!(stream.left_out().values().sum::<usize>(), 1);
        assert_eq!(stream.take(frame(7, 0, 64)).unwrap(), None);
        assert!(stream.take(frame(7, 1, 64)).unwrap().is_some());
        let message = stream.take(frame(8, 1, 64)).unwrap_err().to_string();
        assert!(message.contains("07:07:07:07:07:07, 08:08"), "{message}");
    }

    #[test]
    fn frames_of_another_kind_are_left_out_by_name() {
        let config = CsiConfig { packets: 2, ..CsiConfig::default() };
        let kind = FrameKind {
            chip: Chip::Bcm43455c0,
            bandwidth_mhz: 20,
            channel: Some(36),
            source: None,
        };
        let mut stream = WindowStream::new(&config, [2, 52, 1], &[Transmitter::Only], &[kind]);
        assert_eq!(stream.take(frame(7, 0, 64)).unwrap(), None);
        let other = CsiFrame { chip: Chip::Bcm4366c0, ..frame(7, 1, 64) };
        assert_eq!(stream.take(other).unwrap(), None);
        let elsewhere = CsiFrame { channel: Some(40), ..frame(7, 1, 64) };
        assert_eq!(stream.take(elsewhere).unwrap(), None);
        let reasons: Vec<&str> = stream.left_out().keys().map(String::as_str).collect();
        let expected = [
            "of channel 40, not 36 as the survey",
            "of chip bcm4366c0, not bcm43455c0 as the survey",
        ];
        assert_eq!(reasons, expected);
        let unknown = CsiFrame { channel: None, ..frame(7, 1, 64) };
        assert!(stream.take(unknown).unwrap().is_some());
    }

    #[test]
    fn antennas_reported_apart_are_one_frame() {
        let config = CsiConfig { packets: 2, ..CsiConfig::default() };
        let mut stream = WindowStream::new(&config, [2, 52, 2], &[Transmitter::Only], &[]);
        let mut windows = Vec::new();
        for (sequence, core) in [(5, 0), (5, 1), (6, 0), (6, 1)] {
            let mut estimate = frame(core + 1, u64::from(sequence), 64);
            estimate.source = Some(MacAddress([9; 6]));
            estimate.sequence = Some(sequence);
            estimate.streams = vec![Stream { receive: core, transmit: 0 }];
            windows.extend(stream.push(estimate).unwrap());
        }
        assert!(windows.is_empty());
        let last = stream.finish().unwrap().unwrap();
        assert_eq!((last.shape(), &last.values[..2]), ([2, 52, 2], &[1.0, 2.0][..]));
    }
}
