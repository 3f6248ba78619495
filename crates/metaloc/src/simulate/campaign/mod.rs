//! Survey campaigns: places surveyed on several days, by rays through their floor plans.
//!
//! ```text
//! CampaignConfig + FloorPlan -> Campaign -> Day (what moved, who sends, what receives)
//!     -> Visit: paths traced once, then frames with people, noise and gain control -> Environment
//! ```
//!
//! What changes between days and during a capture, and by how much unless the file says otherwise, stands in
//! docs/simulator.md. Everything comes from one seed, and each visit from a stream of its own.

mod captures;
mod config;
mod day;
mod paper;
mod size;
#[cfg(test)]
mod tests;
mod visit;
mod walk;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use metaloc_radio::channel::FloorPlan;
use metaloc_radio::geometry::Position;
use metaloc_radio::signal::{AccessPointId, RssScan};
use rayon::prelude::*;

pub use captures::{Captures, WrittenCapture};
pub use config::{
    CampaignConfig, ChangedAccessPoint, ChangesConfig, CsiCapture, DayConfig, MovedFurniture,
    PeopleConfig, PlaceConfig, RadioConfig, ScanConfig, TracerSettings,
};
pub use day::Day;
pub use paper::{PaperPlace, ray_traced_six};
pub use size::CampaignSize;
use visit::TimedScan;
pub use visit::Visit;

use crate::error::Error;
use crate::evaluate::EvaluationObserver;
use crate::floor_plan;
use crate::survey::{Environment, Provenance, Sample, SampleCsi, Survey, SurveyPoint};

/// A campaign with its floor plans.
#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    /// What is surveyed.
    pub config: CampaignConfig,
    /// `[places][days]`: the floors.
    plans: Vec<Vec<FloorPlan>>,
}

