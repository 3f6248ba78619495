//! One visit to a point: what the device records there.
//!
//! Each visit draws from a stream of its own, so that any of them can be made alone, in any order.

use std::time::Instant;

use metaloc_meta::seed::ChaCha8Rng;
use metaloc_radio::channel::ray::Vector;
use metaloc_radio::channel::{Facing, Person, Place, Source, TracedLink};
use metaloc_radio::num_complex::{Complex32, Complex64};
use metaloc_radio::signal::{
    AccessPointId, CsiFrame, CsiRecording, MAX_RSS_DBM, MIN_RSS_DBM, RssScan, Stream,
};
use rand_distr::{Distribution, StandardNormal};

use super::config::{CampaignConfig, CsiCapture};
use super::day::{Day, Draw, Transmitter, day_stream, straight_paths};
use super::walk::{Walk, free_place};
use crate::error::Error;

/// Time between the last frame or scan at a point and the first at the next (s).
const WAY_BETWEEN_POINTS_S: f64 = 20.0;
/// How long a scan takes, and how far apart they are (s).
const SCAN_S: f64 = 3.0;
/// A device sends at most so many times the frames that it needs; who is hardly heard has fewer.
const MOST_SENT: usize = 2;

/// The recordings of one visit: one an access point that was heard.
pub struct Visit {
    /// Access points by their place in [`Day::access_points`], with the recording.
    pub recordings: Vec<(usize, CsiRecording)>,
    /// The frames' sequence numbers, a list for each of `recordings`.
    pub sequences: Vec<Vec<u16>>,
}

/// A scan and when it was taken.
pub(super) struct TimedScan {
    /// Since 1970 (ms, UTC).
    pub(super) time_ms: i64,
    pub(super) scan: RssScan,
}

/// How long so many scans at a point take (s), with the way to the next one.
fn scans_s(n: usize) -> f64 {
    n as f64 * SCAN_S + WAY_BETWEEN_POINTS_S
}

/// Links and people at one place for some time.
struct Stay<'a> {
    config: &'a CampaignConfig,
    day: &'a Day,
    links: Vec<TracedLink>,
    walks: Vec<Walk>,
    facing: Facing,
    at: Vector,
}

/// Where waves at each person come from, for a step or two of theirs.
#[derive(Default)]
struct Lighting {
    /// `[people]`: from the receiver.
    seen_by: Vec<Vec<Source>>,
    /// `[access points][people]`
    lit_by: Vec<Vec<Vec<Source>>>,
}

impl<'a> Stay<'a> {
    /// A device put near `at`, for so long (s).
    fn new(
        config: &'a CampaignConfig,
        day: &'a Day,
        at: Vector,
        length_s: f64,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let placement = [0, 1].map(|_| config.changes.placement_m * normal(rng));
        let at = [at[0] + placement[0], at[1] + placement[1], at[2]];
        let facing = Facing {
            azimuth_deg: day.facing_deg + config.changes.facing_deg * normal(rng),
            depth_db: config.changes.facing_depth_db,
        };
        let offsets = config.offsets_hz();
        let tones = (config.radio.frequency_hz(), &offsets[..]);
        let back = straight_paths(&day.direct, at, &day.clutter);
        let link = |transmitter: &Transmitter| {
            let mut paths = day.tracer.paths(&transmitter.images, at);
            let ways = day.clutter.iter().zip(&transmitter.to_clutter).zip(&back);
            paths.extend(ways.filter_map(|((thing, there), back)| {
                Some(thing.path(there.as_ref()?, back.as_ref()?))
            }));
            TracedLink::new(&paths, [transmitter.at, at], facing, tones)
        };
        let links = day.transmitters.iter().map(link).collect();
        let extent = day.plan.extent();
        let walk = |_| Walk::draw(&day.obstacles, extent, &config.people, length_s, rng);
        let walks = (0..day.people).filter_map(walk).collect();
        Self { config, day, links, walks, facing, at }
    }

