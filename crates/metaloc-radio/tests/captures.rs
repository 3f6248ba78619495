//! Nexmon captures against what csiread and CSIKit make of them, and damaged ones.
#![allow(clippy::unwrap_used)]
#![allow(clippy::float_cmp)] // integers, of both readers

use metaloc_radio::capture::{
    CaptureError, Event, IntelReader, NexmonReader, NexmonWriter, SkipReason,
};
use metaloc_radio::signal::{Chip, CsiFrame};
use proptest::prelude::*;
use serde_json::Value;
use std::io::Read;

const EXPECTED: &str = include_str!("captures/expected.json");
const BCM4339: &[u8] = include_bytes!("captures/bcm4339.pcap");
const BCM43455C0_20: &[u8] = include_bytes!("captures/bcm43455c0_20MHz.pcap");
const BCM43455C0_80: &[u8] = include_bytes!("captures/bcm43455c0_80MHz.pcap");
const BCM4358: &[u8] = include_bytes!("captures/bcm4358.pcap");
const BCM4366C0: &[u8] = include_bytes!("captures/bcm4366c0.pcap");
/// A record of 80 MHz with its header, and the file's header.
const RECORD: usize = 16 + 1084;
const HEADER: usize = 24;

fn events(capture: &[u8], chip: Option<Chip>) -> Vec<Event> {
    NexmonReader::new(capture, chip).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Frames, and offset, length and reason of what was skipped.
fn read(capture: &[u8]) -> (Vec<CsiFrame>, Vec<(u64, u64, SkipReason)>) {
    let (mut frames, mut skips) = (Vec::new(), Vec::new());
    for event in events(capture, None) {
        match event {
            Event::Frame(frame) => frames.push(frame),
            Event::Skip(skip) => skips.push((skip.offset, skip.n_bytes, skip.reason)),
        }
    }
    (frames, skips)
}

fn frames(capture: &[u8], chip: Option<Chip>) -> Vec<CsiFrame> {
    let frame = |event| match event {
        Event::Frame(frame) => frame,
        Event::Skip(skip) => panic!("skipped: {skip:?}"),
    };
    events(capture, chip).into_iter().map(frame).collect()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

/// Real and imaginary part.
fn pair(value: &Value) -> [f32; 2] {
    [0, 1].map(|part| number(&value[part]) as f32)
}

/// Real and imaginary parts in the order of the capture.
fn pairs(frame: &Value) -> Vec<[f32; 2]> {
    frame.as_array().unwrap().iter().map(pair).collect()
}

/// A frame's values in the order of the capture.
fn in_capture_order(frame: &CsiFrame) -> Vec<[f32; 2]> {
    let n = frame.values.len() as i16;
    let value = |subcarrier| frame.on(0, subcarrier).map(|value| [value.re, value.im]).unwrap();
    (0..n / 2).chain(-n / 2..0).map(value).collect()
}

fn compare(name: &str, capture: &[u8], chip: Chip) {
    let expected: Value = serde_json::from_str(EXPECTED).unwrap();
    let expected = &expected[name];
    let is_named = number(&expected["chip_version"][0]) != 0xdead;
    let found = frames(capture, (!is_named).then_some(chip));
    assert_eq!(found.len() as i64, number(&expected["frames"]), "{name}");
    for (index, frame) in found.iter().enumerate() {
        let field = |field: &str| number(&expected[field][index]);
        assert_eq!(frame.chip, chip);
        let time_ns = field("sec") * 1_000_000_000 + field("usec") * 1000;
        assert_eq!(frame.time_ns as i64, time_ns, "{name} {index}");
        assert_eq!(frame.sequence.map(i64::from).unwrap(), field("seq") >> 4, "{name} {index}");
        assert_eq!(i64::from(frame.streams[0].receive), field("core"), "{name} {index}");
        assert_eq!(i64::from(frame.streams[0].transmit), field("spatial"), "{name} {index}");
        assert_eq!(
            frame.channel.map(i64::from).unwrap(),
            field("chan_spec") & 0xff,
            "{name} {index}"
        );
        assert_eq!(i64::from(frame.bandwidth_mhz), number(&expected["bandwidth_mhz"]), "{name}");
        let source: Vec<i64> =
            frame.source.unwrap().0.iter().map(|&byte| i64::from(byte)).collect();
        let address = expected["src_addr"][index].as_array().unwrap();
        assert_eq!(source, address.iter().map(number).collect::<Vec<_>>(), "{name} {index}");
        let values = in_capture_order(frame);
        if let Some(expected) = expected["values"].get(index) {
            assert_eq!(values, pairs(expected), "{name} {index}");
            continue;
        }
        // CSIKit's numbers: ours times a power of two, cut to whole ones.
        let scaled = pairs(&expected["scaled_values"][index]);
        let largest = |values: &[[f32; 2]]| {
            values.iter().flatten().fold(0.0_f32, |most, value| most.max(value.abs()))
        };
        let scale = (largest(&scaled) / largest(&values)).log2().round().exp2();
        for (place, (own, other)) in
            values.iter().flatten().zip(scaled.iter().flatten()).enumerate()
        {
            let error = (own * scale - other).abs();
            assert!(error <= 1.0, "{name} {index} {place}: {own} x {scale} against {other}");
        }
    }
}

#[test]
fn frames_are_those_of_other_readers() {
    compare("bcm4339", BCM4339, Chip::Bcm4339);
    compare("bcm43455c0_20MHz", BCM43455C0_20, Chip::Bcm43455c0);
    compare("bcm43455c0_80MHz", BCM43455C0_80, Chip::Bcm43455c0);
    compare("bcm4358", BCM4358, Chip::Bcm4358);
    compare("bcm4366c0", BCM4366C0, Chip::Bcm4366c0);
}

#[test]
fn newer_firmware_tells_the_rssi() {
    // Bytes 2 and 3 of the first payload are c6 and 94.
    assert_eq!(frames(BCM43455C0_80, None)[0].rssi_dbm, Some(-58.0));
    assert_eq!(frames(BCM4339, None)[0].rssi_dbm, None);
}

#[test]
fn an_unknown_chip_is_skipped_unless_forced() {
    let (found, skips) = read(BCM4358);
    assert!(found.is_empty());
    assert_eq!(skips[0], (HEADER as u64, RECORD as u64, SkipReason::UnknownChip));
    assert_eq!(skips.len(), 4);
}

/// The capture as a big-endian recorder with nanoseconds writes it.
fn turned(capture: &[u8]) -> Vec<u8> {
    let mut turned = capture.to_vec();
    let mut turn = |place: usize, length: usize| turned[place..place + length].reverse();
    for (place, length) in [(4, 2), (6, 2), (8, 4), (12, 4), (16, 4), (20, 4)] {
        turn(place, length);
    }
    for record in (HEADER..capture.len()).step_by(RECORD) {
        (0..4).for_each(|field| turn(record + 4 * field, 4));
    }
    turned[..4].copy_from_slice(&[0xa1, 0xb2, 0x3c, 0x4d]);
    turned
}

#[test]
fn big_endian_and_nanoseconds() {
    let little = frames(BCM4339, None);
    let big = frames(&turned(BCM4339), None);
    for (little, big) in little.iter().zip(&big) {
        assert_eq!(little.values, big.values);
        // What were microseconds are nanoseconds now.
        assert_eq!(big.time_ns % 1_000_000_000, little.time_ns % 1_000_000_000 / 1000);
    }
    assert_eq!(little.len(), big.len());
}

#[test]
fn a_capture_cut_short_keeps_what_is_whole() {
    let (found, skips) = read(&BCM4339[..HEADER + 2 * RECORD + 100]);
    assert_eq!(found, frames(BCM4339, None)[..2]);
    assert_eq!(skips, [((HEADER + 2 * RECORD) as u64, 100, SkipReason::Truncated)]);
}

#[test]
fn garbage_between_records_is_passed_over() {
    let (before, behind) = BCM4339.split_at(HEADER + RECORD);
    for garbage in [&[0xff; 7][..], &[0; 1000], &[0x5a; 3 * RECORD]] {
        let (found, skips) = read(&[before, garbage, behind].concat());
        assert_eq!(found, frames(BCM4339, None), "{} bytes", garbage.len());
        let n_skipped: u64 = skips.iter().map(|skip| skip.1).sum();
        assert_eq!(n_skipped, garbage.len() as u64, "{skips:?}");
    }
}

#[test]
fn a_length_past_the_end_costs_one_record() {
    let mut damaged = BCM4339.to_vec();
    damaged[HEADER + 8..HEADER + 16].copy_from_slice(&[0, 0x20, 0, 0, 0, 0x20, 0, 0]);
    let (found, skips) = read(&damaged);
    assert_eq!(found, frames(BCM4339, None)[1..]);
    assert_eq!(skips, [(HEADER as u64, RECORD as u64, SkipReason::Garbage)]);
}

#[test]
fn a_record_that_runs_into_the_next_costs_only_itself() {
    let all = frames(BCM4339, None);
    let start = HEADER + RECORD;
    // Whatever is missing, and wherever: from a few bytes to nearly all behind the packet's headers.
    for (place, n) in [(200, 100), (60, 1), (500, 7), (100, 900), (1090, 10)] {
        let damaged = [&BCM4339[..start + place], &BCM4339[start + place + n..]].concat();
        let (found, skips) = read(&damaged);
        assert_eq!(found, [&all[..1], &all[2..]].concat(), "{n} bytes at {place}");
        assert_eq!(skips, [(start as u64, (RECORD - n) as u64, SkipReason::Overrun)]);
    }
    // In the first record, and in the last but one before trailing garbage.
    let first = [&BCM4339[..HEADER + 300], &BCM4339[HEADER + 400..]].concat();
    assert_eq!(read(&first).0, all[1..]);
    let last = BCM4339.len() - 2 * RECORD;
    let damaged = [&BCM4339[..last + 300], &BCM4339[last + 400..], &[0x77; 40]].concat();
    let (found, skips) = read(&damaged);
    assert_eq!(found, [&all[..all.len() - 2], &all[all.len() - 1..]].concat());
    assert_eq!(skips[0], (last as u64, RECORD as u64 - 100, SkipReason::Overrun));
}

#[test]
fn a_capture_cut_short_before_another_keeps_both() {
    let all = frames(BCM4339, None);
    for n in [40, 100, RECORD - 100, RECORD - 10, RECORD - 1] {
        let start = HEADER + 2 * RECORD;
        let (found, skips) = read(&[&BCM4339[..start + n], BCM4339].concat());
        assert_eq!(found, [&all[..2], &all[..]].concat(), "{n} bytes");
        let expected = [(start as u64, n as u64), ((start + n) as u64, HEADER as u64)];
        assert_eq!(skips.iter().map(|skip| (skip.0, skip.1)).collect::<Vec<_>>(), expected);
        assert_eq!(skips[0].2, SkipReason::Overrun);
    }
    // Of two whole ones only the header between them is skipped.
    let (found, skips) = read(&[BCM4339, BCM4339].concat());
    assert_eq!(found, [&all[..], &all[..]].concat());
    assert_eq!(skips, [(BCM4339.len() as u64, HEADER as u64, SkipReason::Garbage)]);
}

#[test]
fn a_good_record_before_garbage_is_kept() {
    let all = frames(BCM4339, None);
    for garbage in [&[0; 1][..], &[0xff; 15], &[0x5a; 40], &[0; 5000]] {
        let (found, skips) = read(&[BCM4339, garbage].concat());
        assert_eq!(found, all, "{} bytes", garbage.len());
        assert_eq!(skips.iter().map(|skip| skip.1).sum::<u64>(), garbage.len() as u64);
    }
}

#[test]
fn other_packets_and_cut_ones_are_told_apart() {
    let mut damaged = BCM4339.to_vec();
    damaged[HEADER + 16 + 36] = 0; // the port
    damaged[HEADER + RECORD + 16 + 38] = 0xff; // UDP's length
    let (found, skips) = read(&damaged);
    assert_eq!(found, frames(BCM4339, None)[2..]);
    let reasons: Vec<SkipReason> = skips.iter().map(|skip| skip.2).collect();
    assert_eq!(reasons, [SkipReason::OtherPacket, SkipReason::WrongLength]);
    // A recorder that keeps 500 bytes of each packet.
    let mut cut = BCM4339[..HEADER + 16 + 500].to_vec();
    cut[HEADER + 8..HEADER + 12].copy_from_slice(&[0xf4, 1, 0, 0]);
    let (found, skips) = read(&cut);
    assert!(found.is_empty());
    assert_eq!(skips, [(HEADER as u64, 516, SkipReason::CutPacket)]);
}

#[test]
fn what_is_no_capture_is_refused() {
    let refused = |bytes: &[u8]| NexmonReader::new(bytes, None).err().unwrap().to_string();
    assert!(refused(b"").contains("begins with"));
    assert!(refused(b"a table of numbers").contains("pcap file"));
    assert!(refused(&[0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 0]).contains("pcapng"));
    assert!(refused(&BCM4339[..20]).contains("24 bytes"));
    let mut wireless = BCM4339.to_vec();
    wireless[20] = 127;
    assert!(matches!(
        NexmonReader::new(&wireless[..], None),
        Err(CaptureError::LinkType { found: 127 })
    ));
}

/// A pipe that gives a few bytes at a time.
struct Pipe<'a>(&'a [u8], usize);

impl Read for Pipe<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.1.min(self.0.len()).min(buffer.len());
        buffer[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

#[test]
fn a_pipe_gives_the_same_as_a_file() {
    for n in [1, 13, 1000] {
        let reader = NexmonReader::new(Pipe(BCM4339, n), None).unwrap();
        let found: Vec<Event> = reader.collect::<Result<_, _>>().unwrap();
        assert_eq!(found, events(BCM4339, None), "{n} bytes at a time");
    }
}

/// A file whose end cannot be read.
struct Broken<'a>(&'a [u8]);

impl Read for Broken<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.read(buffer)?;
        if n == 0 { Err(std::io::ErrorKind::InvalidData.into()) } else { Ok(n) }
    }
}

