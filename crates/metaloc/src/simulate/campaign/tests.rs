use super::*;
use crate::evaluate::Unwatched;
use metaloc_radio::capture::{Event, NexmonReader};
use metaloc_radio::channel::ray::power_gain_db;
use metaloc_radio::channel::{Door, Furniture, Grid, Material, PlacedAccessPoint, Wall};
use metaloc_radio::num_complex::Complex32;
use metaloc_radio::signal::{Chip, CsiRecording, MacAddress};

/// Two rooms with a door, a table, two access points, four survey points.
fn plan() -> FloorPlan {
    let mut plan = FloorPlan::room("rooms", [8.0, 4.0], Material::Brick);
    plan.walls.push(Wall {
        name: "middle".into(),
        from: [4.0, 0.0],
        to: [4.0, 4.0],
        material: Material::Plasterboard,
        thickness_m: None,
        height_m: None,
    });
    plan.doors.push(Door {
        name: "door".into(),
        from: [4.0, 1.0],
        to: [4.0, 1.9],
        height_m: 2.1,
        material: Material::Wood,
        thickness_m: None,
        open: false,
    });
    plan.furniture.push(Furniture {
        name: "table".into(),
        at: [2.0, 3.4],
        size_m: [1.6, 0.8, 0.03],
        base_m: 0.72,
        turn_deg: 0.0,
        material: Material::Wood,
        thickness_m: None,
    });
    for (name, at) in [("ap1", [0.5, 0.5, 2.5]), ("ap2", [7.5, 3.5, 2.5])] {
        plan.access_points.push(PlacedAccessPoint { name: name.into(), at });
    }
    plan.grids.push(Grid { origin: [1.0, 1.0], step_m: [5.0, 1.0], count: [2, 2], height_m: 1.2 });
    plan
}

const FILE: &str = r#"
schema = 1
name = "test"
seed = 7
[csi]
images = 2
packets = 5
visits = 2
[scans]
per_point = 2
random = 3
[[places]]
name = "rooms"
plan = "rooms.toml"
days = [{ name = "one" }, { name = "two" }]
"#;

fn config(change: impl FnOnce(&mut CampaignConfig)) -> CampaignConfig {
    let mut config = toml::from_str(FILE).unwrap();
    change(&mut config);
    config
}

fn campaign(change: impl FnOnce(&mut CampaignConfig)) -> Campaign {
    Campaign::new(config(change), &[plan()]).unwrap()
}

fn recordings(environment: &Environment) -> Vec<&CsiRecording> {
    environment.samples.iter().filter_map(|s| s.csi.as_ref()).map(|csi| &*csi.recording).collect()
}

#[test]
fn a_survey_has_what_was_asked_for() {
    let survey = campaign(|_| ()).survey(&mut Unwatched).unwrap();
    assert_eq!(survey.environments.len(), 2);
    assert_eq!(survey.access_points.names(), ["ap1", "ap2"]);
    let environment = &survey.environments[0];
    assert_eq!((environment.name.as_str(), environment.points.len()), ("rooms-one", 4 + 3));
    let of = |set: &str| environment.samples.iter().filter(|s| &*s.set == set).count();
    assert_eq!([of("training"), of("test"), of("visit-1"), of("visit-2")], [8, 3, 8, 8]);
    for recording in recordings(environment) {
        assert_eq!((recording.chip, recording.channel), (Chip::Bcm4339, Some(36)));
        assert_eq!((recording.n_frames(), recording.subcarriers.count()), (5, 64));
        let frame = recording.frame(0);
        let place = |k| recording.subcarriers.place(k).unwrap();
        for k in [-32, -29, 0, 29] {
            assert!(frame[place(k)].norm() < 1e-9, "{k}");
        }
        let mean: f32 = frame.iter().map(|value| value.norm()).sum::<f32>() / 56.0;
        assert!((200.0..800.0).contains(&mean), "{mean}");
        assert!(recording.time_ns.windows(2).all(|pair| pair[1] > pair[0]));
    }
    survey.check_writable(Path::new("survey")).unwrap();
}

