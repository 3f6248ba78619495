//! What a survey holds, in words and numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::{Environment, Survey, timestamp};

/// A survey in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SurveySummary {
    /// Its name.
    pub name: String,
    /// Hash of its content.
    pub data_hash: String,
    /// Access points listed.
    pub access_points: usize,
    /// One entry an environment.
    pub environments: Vec<EnvironmentSummary>,
}

/// An environment in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnvironmentSummary {
    /// Its name.
    pub name: String,
    /// Surveyed points.
    pub points: usize,
    /// Samples.
    pub samples: usize,
    /// Floors, ascending.
    pub floors: Vec<i32>,
    /// Sets of samples, with the number of samples in each.
    pub sets: BTreeMap<String, usize>,
    /// Devices.
    pub devices: Vec<String>,
    /// Access points heard.
    pub access_points_heard: usize,
    /// Median number of access points in a scan.
    pub median_heard: usize,
    /// Weakest and strongest reading (dBm); `None` without readings.
    pub rss_range_dbm: Option<(f32, f32)>,
    /// Channel state information, if there is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csi: Option<CsiSummary>,
    /// Extent in x and y (m).
    pub extent_m: (f64, f64),
    /// Day of the first and the last sample, if times are known.
    pub days: Option<(String, String)>,
}

/// An environment's channel state information in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CsiSummary {
    /// Samples that have it.
    pub recordings: usize,
    /// Frames of all of them.
    pub frames: usize,
    /// Fewest and most frames of a recording.
    pub frames_range: (usize, usize),
    /// Access points recorded.
    pub access_points: Vec<String>,
    /// Kinds of recording: chip, bandwidth, subcarriers, streams.
    pub kinds: Vec<String>,
}

impl CsiSummary {
    fn of(survey: &Survey, environment: &Environment) -> Option<Self> {
        let all = || environment.samples.iter().filter_map(|sample| sample.csi.as_ref());
        let frames: Vec<usize> = all().map(|csi| csi.recording.n_frames()).collect();
        let range = (*frames.iter().min()?, *frames.iter().max()?);
        let names: BTreeSet<&str> =
            all().map(|csi| survey.access_points.name(csi.access_point)).collect();
        let kinds: BTreeSet<String> = all()
            .map(|csi| {
                let r = &csi.recording;
                format!(
                    "{}, {} MHz, {} subcarriers, {} streams",
                    r.chip,
                    r.bandwidth_mhz,
                    r.subcarriers.count(),
                    r.streams.len()
                )
            })
            .collect();
        Some(Self {
            recordings: frames.len(),
            frames: frames.iter().sum(),
            frames_range: range,
            access_points: names.into_iter().map(str::to_owned).collect(),
            kinds: kinds.into_iter().collect(),
        })
    }
}

impl fmt::Display for CsiSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fewest, most) = self.frames_range;
        let each = if fewest == most { fewest.to_string() } else { format!("{fewest} to {most}") };
        write!(
            f,
            "CSI: {} recordings of {each} frames, from {}; {}",
            self.recordings,
            self.access_points.join(", "),
            self.kinds.join("; ")
        )
    }
}

impl SurveySummary {
    /// Summarises a survey.
    #[must_use]
    pub fn of(survey: &Survey) -> Self {
        Self {
            name: survey.name.clone(),
            data_hash: survey.content_hash(),
            access_points: survey.access_points.len(),
            environments: survey.environments.iter().map(|e| summary(survey, e)).collect(),
        }
    }
}

fn summary(survey: &Survey, environment: &Environment) -> EnvironmentSummary {
    let samples = &environment.samples;
    let readings = || samples.iter().flat_map(|sample| sample.scan.readings());
    let heard: BTreeSet<u32> = readings().map(|(id, _)| id.0).collect();
    let mut lengths: Vec<usize> = samples.iter().map(|sample| sample.scan.len()).collect();
    lengths.sort_unstable();
    let weakest = readings().map(|r| r.1).fold(f32::INFINITY, f32::min);
    let strongest = readings().map(|r| r.1).fold(f32::NEG_INFINITY, f32::max);
    let mut sets: BTreeMap<String, usize> = BTreeMap::new();
    for sample in samples {
        match sets.get_mut(&*sample.set) {
            Some(count) => *count += 1,
            None => _ = sets.insert(sample.set.to_string(), 1),
        }
    }
    let devices: BTreeSet<u16> = samples.iter().filter_map(|sample| sample.device).collect();
    let times = || samples.iter().filter_map(|sample| sample.time_ms);
    let extent = |pick: fn(&super::SurveyPoint) -> f64| {
        let of = || environment.points.iter().map(pick);
        of().fold(f64::NEG_INFINITY, f64::max) - of().fold(f64::INFINITY, f64::min)
    };
    EnvironmentSummary {
        name: environment.name.clone(),
        points: environment.points.len(),
        samples: samples.len(),
        floors: environment.floors().into_iter().collect(),
        sets,
        devices: devices.into_iter().map(|d| survey.devices[d as usize].clone()).collect(),
        access_points_heard: heard.len(),
        median_heard: lengths.get(lengths.len() / 2).copied().unwrap_or(0),
        rss_range_dbm: if heard.is_empty() { None } else { Some((weakest, strongest)) },
        csi: CsiSummary::of(survey, environment),
        extent_m: if environment.points.is_empty() {
            (0.0, 0.0)
        } else {
            (extent(|p| p.position.x_m), extent(|p| p.position.y_m))
        },
        days: {
            let day = |time_ms: Option<i64>| timestamp::day(time_ms?);
            day(times().min()).zip(day(times().max()))
        },
    }
}

