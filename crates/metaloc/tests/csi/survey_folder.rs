//! Surveys with channel state information, written and read.

use metaloc::radio::signal::CsiRecording;
use metaloc::survey::{Survey, SurveySummary};

use super::synthetic::survey;

#[test]
fn a_survey_comes_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("room");
    let survey = survey(2);
    survey.write(&path).unwrap();
    let back = Survey::read(&path).unwrap();
    assert_eq!(back, survey);
    assert_eq!(back.content_hash(), survey.content_hash());
    let words = SurveySummary::of(&back).to_string();
    let expected =
        "CSI: 36 recordings of 4 frames, from router; bcm43455c0, 20 MHz, 64 subcarriers";
    assert!(words.contains(expected), "{words}");
}

#[test]
fn one_value_changes_the_hash() {
    let (plain, mut changed) = (survey(1), survey(1));
    let csi = changed.environments[0].samples[5].csi.as_mut().unwrap();
    std::sync::Arc::make_mut(&mut csi.recording).values[3].im += 1.0;
    assert_ne!(plain.content_hash(), changed.content_hash());
}

#[test]
fn damaged_recordings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("room");
    survey(1).write(&path).unwrap();
    let file = path.join("day0/csi.safetensors");
    let bytes = std::fs::read(&file).unwrap();
    let refused = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        let message = Survey::read(&path).unwrap_err().to_string();
        assert!(message.contains("csi.safetensors"), "{message}");
        message
    };
    assert!(refused(&bytes[..bytes.len() / 2]).contains("not a whole file of recordings"));
    assert!(refused(b"").contains("not a whole file of recordings"));
    let text = String::from_utf8_lossy(&bytes[8..]).into_owned();
    let at = 8 + text.find("s3-p1").unwrap();
    let mut renamed = bytes.clone();
    renamed[at] = b'x';
    assert!(refused(&renamed).contains("of sample `x3-p1`: there is no such sample"));
    let at = 8 + text.find("\\\"frames\\\":4").unwrap() + 11;
    let mut shorter = bytes.clone();
    shorter[at] = b'3';
    assert!(refused(&shorter).contains("recording 0, of sample `s0-p0`: `0.values` has"));
}

#[test]
fn damaged_numbers_are_refused() {
    let written = |change: &dyn Fn(&mut Survey)| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("room");
        let mut survey = survey(1);
        change(&mut survey);
        survey.write(&path).unwrap();
        let place = |name: &str| std::fs::metadata(path.join("day0").join(name)).unwrap();
        assert_eq!(place("csi.safetensors").permissions(), place("points.csv").permissions());
        Survey::read(&path).map_err(|error| error.to_string())
    };
    let recording = |survey: &mut Survey, change: &dyn Fn(&mut CsiRecording)| {
        let csi = survey.environments[0].samples[1].csi.as_mut().unwrap();
        change(std::sync::Arc::make_mut(&mut csi.recording));
    };
    assert!(written(&|_| {}).is_ok());
    let not_a_number = written(&|s| recording(s, &|r| r.values[64].im = f32::NAN)).unwrap_err();
    assert!(not_a_number.contains("recording 1, of sample"), "{not_a_number}");
    assert!(not_a_number.contains("a value of frame 1 is not finite"), "{not_a_number}");
    let falling = written(&|s| recording(s, &|r| r.time_ns[2] = 0)).unwrap_err();
    assert!(falling.contains("time falls after frame 1"), "{falling}");
}
