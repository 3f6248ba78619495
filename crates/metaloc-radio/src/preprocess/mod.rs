//! From a recording of CSI frames to windows of clean numbers.
//!
//! Each step is optional, has a name in [`CsiConfig`], which a model keeps, and a file of its own. They
//! are taken in this order:
//!
//! 1. [`SubcarrierSelection`] and the streams to keep; frames with a value that is not finite, or with
//!    a stream of nothing but zeros, are dropped.
//! 2. [`GainControl`]: the receiver's automatic gain (AGC) is taken out.
//! 3. [`Hampel`]: spikes in time become the median of their neighbours.
//! 4. [`Outliers`]: frames unlike the others are dropped.
//! 5. [`Quantity`]: amplitude, amplitude in decibels, sanitised phase, or others.
//! 6. Windows of `packets` consecutive frames, none of them across a gap.
//!
//! What was dropped is counted in a [`WindowReport`].

mod canonical_packet;
mod gain_control;
mod hampel;
mod outliers;
mod phase;
mod subcarrier_selection;
mod window;

use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use crate::RadioError;
use crate::capture::Event;
use crate::diagnosis::{Condition, Diagnosis};
use crate::signal::{Chip, CsiRecording, Stream};

pub use canonical_packet::canonical_packet;
pub use gain_control::GainControl;
pub use hampel::Hampel;
pub use outliers::Outliers;
pub use phase::sanitize_phase;
pub use subcarrier_selection::SubcarrierSelection;
pub use window::{CsiWindow, WindowReport};

/// How a recording becomes windows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CsiConfig {
    /// Frames of a window; 50 in the paper.
    pub packets: usize,
    /// Which subcarriers are kept.
    pub subcarriers: SubcarrierSelection,
    /// Of these, the ones left out all the same: runs, each by its first and last subcarrier. For what
    /// `metaloc doctor` found dead, constant or junk.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leave_out: Vec<[i16; 2]>,
    /// Receive antennas to keep; all if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive: Option<Vec<u8>>,
    /// Transmit streams to keep; all if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transmit: Option<Vec<u8>>,
    /// How the receiver's gain is taken out.
    pub gain_control: GainControl,
    /// Replace spikes in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hampel: Option<Hampel>,
    /// Drop frames unlike the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outliers: Option<Outliers>,
    /// What is kept of each complex value.
    pub quantity: Quantity,
    /// A longer pause than this (s) ends a window; pauses don't matter if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_gap_s: Option<f64>,
}

impl Default for CsiConfig {
    fn default() -> Self {
        Self {
            packets: 50,
            subcarriers: SubcarrierSelection::default(),
            leave_out: Vec::new(),
            receive: None,
            transmit: None,
            gain_control: GainControl::default(),
            hampel: None,
            outliers: None,
            quantity: Quantity::default(),
            max_gap_s: None,
        }
    }
}

/// What is kept of each complex value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Its absolute value, as in the paper.
    #[default]
    Amplitude,
    /// `20 log10` of it (dB), from -40 dB upward.
    AmplitudeDb,
    /// Its angle (rad), less the line over the subcarriers that the clocks leave
    /// ([`sanitize_phase`]).
    Phase,
    /// Real and imaginary part, one after the other, of the packet without the delay that the clocks
    /// leave, each stream at norm 1 ([`canonical_packet()`]): twice as many numbers as subcarriers.
    Complex,
    /// By how much the phase at one receive antenna is ahead of that at the antenna before it (rad, -pi
    /// to pi), of the same transmit stream: a stream for each such pair. Needs two receive antennas of
    /// one radio, whose phases cohere.
    PhaseDifference,
}

/// Frames on the way through the steps.
#[derive(Clone, Debug, PartialEq)]
struct Packets {
    time_ns: Vec<u64>,
    rssi_dbm: Vec<Option<f32>>,
    n_streams: usize,
    /// For each pair of neighbouring receive antennas with one transmit stream: the places of their
    /// streams.
    neighbors: Vec<[usize; 2]>,
    subcarriers: Vec<i16>,
    /// `[packets, streams, subcarriers]`
    values: Vec<Complex32>,
}

