//! Survey folders: written whole or not at all, read back exactly.
#![allow(clippy::unwrap_used)] // helpers of tests

use metaloc::radio::geometry::Position;
use metaloc::radio::signal::{AccessPointId, RssScan};
use metaloc::survey::{
    Environment, Georeference, Provenance, Sample, Survey, SurveyError, SurveyPoint,
};
use proptest::prelude::*;

/// A survey with all that a folder can hold, among it names that need quotes.
fn survey() -> Survey {
    let mut survey = Survey {
        name: "two \"halls\"".into(),
        provenance: Provenance { citation: "we, 2026".into(), ..Provenance::default() },
        georeference: Some(Georeference {
            latitude_deg: 39.99,
            longitude_deg: -0.07,
            elevation_m: 12.5,
            rotation_deg: 0.0,
        }),
        devices: vec!["phone, old".into(), "phone".into()],
        ..Survey::default()
    };
    let names = ["a,b", "say \"hi\"", "plain", "ünï"];
    let ids = names.map(|name| survey.access_points.intern(name));
    let scan = |readings: &[(usize, f32)]| {
        RssScan::new(readings.iter().map(|&(i, dbm)| (ids[i], dbm)).collect()).unwrap()
    };
    let sample = |id: &str, point, device, time_ms, set: &str, scan| Sample {
        id: id.into(),
        point,
        device,
        time_ms,
        set: set.into(),
        scan,
        csi: None,
    };
    let point = |id: &str, x_m, y_m, floor| SurveyPoint {
        id: id.into(),
        position: Position::new(x_m, y_m, floor),
    };
    let points = vec![point("p1", 0.1 + 0.2, -7541.264299999992, 3), point("p 2", 1e-7, 0.0, -1)];
    let samples = vec![
        sample(
            "s1",
            1,
            Some(0),
            Some(1_476_811_167_336),
            "trn01",
            scan(&[(0, -40.1), (1, -120.0)]),
        ),
        sample("s2", 0, None, None, "", scan(&[])),
        sample("s3", 0, Some(1), Some(-1), "tst, 1", scan(&[(2, -0.0), (3, -99.999_99)])),
    ];
    survey.environments = vec![
        Environment { name: "13/f3".into(), points: points.clone(), samples },
        Environment { name: "empty".into(), points, samples: Vec::new() },
    ];
    survey
}

#[test]
fn a_folder_gives_back_what_was_written() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("survey");
    let survey = survey();
    survey.write(&folder).unwrap();
    let back = Survey::read(&folder).unwrap();
    assert_eq!(back, survey);
    assert_eq!(back.content_hash(), survey.content_hash());
    assert!(folder.join("13__f3/points.csv").is_file());
    assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 1);
}

#[test]
fn numbering_is_no_content() {
    let mut survey = survey();
    let hash = survey.content_hash();
    survey.environments.swap(0, 1);
    assert_ne!(survey.content_hash(), hash, "the order of environments is content");
    survey.environments.swap(0, 1);
    survey.environments[0].samples.remove(0);
    let fewer = survey.clone().renumbered().unwrap();
    assert_eq!(fewer.access_points.names(), ["plain", "ünï"]);
    assert_eq!(fewer.devices, ["phone"]);
    assert_eq!(fewer.content_hash(), survey.content_hash());
    assert_ne!(survey.content_hash(), hash);
}

#[test]
fn what_is_there_is_not_overwritten() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("survey");
    std::fs::create_dir(&folder).unwrap();
    let error = survey().write(&folder).unwrap_err();
    assert!(matches!(error, SurveyError::OutputExists(_)));
    assert!(error.to_string().contains("exists already; choose another name or remove it first"));
}

#[test]
fn a_write_that_fails_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("survey");
    let mut bad = survey();
    bad.environments[1].points[0].id = " p1".into();
    let message = bad.write(&folder).unwrap_err().to_string();
    assert!(message.contains("environment `empty`") && message.contains("rename it"), "{message}");
    let mut bad = survey();
    bad.environments[0].samples[2].point = 7;
    let message = bad.write(&folder).unwrap_err().to_string();
    assert!(message.contains("`s3` refers to a point"), "{message}");
    let mut bad = survey();
    bad.environments[0].name = "../out".into();
    assert!(bad.write(&folder).unwrap_err().to_string().contains("`../out`"));
    assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
    let missing = parent.path().join("no/survey");
    assert!(matches!(survey().write(&missing), Err(SurveyError::File { .. })));
}

