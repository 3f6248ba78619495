//! `metaloc doctor`.

use crate::util::{Dir, rows};

const NEXMON: &[u8] = include_bytes!("../../../metaloc-radio/tests/captures/bcm43455c0_20MHz.pcap");
const UNNAMED: &[u8] = include_bytes!("../../../metaloc-radio/tests/captures/bcm4358.pcap");
const INTEL: &[u8] = include_bytes!("../../../metaloc-radio/tests/captures/intel5300.dat");
const ESP32: &[u8] = include_bytes!("../../../metaloc-radio/tests/captures/esp32_20MHz.csv");

fn captures() -> Dir {
    let dir = Dir::new();
    for (name, bytes) in
        [("a.pcap", NEXMON), ("b.dat", INTEL), ("c.csv", ESP32), ("d.pcap", UNNAMED)]
    {
        dir.put(name, bytes);
    }
    dir
}

#[test]
fn every_format_is_described() {
    let dir = captures();
    let said = dir.run("doctor a.pcap b.dat c.csv").ok().stdout;
    for part in [
        "a.pcap: nexmon, 6 frames, 2020 bytes",
        "b8:3a:5a:b2:6e:70: bcm43455c0, 20 MHz, channel 48, receive/transmit 0/0, 6 frames",
        "1 of more than 1 s; the longest 174.31 s, before frame 5",
        "b.dat: intel, 29 frames, 11455 bytes",
        "0/0 0/1 0/2 1/0 1/1 1/2 2/0 2/1 2/2",
        "c.csv: esp32, 22 frames",
        "skipped a damaged line: 1 part (480 bytes), the first at byte 8371",
        "always the same on 1",
        "`legacy` (27 and 28 carry nothing on either side)",
        "`gain_control = \"rssi\"`",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
}

#[test]
fn rows_are_one_a_group() {
    let dir = captures();
    let printed = dir.run("doctor --json a.pcap b.dat c.csv").ok().rows();
    assert_eq!(printed.len(), 1 + 3 + 1);
    assert_eq!(printed[0]["capture"], "a.pcap");
    assert_eq!(printed[0]["format"], "nexmon");
    assert_eq!(printed[0]["transmitter"], "b8:3a:5a:b2:6e:70");
    assert_eq!(printed[0]["timing"]["gaps_1_s"], 1);
    assert_eq!(printed[0]["subcarriers"], 64);
    assert_eq!(printed[1]["streams"].as_array().unwrap().len(), 3);
    assert_eq!(printed[1]["transmitter"], serde_json::Value::Null);
    assert_eq!(printed[4]["skipped"][1]["reason"], "a damaged line");
    assert_eq!(printed[4]["constant"], serde_json::json!([0, 1]));
    assert_eq!(printed[4]["selection"]["selection"], "legacy");
    dir.run("doctor --json=rows.jsonl a.pcap b.dat c.csv").ok();
    assert_eq!(rows(&String::from_utf8(dir.bytes("rows.jsonl")).unwrap()), printed);
}

#[test]
fn a_pipe_is_read() {
    let dir = Dir::new();
    let run = dir.run_with_stdin("doctor -", ESP32).ok();
    assert!(run.stdout.starts_with("standard input: esp32, 22 frames"), "{run:?}");
}

#[test]
fn pictures_are_svg_or_png() {
    let dir = captures();
    dir.run("doctor --quiet --picture a.svg a.pcap").ok();
    assert!(dir.bytes("a.svg").starts_with(b"<svg "));
    let run = dir.run("doctor --picture b.png a.pcap b.dat").ok();
    assert!(dir.bytes("b.png").starts_with(b"\x89PNG"));
    assert!(run.stderr.contains("b.png; it shows 6 streams, 13 more are left out"), "{run:?}");
    dir.run("doctor --picture a.jpg a.pcap").fails(2, &["ends in .svg or .png"]);
    for option in ["--picture no/a.svg", "--json=no/a.svg"] {
        let failed = dir.run(&format!("doctor --quiet {option} a.pcap"));
        let expected = "no/a.svg: No such file or directory (os error 2)\n";
        assert!(failed.code == Some(1) && failed.stderr.ends_with(expected), "{failed:?}");
    }
}

#[test]
fn without_frames_the_exit_code_is_1() {
    let dir = captures();
    let run = dir.run("doctor d.pcap");
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stdout.contains("skipped unknown chip (--chip forces one): 4 parts"), "{run:?}");
    assert!(run.stderr.contains("error: no frames were found"), "{run:?}");
    assert!(run.stdout.contains("4 packets say chip 0x"), "{run:?}");
    dir.run("doctor --chip bcm4358 d.pcap").ok();
    dir.put("empty", "");
    dir.put("text", "a table of numbers");
    dir.run("doctor empty").fails(1, &["empty: it is empty"]);
    dir.run("doctor text").fails(1, &["text: it begins with", "ESP32-CSI-Tool"]);
    dir.run("doctor nothing.pcap").fails(1, &["nothing.pcap"]);
    // The others are looked at all the same, and a row says that there is nothing.
    let run = dir.run("doctor --json empty a.pcap d.pcap");
    assert_eq!((run.code, run.rows().len()), (Some(1), 2), "{run:?}");
    assert_eq!(run.rows()[1]["capture_frames"], 0);
    assert!(run.stderr.contains("in 2 of 3 captures"), "{run:?}");
}