#[test]
fn what_is_whole_before_a_failure_is_given() {
    let nexmon = NexmonReader::new(Broken(&BCM4339[..HEADER + 2 * RECORD]), None).unwrap();
    let intel = IntelReader::new(Broken(&INTEL[..2 * 215]), false).unwrap();
    let found: [Vec<Result<Event, CaptureError>>; 2] =
        [nexmon.take(3).collect(), intel.take(3).collect()];
    for found in found {
        assert!(matches!(
            found[..],
            [Ok(Event::Frame(_)), Ok(Event::Frame(_)), Err(CaptureError::Read { .. })]
        ));
    }
}

proptest! {
    /// Whatever is damaged, nothing panics, and frames and skips account for every byte.
    #[test]
    fn damage_is_accounted_for(
        damage in prop::collection::vec((HEADER..BCM4339.len(), any::<u8>()), 0..40),
        end in HEADER..BCM4339.len(),
    ) {
        let mut damaged = BCM4339.to_vec();
        damage.iter().for_each(|&(place, byte)| damaged[place] = byte);
        let (found, skips) = read(&damaged[..end]);
        let skipped: u64 = skips.iter().map(|skip| skip.1).sum();
        prop_assert_eq!(HEADER as u64 + skipped + (found.len() * RECORD) as u64, end as u64);
        prop_assert!(skips.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0));
    }
}