impl fmt::Display for SurveySummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let samples: usize = self.environments.iter().map(|e| e.samples).sum();
        writeln!(
            f,
            "survey {}: {} environments, {samples} samples, {} access points, data {:.16}",
            self.name,
            self.environments.len(),
            self.access_points,
            self.data_hash
        )?;
        self.environments.iter().try_for_each(|environment| environment.fmt(f))
    }
}

impl fmt::Display for EnvironmentSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let e = self;
        let floors: Vec<String> = e.floors.iter().map(i32::to_string).collect();
        let heard = match e.rss_range_dbm {
            None if e.csi.is_some() => "no signal strength".to_owned(),
            None => "nothing heard".to_owned(),
            Some((weakest, strongest)) => format!(
                "{} access points (median {} a scan), {} to {} dBm",
                e.access_points_heard,
                e.median_heard,
                tenths(weakest),
                tenths(strongest)
            ),
        };
        let days = e.days.as_ref().map_or(String::new(), |(first, last)| {
            if first == last { format!(", {first}") } else { format!(", {first} to {last}") }
        });
        writeln!(
            f,
            "  {}: {} points, {} samples, floors {}, {:.1} x {:.1} m, {heard}{days}",
            e.name,
            e.points,
            e.samples,
            floors.join(" "),
            e.extent_m.0,
            e.extent_m.1,
        )?;
        if let Some(csi) = &e.csi {
            writeln!(f, "      {csi}")?;
        }
        let named: Vec<String> = e
            .sets
            .iter()
            .filter(|(set, _)| !set.is_empty())
            .map(|(set, count)| format!("{set} ({count})"))
            .collect();
        if !named.is_empty() {
            writeln!(f, "      sets {}", named.join(" "))?;
        }
        if !e.devices.is_empty() {
            writeln!(f, "      devices {}", e.devices.join(", "))?;
        }
        Ok(())
    }
}

/// More digits of a mean level would only look precise.
fn tenths(dbm: f32) -> f32 {
    (dbm * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use metaloc_radio::geometry::Position;
    use metaloc_radio::signal::RssScan;

    use super::*;
    use crate::survey::{Sample, SurveyPoint};

    #[test]
    fn a_survey_in_words() {
        let mut survey = Survey { name: "hall".into(), ..Survey::default() };
        let ids = ["a", "b"].map(|name| survey.access_points.intern(name));
        let mut day = Environment { name: "day-1".into(), ..Environment::default() };
        for (at, x_m) in [0.0, 4.0].into_iter().enumerate() {
            let position = Position::new(x_m, 1.5, 2);
            day.points.push(SurveyPoint { id: format!("p{at}"), position });
            let readings = ids[at..].iter().map(|&id| (id, -50.0 - at as f32)).collect();
            day.samples.push(Sample {
                id: format!("s{at}").into(),
                point: at as u32,
                device: None,
                time_ms: Some(1_476_811_167_336),
                set: "trn".into(),
                scan: RssScan::new(readings).unwrap(),
                csi: None,
            });
        }
        survey.environments.push(day);
        let words = SurveySummary::of(&survey).to_string();
        let expected = "  day-1: 2 points, 2 samples, floors 2, 4.0 x 0.0 m, 2 access points \
                        (median 2 a scan), -51 to -50 dBm, 2016-10-18\n      sets trn (2)\n";
        assert!(words.ends_with(expected), "{words}");
    }

    #[test]
    fn an_empty_environment_has_no_range() {
        let environments = vec![Environment { name: "x".into(), ..Environment::default() }];
        let survey = Survey { environments, ..Survey::default() };
        let summary = &SurveySummary::of(&survey).environments[0];
        assert_eq!((summary.rss_range_dbm, summary.extent_m), (None, (0.0, 0.0)));
    }
}
