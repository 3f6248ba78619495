//! Surveys with channel state information, written and read.

use std::sync::Arc;

use metaloc::radio::signal::{CsiRecording, RssScan};
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
    assert!(refused(&renamed).contains("sample `x3-p1` is not in samples.csv"));
    let at = 8 + text.find("\\\"frames\\\":4").unwrap() + 11;
    let mut shorter = bytes.clone();
    shorter[at] = b'3';
    let message = refused(&shorter);
    assert!(
        message.contains("recording 0, of sample `s0-p0`: `0.values` is F32 [4, "),
        "{message}"
    );
}

/// What is said of a survey with this file of recordings.
fn refusal(change: impl FnOnce(&mut Survey)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("room");
    let mut survey = survey(1);
    change(&mut survey);
    survey.write(&path).unwrap();
    let message = Survey::read(&path).unwrap_err().to_string();
    assert!(message.contains("csi.safetensors: recording 5, of sample `s1-p1`: "), "{message}");
    assert!(message.ends_with("; import again"), "{message}");
    message
}

fn recording(survey: &mut Survey) -> &mut CsiRecording {
    Arc::make_mut(&mut survey.environments[0].samples[5].csi.as_mut().unwrap().recording)
}

#[test]
fn numbers_that_no_capture_gives_are_refused() {
    for nonsense in [f32::NAN, f32::INFINITY] {
        let message = refusal(|survey| recording(survey).values[64 + 7].im = nonsense);
        assert!(message.contains("a value of frame 1 is not finite"), "{message}");
    }
    let message = refusal(|survey| recording(survey).rssi_dbm[3] = Some(f32::NEG_INFINITY));
    assert!(message.contains("the RSSI of frame 3 is not finite"), "{message}");
    let message = refusal(|survey| recording(survey).time_ns[2] = 5);
    assert!(message.contains("frame 2 has an earlier time"), "{message}");
}

#[test]
fn an_unknown_rssi_is_legal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("room");
    let mut survey = survey(1);
    recording(&mut survey).rssi_dbm[1] = None;
    survey.write(&path).unwrap();
    assert_eq!(Survey::read(&path).unwrap(), survey);
}

#[test]
fn list_and_tensors_belong_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("room");
    survey(1).write(&path).unwrap();
    let file = path.join("day0/csi.safetensors");
    let bytes = std::fs::read(&file).unwrap();
    let refused = |from: &str, to: &str| {
        let at = bytes.windows(from.len()).position(|found| found == from.as_bytes()).unwrap();
        let mut changed = bytes.clone();
        changed[at..at + from.len()].copy_from_slice(to.as_bytes());
        std::fs::write(&file, changed).unwrap();
        Survey::read(&path).unwrap_err().to_string()
    };
    let message = refused("s1-p1", "s1-p0");
    let twice = "recording 5, of sample `s1-p0`: the sample has a recording above already";
    assert!(message.contains(twice) && message.contains("csi.safetensors"), "{message}");
    let message = refused("\"5.rssi_dbm\"", "\"X.rssi_dbm\"");
    assert!(message.contains("`X.rssi_dbm` is of none of the 36 recordings"), "{message}");
    let message = refused("\\\"frames\\\":4", "\\\"frames\\\":0");
    assert!(message.contains("recording 0, of sample `s0-p0`: it has no frames"), "{message}");
}

#[cfg(unix)]
#[test]
fn whoever_reads_the_tables_reads_the_recordings() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("room");
    survey(1).write(&path).unwrap();
    let mode = |name: &str| path.join("day0").join(name).metadata().unwrap().permissions().mode();
    assert_eq!(mode("csi.safetensors"), mode("rss.csv"));
}

#[test]
fn recordings_left_behind_are_missed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("room");
    let mut survey = survey(1);
    survey.environments[0].samples.iter_mut().for_each(|sample| sample.scan = RssScan::default());
    survey.write(&path).unwrap();
    assert_eq!(Survey::read(&path).unwrap(), survey);
    std::fs::remove_file(path.join("day0/csi.safetensors")).unwrap();
    let message = Survey::read(&path).unwrap_err().to_string();
    assert!(message.contains("day0: ") && message.contains("csi.safetensors"), "{message}");
    survey.environments[0].samples.iter_mut().for_each(|sample| sample.csi = None);
    let message = survey.write(&folder.path().join("other")).unwrap_err().to_string();
    assert!(message.contains("environment `day0`: none of its samples"), "{message}");
}