const INTEL: &[u8] = include_bytes!("captures/intel5300.dat");

fn intel(log: &[u8], scaled: bool) -> (Vec<CsiFrame>, Vec<(u64, u64, SkipReason)>) {
    let (mut frames, mut skips) = (Vec::new(), Vec::new());
    for event in IntelReader::new(log, scaled).unwrap() {
        match event.unwrap() {
            Event::Frame(frame) => frames.push(frame),
            Event::Skip(skip) => skips.push((skip.offset, skip.n_bytes, skip.reason)),
        }
    }
    (frames, skips)
}

#[test]
fn intel_frames_are_those_of_csiread() {
    let expected: Value = serde_json::from_str(EXPECTED).unwrap();
    let expected = expected["intel5300"].as_array().unwrap();
    let ((found, skips), (scaled, _)) = (intel(INTEL, false), intel(INTEL, true));
    assert!(skips.is_empty() && found.len() == expected.len(), "{} frames", found.len());
    let mut shapes = Vec::new();
    for (index, (frame, scaled)) in found.iter().zip(&scaled).enumerate() {
        let expected = &expected[index];
        let [receive, transmit] =
            ["receive", "transmit"].map(|field| number(&expected[field]) as usize);
        shapes.push([receive, transmit]);
        assert_eq!(frame.streams.len(), receive * transmit, "{index}");
        assert_eq!(frame.time_ns as i64, number(&expected["time_us"]) * 1000, "{index}");
        assert_eq!(frame.sequence.map(i64::from).unwrap(), number(&expected["count"]), "{index}");
        let Some(values) = expected["values"].as_array() else { continue };
        for (place, value) in values.iter().enumerate() {
            let (subcarrier, stream) = (place / (receive * transmit), place % (receive * transmit));
            let own = frame.stream(stream).unwrap()[subcarrier];
            assert_eq!([own.re, own.im], pair(value), "{index} {place}");
            let Some(expected) = expected["scaled"].get(place) else { continue };
            let own = scaled.stream(stream).unwrap()[subcarrier];
            for (own, part) in [(own.re, 0), (own.im, 1)] {
                let error = f64::from(own) - expected[part].as_f64().unwrap();
                assert!(
                    error.abs() < 2e-4 * (1.0 + f64::from(own.abs())),
                    "{index} {place}: {error}"
                );
            }
        }
    }
    shapes.dedup();
    assert_eq!(shapes, [[3, 1], [3, 2], [3, 3]]);
}

