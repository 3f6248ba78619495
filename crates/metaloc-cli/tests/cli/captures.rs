//! From raw captures to the named point: import, train, adapt, locate.

use crate::util::Dir;

const TABLE: &str = "file,point_id,x_m,y_m,environment,set\n\
                     one.pcap,a,0,0,monday,\ntwo.pcap,b,2,0,monday,\n\
                     three.pcap,a,0,0,tuesday,\nfour.pcap,b,2,0,tuesday,\n";

const SETTINGS: &str = "network = { hidden = [16] }\ntraining = { iterations = 30 }\n\
                        maml = { inner_step_size = 0.1 }\nadaptation = { steps = 20 }\n\
                        task = { samples_per_point = 2 }\n\
                        [csi]\nlabels = \"global\"\nquery_per_point = 1\nwindow = { packets = 2 }\n";

/// Two points with frames of one chip each time; the second is the first turned around.
fn surveyed() -> Dir {
    let dir = Dir::new();
    std::fs::create_dir(dir.path("captures")).unwrap();
    let capture = include_bytes!("../../../metaloc-radio/tests/captures/bcm43455c0_20MHz.pcap");
    dir.put("captures/positions.csv", TABLE);
    dir.put("captures/one.pcap", capture);
    dir.put("captures/two.pcap", turned_around(capture));
    dir.put("captures/three.pcap", a_day_later(capture));
    dir.put("captures/four.pcap", a_day_later(&turned_around(capture)));
    dir.put("settings.toml", SETTINGS);
    dir.run("import --format captures captures --block-frames 2 --out survey").ok();
    dir
}

/// The capture with each frame's subcarriers in the opposite order: another channel.
fn turned_around(capture: &[u8]) -> Vec<u8> {
    let mut turned = capture.to_vec();
    let mut at = 24;
    while at + 16 <= turned.len() {
        let length = u32::from_le_bytes(turned[at + 8..at + 12].try_into().unwrap()) as usize;
        // Behind the record's header, those of Ethernet, IPv4 and UDP, and Nexmon's.
        let values = at + 16 + 60..at + 16 + 60 + 256;
        let words: Vec<u8> =
            turned[values.clone()].chunks(4).rev().flat_map(<[u8]>::to_vec).collect();
        turned[values].copy_from_slice(&words);
        at += 16 + length;
    }
    turned
}

/// The capture with each frame a day later.
fn a_day_later(capture: &[u8]) -> Vec<u8> {
    let mut later = capture.to_vec();
    let mut at = 24;
    while at + 16 <= later.len() {
        let word = |at: usize, all: &[u8]| u32::from_le_bytes(all[at..at + 4].try_into().unwrap());
        let seconds = word(at, &later) + 86_400;
        let length = word(at + 8, &later) as usize;
        later[at..at + 4].copy_from_slice(&seconds.to_le_bytes());
        at += 16 + length;
    }
    later
}

#[test]
fn a_forced_chip_that_packets_contradict_is_told() {
    let dir = surveyed();
    let import = "import --format captures captures --block-frames 2 --dry-run";
    let run = dir.run(&format!("{import} --chip bcm4366c0")).ok();
    let said = "6 packets say bcm43455c0, the chip was forced to bcm4366c0";
    assert!(run.stdout.contains("one.pcap: ") && run.stdout.contains(said), "{run:?}");
    assert_eq!(run.stdout.matches(said).count(), 4, "{run:?}");
    assert!(!dir.run(import).ok().stdout.contains("forced"));
}

#[test]
fn captures_without_a_sample_are_told() {
    let dir = surveyed();
    let three = "file,point_id,x_m,y_m\none.pcap,a,0,0\nnone.pcap,a,0,0\ntwo.pcap,b,2,0\n";
    dir.put("captures/positions.csv", three);
    dir.put("captures/none.pcap", &dir.bytes("captures/one.pcap")[..24]);
    let import = "import --format captures captures --dry-run";
    let said = dir.run(import).ok().stdout;
    let warning = "warning: captures/positions.csv, row 3: none.pcap: no CSI frame is in it";
    assert!(said.contains(warning), "{said}");
    let row = &dir.run(&format!("{import} --json")).ok().rows()[0];
    assert_eq!(row["warnings"].as_array().unwrap().len(), 1, "{row}");
    let place = "error: captures/positions.csv, row 2: environment `all` gets no sample";
    dir.run(&format!("{import} --block-frames 7")).fails(1, &[place, "--block-frames asks for 7"]);
    dir.run(&format!("{import} --environment-by day")).fails(2, &["captures knows environment"]);
}

