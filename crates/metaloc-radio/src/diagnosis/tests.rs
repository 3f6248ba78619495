//! Frames with planted faults.
#![allow(clippy::float_cmp)] // exact by construction

use super::*;
use crate::preprocess::SubcarrierSelection;
use crate::signal::{Chip, MacAddress, Stream, SubcarrierRole, Subcarriers};
use num_complex::Complex32;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Every 10 ms a frame of 20 MHz, over a channel with two paths, with a little noise; the guards up
/// to `outer` carry a signal too.
fn frames(n: u64, outer: i16) -> Vec<CsiFrame> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let value = |subcarrier: i16, random: &mut ChaCha8Rng| {
        let turn = f32::from(subcarrier) * 0.12;
        let path = Complex32::new(100.0 + 40.0 * turn.cos(), 40.0 * turn.sin());
        let noise = Complex32::new(random.random_range(-3.0..3.0), random.random_range(-3.0..3.0));
        let used = subcarrier != 0 && subcarrier.abs() <= outer;
        if used { path + noise } else { noise * 0.3 }
    };
    (0..n)
        .map(|number| CsiFrame {
            chip: Chip::Bcm43455c0,
            time_ns: 1_600_000_000_000_000_000 + number * 10_000_000,
            source: Some(MacAddress([2, 0, 0, 0, 0, 1])),
            sequence: Some((4000 + number) as u16 % 4096),
            rssi_dbm: Some(-50.0),
            channel: Some(36),
            bandwidth_mhz: 20,
            streams: vec![Stream::default()],
            subcarriers: Subcarriers::All(64),
            values: (-32..32).map(|subcarrier| value(subcarrier, &mut random)).collect(),
        })
        .collect()
}

fn report(frames: Vec<CsiFrame>) -> CaptureReport {
    let mut diagnosis = Diagnosis::default();
    frames.into_iter().for_each(|frame| diagnosis.observe(&Event::Frame(frame)));
    diagnosis.finish()
}

fn group(frames: Vec<CsiFrame>) -> GroupReport {
    let report = report(frames);
    assert_eq!(report.groups.len(), 1);
    report.groups.into_iter().next().unwrap()
}

fn with(group: &GroupReport, condition: Condition) -> Vec<i16> {
    let all = group.findings.iter().filter(|finding| finding.condition == condition);
    all.map(|finding| finding.subcarrier).collect()
}

fn place(subcarrier: i16) -> usize {
    Subcarriers::All(64).place(subcarrier).unwrap()
}

#[test]
fn a_good_capture_has_nothing_wrong() {
    let group = group(frames(300, 26));
    assert_eq!((group.frames, group.zero_frames), (300, 0));
    assert_eq!(group.rssi_dbm, Some([-50.0; 3]));
    let timing = &group.timing;
    assert!((timing.median_interval_s.unwrap() - 0.01).abs() < 1e-9, "{timing:?}");
    assert!((timing.duration_s - 2.99).abs() < 1e-9, "{timing:?}");
    assert_eq!((timing.gaps_10_intervals, timing.gaps_1_s, timing.same_time), (0, 0, 0));
    assert_eq!(group.sequence.unwrap().missing, Some(0));
    assert!((timing.frames_per_s.unwrap() - 100.0).abs() < 1e-6, "{timing:?}");
    assert_eq!(group.level.jumps, 0);
    assert_eq!((group.outliers.looked_at, group.outliers.by_shape), (300, 0));
    assert!(group.dropped_share() < 0.02, "{:?}", group.outliers);
    assert_eq!(with(&group, Condition::Dead).len(), 12);
    assert!(
        with(&group, Condition::Junk).is_empty() && with(&group, Condition::Constant).is_empty()
    );
    assert_eq!(group.selection.selection, SubcarrierSelection::Legacy);
    assert_eq!((group.selection.kept.len(), group.selection.left_out.len()), (52, 0));
    assert_eq!(group.expected(27), SubcarrierRole::Guard);
}