#[test]
fn a_damaged_intel_log_keeps_its_good_frames() {
    let (all, _) = intel(INTEL, false);
    let first = 2 + 213;
    let (found, skips) = intel(&[&INTEL[..first], &[0xbb; 50], &INTEL[first..]].concat(), false);
    assert_eq!((found, skips), (all.clone(), vec![(first as u64, 50, SkipReason::Garbage)]));
    let (found, skips) = intel(&INTEL[..2 * first + 100], false);
    assert_eq!(found, all[..2]);
    assert_eq!(skips, [(2 * first as u64, 100, SkipReason::Truncated)]);
    let packet = [0, 4, 0xc1, 1, 2, 3];
    let (found, skips) = intel(&[&packet, INTEL].concat(), false);
    assert_eq!((found, skips), (all, vec![(0, 6, SkipReason::OtherPacket)]));
    assert!(IntelReader::new(&b"numbers, in a table of them"[..], false).is_err());
    assert!(IntelReader::new(&b""[..], false).is_err());
}

#[test]
fn an_intel_record_that_runs_into_the_next_costs_only_itself() {
    let (all, _) = intel(INTEL, false);
    let first = 2 + 213;
    for (place, n) in [(100, 100), (40, 1), (200, 15), (30, 180)] {
        let damaged = [&INTEL[..first + place], &INTEL[first + place + n..]].concat();
        let (found, skips) = intel(&damaged, false);
        assert_eq!(found, [&all[..1], &all[2..]].concat(), "{n} bytes at {place}");
        assert_eq!(skips, [(first as u64, (first - n) as u64, SkipReason::Overrun)]);
    }
    // Cut short within a record, and another log behind it.
    for n in [30, 100, first - 1] {
        let (found, skips) = intel(&[&INTEL[..first + n], INTEL].concat(), false);
        assert_eq!(found, [&all[..1], &all[..]].concat(), "{n} bytes");
        assert_eq!(skips, [(first as u64, n as u64, SkipReason::Overrun)]);
    }
    // A packet's record whose length is wrong.
    let packet = [&[0x10, 0, 0xc1, 1, 2, 3][..], INTEL].concat();
    let (found, skips) = intel(&packet, false);
    assert_eq!((found, skips), (all.clone(), vec![(0, 6, SkipReason::Overrun)]));
    // Garbage behind the last record.
    let (found, _) = intel(&[INTEL, &[0x55; 30]].concat(), false);
    assert_eq!(found, all);
}