    /// Where waves at each person come from at a time.
    fn lighting(&self, time_s: f64) -> Lighting {
        if self.walks.is_empty() {
            return Lighting { lit_by: vec![Vec::new(); self.links.len()], ..Lighting::default() };
        }
        let body = self.config.people.body;
        let people = self.walks.iter().map(|walk| body.scattering_center(walk.at(time_s)));
        let people: Vec<Vector> = people.collect();
        let near = &self.day.near;
        // Ways are as good in both directions; a path leaves the receiver where its wave comes in.
        let from_receiver = near.images(self.at);
        let seen_by = people.iter().map(|&person| {
            let mut paths = near.paths(&from_receiver, person);
            paths.iter_mut().for_each(|path| path.gain *= self.facing.factor(path.departure));
            Source::of_paths(&paths, person)
        });
        let lit_by = self.day.transmitters.iter().map(|transmitter| {
            let paths = |person: &Vector| near.paths(&transmitter.near_images, *person);
            people.iter().map(|person| Source::of_paths(&paths(person), *person)).collect()
        });
        Lighting { seen_by: seen_by.collect(), lit_by: lit_by.collect() }
    }

    /// The channel from an access point at a time.
    fn response(&self, link: usize, lighting: &Lighting, time_s: f64) -> Vec<Complex64> {
        let body = self.config.people.body;
        let light = lighting.lit_by[link].iter().zip(&lighting.seen_by);
        let people: Vec<Person<'_>> = self
            .walks
            .iter()
            .zip(light)
            .map(|(walk, (lit_by, seen_by))| Person { body, at: walk.at(time_s), lit_by, seen_by })
            .collect();
        self.links[link].response(&people)
    }
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

impl CsiCapture {
    /// How long a visit takes (s), with the way to the next point.
    pub(super) fn visit_s(&self) -> f64 {
        self.sent_s() / MOST_SENT as f64 + WAY_BETWEEN_POINTS_S
    }

    fn sent_s(&self) -> f64 {
        let frames = self.images_per_visit() * self.packets * MOST_SENT;
        frames as f64 * self.packet_interval_ms * 1e-3
    }
}

impl Day {
    /// Records channel state information at a point, on one of the day's visits.
    ///
    /// # Errors
    /// Never for a checked campaign.
    pub fn record(
        &self,
        config: &CampaignConfig,
        point: usize,
        visit: usize,
    ) -> Result<Visit, Error> {
        let capture = config.csi.unwrap_or_default();
        let item = ((visit as u64) << 32) | point as u64;
        let mut rng = day_stream(config.seed, self.index, Draw::Visit, item);
        let stay = Stay::new(config, self, self.points[point].at, capture.sent_s(), &mut rng);
        let wanted = capture.images_per_visit() * capture.packets;
        let begin_s = (visit * self.points.len() + point) as f64 * capture.visit_s();
        let mut frames: Vec<Vec<CsiFrame>> = vec![Vec::new(); self.transmitters.len()];
        let mut lighting = Lighting::default();
        for sent in 0..wanted * MOST_SENT {
            let time_s = sent as f64 * capture.packet_interval_ms * 1e-3;
            if sent % capture.packets == 0 {
                if frames.iter().all(|frames| frames.len() == wanted) {
                    break;
                }
                let middle = capture.packets as f64 / 2.0 * capture.packet_interval_ms * 1e-3;
                lighting = stay.lighting(time_s + middle);
            }
            for (index, kept) in frames.iter_mut().enumerate() {
                if kept.len() == wanted {
                    continue;
                }
                let channel = stay.response(index, &lighting, time_s);
                let sent_dbm = self.sent_dbm(config, index, begin_s + time_s);
                if let Some(received) = self.receiver.receive(&channel, sent_dbm, &mut rng) {
                    // Whole microseconds, as captures have.
                    let time_ns = ((self.start_s + begin_s + time_s) * 1e6).round() as u64 * 1000;
                    kept.push(frame((config, &capture), self, (index, sent, time_ns), received));
                }
            }
        }
        let mut visit = Visit { recordings: Vec::new(), sequences: Vec::new() };
        for (index, frames) in frames.into_iter().enumerate() {
            if frames.len() >= capture.packets {
                visit.sequences.push(frames.iter().filter_map(|frame| frame.sequence).collect());
                visit.recordings.push((index, CsiRecording::new(frames)?));
            }
        }
        Ok(visit)
    }