/// The same seed gives the same survey on any number of threads, another seed another one, and
/// each visit can be made alone.
#[test]
fn everything_comes_from_the_seed() {
    let campaign_1 = campaign(|_| ());
    let survey = |campaign: &Campaign, threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| campaign.survey(&mut Unwatched).unwrap())
    };
    let first = survey(&campaign_1, 1);
    assert_eq!(first, survey(&campaign_1, 3));
    assert_ne!(first, survey(&campaign(|c| c.seed = 8), 1));
    let alone = campaign_1.day((0, 1)).unwrap().record(&campaign_1.config, 2, 1).unwrap();
    let sample = first.environments[1].samples.iter().find(|s| &*s.id == "p003-visit2-ap1");
    assert_eq!(*sample.unwrap().csi.as_ref().unwrap().recording, alone.recordings[0].1);
}

/// Without people, noise and spread, a frame is the traced channel, up to a factor and the clocks.
#[test]
fn frames_are_the_traced_channel() {
    let still = campaign(|c| {
        c.people.count = 0;
        c.clutter.per_m2 = 0.0;
        c.changes = ChangesConfig {
            placement_m: 0.0,
            facing_depth_db: 0.0,
            transmit_power_db: 0.0,
            device_gain_db: 0.0,
            day_gain_db: 0.0,
            drift_db: 0.0,
            ..c.changes
        };
        c.receiver.best_snr_db = 200.0;
        c.receiver.ripple_db = 0.0;
        c.receiver.timing_jitter_ns = 0.0;
        c.receiver.rssi_jitter_db = 0.0;
        c.receiver.target_amplitude = 4000.0;
        c.receiver.noise_figure_db = 0.0;
    });
    let day = still.day((0, 0)).unwrap();
    let visit = day.record(&still.config, 1, 0).unwrap();
    let (_, recording) = &visit.recordings[0];
    let paths = day.tracer.paths(&day.transmitters[0].images, day.points[1].at);
    let offsets = still.config.offsets_hz();
    let (carrier, bandwidth) = (still.config.radio.frequency_hz(), 20e6);
    let traced = metaloc_radio::channel::ray::frequency_response(&paths, carrier, &offsets);
    let places =
        still.config.occupied().into_iter().map(|k| recording.subcarriers.place(k).unwrap());
    let frame: Vec<Complex32> = places.map(|place| recording.frame(0)[place]).collect();
    let norm = |x: f64| x.sqrt();
    let inner: metaloc_radio::num_complex::Complex64 = frame
        .iter()
        .zip(&traced)
        .map(|(a, b)| {
            b.conj() * metaloc_radio::num_complex::Complex64::new(a.re.into(), a.im.into())
        })
        .sum();
    let power = |it: &[f64]| norm(it.iter().sum());
    let a = power(&frame.iter().map(|v| f64::from(v.norm_sqr())).collect::<Vec<_>>());
    let b = power(&traced.iter().map(|v| v.norm_sqr()).collect::<Vec<_>>());
    assert!((inner.norm() / (a * b) - 1.0).abs() < 1e-4, "{}", inner.norm() / (a * b));
    let expected = 15.0 + power_gain_db(&paths, carrier, bandwidth);
    assert!((f64::from(recording.rssi_dbm[0].unwrap()) - expected).abs() < 1.5);
}

/// Mean correlation of amplitudes between a recording's frames.
fn steadiness(recording: &CsiRecording) -> f64 {
    let row = |i: usize| -> Vec<f64> {
        recording.frame(i).iter().map(|v| f64::from(v.norm())).filter(|a| *a > 0.0).collect()
    };
    let rows: Vec<Vec<f64>> = (0..recording.n_frames()).map(row).collect();
    let correlation = |a: &[f64], b: &[f64]| {
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let (ma, mb) = (mean(a), mean(b));
        let dot = |x: &[f64], mx: f64, y: &[f64], my: f64| {
            x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum::<f64>()
        };
        dot(a, ma, b, mb) / (dot(a, ma, a, ma) * dot(b, mb, b, mb)).sqrt()
    };
    let pairs = rows.windows(2).map(|w| correlation(&w[0], &w[1]));
    pairs.sum::<f64>() / (rows.len() - 1) as f64
}

#[test]
fn people_make_frames_differ() {
    let mean = |people| {
        let campaign = campaign(|c| {
            c.people.count = people;
            c.csi = Some(CsiCapture { images: 4, packets: 50, visits: 1, ..CsiCapture::default() });
            c.receiver.best_snr_db = 60.0;
        });
        let day = campaign.day((0, 0)).unwrap();
        let all: Vec<f64> = (0..4)
            .flat_map(|p| day.record(&campaign.config, p, 0).unwrap().recordings)
            .map(|(_, recording)| steadiness(&recording))
            .collect();
        all.iter().sum::<f64>() / all.len() as f64
    };
    let (alone, crowd) = (mean(0), mean(6));
    assert!(alone > 0.99 && crowd < alone - 0.001, "{alone} {crowd}");
}

