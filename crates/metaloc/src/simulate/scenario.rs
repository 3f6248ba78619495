//! Scenario files: environments to simulate.

use std::path::Path;

use metaloc_meta::seed::{ChaCha8Rng, Purpose, stream};
use metaloc_radio::channel::Propagation;
use metaloc_radio::geometry::Position;
use metaloc_radio::signal::AccessPointId;
use serde::{Deserialize, Serialize};

use super::{Layout, LayoutConfig, scan};
use crate::error::Error;
use crate::survey::{Environment, Provenance, Sample, Survey, SurveyPoint};

/// More samples in one environment are taken for a slip of the pen.
const MAX_SAMPLES: f64 = 1e7;

/// A scenario: environments with their channels, and one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Version of the file format; 1.
    pub schema: u32,
    /// Name of the survey it makes.
    pub name: String,
    /// Seed of everything drawn.
    pub seed: u64,
    /// The environments.
    pub environments: Vec<EnvironmentConfig>,
}

/// One environment of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentConfig {
    /// Its name.
    pub name: String,
    /// Environments with the same building share the places of their access points and points;
    /// by default an environment is a building of its own.
    pub building: Option<String>,
    /// Floor number.
    #[serde(default)]
    pub floor: i32,
    /// The room.
    pub layout: LayoutConfig,
    /// Distance between survey points on a grid (m).
    pub grid_m: f64,
    /// Samples at each survey point, in the set `training`.
    pub samples_per_point: usize,
    /// Samples at random places, in the set `test`.
    pub test_samples: usize,
    /// Propagation.
    pub channel: Propagation,
    /// Weaker access points are not heard (dBm).
    #[serde(default = "default_sensitivity_dbm")]
    pub sensitivity_dbm: f64,
    /// Gain of the receiver against others (dB).
    #[serde(default)]
    pub receiver_gain_db: f64,
}

const fn default_sensitivity_dbm() -> f64 {
    -95.0
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// If it can't be read or holds a mistake; the message names file and key.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, e))?;
        Self::parse(&text, path)
    }

    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let refuse = |reason: String| Error::Config { path: path.to_owned(), reason };
        let scenario: Self = toml::from_str(text).map_err(|e| refuse(e.to_string()))?;
        if scenario.schema != 1 {
            return Err(refuse(format!(
                "schema {} is not known, this is schema 1",
                scenario.schema
            )));
        }
        for environment in &scenario.environments {
            let checked = environment.check();
            checked.map_err(|e| refuse(format!("environment `{}`: {e}", environment.name)))?;
        }
        let mut names: Vec<&str> = scenario.environments.iter().map(|e| e.name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(refuse(format!("environment `{}` stands twice; rename one", twice[0])));
        }
        if names.is_empty() {
            return Err(refuse("it has no [[environments]]; add one".into()));
        }
        Ok(scenario)
    }

    /// The propagation models used, for the survey's provenance.
    fn citation(&self) -> String {
        let mut models: Vec<_> = self.environments.iter().map(|e| e.channel.model.name()).collect();
        models.sort_unstable();
        models.dedup();
        format!(
            "simulated by the path-loss model {} (MetaLoc paper, section IV-A)",
            models.join(", ")
        )
    }

    /// Measures all environments.
    #[must_use]
    pub fn simulate(&self) -> Survey {
        let mut survey = Survey {
            name: self.name.clone(),
            provenance: Provenance {
                citation: self.citation(),
                licence: "none needed".into(),
                note: format!("seed {}", self.seed),
            },
            ..Survey::default()
        };
        for (index, environment) in self.environments.iter().enumerate() {
            let building = environment.building();
            let mut measured = stream(self.seed, Purpose::Simulation, index as u64, 1);
            let layout = self.layout(index);
            let names =
                (0..environment.layout.access_points).map(|i| format!("{building}-ap{:02}", i + 1));
            let ids: Vec<_> = names.map(|name| survey.access_points.intern(&name)).collect();
            survey.environments.push(environment.measure(&layout, &ids, &mut measured));
        }
        survey
    }

    /// The room of an environment: drawn once a building, so that environments of one building share it.
    pub(super) fn layout(&self, index: usize) -> Layout {
        let environment = &self.environments[index];
        let building = environment.building();
        let first = self.environments.iter().position(|e| e.building() == building);
        let place = first.unwrap_or(index) as u64;
        let mut places = stream(self.seed, Purpose::Simulation, place, 0);
        Layout::draw(environment.layout, environment.floor, &environment.channel, &mut places)
    }
}

impl EnvironmentConfig {
    fn building(&self) -> &str {
        self.building.as_deref().unwrap_or(&self.name)
    }

    fn check(&self) -> Result<(), Error> {
        self.layout.check()?;
        self.channel.check()?;
        if !(self.grid_m > 0.0 && self.grid_m.is_finite()) {
            return Err(Error::usage("setting `grid_m` must be above 0"));
        }
        if self.samples_per_point == 0 {
            return Err(Error::usage("setting `samples_per_point` must be at least 1"));
        }
        for (name, value) in
            [("sensitivity_dbm", self.sensitivity_dbm), ("receiver_gain_db", self.receiver_gain_db)]
        {
            if !value.is_finite() {
                return Err(Error::usage(format!("setting `{name}` must be a finite number")));
            }
        }
        let points = self.cells(self.layout.width_m) * self.cells(self.layout.depth_m);
        let samples = points * self.samples_per_point as f64 + self.test_samples as f64;
        if samples > MAX_SAMPLES {
            return Err(Error::usage(format!(
                "it would have {samples:.0} samples, more than {MAX_SAMPLES:.0}; take a larger \
                 `grid_m` or fewer samples"
            )));
        }
        Ok(())
    }

