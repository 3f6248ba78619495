//! What is wrong with a survey folder is said with file, row, finding and remedy.
#![allow(clippy::unwrap_used)] // helpers of tests

use std::path::Path;

use metaloc::survey::{Survey, SurveyError};
use proptest::prelude::*;

const TOML: &str = "schema = 1\nname = \"hall\"\nunit = \"m\"\nenvironments = [\"day-1\"]\n";
const POINTS: &str = "point_id,x_m,y_m,floor\np1,0,0,0\np2,4.5,0,0\n";
const SAMPLES: &str = "sample_id,point_id,time,device,set\ns1,p1,,phone,training\ns2,p2,,,\n";
const RSS: &str = "sample_id,access_point,dbm\ns1,a,-50\ns1,b,-60.5\ns2,a,-70\n";

/// Writes a good survey with one file replaced (left out if `text` is `None`) and reads it.
fn read_with(file: &str, text: Option<&[u8]>) -> Result<Survey, SurveyError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("day-1")).unwrap();
    let good = [
        ("survey.toml", TOML),
        ("day-1/points.csv", POINTS),
        ("day-1/samples.csv", SAMPLES),
        ("day-1/rss.csv", RSS),
    ];
    assert!(good.iter().any(|(name, _)| *name == file), "{file}");
    for (name, content) in good {
        match text {
            Some(text) if name == file => std::fs::write(folder.path().join(name), text).unwrap(),
            None if name == file => {}
            _ => std::fs::write(folder.path().join(name), content).unwrap(),
        }
    }
    Survey::read(folder.path())
}