    /// Times the paths to the middle survey point, the light on people, and a frame of every access point, the mean of
    /// `n_frames` (s).
    pub(super) fn time_parts(&self, config: &CampaignConfig, n_frames: usize) -> [f64; 3] {
        let mut rng = day_stream(config.seed, self.index, Draw::Visit, 0);
        let at = self.points[self.points.len() / 2].at;
        let length_s = config.csi.map_or(SCAN_S, |csi| csi.sent_s());
        let mut start = Instant::now();
        let mut lap = || std::mem::replace(&mut start, Instant::now()).elapsed().as_secs_f64();
        let stay = Stay::new(config, self, at, length_s, &mut rng);
        let paths_s = lap();
        let lighting = stay.lighting(0.0);
        let lighting_s = lap();
        for frame in 0..n_frames {
            let time_s = frame as f64 * 1e-3;
            for index in 0..self.transmitters.len() {
                let channel = stay.response(index, &lighting, time_s);
                let sent_dbm = self.sent_dbm(config, index, time_s);
                let received = self.receiver.receive(&channel, sent_dbm, &mut rng);
                std::hint::black_box(received);
            }
        }
        [paths_s, lighting_s, lap() / n_frames.max(1) as f64]
    }

    /// Scans at a survey point; points are visited one after the other.
    pub(super) fn scans_at(
        &self,
        config: &CampaignConfig,
        (point, n): (usize, usize),
        ids: &[AccessPointId],
    ) -> Vec<TimedScan> {
        let mut rng = day_stream(config.seed, self.index, Draw::Scan, point as u64);
        let begin_s = point as f64 * scans_s(n);
        self.scans(config, (self.points[point].at, begin_s, n), ids, &mut rng)
    }

    /// A scan at a place drawn at random, at the height of the first survey point; these come after the survey.
    pub(super) fn random_scan(
        &self,
        config: &CampaignConfig,
        number: usize,
        ids: &[AccessPointId],
    ) -> Option<(Place, TimedScan)> {
        let mut rng = day_stream(config.seed, self.index, Draw::RandomPlace, number as u64);
        let clear_m = config.people.body.radius_m;
        let [x, y] = free_place(&self.obstacles, self.plan.extent(), clear_m, &mut rng)?;
        let at = [x, y, self.points.first().map_or(1.2, |point| point.at[2])];
        let per_point = config.scans.map_or(0, |scans| scans.per_point);
        let survey_s = self.points.len() as f64 * scans_s(per_point);
        let begin_s = survey_s + number as f64 * scans_s(1);
        let scan = self.scans(config, (at, begin_s, 1), ids, &mut rng).pop()?;
        Some(([x, y], scan))
    }

    fn scans(
        &self,
        config: &CampaignConfig,
        (at, begin_s, n): (Vector, f64, usize),
        ids: &[AccessPointId],
        rng: &mut ChaCha8Rng,
    ) -> Vec<TimedScan> {
        let stay = Stay::new(config, self, at, n as f64 * SCAN_S, rng);
        let scan = |number: usize| {
            let time_s = number as f64 * SCAN_S;
            let lighting = stay.lighting(time_s);
            let mut readings = Vec::new();
            for (index, &id) in ids.iter().enumerate() {
                let channel = stay.response(index, &lighting, time_s);
                let sent_dbm = self.sent_dbm(config, index, begin_s + time_s);
                if let Some(received) = self.receiver.receive(&channel, sent_dbm, rng) {
                    readings.push((id, received.rssi_dbm.clamp(MIN_RSS_DBM, MAX_RSS_DBM)));
                }
            }
            readings.sort_by_key(|(id, _)| *id);
            TimedScan {
                time_ms: ((self.start_s + begin_s + time_s) * 1e3).round() as i64,
                // Finite, in range and in order by construction.
                scan: RssScan::new(readings).unwrap_or_default(),
            }
        };
        (0..n).map(scan).collect()
    }
}

/// A frame as the chip reports it.
fn frame(
    (config, capture): (&CampaignConfig, &CsiCapture),
    day: &Day,
    (transmitter, sent, time_ns): (usize, usize, u64),
    received: metaloc_radio::channel::ReceivedFrame,
) -> CsiFrame {
    let subcarriers = capture.subcarriers(config.radio.bandwidth_mhz);
    let mut values = vec![Complex32::ZERO; subcarriers.count()];
    for (k, value) in config.occupied().into_iter().zip(received.values) {
        if let Some(place) = subcarriers.place(k) {
            values[place] = value;
        }
    }
    CsiFrame {
        chip: capture.chip,
        time_ns,
        source: Some(day.transmitters[transmitter].address),
        sequence: Some((sent % 4096) as u16),
        rssi_dbm: Some(received.rssi_dbm),
        channel: Some(config.radio.channel),
        bandwidth_mhz: config.radio.bandwidth_mhz,
        streams: vec![Stream::default()],
        subcarriers,
        values,
    }
}