#[test]
fn dead_constant_and_junk_subcarriers_are_found() {
    let mut all = frames(300, 26);
    let mut random = ChaCha8Rng::seed_from_u64(2);
    for frame in &mut all {
        frame.values[place(10)] = Complex32::ZERO;
        frame.values[place(-5)] *= 20.0;
        frame.values[place(20)] = Complex32::new(random.random_range(0.0..250.0), 0.0);
        frame.values[place(0)] = Complex32::new(38.0, 96.0);
        frame.values[place(28)] = Complex32::new(random.random_range(0.0..8000.0), 0.0);
    }
    let group = group(all);
    assert_eq!(with(&group, Condition::Junk), [-5, 20, 28]);
    assert_eq!(with(&group, Condition::Constant), [0]);
    assert!(with(&group, Condition::Dead).contains(&10));
    assert_eq!(group.selection.left_out, [-5, 10, 20]);
    assert_eq!(group.selection.by_default.len(), 52);
    assert_eq!(group.selection.kept.len(), 49);
    assert!(group.selection.reason.contains("written over"), "{}", group.selection.reason);
    assert_eq!(group.outliers.by_shape, 0);
}

#[test]
fn frames_narrower_than_the_channel_are_told() {
    let narrow = frames(100, 26);
    let mut all = frames(100, 26);
    for (frame, narrow) in all.iter_mut().zip(&narrow) {
        frame.bandwidth_mhz = 40;
        frame.subcarriers = Subcarriers::All(128);
        frame.values = narrow.values.iter().map(|value| value * 0.01).collect();
        frame.values.extend(&narrow.values);
    }
    let group = group(all);
    assert_eq!(group.occupied, [[0, 63]]);
    assert!(group.selection.kept.iter().all(|&at| at > 0), "{:?}", group.selection);
    assert_eq!(group.selection.kept.len(), 52);
}

#[test]
fn the_null_and_the_guards_of_a_narrower_frame_are_left_out() {
    // The upper half carries frames of 20 MHz, 7 % of whose amplitude is noise, on all subcarriers.
    let mut all = frames(100, 26);
    let mut random = ChaCha8Rng::seed_from_u64(3);
    for frame in &mut all {
        let part = frame.values.split_off(0);
        frame.bandwidth_mhz = 40;
        frame.subcarriers = Subcarriers::All(128);
        let noise = |random: &mut ChaCha8Rng| {
            let turn: f32 = random.random_range(0.0..6.0);
            Complex32::from_polar(random.random_range(7.0..10.0), turn)
        };
        frame.values = (0..64).map(|_| noise(&mut random)).collect();
        let is_sent = |at: usize| at != 32 && (6..59).contains(&at);
        frame.values.extend(
            part.into_iter()
                .enumerate()
                .map(|(at, value)| if is_sent(at) { value } else { noise(&mut random) }),
        );
    }
    let group = group(all);
    assert_eq!(group.occupied, [[0, 63]]);
    let kept = &group.selection.kept;
    // 32 is the null of the upper half; what both formats keep ends at 32 + 26.
    assert!(!kept.contains(&32) && kept.iter().all(|at| (6..=58).contains(at)), "{kept:?}");
    assert!(kept.len() > 48, "{kept:?}");
}

#[test]
fn frames_of_802_11n_are_known_by_their_edges() {
    let selection = group(frames(100, 28)).selection;
    assert_eq!(selection.selection, SubcarrierSelection::HtData);
    assert_eq!((selection.kept.len(), selection.kept[0], selection.kept[51]), (52, -28, 28));
    assert!(!selection.kept.contains(&7));
}

#[test]
fn steps_of_the_level_that_last_are_jumps() {
    let mut all = frames(300, 26);
    for frame in &mut all[60..] {
        frame.values.iter_mut().for_each(|value| *value *= 2.0);
    }
    for frame in &mut all[200..] {
        frame.values.iter_mut().for_each(|value| *value *= 0.5);
        frame.rssi_dbm = Some(-56.0);
    }
    // One strong frame is no jump.
    all[120].values.iter_mut().for_each(|value| *value *= 4.0);
    let level = group(all).level;
    assert_eq!((level.jumps, level.jumps_with_rssi), (2, 1));
    assert_eq!(level.jump_frames, [60, 200]);
    assert!((level.largest_jump_db.unwrap().abs() - 6.0).abs() < 0.3, "{level:?}");
}