#[test]
fn a_forced_chip_is_contradicted() {
    let dir = captures();
    let run = dir.run("doctor --chip bcm4366c0 a.pcap").ok();
    let said = "6 packets say bcm43455c0, the chip was forced to bcm4366c0";
    assert!(run.stdout.contains(said), "{run:?}");
    assert!(!run.stdout.contains("nothing is wrong"), "{run:?}");
    let row = &dir.run("doctor --json --chip bcm4366c0 a.pcap").ok().rows()[0];
    assert_eq!(row["named_chips"][0]["packets"], 6);
    assert!(row["notes"][0].as_str().unwrap().starts_with(said), "{row}");
    let run = dir.run("doctor --chip bcm43455c0 a.pcap").ok();
    assert!(!run.stdout.contains("forced"), "{run:?}");
}

#[test]
fn what_cannot_be_read_to_its_end_fails() {
    let dir = captures();
    // A gzip file of stored blocks, as none is packed here, whose last byte of data is missing.
    let [low, high] = (NEXMON.len() as u16).to_le_bytes();
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, low, high, !low, !high];
    dir.put("cut.gz", [&header[..], &NEXMON[..NEXMON.len() - 1]].concat());
    let run = dir.run("doctor --json cut.gz a.pcap");
    assert_eq!(run.code, Some(1), "{run:?}");
    let rows = run.rows();
    assert!(rows[0]["error"].as_str().unwrap().contains("cannot read on"), "{run:?}");
    assert_eq!((&rows[0]["frames"], &rows[1]["error"]), (&5.into(), &serde_json::Value::Null));
    assert!(run.stderr.contains("1 of 2 captures could not be read to their end"), "{run:?}");
    let run = dir.run("doctor cut.gz");
    assert!(run.code == Some(1) && run.stdout.contains("not read to its end"), "{run:?}");
}

#[test]
fn frames_of_zeros_carry_no_signal() {
    let dir = Dir::new();
    // Behind the headers of file, record, packet and estimate, all values of each frame.
    let mut silent = NEXMON.to_vec();
    let mut at = 24;
    while at < silent.len() {
        let length = u32::from_le_bytes(silent[at + 8..at + 12].try_into().unwrap()) as usize;
        silent[at + 16 + 60..at + 16 + length].fill(0);
        at += 16 + length;
    }
    dir.put("zeros.pcap", silent);
    let said = dir.run("doctor zeros.pcap").ok().stdout;
    assert!(said.contains("nothing was received") && said.contains("0 of 64 sub"), "{said}");
    assert!(!said.contains("every used subcarrier"), "{said}");
}

#[test]
fn wrong_usage_is_told() {
    let dir = captures();
    dir.run("doctor").fails(2, &["<CAPTURES>"]);
    dir.run("doctor --chip bcm1 a.pcap").fails(2, &["'bcm1'", "bcm43455c0", "esp32"]);
    dir.run("doctor --esp32-estimate x c.csv").fails(2, &["high-throughput"]);
    let run = dir.run("doctor --esp32-estimate high-throughput c.csv");
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stdout.contains("the frame has no HT-LTF: 22 parts"), "{run:?}");
}
