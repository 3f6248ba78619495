//! Lines of the ESP32-CSI-Tool against a reader in Python, and damaged ones.
#![allow(clippy::unwrap_used)]
#![allow(clippy::float_cmp)] // integers, of both readers

use metaloc_radio::capture::{CaptureError, Esp32Estimate, Esp32Reader, Event, SkipReason};
use metaloc_radio::signal::{Chip, CsiFrame};
use proptest::prelude::*;
use serde_json::Value;
use std::io::Read;

const EXPECTED: &str = include_str!("captures/expected.json");
const NARROW: &[u8] = include_bytes!("captures/esp32_20MHz.csv");
const LONG: &[u8] = include_bytes!("captures/esp32_384.csv");
const ABOVE: &[u8] = include_bytes!("captures/esp32_above.csv");

/// Frames, and offset, length and reason of what was skipped; every byte belongs to one of them.
fn read(
    log: impl Read,
    estimate: Esp32Estimate,
) -> (Vec<CsiFrame>, Vec<(u64, u64, SkipReason)>, u64) {
    let mut reader = Esp32Reader::new(log, estimate).unwrap();
    let (mut frames, mut skips) = (Vec::new(), Vec::new());
    loop {
        let before = reader.position();
        match reader.next_event().unwrap() {
            None => break,
            Some(Event::Frame(frame)) => frames.push(frame),
            Some(Event::Skip(skip)) => {
                assert_eq!((before, skip.offset + skip.n_bytes), (skip.offset, reader.position()));
                skips.push((skip.offset, skip.n_bytes, skip.reason));
            }
        }
        assert!(reader.position() > before);
    }
    (frames, skips, reader.position())
}

fn legacy(log: &[u8]) -> (Vec<CsiFrame>, Vec<(u64, u64, SkipReason)>) {
    let (frames, skips, end) = read(log, Esp32Estimate::Legacy);
    assert_eq!(end, log.len() as u64);
    (frames, skips)
}

/// Where each line begins, and where the last one ends.
fn lines(log: &[u8]) -> Vec<usize> {
    let ends = log.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    [0].into_iter().chain(ends).collect()
}

fn reasons(skips: &[(u64, u64, SkipReason)]) -> Vec<SkipReason> {
    skips.iter().map(|skip| skip.2).collect()
}

#[test]
fn frames_are_those_of_another_reader() {
    let expected: Value = serde_json::from_str(EXPECTED).unwrap();
    for (name, log, n) in
        [("esp32_20MHz", NARROW, 22), ("esp32_384", LONG, 5), ("esp32_above", ABOVE, 13)]
    {
        let (found, skips) = legacy(log);
        let expected = expected[name].as_array().unwrap();
        assert_eq!((found.len(), expected.len()), (n, n), "{name}: {skips:?}");
        for (index, (frame, expected)) in found.iter().zip(expected).enumerate() {
            let field = |name: &str| expected[name].as_i64().unwrap();
            assert_eq!(frame.chip, Chip::Esp32);
            assert_eq!(frame.source.unwrap().to_string(), expected["mac"].as_str().unwrap());
            assert_eq!(frame.rssi_dbm.unwrap() as i64, field("rssi"), "{name} {index}");
            assert_eq!(frame.channel.map(i64::from), Some(field("channel")), "{name} {index}");
            assert_eq!(frame.time_ns as i64, field("time_us") * 1000, "{name} {index}");
            for (place, value) in expected["values"].as_array().unwrap().iter().enumerate() {
                let place = place as i16;
                let subcarrier = match field("secondary") {
                    0 if place < 32 => place,
                    0 | 1 => place - 64,
                    _ => place,
                };
                let own = frame.on(0, subcarrier).unwrap();
                let value = [0, 1].map(|part| value[part].as_i64().unwrap() as f32);
                assert_eq!([own.re, own.im], value, "{name} {index} {subcarrier}");
            }
        }
    }
}

#[test]
fn the_header_and_a_line_without_a_number_are_skipped() {
    let (_, skips) = legacy(NARROW);
    assert_eq!(reasons(&skips), [SkipReason::ColumnNames, SkipReason::BadLine]);
    assert_eq!(skips[1].0, lines(NARROW)[18] as u64);
    assert_eq!(legacy(ABOVE).1, []);
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let (found, skips) = legacy(NARROW);
    let (marked, marked_skips) = legacy(&[b"\xef\xbb\xbf", NARROW].concat());
    assert_eq!((marked, reasons(&marked_skips)), (found.clone(), reasons(&skips)));
    // Before a line of CSI too.
    let first = lines(NARROW)[1];
    let (marked, _) = legacy(&[b"\xef\xbb\xbf", &NARROW[first..]].concat());
    assert_eq!(marked, found);
}

#[test]
fn lines_that_print_no_such_estimate_are_told() {
    let (found, skips, _) = read(LONG, Esp32Estimate::HighThroughput);
    assert!(found.is_empty());
    assert_eq!(skips.iter().filter(|skip| skip.2 == SkipReason::NoEstimate).count(), 5);
}

#[test]
fn a_device_that_starts_again_is_no_damage() {
    let (all, _) = legacy(ABOVE);
    let (header, second) = (&NARROW[..lines(NARROW)[1]], lines(ABOVE)[1]);
    let boot = b"rst:0x1 (POWERON_RESET)\r\n\r\nI (29) boot: ESP-IDF v4.3\n";
    let log = [&ABOVE[..second], boot, header, &ABOVE[second..]].concat();
    let (found, skips) = legacy(&log);
    assert_eq!(found, all);
    let other = SkipReason::OtherText;
    assert_eq!(reasons(&skips), [other, other, other, SkipReason::ColumnNames]);
}