impl Campaign {
    /// Reads a campaign's file and its floor plans; draws from `seed` instead of its own, if given.
    ///
    /// # Errors
    /// If one can't be read or holds a mistake; the message names the file.
    pub fn read(path: &Path, seed: Option<u64>) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, e))?;
        let refuse = |reason: String| Error::Config { path: path.to_owned(), reason };
        let mut config: CampaignConfig =
            toml::from_str(&text).map_err(|e| refuse(e.to_string()))?;
        config.seed = seed.unwrap_or(config.seed);
        let beside = path.parent().unwrap_or(Path::new("."));
        let plans = config.places.iter().map(|place| floor_plan::read(&beside.join(&place.plan)));
        let plans = plans.collect::<Result<Vec<_>, _>>()?;
        Self::new(config, &plans).map_err(|e| refuse(e.to_string()))
    }

    /// A campaign in places with these floor plans, one each.
    ///
    /// # Errors
    /// If a setting or a day makes no sense.
    pub fn new(config: CampaignConfig, plans: &[FloorPlan]) -> Result<Self, Error> {
        config.check()?;
        if plans.len() != config.places.len() {
            let (found, needed) = (plans.len(), config.places.len());
            return Err(Error::usage(format!("{needed} places need as many plans, not {found}")));
        }
        for (place, plan) in config.places.iter().zip(plans) {
            plan.check()?;
            config.check_clutter(place, plan)?;
            if plan.access_points.is_empty() || plan.points().is_empty() {
                return Err(Error::usage(format!(
                    "place `{}`: its plan `{}` has no access points or no survey points; add \
                     [[access_points]] and [[grids]]",
                    place.name, plan.name
                )));
            }
        }
        let days = |(index, plan): (usize, &FloorPlan)| {
            let place = &config.places[index].name;
            let named = |e: Error| Error::usage(format!("place `{place}`: {e}"));
            day::plans(&config, index, plan).map_err(named)
        };
        let plans = plans.iter().enumerate().map(days).collect::<Result<_, _>>()?;
        let campaign = Self { config, plans };
        campaign.check_size()?;
        Ok(campaign)
    }

    /// Environments: places and days by index, in order.
    pub fn days(&self) -> impl Iterator<Item = (usize, usize)> {
        let days = |(place, plans): (usize, &Vec<FloorPlan>)| {
            (0..plans.len()).map(move |day| (place, day)).collect::<Vec<_>>()
        };
        self.plans.iter().enumerate().flat_map(days)
    }

    /// Name of the environment of a place on a day.
    ///
    /// # Panics
    /// If there is no such day.
    #[must_use]
    pub fn environment_name(&self, (place, day): (usize, usize)) -> String {
        let place = &self.config.places[place];
        format!("{}-{}", place.name, place.days[day].name)
    }

    /// The floor of a place on a day.
    ///
    /// # Panics
    /// If there is no such day.
    #[must_use]
    pub fn plan(&self, (place, day): (usize, usize)) -> &FloorPlan {
        &self.plans[place][day]
    }

    /// A place on a day, ready to be measured.
    ///
    /// # Errors
    /// If tracing would take too long; the message says how much there would be.
    ///
    /// # Panics
    /// If there is no such day.
    pub fn day(&self, index: (usize, usize)) -> Result<Day, Error> {
        Day::new(&self.config, index, self.plan(index).clone())
    }

    /// What makes a run the same as another: the settings with the seed, and the floors.
    ///
    /// # Errors
    /// Never for a campaign that was accepted.
    pub fn key(&self) -> Result<String, Error> {
        let text = serde_json::to_string(&(&self.config, &self.plans));
        text.map_err(|e| Error::usage(e.to_string()))
    }

    /// What should be known of the campaign, a sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let frequency_hz = self.config.radio.frequency_hz();
        let plans = self.plans.iter().flatten();
        let mut warnings: Vec<String> = plans
            .flat_map(|plan| {
                plan.warnings(frequency_hz).into_iter().map(|w| format!("{}: {w}", plan.name))
            })
            .collect();
        warnings.sort_unstable();
        warnings.dedup();
        warnings
    }

    /// The survey without environments, its access points and devices listed.
    #[must_use]
    pub fn empty_survey(&self) -> Survey {
        let mut survey = Survey {
            name: self.config.name.clone(),
            provenance: Provenance {
                citation: "simulated by ray tracing through floor plans (docs/simulator.md)".into(),
                licence: "none needed".into(),
                note: format!("seed {}", self.config.seed),
            },
            ..Survey::default()
        };
        for (place, day) in self.days() {
            for access_point in &self.plans[place][day].access_points {
                survey.access_points.intern(&self.access_point_name(place, &access_point.name));
            }
            let device = self.device(place, day);
            if !survey.devices.iter().any(|known| known == device) {
                survey.devices.push(device.to_owned());
            }
        }
        survey
    }

    fn device(&self, place: usize, day: usize) -> &str {
        let name = &self.config.places[place].days[day].device;
        if name.is_empty() { "device" } else { name }
    }

    /// Access points of several places keep apart by the place's name.
    fn access_point_name(&self, place: usize, name: &str) -> String {
        match self.config.places.len() {
            1 => name.to_owned(),
            _ => format!("{}-{name}", self.config.places[place].name),
        }
    }

    /// Measures everything.
    ///
    /// # Errors
    /// If the observer stops it, or tracing would take too long.
    pub fn survey(&self, observer: &mut dyn EvaluationObserver) -> Result<Survey, Error> {
        self.survey_of(None, observer)
    }

    /// Measures the environments named in `only`, or all.
    ///
    /// # Errors
    /// If the observer stops it, or tracing would take too long.
    pub fn survey_of(
        &self,
        only: Option<&[String]>,
        observer: &mut dyn EvaluationObserver,
    ) -> Result<Survey, Error> {
        self.survey_at((only, 1), observer)
    }

    /// As [`Self::survey_of`], with samples at every so-manieth point alone: what is measured at a point hangs on
    /// no other.
    pub(crate) fn survey_at(
        &self,
        (only, every): (Option<&[String]>, usize),
        observer: &mut dyn EvaluationObserver,
    ) -> Result<Survey, Error> {
        let mut survey = self.empty_survey();
        let is_wanted = |day: &(usize, usize)| {
            only.is_none_or(|only| only.contains(&self.environment_name(*day)))
        };
        let days: Vec<_> = self.days().filter(is_wanted).collect();
        for (done, index) in days.iter().enumerate() {
            let name = self.environment_name(*index);
            let environment = self.environment_at((*index, every), &mut survey, |share| {
                observer.stage(100 * done + (100.0 * share) as usize, 100 * days.len(), &name)
            })?;
            survey.environments.push(environment);
        }
        Ok(survey)
    }

    /// Measures a place on a day, some points at a time; `observer` is told the share done.
    ///
    /// # Errors
    /// If the observer stops it, or tracing would take too long.
    pub fn environment(
        &self,
        index: (usize, usize),
        survey: &mut Survey,
        observer: impl FnMut(f64) -> ControlFlow<()>,
    ) -> Result<Environment, Error> {
        self.environment_at((index, 1), survey, observer)
    }

    fn environment_at(
        &self,
        (index, every): ((usize, usize), usize),
        survey: &mut Survey,
        mut observer: impl FnMut(f64) -> ControlFlow<()>,
    ) -> Result<Environment, Error> {
        let day = self.day(index)?;
        let ids: Vec<AccessPointId> = day
            .access_points
            .iter()
            .map(|name| survey.access_points.intern(&self.access_point_name(index.0, name)))
            .collect();
        let device = survey.devices.iter().position(|name| *name == day.device);
        let device = device.and_then(|at| u16::try_from(at).ok());
        let floor = day.plan.floor;
        let points = day.points.iter().map(|point| SurveyPoint {
            id: point.id.clone(),
            position: Position::new(point.at[0], point.at[1], floor),
        });
        let mut environment =
            Environment { name: day.name.clone(), points: points.collect(), samples: Vec::new() };
        let points: Vec<usize> = (0..day.n_points()).step_by(every).collect();
        let at_once = 2 * rayon::current_num_threads();
        for (done, some) in points.chunks(at_once).enumerate() {
            if observer((done * at_once) as f64 / points.len() as f64).is_break() {
                return Err(Error::usage("interrupted"));
            }
            let samples = some.par_iter().map(|&point| self.samples_at(&day, point, &ids, device));
            for samples in samples.collect::<Result<Vec<_>, Error>>()? {
                environment.samples.extend(samples);
            }
        }
        self.add_random(&day, &mut environment, &ids, device);
        Ok(environment)
    }

    /// All samples of a point on a day: scans, then recordings.
    fn samples_at(
        &self,
        day: &Day,
        point: usize,
        ids: &[AccessPointId],
        device: Option<u16>,
    ) -> Result<Vec<Sample>, Error> {
        let mut samples = Vec::new();
        let id = &day.points[point].id;
        let number = u32::try_from(point).unwrap_or(u32::MAX);
        let sample = |name: String, set: &str, TimedScan { time_ms, scan }| Sample {
            id: name.into(),
            point: number,
            device,
            time_ms: Some(time_ms),
            set: Arc::from(set),
            scan,
            csi: None,
        };
        if let Some(scans) = self.config.scans {
            let scans = day.scans_at(&self.config, (point, scans.per_point), ids);
            let scans = scans.into_iter().enumerate();
            samples
                .extend(scans.map(|(i, scan)| sample(format!("{id}-{}", i + 1), "training", scan)));
        }
        let visits = self.config.csi.map_or(0, |csi| csi.visits);
        for visit in 0..visits {
            let Visit { recordings, .. } = day.record(&self.config, point, visit)?;
            for (index, recording) in recordings {
                let name = format!("{id}-visit{}-{}", visit + 1, day.access_points[index]);
                let time_ms = (recording.time_ns[0] / 1_000_000) as i64;
                let csi = SampleCsi { access_point: ids[index], recording: Arc::new(recording) };
                let empty = TimedScan { time_ms, scan: RssScan::default() };
                let empty = sample(name, &format!("visit-{}", visit + 1), empty);
                samples.push(Sample { csi: Some(csi), ..empty });
            }
        }
        Ok(samples)
    }

    /// Adds the scans at random places.
    fn add_random(
        &self,
        day: &Day,
        environment: &mut Environment,
        ids: &[AccessPointId],
        device: Option<u16>,
    ) {
        let n = self.config.scans.map_or(0, |scans| scans.random);
        let scans: Vec<_> =
            (0..n).into_par_iter().map(|i| day.random_scan(&self.config, i, ids)).collect();
        let set: Arc<str> = "test".into();
        for (i, (at, TimedScan { time_ms, scan })) in scans.into_iter().flatten().enumerate() {
            let id = format!("t{:03}", i + 1);
            environment.samples.push(Sample {
                id: format!("{id}-1").into(),
                point: u32::try_from(environment.points.len()).unwrap_or(u32::MAX),
                device,
                time_ms: Some(time_ms),
                set: set.clone(),
                scan,
                csi: None,
            });
            let position = Position::new(at[0], at[1], day.plan.floor);
            environment.points.push(SurveyPoint { id, position });
        }
    }
}