impl Packets {
    fn packet_len(&self) -> usize {
        self.n_streams * self.subcarriers.len()
    }

    /// Keeps the packets that `keep` says yes to; how many it drops.
    fn retain(&mut self, keep: &[bool]) -> usize {
        fn kept<T: Clone>(all: &[T], keep: &[bool], length: usize) -> Vec<T> {
            let chosen = all.chunks_exact(length).zip(keep).filter(|(_, keep)| **keep);
            chosen.flat_map(|(packet, _)| packet).cloned().collect()
        }
        let length = self.packet_len();
        self.time_ns = kept(&self.time_ns, keep, 1);
        self.rssi_dbm = kept(&self.rssi_dbm, keep, 1);
        self.values = kept(&self.values, keep, length);
        keep.iter().filter(|keep| !**keep).count()
    }

    /// The products `h_(a+1) conj h_a` of neighbouring receive antennas in place of the values: what a
    /// packet's delay, phase and oscillator do to all antennas alike cancels. `None` without neighbours.
    fn become_products(&mut self) -> Option<()> {
        let n = self.subcarriers.len();
        let neighbors = std::mem::take(&mut self.neighbors);
        if neighbors.is_empty() {
            return None;
        }
        let packets = self.values.chunks_exact((self.n_streams * n).max(1));
        let products = packets.flat_map(|packet| {
            neighbors.iter().flat_map(move |[first, second]| {
                (0..n).map(move |k| packet[second * n + k] * packet[first * n + k].conj())
            })
        });
        self.values = products.collect();
        self.n_streams = neighbors.len();
        Some(())
    }
}

/// The places of streams that differ in their receive antenna alone and follow each other in it.
fn neighbors(streams: &[Stream]) -> Vec<[usize; 2]> {
    let mut order: Vec<usize> = (0..streams.len()).collect();
    order.sort_by_key(|&place| (streams[place].transmit, streams[place].receive));
    let pairs = order.windows(2).map(|pair| [pair[0], pair[1]]);
    pairs.filter(|[a, b]| streams[*a].transmit == streams[*b].transmit).collect()
}