#[test]
fn a_line_that_breaks_into_another_costs_only_that() {
    let (all, _) = legacy(ABOVE);
    let starts = lines(ABOVE);
    let log = [&ABOVE[..100], &ABOVE[starts[1]..starts[2]], b"I (5) wifi: ", &ABOVE[starts[2]..]]
        .concat();
    let (found, skips) = legacy(&log);
    assert_eq!(found, all[1..]);
    assert_eq!(skips[0], (0, 100, SkipReason::BadLine));
    assert_eq!((skips[1].1, skips[1].2), (12, SkipReason::OtherText));
}

#[test]
fn a_log_cut_short_keeps_what_is_whole() {
    let (all, _) = legacy(ABOVE);
    let third = lines(ABOVE)[2];
    let (found, skips) = legacy(&ABOVE[..third + 200]);
    assert_eq!(found, all[..2]);
    assert_eq!(skips, [(third as u64, 200, SkipReason::Truncated)]);
    // The end of the last line may miss.
    assert_eq!(legacy(&ABOVE[..ABOVE.len() - 1]).0, all);
}

#[test]
fn garbage_without_end_is_one_skip() {
    let (all, _) = legacy(ABOVE);
    let second = lines(ABOVE)[1];
    for garbage in
        [vec![0xff; 1_000_000], vec![b'x'; 65_537], [vec![b'y'; 300_000], vec![b'\n']].concat()]
    {
        let log = [&ABOVE[..second], &garbage, &ABOVE[second..]].concat();
        let (found, skips) = legacy(&log);
        assert_eq!(found, all);
        assert_eq!(skips, [(second as u64, garbage.len() as u64, SkipReason::Garbage)]);
    }
    let binary = [&ABOVE[..second], b"\xff\x80\xc3\n", &ABOVE[second..]].concat();
    assert_eq!(reasons(&legacy(&binary).1), [SkipReason::Garbage]);
}

#[test]
fn damaged_columns_are_told() {
    let line = std::str::from_utf8(&ABOVE[..lines(ABOVE)[1]]).unwrap();
    for (from, to) in [
        ("3C:71:BF:6D:2A:78", "3C:71:BF:6D:2A"),
        (",-73,", ",-730,"),
        (",80272146,", ",8027214_,"),
        ("[101 -48", "[1010 -48"),
        ("[101 -48", "[101-48"),
        (" ]", ""),
        (",384,", ","),
        ("101,0,0,80.363225", "101,0,1,soon"),
    ] {
        assert!(line.contains(from), "{from}");
        let log = [line.replace(from, to).as_bytes(), ABOVE].concat();
        let (found, skips) = legacy(&log);
        assert_eq!((found.len(), reasons(&skips)), (13, vec![SkipReason::BadLine]), "{from}");
    }
    let set = line.replace("101,0,0,80.363225", "101,0,1,1627394056.608620");
    assert_eq!(legacy(set.as_bytes()).0[0].time_ns, 1_627_394_056_608_620_000);
}

#[test]
fn what_is_no_log_is_refused() {
    for bytes in [&b""[..], b"a table of numbers", b"type,role\n", &[b'x'; 200_000]] {
        let refused = Esp32Reader::new(bytes, Esp32Estimate::Legacy).err().unwrap();
        assert!(matches!(refused, CaptureError::NotACapture { .. }), "{refused}");
    }
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
        let piped = read(Pipe(NARROW, n), Esp32Estimate::Legacy);
        assert_eq!(piped, read(NARROW, Esp32Estimate::Legacy), "{n} bytes at a time");
    }
}

proptest! {
    /// Whatever is damaged, nothing panics, every byte is accounted for, and the lines that nothing
    /// happened to are read.
    #[test]
    fn damage_is_accounted_for(
        damage in prop::collection::vec((400..ABOVE.len(), any::<u8>()), 0..8),
        end in 400..ABOVE.len(),
    ) {
        let mut damaged = ABOVE.to_vec();
        damage.iter().for_each(|&(place, byte)| damaged[place] = byte);
        let damaged = &damaged[..end];
        let (found, _) = legacy(damaged);
        let (all, starts) = (legacy(ABOVE).0, lines(ABOVE));
        for (index, frame) in all.iter().enumerate() {
            let line = starts[index]..starts[index + 1];
            // What stands before it may have lost its end.
            let whole = line.start.saturating_sub(1)..line.end;
            if damaged.get(whole.clone()) == Some(&ABOVE[whole]) {
                prop_assert!(found.contains(frame), "line {}", index);
            }
        }
    }

    #[test]
    fn anything_at_all_is_accounted_for(
        pieces in prop::collection::vec(
            prop_oneof![
                Just(b"CSI_DATA,".to_vec()), Just(b"\n".to_vec()), Just(b"CSI_DA".to_vec()),
                Just(vec![b'z'; 70_000]), Just(ABOVE[..lines(ABOVE)[1]].to_vec()),
                prop::collection::vec(any::<u8>(), 0..50),
            ],
            0..12,
        ),
    ) {
        legacy(&[b"CSI_DATA,", &pieces.concat()[..]].concat());
    }
}