#[test]
fn a_raw_capture_is_located() {
    let dir = surveyed();
    let inspected = dir.run("inspect survey").ok();
    assert!(inspected.stdout.contains("CSI: "), "{}", inspected.stdout);
    let train = "train --survey survey --environments monday --config settings.toml --out start";
    let trained = dir.run(train).ok();
    assert!(trained.stderr.contains("maml: 30 iterations"), "{}", trained.stderr);
    dir.run("adapt --model start --survey survey --environment tuesday --out room").ok();
    let about = dir.run("inspect room").ok();
    assert!(about.stdout.contains("adapted to tuesday with 20 steps"), "{}", about.stdout);
    for (capture, point) in [("captures/one.pcap", "a"), ("captures/two.pcap", "b")] {
        let located = dir.run(&format!("locate --model room {capture}")).ok();
        let rows = located.rows();
        assert!(rows.len() > 1);
        for row in &rows {
            assert_eq!(row["located"], true);
            assert_eq!(row["candidates"][0]["point"], point, "{row}");
        }
        let bytes = dir.bytes(capture);
        let piped = dir.run_with_stdin("locate --model room -", &bytes).ok();
        assert_eq!(piped.rows().len(), rows.len());
    }
}

#[test]
fn what_cannot_be_located_is_explained() {
    let dir = surveyed();
    let train = "train --survey survey --environments monday --config settings.toml --out start";
    dir.run(train).ok();
    dir.run("adapt --model start --survey survey --environment tuesday --out room").ok();
    let intel = include_bytes!("../../../metaloc-radio/tests/captures/intel5300.dat");
    dir.put("other.dat", intel);
    let parts = ["no window of 2 frames", "metaloc doctor"];
    dir.run("locate --model room other.dat").fails(1, &parts);
    let scans = ["settings.toml", "it begins with", "this model reads captures"];
    dir.run("locate --model room settings.toml").fails(1, &scans);
    // What can't be read does not keep the others from being located.
    let both = dir.run("locate --model room nowhere.pcap captures/one.pcap");
    assert!(both.stdout.contains("one.pcap#1"), "{both:?}");
    assert!(both.stderr.contains("nowhere.pcap") && both.code == Some(1), "{both:?}");
    // The same chip's number of values, but another chip.
    let run = dir.run("locate --model room --chip bcm4339 captures/one.pcap");
    run.fails(1, &["frames left out: of chip bcm4339, not bcm43455c0 as the survey"]);
    dir.run("locate --model room nowhere.pcap").fails(1, &["nowhere.pcap"]);
    dir.run("locate --model start captures/one.pcap").fails(1, &["metaloc adapt"]);
    let two = "locate --model room --transmitter 00:00:00:00:00:01,00:00:00:00:00:02 other.dat";
    dir.run(two).fails(1, &["--transmitter names 2 addresses"]);
    let stranger = "locate --model room --transmitter 00:00:00:00:00:01 captures/one.pcap";
    dir.run(stranger).fails(1, &["frames left out", "no window"]);
    dir.run("locate --model room --calibrate-gain other.dat").fails(1, &["for RSS scans"]);
    dir.run("import --format captures captures --environment-by day --out again")
        .fails(2, &["day"]);
    dir.run("import --format captures captures --out no/such")
        .fails(1, &["no/such: there is no folder no"]);
    let rss = "train --survey survey --environments monday --out rss";
    dir.run(rss).fails(1, &["`monday` has no RSS, only", "with `[csi]`"]);
    let adapt = "adapt --model room --survey survey --environment tuesday --out again";
    dir.run(adapt).fails(1, &["adapted to tuesday already"]);
}
