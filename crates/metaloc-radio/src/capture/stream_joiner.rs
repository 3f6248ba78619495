//! One frame of what several cores or spatial streams reported of it.
//!
//! Broadcom's chips estimate the channel once for each pair of core and spatial stream, and Nexmon sends
//! a packet for each: with the same transmitter and sequence number, one behind the other.

use crate::signal::CsiFrame;

/// Estimates of one frame are reported within this time (ns).
const MOST_APART_NS: u64 = 50_000_000;

/// Joins the estimates of one frame that follow each other.
#[derive(Debug, Default)]
pub struct StreamJoiner {
    waiting: Option<CsiFrame>,
}

impl StreamJoiner {
    /// Takes the next estimate; gives the frame before it, whose estimates are then complete.
    pub fn push(&mut self, frame: CsiFrame) -> Option<CsiFrame> {
        match &mut self.waiting {
            Some(waiting) if is_of_one_frame(waiting, &frame) => {
                join(waiting, frame);
                None
            }
            _ => self.waiting.replace(frame),
        }
    }

    /// The last frame.
    pub fn finish(&mut self) -> Option<CsiFrame> {
        self.waiting.take()
    }
}

fn is_of_one_frame(a: &CsiFrame, b: &CsiFrame) -> bool {
    let kind = |f: &CsiFrame| (f.source, f.sequence, f.chip, f.bandwidth_mhz, f.subcarriers);
    // Without a number, or from nobody, frames can't be told apart.
    let is_known = a.sequence.is_some() && a.source.is_some();
    is_known
        && kind(a) == kind(b)
        && a.time_ns.abs_diff(b.time_ns) <= MOST_APART_NS
        // The same stream twice is a frame that was sent again.
        && b.streams.iter().all(|stream| !a.streams.contains(stream))
}

/// Adds rows, streams in rising order.
fn join(frame: &mut CsiFrame, other: CsiFrame) {
    let length = frame.subcarriers.count();
    for (stream, row) in other.streams.into_iter().zip(other.values.chunks_exact(length)) {
        let at = frame.streams.partition_point(|known| *known < stream);
        frame.streams.insert(at, stream);
        let behind = frame.values.split_off(at * length);
        frame.values.extend_from_slice(row);
        frame.values.extend(behind);
    }
    frame.rssi_dbm = frame.rssi_dbm.or(other.rssi_dbm);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Chip, MacAddress, Stream, Subcarriers};
    use num_complex::Complex32;

    fn estimate(sequence: u16, core: u8, time_ns: u64) -> CsiFrame {
        CsiFrame {
            chip: Chip::Bcm4366c0,
            time_ns,
            source: Some(MacAddress([1; 6])),
            sequence: Some(sequence),
            rssi_dbm: None,
            channel: None,
            bandwidth_mhz: 20,
            streams: vec![Stream { receive: core, transmit: 0 }],
            subcarriers: Subcarriers::All(2),
            values: vec![Complex32::new(f32::from(core), 0.0); 2],
        }
    }

    fn joined(estimates: Vec<CsiFrame>) -> Vec<(Option<u16>, Vec<u8>, Vec<f32>)> {
        let mut joiner = StreamJoiner::default();
        let mut frames: Vec<CsiFrame> =
            estimates.into_iter().filter_map(|estimate| joiner.push(estimate)).collect();
        frames.extend(joiner.finish());
        let of = |frame: CsiFrame| {
            let cores = frame.streams.iter().map(|stream| stream.receive).collect();
            (frame.sequence, cores, frame.values.iter().map(|value| value.re).collect())
        };
        frames.into_iter().map(of).collect()
    }

    #[test]
    fn cores_become_streams_in_order() {
        let found = joined(vec![
            estimate(7, 0, 0),
            estimate(7, 2, 1000),
            estimate(7, 1, 2000),
            estimate(8, 1, 90_000_000),
        ]);
        let first = (Some(7), vec![0, 1, 2], vec![0.0, 0.0, 1.0, 1.0, 2.0, 2.0]);
        assert_eq!(found, [first, (Some(8), vec![1], vec![1.0, 1.0])]);
    }

    #[test]
    fn repetitions_and_strangers_stay_apart() {
        let mut stranger = estimate(7, 1, 0);
        stranger.source = Some(MacAddress([2; 6]));
        let repeated = estimate(7, 0, 1000);
        let late = estimate(7, 1, 900_000_000);
        let found = joined(vec![estimate(7, 0, 0), stranger, repeated, late]);
        assert_eq!(found.len(), 4);
    }
}