#[test]
fn gaps_and_lost_numbers_are_counted() {
    let mut all = frames(300, 26);
    all[100..].iter_mut().for_each(|frame| frame.time_ns += 2_000_000_000);
    all[200..].iter_mut().for_each(|frame| frame.time_ns += 300_000_000);
    all[250].time_ns = all[249].time_ns;
    for frame in &mut all[150..] {
        frame.sequence = frame.sequence.map(|sequence| (sequence + 30) % 4096);
    }
    all[251].sequence = all[250].sequence;
    let group = group(all);
    let timing = &group.timing;
    assert_eq!((timing.gaps_10_intervals, timing.gaps_1_s, timing.same_time), (2, 1, 1));
    assert_eq!(timing.longest_gaps[0].frame, 100);
    assert!((timing.longest_gaps[0].seconds - 2.01).abs() < 1e-9);
    assert_eq!(timing.longest_gaps.len(), 2);
    // Over a pause of more than a second numbers are not compared.
    let sequence = group.sequence.unwrap();
    // The number that was repeated is missing itself.
    assert_eq!((sequence.missing, sequence.repeated, sequence.backward), (Some(31), 1, 0));
    assert_eq!(sequence.advanced, 298 + 30);
}

#[test]
fn a_short_clock_begins_anew_and_a_reset_is_told() {
    let mut all = frames(40, 26);
    let around = (1_u64 << 32) * 1000;
    for (number, frame) in all.iter_mut().enumerate() {
        let time = around - 100_000_000 + number as u64 * 10_000_000;
        frame.time_ns = if number < 30 { time % around } else { number as u64 * 10_000_000 };
        frame.sequence = Some(7);
    }
    all[39].time_ns = 1_600_000_000_000_000_000;
    let group = group(all);
    // Frame 30 goes on behind frame 29, so only the leap to the time of day counts.
    assert_eq!((group.timing.clock_jumps, group.timing.gaps_1_s), (1, 0), "{:?}", group.timing);
    assert!((group.timing.median_interval_s.unwrap() - 0.01).abs() < 1e-6);
    assert_eq!(group.sequence, None);
}

#[test]
fn bursts_and_pauses_make_no_other_rate() {
    // Bursts of ten frames, 1 ms apart, one a 100 ms; after half of them a pause of 5 s.
    let mut all = frames(400, 26);
    for (number, frame) in (0_u64..).zip(&mut all) {
        let pause = if number < 200 { 0 } else { 5_000_000_000 };
        frame.time_ns =
            1_600_000_000_000_000_000 + number / 10 * 100_000_000 + number % 10 * 1_000_000 + pause;
    }
    let timing = group(all).timing;
    assert!((timing.median_interval_s.unwrap() - 0.001).abs() < 1e-6, "{timing:?}");
    assert!((timing.frames_per_s.unwrap() - 100.0).abs() < 5.0, "{timing:?}");
    assert!((timing.duration_s - 8.909).abs() < 1e-6, "{timing:?}");
    assert!((timing.active_s - 3.818).abs() < 0.01, "{timing:?}");
}

