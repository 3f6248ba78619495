//! The strengths that go with channel state information: a scan for each window, as the paper has an RSS
//! vector for each image (section IV-B), so that methods on RSS can be compared on the same packets.

use std::collections::BTreeMap;
use std::sync::Arc;

use metaloc_radio::signal::{AccessPointId, RssScan};

use crate::error::Error;
use crate::evaluate::{CsiData, Floors, SurveyData};
use crate::survey::{Environment, Sample, Survey};

/// Set of the scans from a new environment's survey.
const SURVEYED: &str = "surveyed";
/// Set of the scans that are located.
const LOCATED: &str = "located";
/// Set of the scans in between.
const BETWEEN: &str = "between";

/// Time of a window's first frame (ms), and its mean strength.
type Strength = (Option<i64>, f32);

/// The division of time in `data`, for scans.
pub(super) fn survey_data(data: &CsiData) -> SurveyData {
    SurveyData {
        format: data.format,
        path: data.path.clone(),
        environment_by: data.environment_by.clone(),
        floors: vec![Floors::Together],
        historical_sets: vec!["*".into()],
        support_sets: vec![SURVEYED.into()],
        test_sets: vec![LOCATED.into()],
    }
}

/// A scan for each run of so many packets: the mean strength of each access point's i-th run.
///
/// # Errors
/// [`Error::Needs`] if a recording has no strengths; one that is no strength.
pub(super) fn scans(survey: &Survey, data: &CsiData, packets: usize) -> Result<Survey, Error> {
    let environments = survey.environments.iter().map(|e| of_environment(e, data, packets));
    let environments = environments.collect::<Result<_, Error>>()?;
    Ok(Survey { environments, ..survey.clone() })
}

fn of_environment(
    environment: &Environment,
    data: &CsiData,
    packets: usize,
) -> Result<Environment, Error> {
    let sets = data.sets_of(environment);
    let part = |set: &str| match sets.iter().position(|known| known == set) {
        Some(at) if at < data.support_first => SURVEYED,
        Some(at) if at >= data.test_after => LOCATED,
        _ => BETWEEN,
    };
    // Point, set -> access point -> strengths of the runs.
    let mut runs: BTreeMap<(u32, &str), BTreeMap<AccessPointId, Vec<Strength>>> = BTreeMap::new();
    for sample in environment.samples.iter().filter(|sample| sets.contains(&sample.set.to_string()))
    {
        let Some(csi) = &sample.csi else { continue };
        let of_sample = strengths(sample, packets)?;
        let by_access_point = runs.entry((sample.point, &sample.set)).or_default();
        by_access_point.entry(csi.access_point).or_default().extend(of_sample);
    }
    let mut samples = Vec::new();
    for ((point, set), by_access_point) in runs {
        let n = by_access_point.values().map(Vec::len).min().unwrap_or(0);
        // As many as windows are located.
        let n = if part(set) == LOCATED { n.min(data.test_windows.unwrap_or(n)) } else { n };
        for run in 0..n {
            let readings = by_access_point.iter().map(|(id, runs)| (*id, runs[run].1)).collect();
            let scan = RssScan::new(readings).map_err(|e| {
                Error::usage(format!("{}, strengths of set {set}: {e}", environment.name))
            })?;
            samples.push(Sample {
                id: format!("{}-{set}-{}", environment.points[point as usize].id, run + 1).into(),
                point,
                device: None,
                time_ms: by_access_point.values().next().and_then(|runs| runs[run].0),
                set: Arc::from(part(set)),
                scan,
                csi: None,
            });
        }
    }
    let (name, points) = (environment.name.clone(), environment.points.clone());
    Ok(Environment { name, points, samples })
}

/// Mean strengths of a recording's whole runs.
fn strengths(sample: &Sample, packets: usize) -> Result<Vec<Strength>, Error> {
    let Some(csi) = &sample.csi else { return Ok(Vec::new()) };
    let recording = &csi.recording;
    let none = || Error::needs("received signal strengths");
    let runs = recording.rssi_dbm.chunks_exact(packets.max(1)).zip(0..);
    runs.map(|(run, index): (_, usize)| {
        let sum = run.iter().copied().sum::<Option<f32>>().ok_or_else(none)?;
        let time_ms = (recording.time_ns[index * packets] / 1_000_000) as i64;
        Ok((Some(time_ms), sum / run.len() as f32))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::campaign::PaperPlace;

    /// A day of the lab: two visits of one image each, three access points, ninety points.
    #[test]
    fn each_window_has_the_mean_of_its_packets() {
        let campaign = PaperPlace::Lab.campaign(2, None).unwrap();
        let survey = campaign
            .survey_of(Some(&["lab-0721".to_owned()]), &mut crate::evaluate::Unwatched)
            .unwrap();
        let data: CsiData = toml::from_str(
            "format = \"scenario\"\npath = \"\"\nsets = [\"*\"]\nsupport_first = 1\ntest_after = 1\ndraws = 1",
        )
        .unwrap();
        let scans = scans(&survey, &data, 50).unwrap();
        let of = |set: &str| {
            scans.environments[0].samples.iter().filter(|s| &*s.set == set).collect::<Vec<_>>()
        };
        assert_eq!((of(SURVEYED).len(), of(LOCATED).len(), of(BETWEEN).len()), (90, 90, 0));
        let first = of(SURVEYED)[0];
        let recorded = survey.environments[0].samples.iter().filter(|s| s.point == first.point);
        for sample in recorded.filter(|s| &*s.set == "visit-1") {
            let csi = sample.csi.as_ref().unwrap();
            let rssi: Vec<f32> = csi.recording.rssi_dbm.iter().flatten().copied().collect();
            assert_eq!(rssi.len(), 50);
            let mean = rssi.iter().sum::<f32>() / 50.0;
            assert!((first.scan.get(csi.access_point).unwrap() - mean).abs() < 1e-4);
        }
        assert_eq!(first.scan.len(), 3);
    }
}