#[test]
fn days_differ_as_the_file_says() {
    let changed = campaign(|c| {
        let two = &mut c.places[0].days[1];
        two.open = vec!["door".into()];
        two.device = "other".into();
        two.moved = vec![MovedFurniture { name: "table".into(), at: [2.0, 2.5] }];
        two.access_points = vec![ChangedAccessPoint {
            name: "ap2".into(),
            at: Some([7.0, 3.0, 2.4]),
            replaced_by: Some("ap3".into()),
        }];
    });
    let (one, two) = (changed.day((0, 0)).unwrap(), changed.day((0, 1)).unwrap());
    assert_eq!(two.access_points, ["ap1", "ap3"]);
    assert!(two.plan.doors[0].open && two.device == "other");
    assert_ne!(one.receiver, two.receiver);
    assert_eq!(one.transmitters[0].address, two.transmitters[0].address);
    assert_ne!(one.transmitters[1].address, two.transmitters[1].address);
    let survey = changed.survey(&mut Unwatched).unwrap();
    assert_eq!(survey.access_points.names(), ["ap1", "ap2", "ap3"]);
    assert_eq!(survey.devices, ["device", "other"]);
}

/// Four points with two scans, 3 s apart, and 20 s of way; then scans at random places with as much way.
#[test]
fn scans_take_time_and_drift_goes_on() {
    let survey = campaign(|c| c.csi = None).survey(&mut Unwatched).unwrap();
    let samples = &survey.environments[0].samples;
    let begin_ms = samples[0].time_ms.unwrap();
    let seconds: Vec<i64> =
        samples.iter().map(|sample| (sample.time_ms.unwrap() - begin_ms) / 1000).collect();
    assert_eq!(seconds, [0, 3, 26, 29, 52, 55, 78, 81, 104, 127, 150]);

    // Strengths follow the drift at the scans' own times.
    let still = |drift_db: f64| {
        campaign(|c| {
            (c.csi, c.people.count) = (None, 0);
            (c.changes.drift_db, c.changes.drift_period_h) = (drift_db, 0.05);
            (c.receiver.rssi_jitter_db, c.receiver.frame_loss) = (0.0, 0.0);
        })
    };
    let (steady, drifting) = (still(0.0), still(10.0));
    let strengths = |campaign: &Campaign| -> Vec<f64> {
        let samples = &campaign.survey(&mut Unwatched).unwrap().environments[0].samples;
        samples.iter().map(|sample| f64::from(sample.scan.readings()[0].1)).collect()
    };
    let day = drifting.day((0, 0)).unwrap();
    let drift_db =
        |s: &i64| day.sent_dbm(&drifting.config, 0, *s as f64) - day.transmitters[0].sent_dbm;
    let expected: Vec<f64> = seconds.iter().map(drift_db).collect();
    let found = strengths(&drifting).into_iter().zip(strengths(&steady)).map(|(a, b)| a - b);
    for (found, expected) in found.zip(&expected) {
        // Both are whole numbers.
        assert!((found - expected).abs() <= 1.0, "{found} {expected}");
    }
    let most_db = expected.iter().map(|x| x.abs()).fold(0.0, f64::max);
    assert!(most_db > 5.0, "{most_db}");
}

/// What a device adds is its own: between days it differs by the days' spread alone.
#[test]
fn a_gain_belongs_to_the_device() {
    let campaign = campaign(|c| {
        c.changes.day_gain_db = 0.0;
        c.places[0].days.push(DayConfig { name: "three".into(), ..DayConfig::default() });
        c.places[0].days[2].device = "other".into();
    });
    let gain_db = |day| campaign.day((0, day)).unwrap().receiver.gain_db;
    let [one, two, three] = [0, 1, 2].map(gain_db);
    assert!((one - two).abs() < 1e-12 && (one - three).abs() > 1e-3, "{one} {two} {three}");
}

fn csi(images: usize, packets: usize) -> Option<CsiCapture> {
    Some(CsiCapture { images, packets, ..CsiCapture::default() })
}