/// The message for a file with this content; it must name the file and hold all `parts`.
fn refused(file: &str, text: &str, parts: &[&str]) {
    let message = read_with(file, Some(text.as_bytes())).unwrap_err().to_string();
    for part in [Path::new(file).file_name().unwrap().to_str().unwrap()].iter().chain(parts) {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

fn refused_points(text: &str, parts: &[&str]) {
    refused("day-1/points.csv", &format!("point_id,x_m,y_m,floor\n{text}"), parts);
}

fn refused_samples(text: &str, parts: &[&str]) {
    refused("day-1/samples.csv", &format!("sample_id,point_id,time,device,set\n{text}"), parts);
}

fn refused_rss(text: &str, parts: &[&str]) {
    refused("day-1/rss.csv", &format!("sample_id,access_point,dbm\n{text}"), parts);
}

#[test]
fn the_good_survey_is_read() {
    let survey = read_with("survey.toml", Some(TOML.as_bytes())).unwrap();
    assert_eq!((survey.n_samples(), survey.access_points.len()), (2, 2));
    let day = &survey.environments[0];
    assert_eq!(day.samples[1].device, None);
    assert_eq!(&*day.samples[0].set, "training");
}

#[test]
fn missing_files() {
    for file in ["survey.toml", "day-1/points.csv", "day-1/samples.csv", "day-1/rss.csv"] {
        let error = read_with(file, None).unwrap_err();
        assert!(matches!(error, SurveyError::NoData { .. }), "{error:?}");
        let message = error.to_string();
        let remedy = if file == "survey.toml" { "metaloc survey init" } else { "columns" };
        assert!(message.contains(file) && message.contains("there is no such file"), "{message}");
        assert!(message.contains(remedy), "{message}");
    }
}

#[test]
fn samples_without_any_measurement_miss_a_file() {
    let none = b"sample_id,access_point,dbm\n";
    let message = read_with("day-1/rss.csv", Some(none)).unwrap_err().to_string();
    for part in ["day-1: ", "2 samples", "rss.csv has no reading", "csi.safetensors", "add the"] {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    // One scan that heard nothing is no mistake.
    let one = b"sample_id,access_point,dbm\ns1,a,-50\n";
    let survey = read_with("day-1/rss.csv", Some(one)).unwrap();
    assert!(survey.environments[0].samples[1].scan.is_empty());
}

#[test]
fn wrong_headers() {
    let file = "day-1/rss.csv";
    refused(
        file,
        "sample,ap,dbm\n",
        &["`sample_id` is missing", "must be sample_id,access_point,dbm"],
    );
    refused(
        file,
        "sample_id;access_point;dbm\ns1;a;-50\n",
        &["the header is `sample_id;access", "commas"],
    );
    refused(file, "", &["`sample_id` is missing"]);
    let file = "day-1/points.csv";
    refused(file, "point_id,x_m,y_m,level\np,0,0,0\n", &["`level` is not known", "may have floor"]);
    refused(file, "point_id,x_m,y_m,x_m\np,0,0,0\n", &["`x_m` stands twice"]);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_no_mistake() {
    let text = format!("\u{feff}{}", POINTS.replace('\n', "\r\n"));
    let survey = read_with("day-1/points.csv", Some(text.as_bytes())).unwrap();
    assert_eq!(survey.environments[0].points.len(), 2);
}

#[test]
fn optional_columns_may_be_left_out() {
    let points = "point_id,x_m,y_m\np1,0,0\np2,4.5,0\n";
    let survey = read_with("day-1/points.csv", Some(points.as_bytes())).unwrap();
    assert_eq!(survey.environments[0].points[1].position.floor, 0);
    let samples = "sample_id,point_id\ns1,p1\ns2,p2\n";
    let survey = read_with("day-1/samples.csv", Some(samples.as_bytes())).unwrap();
    assert_eq!(&*survey.environments[0].samples[0].set, "");
}

#[test]
fn ragged_rows() {
    refused_rss("s1,a,-50\ns1,b\n", &["row 3", "2 cells where 3 are expected"]);
    refused_points("p1,0,0,0,9\n", &["row 2", "5 cells where 4 are expected"]);
    refused_samples("s1,p1\n", &["row 2", "2 cells where 5 are expected"]);
}

#[test]
fn rss_that_no_receiver_reports() {
    refused_rss("s1,a,-50\ns1,b,weak\n", &["row 3", "`dbm` is `weak`", "a finite number"]);
    refused_rss("s1,a,NaN\n", &["row 2", "`dbm` is `NaN`"]);
    refused_rss("s1,a,-inf\n", &["row 2", "`dbm` is `-inf`"]);
    refused_rss("s1,a,\n", &["row 2", "`dbm` is ``"]);
    refused_rss("s1,a,0.5\n", &["row 2", "RSS is 0.5 dBm", "-120 to 0 dBm"]);
    refused_rss("s1,a,100\n", &["row 2", "RSS is 100 dBm", "not heard has no row"]);
    refused_rss("s1,a,-120.5\n", &["row 2", "RSS is -120.5 dBm"]);
    assert!(
        read_with("day-1/rss.csv", Some(b"sample_id,access_point,dbm\ns1,a,0\ns1,b,-120\n"))
            .is_ok()
    );
}

#[test]
fn points() {
    refused_points(
        "p1,0,0,0\np2,1,0,0\np1,0,7,0\n",
        &["row 4", "`p1` stands above at (0, 0, floor 0)", "another name"],
    );
    refused_points("p1,0,0,0\np2,1,0,0\np1,0,0,1\n", &["row 4", "`p1`"]);
    refused_points("p1,0,north,0\n", &["row 2", "`y_m` is `north`"]);
    refused_points("p1,inf,0,0\n", &["row 2", "`x_m` is `inf`"]);
    refused_points("p1,0,0,ground\n", &["row 2", "`floor` is `ground`", "whole number"]);
    refused_points("p1,0,0,99999999999\n", &["row 2", "`floor`"]);
    refused_points(",0,0,0\n", &["row 2", "`point_id` is empty"]);
    refused_points("", &["no reference points", "survey.toml"]);
    let twice = format!("{POINTS}p1,0.0,0,0\n");
    let survey = read_with("day-1/points.csv", Some(twice.as_bytes())).unwrap();
    assert_eq!(survey.environments[0].points.len(), 2, "identical repeats are one point");
}

#[test]
fn samples() {
    refused_samples(
        "s1,p9,,,\n",
        &["row 2", "point `p9` is not in points.csv", "add it or correct"],
    );
    refused_samples("s1,p1,,,\ns1,p2,,,\n", &["row 3", "sample `s1` stands twice"]);
    refused_samples(
        "s1,p1,yesterday,,\n",
        &["row 2", "`time` is `yesterday`", "2026-01-31T14:05:00"],
    );
    refused_samples(",p1,,,\n", &["row 2", "`sample_id` is empty"]);
}

#[test]
fn readings_of_nothing_and_twice() {
    refused_rss("s9,a,-50\n", &["row 2", "sample `s9` is not in samples.csv"]);
    refused_rss("s1,a,-50\ns2,a,-50\ns1,a,-51\n", &["row 4", "`a` stands twice in sample `s1`"]);
    refused_rss("s1,,-50\n", &["row 2", "`access_point` is empty"]);
}

#[test]
fn text_that_is_not_utf_8() {
    let files: [(&str, &[u8]); 2] = [
        ("day-1/rss.csv", b"sample_id,access_point,dbm\ns1,caf\xe9,-50\n"),
        ("survey.toml", b"schema = 1\nname = \"caf\xe9\"\n"),
    ];
    for (file, text) in files {
        let message = read_with(file, Some(text)).unwrap_err().to_string();
        assert!(message.contains(file) && message.contains("as UTF-8"), "{message}");
    }
}

#[test]
fn descriptions() {
    let file = "survey.toml";
    refused(file, &TOML.replace("schema = 1", "schema = 2"), &["schema 2", "reads schema 1"]);
    refused(file, &TOML.replace("\"m\"", "\"feet\""), &["unit is `feet`", "metres"]);
    refused(file, &TOML.replace("name", "title"), &["unknown field `title`"]);
    refused(file, &TOML.replace("schema = 1\n", ""), &["missing field `schema`"]);
    refused(file, &TOML.replace("[\"day-1\"]", "[]"), &["`environments` is empty"]);
    refused(file, &TOML.replace("[\"day-1\"]", "[\"day-1\", \"day-1\"]"), &["listed twice"]);
    for name in ["..", "../day-1", "/etc", ".", "a/../../b"] {
        refused(file, &TOML.replace("day-1", name), &[&format!("`{name}`"), "rename it"]);
    }
}

#[test]
fn an_environment_without_folder() {
    let message = read_with("survey.toml", Some(TOML.replace("day-1", "day-2").as_bytes()));
    let message = message.unwrap_err().to_string();
    assert!(message.contains("day-2/points.csv") && message.contains("no such file"), "{message}");
}

/// The row is the line in the file, also behind empty lines, Windows line ends and cells of several
/// lines.
#[test]
fn rows_are_counted_as_an_editor_does() {
    refused_rss("s1,a,-50\n\n\ns1,b,weak\n", &["row 5", "`dbm` is `weak`"]);
    refused_rss("\ns1,b,weak\n", &["row 3"]);
    refused_rss("s1,a,-50\r\ns1,b,weak\r\n", &["row 3"]);
    refused_rss("s1,a,-50\r\n\r\ns1,b\r\n", &["row 4", "2 cells where 3"]);
    refused_rss("s1,\"a\nb\",-50\ns1,b,weak\n", &["row 4"]);
    refused_points("p1,0,0,0\n\np1,0,1,0\n", &["row 4", "`p1` stands above"]);
    refused_rss("s1,a,-50\n\ns2,caf\u{e9},weak\n", &["row 4"]);
    let windows = RSS.replace('\n', "\r\n");
    refused("day-1/rss.csv", &windows.replace("-70", "70"), &["row 4", "RSS is 70 dBm"]);
    let marked = format!("\u{feff}{}", RSS.replace("-60.5", "weak"));
    refused("day-1/rss.csv", &marked, &["row 3"]);
    refused("day-1/rss.csv", &RSS.trim_end().replace("-70", "x"), &["row 4"]);
}

#[test]
fn a_write_refuses_what_could_not_be_read() {
    let survey = read_with("survey.toml", Some(TOML.as_bytes())).unwrap();
    let refused = |change: fn(&mut Survey), parts: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let mut survey = survey.clone();
        change(&mut survey);
        let message = survey.write(&folder.path().join("out")).unwrap_err().to_string();
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    };
    refused(|s| s.environments.clear(), &["no environments"]);
    refused(|s| s.environments[0].name = "../day".into(), &["`../day`", "rename it"]);
    let no_points = |s: &mut Survey| {
        s.environments[0].points.clear();
        s.environments[0].samples.clear();
    };
    refused(no_points, &["`day-1`", "no reference points"]);
    refused(|s| s.environments[0].points[1].id = "p1".into(), &["`day-1`", "`p1` stands twice"]);
    refused(|s| s.environments[0].samples[1].id = "s1".into(), &["`day-1`", "`s1` stands twice"]);
    refused(|s| s.environments[0].points[1].position.x_m = f64::NAN, &["`p2`", "finite"]);
    refused(|s| s.environments[0].samples[0].time_ms = Some(i64::MAX), &["`s1`", "time"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_make_it_panic(text in proptest::collection::vec(any::<u8>(), 0..200), which in 0..4usize) {
        let files = ["survey.toml", "day-1/points.csv", "day-1/samples.csv", "day-1/rss.csv"];
        prop_assert!(read_with(files[which], Some(&text)).is_err());
        let mut longer = [TOML, POINTS, SAMPLES, RSS][which].as_bytes().to_vec();
        longer.extend(text);
        let _ = read_with(files[which], Some(&longer));
    }
}