#[test]
fn falling_and_shuffled_times_are_told_and_lose_nothing() {
    for base in [0, 1_600_000_000_000_000_000] {
        let mut all = frames(300, 26);
        for (number, frame) in (0_u64..).zip(&mut all) {
            frame.time_ns = base + number * 10_000_000;
        }
        let mut reversed = all.clone();
        reversed.reverse();
        let group_of = group(reversed);
        assert!(group_of.timing.falling >= 298, "{:?}", group_of.timing);
        assert!((group_of.timing.duration_s - 2.99).abs() < 1e-9, "{:?}", group_of.timing);
        assert_eq!(group_of.sequence.and_then(|sequence| sequence.missing), None);
        // Each frame 77 places behind the one before, and around.
        let shuffled: Vec<CsiFrame> = (0..300).map(|at| all[at * 77 % 300].clone()).collect();
        let GroupReport { timing, sequence, .. } = group(shuffled);
        assert!((timing.duration_s - 2.99).abs() < 1e-9, "{timing:?}");
        assert!((timing.frames_per_s.unwrap() - 100.0).abs() < 1.0, "{timing:?}");
        assert!(timing.falling > 70 && timing.clock_jumps == 0, "{timing:?}");
        assert_eq!((timing.median_interval_s, timing.gaps_10_intervals), (None, 0));
        assert_eq!(sequence.and_then(|sequence| sequence.missing), None);
    }
    // Two counters of one transmitter: times stay good.
    let mut all = frames(300, 26);
    for (number, frame) in (0_u16..).zip(&mut all) {
        frame.sequence = Some(number / 2 + number % 2 * 1000);
    }
    let GroupReport { timing, sequence, .. } = group(all);
    assert!(timing.median_interval_s.is_some() && timing.falling == 0);
    assert_eq!(sequence.and_then(|sequence| sequence.missing), None);
    // A frame that stands behind its follower is told, and no more.
    let mut all = frames(300, 26);
    all.swap(100, 101);
    let GroupReport { timing, sequence, .. } = group(all);
    assert_eq!((timing.falling, timing.clock_jumps), (1, 0));
    assert!((timing.duration_s - 2.99).abs() < 1e-9, "{timing:?}");
    assert!(sequence.unwrap().missing.is_some());
}

#[test]
fn odd_frames_are_outliers() {
    let mut all = frames(300, 26);
    all[7].values.rotate_left(17);
    all[9].values.iter_mut().for_each(|value| *value *= 5.0);
    all[11].values.fill(Complex32::ZERO);
    let group = group(all);
    assert_eq!((group.zero_frames, group.outliers.looked_at), (1, 299));
    assert_eq!(group.outliers.by_shape, 1);
    assert!((2..8).contains(&group.outliers.either), "{:?}", group.outliers);
}

#[test]
fn groups_and_memory_are_bounded() {
    let mut all = frames(1500, 26);
    for (number, frame) in all.iter_mut().enumerate().skip(1000) {
        frame.source = Some(MacAddress([2, 0, 0, 1, (number / 256) as u8, number as u8]));
    }
    let report = report(all);
    assert_eq!((report.frames, report.groups.len()), (1500, MOST_GROUPS));
    assert_eq!(report.ungrouped, 500 - (MOST_GROUPS as u64 - 1));
    let group = &report.groups[0];
    assert_eq!((group.frames, group.sample.len()), (1000, 500));
    assert!(group.sample.windows(2).all(|pair| pair[1].number - pair[0].number == 2));
}

#[test]
fn frames_of_zeros_have_no_findings() {
    let mut all = frames(20, 26);
    all.iter_mut().for_each(|frame| frame.values.fill(Complex32::ZERO));
    let group = group(all);
    assert_eq!((group.frames, group.zero_frames), (20, 20));
    assert_eq!((group.findings.len(), group.selection.kept.len()), (0, 0));
    assert_eq!((group.has_signal(), group.dropped_share()), (false, 1.0));
    assert!(group.selection.reason.contains("nothing was received"), "{:?}", group.selection);
}

#[test]
fn anything_odd_is_no_panic() {
    let mut all = frames(20, 26);
    all[0].values.clear();
    all[1].values.truncate(63);
    all[2].values.fill(Complex32::new(f32::NAN, f32::INFINITY));
    all[3].values.fill(Complex32::new(f32::MAX, f32::MAX));
    all[4].subcarriers = Subcarriers::All(0);
    all[5].subcarriers = Subcarriers::Range { first: -3, count: 7 };
    all[6].streams.clear();
    all[7].time_ns = u64::MAX;
    all[8].time_ns = 0;
    let report = report(all);
    assert_eq!(report.frames, 20);
    assert_eq!(Diagnosis::default().finish().groups, []);
}