impl CsiConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`RadioError::Setting`] naming the setting and its legal range.
    pub fn check(&self) -> Result<(), RadioError> {
        let refuse =
            |setting, found, expected| Err(RadioError::Setting { setting, found, expected });
        if self.packets == 0 {
            return refuse("csi.packets", 0.0, "at least 1");
        }
        if let Some(gap) = self.max_gap_s.filter(|gap| gap.is_nan() || *gap <= 0.0) {
            return refuse("csi.max_gap_s", gap, "above 0");
        }
        if self.receive.as_ref().is_some_and(Vec::is_empty)
            || self.transmit.as_ref().is_some_and(Vec::is_empty)
        {
            return refuse("number of csi.receive or csi.transmit", 0.0, "at least 1");
        }
        if let Some([first, _]) = self.leave_out.iter().find(|[first, last]| first > last) {
            let expected = "at most the run's last subcarrier, as in [[-32, -27], [1, 1]]";
            return refuse("first of a run in csi.leave_out", f64::from(*first), expected);
        }
        self.hampel.map_or(Ok(()), Hampel::check)?;
        self.outliers.map_or(Ok(()), Outliers::check)
    }

    /// The windows of a recording, and what became of its frames.
    ///
    /// # Errors
    /// [`RadioError::NotRecorded`] if the recording lacks an antenna, subcarriers, or the signal
    /// strength that the settings ask for; [`RadioError::NotInPictures`] for more of pictures than
    /// amplitudes.
    pub fn windows(
        &self,
        recording: &CsiRecording,
    ) -> Result<(Vec<CsiWindow>, WindowReport), RadioError> {
        let is_image = recording.chip == Chip::Image;
        if is_image {
            self.check_for_pictures()?;
        }
        let mut report = WindowReport { frames: recording.n_frames(), ..WindowReport::default() };
        let mut packets = self.selected(recording)?;
        let valid = packets.values.chunks_exact(packets.packet_len()).map(|packet| {
            let mut streams = packet.chunks_exact(packets.subcarriers.len());
            packet.iter().all(|value| value.is_finite())
                // What a picture's maker kept stays, black rows too.
                && (is_image || streams.all(|s| s.iter().any(|value| value.norm_sqr() > 0.0)))
        });
        let valid = valid.collect::<Vec<bool>>();
        report.invalid = packets.retain(&valid);
        self.gain_control.apply(&mut packets)?;
        if let Some(hampel) = self.hampel {
            report.spikes = hampel.apply(&mut packets);
        }
        if let Some(outliers) = self.outliers {
            report.outliers = outliers.apply(&mut packets);
        }
        if self.quantity == Quantity::PhaseDifference {
            packets.become_products().ok_or(RadioError::NoCoherentAntennas)?;
        }
        let numbers = self.quantity.of(&packets);
        let windows = window::cut(&packets, &numbers, self.packets, self.max_gap_s);
        report.windows = windows.len();
        report.left_over = packets.time_ns.len() - windows.len() * self.packets;
        Ok((windows, report))
    }

    /// Refuses settings that need more than the amplitudes that pictures show.
    fn check_for_pictures(&self) -> Result<(), RadioError> {
        let refuse = |lacks, remedy| Err(RadioError::NotInPictures { lacks, remedy });
        match (self.quantity, self.gain_control) {
            (Quantity::Phase | Quantity::Complex | Quantity::PhaseDifference, _) => {
                refuse("phases", "set `csi.window.quantity = \"amplitude\"`")
            }
            (_, GainControl::Rssi) => {
                refuse("signal strengths", "set `csi.window.gain_control = \"keep\"`")
            }
            _ => Ok(()),
        }
    }

    /// The subcarriers that are kept of a recording, with their places in a row of it.
    fn places(&self, recording: &CsiRecording) -> Result<Vec<(i16, usize)>, RadioError> {
        let mut places = self.subcarriers.places(recording)?;
        let is_left_out = |k: i16| self.leave_out.iter().any(|[a, b]| (*a..=*b).contains(&k));
        places.retain(|(subcarrier, _)| !is_left_out(*subcarrier));
        if places.is_empty() {
            let asked = format!("a subcarrier that leave_out = {:?} leaves", self.leave_out);
            let found = format!("{:?}", recording.subcarriers);
            return Err(RadioError::NotRecorded { asked, found });
        }
        Ok(places)
    }

    /// The subcarriers kept of a recording that nobody should learn from, as [`diagnosis`] finds
    /// them: dead, constant or junk.
    ///
    /// # Errors
    /// [`RadioError::NotRecorded`] if nothing is kept.
    ///
    /// [`diagnosis`]: crate::diagnosis
    pub fn bad_subcarriers(&self, recording: &CsiRecording) -> Result<Vec<i16>, RadioError> {
        let places = self.places(recording)?;
        let mut diagnosis = Diagnosis::default();
        for index in 0..recording.n_frames() {
            diagnosis.observe(&Event::Frame(recording.csi_frame(index)));
        }
        let report = diagnosis.finish();
        let is_bad = |k: i16| {
            let mut findings = report.groups.iter().flat_map(|group| &group.findings);
            findings.any(|f| f.subcarrier == k && f.condition != Condition::Alive)
        };
        Ok(places.into_iter().map(|(k, _)| k).filter(|k| is_bad(*k)).collect())
    }

    /// The subcarriers and streams to keep.
    fn selected(&self, recording: &CsiRecording) -> Result<Packets, RadioError> {
        let places = self.places(recording)?;
        let asked = |wanted: &Option<Vec<u8>>, at: u8| {
            wanted.as_ref().is_none_or(|wanted| wanted.contains(&at))
        };
        let streams: Vec<usize> = (0..recording.streams.len())
            .filter(|&row| {
                let stream = recording.streams[row];
                asked(&self.receive, stream.receive) && asked(&self.transmit, stream.transmit)
            })
            .collect();
        let of = |wanted: &Option<Vec<u8>>| wanted.as_ref().map_or(1, Vec::len);
        if streams.len() < of(&self.receive) * of(&self.transmit) {
            let list = |wanted: &Option<Vec<u8>>| match wanted {
                Some(numbers) => numbers.iter().map(u8::to_string).collect::<Vec<_>>().join(", "),
                None => "any".to_owned(),
            };
            let asked = format!(
                "receive antenna {} with transmit stream {}",
                list(&self.receive),
                list(&self.transmit)
            );
            let streams = recording.streams.iter().map(|s| format!("{}/{}", s.receive, s.transmit));
            let found = format!("receive/transmit {}", streams.collect::<Vec<_>>().join(" "));
            return Err(RadioError::NotRecorded { asked, found });
        }
        let kept: Vec<Stream> = streams.iter().map(|&row| recording.streams[row]).collect();
        let per_row = recording.subcarriers.count();
        let mut values = Vec::with_capacity(recording.n_frames() * streams.len() * places.len());
        for index in 0..recording.n_frames() {
            let frame = recording.frame(index);
            for row in &streams {
                values.extend(places.iter().map(|(_, place)| frame[row * per_row + place]));
            }
        }
        Ok(Packets {
            time_ns: recording.time_ns.clone(),
            rssi_dbm: recording.rssi_dbm.clone(),
            n_streams: streams.len(),
            neighbors: neighbors(&kept),
            subcarriers: places.iter().map(|(subcarrier, _)| *subcarrier).collect(),
            values,
        })
    }
}