proptest! {
    #[test]
    fn every_strength_and_place_survives(
        dbm in -120.0f32..=0.0,
        x_m in proptest::num::f64::NORMAL,
        time_ms in -62_000_000_000_000i64..253_000_000_000_000,
        point in "[ -~]{1,12}",
    ) {
        prop_assume!(point.trim() == point);
        let mut survey = survey();
        survey.environments.truncate(1);
        let environment = &mut survey.environments[0];
        environment.points[0].position.x_m = x_m;
        environment.points[0].id = point;
        environment.samples[0].time_ms = Some(time_ms);
        let id = environment.samples[0].scan.readings()[0].0;
        environment.samples[0].scan = RssScan::new(vec![(id, dbm)]).unwrap();
        prop_assume!(environment.points[0].id != environment.points[1].id);
        let survey = survey.renumbered().unwrap();
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("survey");
        survey.write(&folder).unwrap();
        prop_assert_eq!(Survey::read(&folder).unwrap(), survey);
    }
}

/// Any name that a folder can hold: no spaces at its ends, and not empty.
fn name() -> impl Strategy<Value = String> {
    "[ -~äß☃,\"]{0,6}[!-~ü]".prop_filter("no spaces at the ends", |name| name.trim() == name)
}

/// `(point, device, time, set, readings)` of a sample; numbers are reduced to what there is.
type DrawnSample = (u32, Option<u16>, Option<i64>, String, Vec<(u32, f32)>);

fn sample() -> impl Strategy<Value = DrawnSample> {
    let time = -62_000_000_000_000i64..253_000_000_000_000;
    let readings = proptest::collection::vec((0..6u32, -120.0f32..=0.0), 0..5);
    let set = prop_oneof![Just(String::new()), name()];
    (0..9u32, proptest::option::of(0..3u16), proptest::option::of(time), set, readings)
}

prop_compose! {
    fn environment(name: String)(
        points in proptest::collection::btree_map(
            name_and_more(), (proptest::num::f64::NORMAL, -1e6..1e6f64, -9..9i32), 1..4),
        samples in proptest::collection::btree_map(name_and_more(), sample(), 0..6),
    ) -> Environment {
        let points: Vec<SurveyPoint> = points.into_iter().map(|(id, (x_m, y_m, floor))| {
            SurveyPoint { id, position: Position::new(x_m, y_m, floor) }
        }).collect();
        let samples = samples.into_iter().enumerate();
        let samples = samples.map(|(at, (id, (point, device, time_ms, set, mut readings)))| {
            // Where no sample has heard anything, a folder can't be told from a damaged one.
            if at == 0 && readings.is_empty() {
                readings.push((0, -50.0));
            }
            readings.sort_by_key(|reading| reading.0);
            readings.dedup_by_key(|reading| reading.0);
            let readings = readings.into_iter().map(|(id, dbm)| (AccessPointId(id), dbm)).collect();
            Sample {
                id: id.into(),
                point: point % points.len() as u32,
                device,
                time_ms,
                set: set.into(),
                scan: RssScan::new(readings).unwrap(),
                csi: None,
            }
        }).collect();
        Environment { name: name.clone(), points, samples }
    }
}

/// Names that also hold line breaks in their middle.
fn name_and_more() -> impl Strategy<Value = String> {
    prop_oneof![4 => name(), 1 => (name(), name()).prop_map(|(a, b)| format!("{a}\n{b}"))]
}

prop_compose! {
    fn any_survey()(
        title in ".{0,12}",
        citation in ".{0,12}",
        access_points in proptest::collection::btree_set(name_and_more(), 6),
        devices in proptest::collection::btree_set(name(), 3),
        day in environment("day/1".into()),
        night in environment("night".into()),
    ) -> Survey {
        let mut survey = Survey {
            name: title,
            provenance: Provenance { citation, ..Provenance::default() },
            devices: devices.into_iter().collect(),
            environments: vec![day, night],
            ..Survey::default()
        };
        access_points.iter().for_each(|name| _ = survey.access_points.intern(name));
        survey.renumbered().unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn any_small_survey_comes_back(survey in any_survey()) {
        let parent = tempfile::tempdir().unwrap();
        let (folder, again) = (parent.path().join("survey"), parent.path().join("again"));
        survey.write(&folder).unwrap();
        let back = Survey::read(&folder).unwrap();
        prop_assert_eq!(&back, &survey);
        prop_assert_eq!(back.content_hash(), survey.content_hash());
        back.write(&again).unwrap();
        for file in ["survey.toml", "day__1/points.csv", "night/samples.csv", "night/rss.csv"] {
            let [first, second] = [&folder, &again].map(|at| std::fs::read(at.join(file)).unwrap());
            prop_assert_eq!(first, second, "{}", file);
        }
    }
}