    /// Number of grid cells along `extent` (m).
    pub(super) fn cells(&self, extent: f64) -> f64 {
        (extent / self.grid_m).floor().max(1.0)
    }

    /// Survey points in the middle of grid cells, then test samples at random places.
    fn measure(&self, layout: &Layout, ids: &[AccessPointId], rng: &mut ChaCha8Rng) -> Environment {
        let mut environment = Environment { name: self.name.clone(), ..Environment::default() };
        let (training, test): (std::sync::Arc<str>, std::sync::Arc<str>) =
            ("training".into(), "test".into());
        let middle = |cell: usize, extent: f64| (cell as f64 + 0.5) * extent / self.cells(extent);
        for i in 0..self.cells(self.layout.width_m) as usize {
            for j in 0..self.cells(self.layout.depth_m) as usize {
                let x_m = middle(i, self.layout.width_m);
                let y_m = middle(j, self.layout.depth_m);
                let at = Position::new(x_m, y_m, self.floor);
                let id = format!("p{:03}", environment.points.len() + 1);
                let n = self.samples_per_point;
                self.sample(&mut environment, (id, at), (layout, ids), (&training, n), rng);
            }
        }
        for i in 0..self.test_samples {
            let at = layout.random_position(self.floor, rng);
            let id = format!("t{:03}", i + 1);
            self.sample(&mut environment, (id, at), (layout, ids), (&test, 1), rng);
        }
        environment
    }

    fn sample(
        &self,
        environment: &mut Environment,
        (id, position): (String, Position),
        (layout, ids): (&Layout, &[AccessPointId]),
        (set, n): (&std::sync::Arc<str>, usize),
        rng: &mut ChaCha8Rng,
    ) {
        let point = u32::try_from(environment.points.len()).unwrap_or(u32::MAX);
        let links = layout.links(&position, &self.channel, rng);
        let receiver = (self.receiver_gain_db, self.sensitivity_dbm);
        for i in 0..n {
            let scan = scan(&links, receiver, ids, rng);
            environment.samples.push(Sample {
                id: format!("{id}-{}", i + 1).into(),
                point,
                device: None,
                time_ms: None,
                set: set.clone(),
                scan,
                csi: None,
            });
        }
        environment.points.push(SurveyPoint { id, position });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four historical offices and a new one, all different buildings.
    const OFFICES: &str = include_str!("../../../../scenarios/offices.toml");

    fn offices() -> Scenario {
        Scenario::parse(OFFICES, Path::new("offices.toml")).unwrap()
    }

    #[test]
    fn the_offices_are_whole_and_repeats() {
        let scenario = offices();
        let survey = scenario.simulate();
        assert_eq!(survey, scenario.simulate());
        assert_eq!(survey.environments.len(), scenario.environments.len());
        let other = Scenario { seed: scenario.seed + 1, ..scenario };
        assert_ne!(survey, other.simulate());
    }

    #[test]
    fn a_building_keeps_its_access_points() {
        let mut scenario = offices();
        scenario.environments.truncate(2);
        let first = scenario.environments[0].clone();
        scenario.environments[1] =
            EnvironmentConfig { name: "later".into(), building: Some(first.name.clone()), ..first };
        let survey = scenario.simulate();
        assert_eq!(
            survey.access_points.len(),
            survey.environments[0].samples[0]
                .scan
                .len()
                .max(scenario.environments[0].layout.access_points)
        );
        assert_eq!(survey.environments[0].points[0], survey.environments[1].points[0]);
        assert_ne!(survey.environments[0].samples[0].scan, survey.environments[1].samples[0].scan);
    }

    #[test]
    fn a_building_may_gain_access_points() {
        let mut scenario = offices();
        let first = scenario.environments[0].clone();
        let mut later = first.clone();
        later.name = "later".into();
        later.building = Some(first.name.clone());
        later.layout.access_points += 2;
        scenario.environments.push(later);
        let survey = scenario.simulate();
        let heard = survey.environments.last().unwrap().samples.iter();
        let heard = heard.flat_map(|sample| sample.scan.readings().iter().map(|&(id, _)| id));
        for id in heard {
            assert!(survey.access_points.name(id).starts_with(&first.name), "{id:?}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let parse = |from: &str, to: &str| {
            Scenario::parse(&OFFICES.replacen(from, to, 1), Path::new("s.toml"))
                .unwrap_err()
                .to_string()
        };
        assert!(parse("schema = 1", "schema = 9").contains("schema 9"));
        assert!(parse("schema = 1", "schema = 1\nsped = 3").contains("sped"));
        assert!(parse("grid_m = ", "grid_m = -").contains("grid_m"));
        assert!(parse("width_m = 20.0", "width_m = 2e9").contains("more than 10000000"));
        let nan = parse("grid_m = ", "receiver_gain_db = nan\ngrid_m = ");
        assert!(nan.contains("receiver_gain_db"), "{nan}");
    }
}
