//! A made-up survey: each point has a spectrum of its own, each day changes all of them a little.

use std::sync::Arc;

use metaloc::csi_site::CsiSite;
use metaloc::learning::{Algorithm, CsiLearning, LearningConfig};
use metaloc::radio::geometry::Position;
use metaloc::radio::num_complex::Complex32;
use metaloc::radio::preprocess::{CsiConfig, Quantity};
use metaloc::radio::signal::{Chip, CsiFrame, CsiRecording, RssScan, Stream, Subcarriers};
use metaloc::survey::{Environment, Sample, SampleCsi, Survey, SurveyPoint};

pub(crate) const POINTS: usize = 4;
pub(crate) const PACKETS: usize = 4;
/// Sets of a day; a recording of `PACKETS` frames a point in each.
pub(crate) const SETS: usize = 9;

/// Numbers of no pattern, the same in every run: -1 to 1.
fn noise(seed: usize) -> f32 {
    let mut x = (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
    x = (x ^ (x >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 29;
    (x % 20_001) as f32 / 10_000.0 - 1.0
}

/// Amplitude on a subcarrier: a wave of the point's own, bent by the day.
fn amplitude(point: usize, day: usize, k: usize) -> f32 {
    let turn = (k as f32) / 64.0 * std::f32::consts::TAU;
    let wave = (turn * (1 + point) as f32 + 0.2 * day as f32).sin();
    100.0 * (1.5 + wave + 0.2 * (turn + day as f32).cos())
}

fn recording(point: usize, day: usize, set: usize) -> CsiRecording {
    let frame = |packet: usize| CsiFrame {
        chip: Chip::Bcm43455c0,
        time_ns: 100_000_000 * (set * PACKETS + packet) as u64,
        source: None,
        sequence: None,
        rssi_dbm: Some(-40.0 - point as f32),
        channel: Some(36),
        bandwidth_mhz: 20,
        streams: vec![Stream::default()],
        subcarriers: Subcarriers::All(64),
        values: (0..64)
            .map(|k| {
                let seed = ((day * POINTS + point) * SETS + set) * 1000 + packet * 64;
                let size = amplitude(point, day, k) + 10.0 * noise(seed + k);
                // The clocks' phase and delay are others in each packet.
                let (phase, slope) = (3.0 * noise(seed + 7), 0.2 * noise(seed + 11));
                Complex32::from_polar(size.abs(), phase + slope * k as f32)
            })
            .collect(),
    };
    CsiRecording::new((0..PACKETS).map(frame).collect()).unwrap()
}

/// Days `day0`, `day1`, ... with the same points in a row, 2 m apart.
pub(crate) fn survey(days: usize) -> Survey {
    let mut survey = Survey { name: "room".into(), ..Survey::default() };
    let access_point = survey.access_points.intern("router");
    for day in 0..days {
        let mut environment = Environment { name: format!("day{day}"), ..Environment::default() };
        for point in 0..POINTS {
            let position = Position::new(2.0 * point as f64, 1.0, 0);
            environment.points.push(SurveyPoint { id: format!("p{point}"), position });
        }
        for set in 0..SETS {
            for point in 0..POINTS {
                let recording = Arc::new(recording(point, day, set));
                let dbm = -40.0 - point as f32;
                environment.samples.push(Sample {
                    id: format!("s{set}-p{point}").into(),
                    point: point as u32,
                    device: None,
                    time_ms: None,
                    set: format!("b{set}").into(),
                    scan: RssScan::new(vec![(access_point, dbm)]).unwrap(),
                    csi: Some(SampleCsi { access_point, recording }),
                });
            }
        }
        survey.environments.push(environment);
    }
    survey
}

pub(crate) fn sites(survey: &Survey, window: &CsiConfig) -> Vec<CsiSite> {
    let site = |environment: &Environment| {
        CsiSite::of_environment(environment, &survey.access_points, window, |_| true).unwrap().0
    };
    survey.environments.iter().map(site).collect()
}

/// A small network that learns the survey quickly.
pub(crate) fn config(csi: &str) -> LearningConfig {
    let text = format!(
        "network = {{ hidden = [32] }}\nmaml = {{ inner_step_size = 0.2 }}\n\
         training = {{ iterations = 40 }}\nadaptation = {{ steps = 30 }}\n\
         [csi]\nwindow = {{ packets = {PACKETS} }}\nways = {POINTS}\n{csi}"
    );
    let config: LearningConfig = toml::from_str(&text).unwrap();
    config.check().unwrap();
    config
}

/// Settings of packet matching.
pub(crate) fn packets() -> LearningConfig {
    let mut config = LearningConfig { algorithm: Algorithm::Packets, ..config("") };
    let csi = config.csi.get_or_insert_default();
    csi.window.quantity = Quantity::Complex;
    config.check().unwrap();
    config
}

pub(crate) fn csi(config: &LearningConfig) -> &CsiLearning {
    config.csi.as_ref().unwrap()
}