impl Quantity {
    /// One number for each value.
    fn of(self, packets: &Packets) -> Vec<f32> {
        let values = &packets.values;
        match self {
            Self::Amplitude => values.iter().map(|value| value.norm()).collect(),
            Self::AmplitudeDb => {
                values.iter().map(|value| 10.0 * value.norm_sqr().max(1e-4).log10()).collect()
            }
            Self::Phase => {
                let per_row = packets.subcarriers.len();
                let rows = values.chunks_exact(per_row.max(1));
                rows.flat_map(|row| sanitize_phase(row, &packets.subcarriers)).collect()
            }
            Self::Complex => {
                let per_row = packets.subcarriers.len();
                let rows = values.chunks_exact(per_row.max(1));
                let canonical = rows.flat_map(|row| canonical_packet(row, &packets.subcarriers));
                canonical.flat_map(|value| [value.re, value.im]).collect()
            }
            // Of products.
            Self::PhaseDifference => values.iter().map(|value| value.arg()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // copies of inputs

    use super::*;
    use crate::signal::{Chip, CsiFrame, Subcarriers};

    /// Ten frames a second; two antennas; a value says frame, antenna and subcarrier.
    fn recording(n_frames: usize) -> CsiRecording {
        let frame = |i: usize| CsiFrame {
            chip: Chip::Bcm4339,
            time_ns: i as u64 * 100_000_000,
            source: None,
            sequence: None,
            rssi_dbm: Some(-40.0),
            channel: Some(36),
            bandwidth_mhz: 20,
            streams: vec![Stream { receive: 0, transmit: 0 }, Stream { receive: 1, transmit: 0 }],
            subcarriers: Subcarriers::All(64),
            values: (0..128)
                .map(|at| {
                    let (antenna, k) = (at / 64, at % 64);
                    Complex32::new((1000 * i + 100 * antenna + k + 1) as f32, 0.0)
                })
                .collect(),
        };
        CsiRecording::new((0..n_frames).map(frame).collect()).unwrap()
    }

    fn config(packets: usize) -> CsiConfig {
        CsiConfig { packets, ..CsiConfig::default() }
    }

    #[test]
    fn a_window_holds_packets_subcarriers_streams() {
        let (windows, report) = config(3).windows(&recording(7)).unwrap();
        let expected = WindowReport { frames: 7, windows: 2, left_over: 1, ..Default::default() };
        assert_eq!(report, expected);
        assert_eq!(windows[1].shape(), [3, 52, 2]);
        // Frame 3, subcarrier -26 (place 6 of 64), antennas 0 and 1.
        assert_eq!(windows[1].values[..2], [3007.0, 3107.0]);
        assert_eq!(windows[1].rssi_dbm, [Some(-40.0)]);
    }

    #[test]
    fn antennas_are_chosen_by_number() {
        let one = CsiConfig { receive: Some(vec![1]), ..config(2) };
        let (windows, _) = one.windows(&recording(2)).unwrap();
        assert_eq!((windows[0].shape(), windows[0].values[0]), ([2, 52, 1], 107.0));
        let none = CsiConfig { receive: Some(vec![2]), ..config(2) };
        let message = none.windows(&recording(2)).unwrap_err().to_string();
        assert!(message.contains("receive/transmit 0/0 1/0"), "{message}");
    }

    #[test]
    fn bad_subcarriers_can_be_left_out() {
        let mut recording = recording(40);
        for index in 0..80 {
            recording.values[index * 64 + 32 - 5..index * 64 + 32 - 2].fill(Complex32::ZERO);
        }
        assert_eq!(config(2).bad_subcarriers(&recording).unwrap(), [-5, -4, -3]);
        let without = CsiConfig { leave_out: vec![[-5, -3], [26, 40]], ..config(2) };
        assert_eq!(without.bad_subcarriers(&recording).unwrap(), [0; 0]);
        assert_eq!(without.windows(&recording).unwrap().0[0].shape(), [2, 48, 2]);
        let nothing = CsiConfig { leave_out: vec![[-64, 64]], ..config(2) };
        assert!(nothing.windows(&recording).unwrap_err().to_string().contains("leave_out"));
        let turned = CsiConfig { leave_out: vec![[3, 1]], ..config(2) };
        assert!(turned.check().unwrap_err().to_string().contains("leave_out"));
    }

    #[test]
    fn damaged_frames_are_dropped_and_counted() {
        let mut damaged = recording(5);
        damaged.values[128 + 20].re = f32::NAN;
        damaged.values[3 * 128 + 64..4 * 128].fill(Complex32::new(0.0, 0.0));
        let (windows, report) = config(3).windows(&damaged).unwrap();
        assert_eq!((report.invalid, report.windows), (2, 1));
        assert_eq!(windows[0].values[2 * 104], 4007.0);
    }

    #[test]
    fn no_window_spans_a_gap() {
        let mut paused = recording(8);
        paused.time_ns[3..].iter_mut().for_each(|time| *time += 10_000_000_000);
        let gap_aware = CsiConfig { max_gap_s: Some(1.0), ..config(2) };
        let (windows, report) = gap_aware.windows(&paused).unwrap();
        let first: Vec<f32> = windows.iter().map(|window| window.values[0]).collect();
        assert_eq!(first, [7.0, 3007.0, 5007.0]);
        assert_eq!(report.left_over, 2);
        assert_eq!(config(2).windows(&paused).unwrap().0.len(), 4);
    }

    /// Oscillator, delay and gain of a packet cancel; what an antenna adds is left.
    #[test]
    fn phase_differences_are_of_neighbouring_antennas() {
        let mut turned = recording(4);
        for (i, value) in turned.values.iter_mut().enumerate() {
            let (frame, antenna, k) = (i / 128, i % 128 / 64, i % 64);
            let common = frame as f32 * 1.3 + k as f32 * 0.2;
            *value = Complex32::from_polar(1.0 + frame as f32, common - 0.7 * antenna as f32);
        }
        let config = CsiConfig { quantity: Quantity::PhaseDifference, ..config(2) };
        let (windows, _) = config.windows(&turned).unwrap();
        assert_eq!(windows[1].shape(), [2, 52, 1]);
        assert!(windows[1].values.iter().all(|difference| (difference + 0.7).abs() < 1e-5));
        let one = CsiConfig { receive: Some(vec![1]), ..config };
        assert_eq!(one.windows(&turned).unwrap_err(), RadioError::NoCoherentAntennas);
        let stream = |receive, transmit| Stream { receive, transmit };
        let streams = [stream(0, 0), stream(0, 1), stream(1, 0), stream(2, 0), stream(1, 1)];
        assert_eq!(neighbors(&streams), [[0, 2], [2, 3], [1, 4]]);
    }

    #[test]
    fn illegal_settings_are_refused() {
        assert!(config(0).check().unwrap_err().to_string().contains("csi.packets"));
        let gap = CsiConfig { max_gap_s: Some(f64::NAN), ..config(1) };
        assert!(gap.check().is_err());
        assert!(CsiConfig::default().check().is_ok());
    }
}