#[test]
fn mistakes_are_named() {
    let refused = |change: fn(&mut CampaignConfig), expected: &str| {
        let message = Campaign::new(config(change), &[plan()]).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    refused(|c| c.schema = 3, "schema 3");
    refused(|c| c.radio.channel = 20, "radio.channel");
    refused(|c| c.radio.transmit_power_dbm = f64::NAN, "radio.transmit_power_dbm");
    refused(|c| c.tracer.max_reflections = 4, "setting `tracer.max_reflections` is 4");
    refused(|c| c.receiver.frame_loss = 1.0, "setting `receiver.frame_loss` is 1, it must be 0 to");
    refused(|c| c.receiver.ripple_db = 1e9, "`receiver.ripple_db`");
    refused(|c| c.clutter.detour_m = 1e300, "`clutter.detour_m`");
    // 32 square metres.
    refused(|c| c.clutter.per_m2 = 313.0, "place `rooms`: setting `clutter.per_m2` is 313");
    refused(|c| c.people.count = 1001, "`people.count` is 1001, it must be at most 1000");
    refused(|c| c.people.pause_s = -1.0, "`people.pause_s`");
    refused(|c| c.places[0].days[0].people = Some(usize::MAX), "people of day `one`");
    refused(|c| c.changes.placement_m = 1e300, "`changes.placement_m`");
    refused(|c| c.radio.transmit_power_dbm = 101.0, "`radio.transmit_power_dbm`");
    refused(|c| c.scans = Some(ScanConfig { per_point: 1, random: 100_001 }), "`scans.random`");
    refused(|c| c.csi = csi(10_002, 1), "`csi.images` is 10002, it must be at most 10000");
    refused(|c| c.csi = csi(10_000, 10_000), "a visit takes 1000020 s, more than a day");
    refused(|c| c.changes.drift_period_h = 0.0, "changes.drift_period_h");
    refused(|c| c.people.body.height_m = -1.0, "`people.body.height_m`");
    refused(|c| c.csi = Some(CsiCapture { images: 3, ..CsiCapture::default() }), "multiple");
    refused(|c| (c.csi, c.scans) = (None, None), "nothing is measured");
    refused(|c| c.places[0].days.clear(), "[[places.days]]");
    refused(|c| c.places[0].days[1].name = "one".into(), "twice");
    refused(|c| c.places[0].days[1].name = String::new(), "has no name");
    refused(|c| c.places[0].name = "../rooms".into(), "environment name `../rooms-one`");
    refused(|c| c.places[0].days[0].open = vec!["gate".into()], "no door `gate`; it has door");
    refused(
        |c| {
            c.places[0].days[1].moved =
                vec![MovedFurniture { name: "table".into(), at: [9.0, 9.0] }];
        },
        "furniture `table` has a corner",
    );
    assert!(toml::from_str::<CampaignConfig>(&FILE.replace("seed = 7", "sede = 7")).is_err());
}

#[test]
fn places_do_not_share_environments() {
    let refused = |names: [&str; 2], day: &str, expected: &str| {
        let config = config(|c| {
            let mut other = c.places[0].clone();
            c.places[0].name = names[0].into();
            other.name = names[1].into();
            other.days[0].name = day.into();
            c.places.push(other);
        });
        let message = config.check().unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    refused(["a", "a"], "x", "place `a` stands twice");
    // Day `b-one` of a, day `one` of a-b.
    refused(["a-b", "a"], "b-one", "would both be environment `a-b-one`");
    refused(["a", "A"], "x", "would share a folder");
}

#[test]
fn too_much_to_trace_is_refused_with_the_number() {
    let config = config(|c| {
        c.tracer.max_reflections = 3;
        c.scans = Some(ScanConfig { per_point: 1, random: 100_000 });
    });
    let mut plan = plan();
    for n in 0..300 {
        let at = [0.5, 1.0 + 0.005 * f64::from(n), 2.0];
        plan.access_points.push(PlacedAccessPoint { name: format!("more{n}"), at });
    }
    let heavy = Campaign::new(config, &[plan]).unwrap();
    let message = heavy.seconds().unwrap_err().to_string();
    assert!(message.starts_with("place `rooms`: tracing takes up to"), "{message}");
    assert!(message.contains("s on one core, more than 40000000000"), "{message}");
}

#[test]
fn size_is_told() {
    let size = campaign(|_| ()).size();
    assert_eq!((size.environments, size.points, size.scans), (2, 8, 2 * (8 + 3)));
    assert_eq!(size.frames, 8 * 2 * 2 * 5);
    assert!(size.to_string().contains("160 CSI frames"), "{size}");
    // 160 frames of 64 values of 8 bytes and 12 more, 22 scans of two readings of 24 bytes.
    assert_eq!(size.bytes, 160 * (512 + 12) + 22 * 2 * 24);
    let seconds = campaign(|_| ()).seconds().unwrap();
    assert!(seconds > 0.0 && seconds < 60.0, "{seconds}");
    // Days with more people take longer.
    let crowded = campaign(|c| c.places[0].days[1].people = Some(200));
    assert!(crowded.seconds().unwrap() > 2.0 * seconds);
}

#[test]
fn what_nobody_can_wait_for_is_refused_at_once() {
    let config = config(|c| {
        let csi =
            CsiCapture { images: 10_000, packets: 10_000, visits: 100, ..CsiCapture::default() };
        c.csi = Some(CsiCapture { packet_interval_ms: 10.0, ..csi });
    });
    // Four points, two access points, two days, 1e8 frames each are 1.6e9.
    let mut three_days = config.clone();
    assert!(Campaign::new(config, &[plan()]).is_ok());
    let day = DayConfig { name: "three".into(), ..DayConfig::default() };
    three_days.places[0].days.push(day);
    let message = Campaign::new(three_days, &[plan()]).unwrap_err().to_string();
    assert!(message.contains("2400000000 CSI frames, more than 2000000000"), "{message}");
}

/// Sequence numbers in a capture, by sender.
fn sequences(capture: &[u8]) -> Vec<(MacAddress, Vec<u16>)> {
    let mut reader = NexmonReader::new(capture, None).unwrap();
    let mut found: Vec<(MacAddress, Vec<u16>)> = Vec::new();
    while let Some(event) = reader.next_event().unwrap() {
        let Event::Frame(frame) = event else { continue };
        let (source, number) = (frame.source.unwrap(), frame.sequence.unwrap());
        match found.iter_mut().find(|(known, _)| *known == source) {
            Some((_, numbers)) => numbers.push(number),
            None => found.push((source, vec![number])),
        }
    }
    found
}

/// Captures, imported, hold the frames of the survey; a point named twice is written once.
#[test]
fn captures_are_read_back() {
    let campaign = campaign(|_| ());
    let names = ["rooms-two/p003".to_owned(), "rooms-two/p003".to_owned()];
    let captures = campaign.captures(&names).unwrap();
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("captures");
    let written = captures.write(&folder).unwrap();
    assert_eq!((written.len(), written[0].packets), (2, 10));
    // Each sender counts for itself: numbers missing from its sequence are frames lost.
    let bytes = std::fs::read(folder.join(&written[0].file)).unwrap();
    let sequences = sequences(&bytes);
    assert_eq!(sequences.len(), 2);
    for (_, numbers) in &sequences {
        assert!(numbers[0] < 5 && numbers.windows(2).all(|pair| pair[1] > pair[0]), "{numbers:?}");
    }
    assert_eq!(captures.bytes(), written.iter().map(|w| w.bytes).sum::<u64>());
    let imported = crate::survey::SurveyFormat::Captures.load(&folder, None, None).unwrap();
    let day = campaign.day((0, 1)).unwrap();
    for sample in &imported.environments[0].samples {
        let visit = usize::from(&*sample.set == "visit-2");
        let recording = &sample.csi.as_ref().unwrap().recording;
        let direct = day.record(&campaign.config, 2, visit).unwrap().recordings;
        assert!(direct.iter().any(|(_, r)| *r == **recording), "{}", sample.id);
    }
    assert_eq!(imported.environments[0].samples.len(), 4);
    for (name, expected) in [
        ("p003", "ENVIRONMENT/POINT"),
        ("x/p003", "no environment `x`"),
        ("rooms-two/p9", "no point"),
    ] {
        let message = campaign.captures(&[name.to_owned()]).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn the_shipped_places_can_be_traced_with_three_reflections() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/ray-traced-six.toml");
    let mut campaign = Campaign::read(&file, None).unwrap();
    campaign.config.tracer.max_reflections = 3;
    for index in campaign.days() {
        let plan = campaign.plan(index);
        let n_links = plan.points().len() + campaign.config.scans.unwrap().random;
        let n_faces = plan.faces().len();
        let work = campaign.config.tracer().check_work(n_faces, plan.access_points.len(), n_links);
        assert!(work.is_ok(), "{work:?}");
    }
}