proptest! {
    #[test]
    fn damage_of_an_intel_log_is_accounted_for(
        damage in prop::collection::vec((215..INTEL.len(), any::<u8>()), 0..40),
        end in 215..INTEL.len(),
    ) {
        let mut damaged = INTEL.to_vec();
        damage.iter().for_each(|&(place, byte)| damaged[place] = byte);
        let (found, skips) = intel(&damaged[..end], true);
        let size = |frame: &CsiFrame| (frame.streams.len() * 60 + 12 + 23) as u64;
        let read: u64 = found.iter().map(size).sum();
        let skipped: u64 = skips.iter().map(|skip| skip.1).sum();
        prop_assert_eq!(read + skipped, end as u64);
    }
}

/// Real captures, written and read again.
#[test]
fn real_frames_come_back_from_a_written_capture() {
    for (capture, chip) in [
        (BCM4339, Chip::Bcm4339),
        (BCM43455C0_20, Chip::Bcm43455c0),
        (BCM43455C0_80, Chip::Bcm43455c0),
        (BCM4358, Chip::Bcm4358),
        (BCM4366C0, Chip::Bcm4366c0),
    ] {
        let read = frames(capture, Some(chip));
        let mut writer = NexmonWriter::new(Vec::new()).unwrap();
        read.iter().for_each(|frame| writer.write(frame).unwrap());
        assert!(!read.is_empty());
        assert_eq!(frames(&writer.finish().unwrap(), None), read);
    }
}
