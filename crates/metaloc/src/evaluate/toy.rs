//! The paper's toy examples (section V-A): path-loss models as environments, layouts drawn afresh.
//!
//! A task is a room with access points, reference points and adaptation samples at random places;
//! the environment is the propagation model, perhaps with several rooms, powers and deviations. R
//! reference points with one scan each are the radio map; some adaptation samples with known places
//! train the network.

use std::collections::BTreeMap;
use std::sync::Arc;

use metaloc_meta::seed::{ChaCha8Rng, Purpose, stream};
use metaloc_meta::site::Environment;
use metaloc_meta::training::{Observer, Silent};
use metaloc_radio::channel::Propagation;
use metaloc_radio::geometry::Position;
use metaloc_radio::signal::{AccessPointId, AccessPoints, RssScan};
use serde::{Deserialize, Serialize};

use super::methods::Kind;
use super::run::{Context, LabelledCase, Stoppable, train_all};
use super::{
    Case, ErrorStatistics, EvaluationObserver, Floors, MethodConfig, Overrides, PlaceAnswers,
    Protocol, Row, Split,
};
use crate::error::Error;
use crate::learning::{
    Algorithm, DrawnTask, EncodedTasks, Encoder, History, LearningConfig, MetaModel, Orientation,
    Support, TaskOrigin, Tasks, TrainingStart, train_on,
};
use crate::simulate::{Layout, LayoutConfig, scan};
use crate::site::{Site, SitePoint};

/// No access point is too weak to be heard in the toy examples.
const HEARS_ALL_DBM: f64 = -1e9;

/// The toy examples' settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToyData {
    /// Room and number of access points.
    pub layout: LayoutConfig,
    /// Environments by name: the propagation of each.
    pub channels: BTreeMap<String, Propagation>,
    /// Environments of several kinds of tasks (the conference paper's Table II), by name: what in each
    /// differs from layout and channel. Test layouts take them in turn.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tasks: BTreeMap<String, Vec<ToyTask>>,
    /// Adaptation samples of a task (with the queries, the paper's "124 training data").
    pub adaptation_samples: usize,
    /// Query samples of a training task.
    pub query_samples: usize,
    /// Layouts drawn for a test.
    pub test_layouts: usize,
    /// Scans located in each.
    pub test_samples: usize,
}

/// A kind of tasks of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToyTask {
    /// Extent of the room in x (m).
    pub width_m: f64,
    /// Extent of the room in y (m).
    pub depth_m: f64,
    /// Transmit power (dBm).
    pub tx_power_dbm: f64,
    /// Deviation of the links without line of sight (dB); the channel's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadowing_std_db: Option<f64>,
}

/// What a task is drawn by: the room, and how signals propagate in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ToySetting {
    pub(super) layout: LayoutConfig,
    pub(super) channel: Propagation,
}

impl ToyData {
    /// The settings of an environment: one, unless it has several kinds of tasks.
    pub(super) fn settings(&self, name: &str) -> Result<Vec<ToySetting>, Error> {
        let (layout, channel) = (self.layout, *self.channel(name)?);
        let of = |task: &ToyTask| ToySetting {
            layout: LayoutConfig { width_m: task.width_m, depth_m: task.depth_m, ..layout },
            channel: Propagation {
                tx_power_dbm: task.tx_power_dbm,
                shadowing_std_db: task.shadowing_std_db.or(channel.shadowing_std_db),
                ..channel
            },
        };
        Ok(match self.tasks.get(name) {
            Some(tasks) if !tasks.is_empty() => tasks.iter().map(of).collect(),
            _ => vec![ToySetting { layout, channel }],
        })
    }

    /// Checks every environment's settings.
    pub(super) fn check(&self) -> Result<(), Error> {
        for name in self.channels.keys().chain(self.tasks.keys()) {
            for ToySetting { layout, channel } in self.settings(name)? {
                layout.check()?;
                channel.check()?;
            }
        }
        Ok(())
    }

    fn places(
        &self,
        layout: &Layout,
        channel: &Propagation,
        n: usize,
        rng: &mut ChaCha8Rng,
    ) -> Vec<(RssScan, Position)> {
        let ids: Vec<_> = (0..).map(AccessPointId).take(layout.access_points.len()).collect();
        let mut draw = || {
            let at = layout.random_position(0, rng);
            let links = layout.links(&at, channel, rng);
            (scan(&links, (0.0, HEARS_ALL_DBM), &ids, rng), at)
        };
        (0..n).map(|_| draw()).collect()
    }

    fn support(
        &self,
        environment: &str,
        layout: &Layout,
        channel: &Propagation,
        n_points: usize,
        rng: &mut ChaCha8Rng,
    ) -> Support {
        let reference = self.places(layout, channel, n_points, rng);
        let points = reference.into_iter().enumerate().map(|(i, (scan, position))| SitePoint {
            id: format!("r{:02}", i + 1),
            position,
            scans: vec![scan],
        });
        let site = Site { environment: environment.to_owned(), floor: 0, points: points.collect() };
        let adaptation = self.places(layout, channel, self.adaptation_samples, rng);
        Support { site, adaptation }
    }

    fn channel(&self, name: &str) -> Result<&Propagation, Error> {
        self.channels.get(name).ok_or_else(|| {
            let have: Vec<&str> = self.channels.keys().map(String::as_str).collect();
            Error::usage(format!("no toy environment `{name}`; there are {}", have.join(", ")))
        })
    }

    pub(super) fn access_points(&self) -> AccessPoints {
        let names: Vec<String> =
            (1..=self.layout.access_points).map(|i| format!("ap{i:02}")).collect();
        AccessPoints::from(names)
    }
}

/// A toy environment, or one kind of its tasks, as an origin of training tasks.
pub(super) struct ToyTasks<'a> {
    data: &'a ToyData,
    pub(super) name: &'a str,
    setting: ToySetting,
    /// Reference points of a task.
    points: usize,
}

/// The origins of some environments' tasks.
pub(super) fn toy_tasks<'a>(
    data: &'a ToyData,
    names: &'a [String],
    points: usize,
) -> Result<Vec<ToyTasks<'a>>, Error> {
    let mut tasks = Vec::new();
    for name in names {
        let of = |setting| ToyTasks { data, name, setting, points };
        tasks.extend(data.settings(name)?.into_iter().map(of));
    }
    Ok(tasks)
}

impl TaskOrigin for ToyTasks<'_> {
    fn draw_task(&self, rng: &mut ChaCha8Rng) -> Result<DrawnTask, Error> {
        let Self { name, setting: ToySetting { layout, channel }, points, .. } = self;
        let layout = Layout::draw(*layout, 0, channel, rng);
        let support = self.data.support(name, &layout, channel, *points, rng);
        let queries = self.data.places(&layout, channel, self.data.query_samples, rng);
        let (orientation, removed) = (Orientation::IDENTITY, Vec::new());
        Ok(DrawnTask { support, queries, orientation, removed })
    }
}

/// Runs a toy protocol.
pub(super) fn run(
    protocol: &Protocol,
    data: &ToyData,
    overrides: &Overrides,
    observer: &mut dyn EvaluationObserver,
) -> Result<Vec<Row>, Error> {
    data.check()?;
    let data_hash = super::run::hash(data)?;
    let access_points = Arc::new(data.access_points());
    let splits = overrides.splits(protocol);
    let total = splits.len() * protocol.seeds.len() * protocol.support.points.len();
    let mut rows = Vec::new();
    for split in &splits {
        let protocol = &protocol.for_split(split)?;
        // Chosen once, on the middle number of points: `auto` stands for one choice a user makes.
        let middle = protocol.support.points[protocol.support.points.len() / 2];
        let names: Vec<&String> = protocol.methods.iter().map(|method| &method.name).collect();
        let protocol = &chosen(protocol, data, split, middle, &data_hash)?;
        for &seed in &protocol.seeds {
            for &points in &protocol.support.points {
                let what = format!("{points} reference points, seed {seed}");
                if observer.stage(rows.len() / protocol.methods.len(), total, &what).is_break() {
                    return Err(super::run::interrupted());
                }
                let tasks = toy_tasks(data, &split.historical, points)?;
                let models = train_all(protocol, seed, |config, seed| {
                    let history = (&split.historical[..], &data_hash[..]);
                    let mut training = Stoppable::new(observer);
                    let run = (config, seed, &mut training as &mut dyn Observer);
                    let model = train(&tasks, run, history, &access_points)?;
                    training.whole(model)
                })?;
                let context = Context {
                    protocol,
                    split: &split.name,
                    seed,
                    data_hash: &data_hash,
                    models: &models,
                };
                for new in &split.new {
                    let cases = toy_cases(data, new, points, seed, &access_points)?;
                    let per_layout = context.evaluate(&cases, &[])?;
                    let mut per_method = pooled(&per_layout, protocol.methods.len());
                    for (row, name) in per_method.iter_mut().zip(&names) {
                        row.method.clone_from(name);
                    }
                    rows.extend(per_method);
                }
            }
        }
    }
    Ok(rows)
}

/// The protocol with what `auto` chooses in its place: the candidates are judged as settings are.
fn chosen(
    protocol: &Protocol,
    data: &ToyData,
    split: &Split,
    points: usize,
    data_hash: &str,
) -> Result<Protocol, Error> {
    let mut chosen = protocol.clone();
    for method in &mut chosen.methods {
        if Kind::of(&method.name)? != Kind::Learn(Algorithm::Auto) {
            continue;
        }
        let candidates = crate::auto::rss_candidates(&protocol.learning_of(method)?, &[]);
        let variants = candidates.into_iter().map(|config| {
            let learning =
                toml::Table::try_from(&config).map_err(|e| Error::usage(e.to_string()))?;
            Ok(MethodConfig { name: config.algorithm.name().into(), learning, ..method.clone() })
        });
        let variants = variants.collect::<Result<Vec<_>, Error>>()?;
        let mut judging = protocol.clone();
        judging.select.points = points;
        judging.select.draws = judging.select.draws.max(2);
        judging.select.queries = judging.select.queries.max(100);
        let scores = held_out_scores(&judging, data, split, variants.clone(), data_hash)?;
        let best = (0..scores.len()).min_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or(0);
        method.clone_from(&variants[best]);
    }
    Ok(chosen)
}

/// For choosing settings: each historical channel held out in turn, layouts drawn afresh.
pub(super) fn held_out_scores(
    protocol: &Protocol,
    data: &ToyData,
    split: &Split,
    variants: Vec<MethodConfig>,
    data_hash: &str,
) -> Result<Vec<f64>, Error> {
    let n = variants.len();
    let (seed, points) = (protocol.seeds[0], protocol.select.points);
    let protocol = Protocol { methods: variants, ..protocol.clone() };
    let access_points = Arc::new(data.access_points());
    let select = &protocol.select;
    let small =
        ToyData { test_layouts: select.draws, test_samples: select.queries, ..data.clone() };
    let mut sums = vec![0.0; n];
    for held_out in &split.historical {
        let others: Vec<String> =
            split.historical.iter().filter(|name| *name != held_out).cloned().collect();
        let tasks = toy_tasks(data, &others, points)?;
        let models = train_all(&protocol, seed, |config, seed| {
            train(&tasks, (config, seed, &mut Silent), (&others, data_hash), &access_points)
        })?;
        let context =
            Context { protocol: &protocol, split: "fold", seed, data_hash, models: &models };
        // Layouts of another seed than any test's.
        let cases = toy_cases(&small, held_out, points, !seed, &access_points)?;
        for (i, row) in context.evaluate(&cases, &[])?.iter().enumerate() {
            sums[i % n] += row.score_m() / (small.test_layouts * split.historical.len()) as f64;
        }
    }
    Ok(sums)
}

/// The encoder of some environments' tasks.
pub(super) fn fitted_encoder(
    tasks: &[ToyTasks<'_>],
    config: &LearningConfig,
    seed: u64,
    access_points: &AccessPoints,
) -> Result<Encoder, Error> {
    let mut rng = stream(seed, Purpose::Initialization, 1, 0);
    // The rooms themselves are the frame: their centre and a random place's mean distance from it.
    let mut layouts: Vec<LayoutConfig> = Vec::new();
    for ToyTasks { setting, .. } in tasks {
        if !layouts.contains(&setting.layout) {
            layouts.push(setting.layout);
        }
    }
    let site = |layout: &LayoutConfig| {
        let points = room(layout);
        Site { environment: String::new(), floor: 0, points }
    };
    let rooms: Vec<Site> = layouts.iter().map(site).collect();
    Encoder::fit(config.fingerprint, tasks, &rooms, access_points, &mut rng)
}

pub(super) fn train(
    tasks: &[ToyTasks<'_>],
    (config, seed, observer): (&LearningConfig, u64, &mut dyn Observer),
    (environments, data_hash): (&[String], &str),
    access_points: &AccessPoints,
) -> Result<MetaModel, Error> {
    let encoder = fitted_encoder(tasks, config, seed, access_points)?;
    let bound = encoder.bind(access_points);
    let encoded: Vec<EncodedTasks<'_>> =
        tasks.iter().map(|origin| EncodedTasks { origin, encoder: &bound }).collect();
    let environments_and_tasks: Vec<Environment<'_>> =
        tasks.iter().zip(&encoded).map(|(origin, tasks)| (origin.name, tasks as _)).collect();
    let history = History {
        environments: environments.to_vec(),
        validation_environments: Vec::new(),
        access_points: Vec::new(),
        data_hash: data_hash.to_owned(),
    };
    let start = TrainingStart { encoder: encoder.clone(), history, state: None };
    let tasks = Tasks { environments: &environments_and_tasks, validation: &[] };
    train_on(tasks, start, config, seed, observer)
}

/// A fine grid of places, as points without scans.
fn room(layout: &LayoutConfig) -> Vec<SitePoint> {
    let at = |i: usize, extent: f64| (i as f64 + 0.5) / 20.0 * extent;
    let cells = (0..20).flat_map(|i| (0..20).map(move |j| (i, j)));
    let place = |(i, j)| Position::new(at(i, layout.width_m), at(j, layout.depth_m), 0);
    cells
        .map(|cell| SitePoint { id: String::new(), position: place(cell), scans: Vec::new() })
        .collect()
}

/// The test layouts of an environment.
pub(super) fn toy_cases(
    data: &ToyData,
    name: &str,
    points: usize,
    seed: u64,
    access_points: &Arc<AccessPoints>,
) -> Result<Vec<LabelledCase>, Error> {
    let settings = data.settings(name)?;
    let case = |index: usize| {
        let ToySetting { layout, channel } = &settings[index % settings.len()];
        let mut rng = stream(seed, Purpose::Support, index as u64, points as u64);
        let layout = Layout::draw(*layout, 0, channel, &mut rng);
        let support = data.support(name, &layout, channel, points, &mut rng);
        let case = Case {
            environment: name.to_owned(),
            full: vec![support.site.clone()],
            supports: vec![support],
            queries: data.places(&layout, channel, data.test_samples, &mut rng),
            access_points: access_points.clone(),
        };
        LabelledCase { case, floors: Floors::Apart, points }
    };
    Ok((0..data.test_layouts).map(case).collect())
}

/// All answers in a layout as those at one place.
fn layout_answers(index: usize, layout: &Row) -> PlaceAnswers {
    let mut all = PlaceAnswers { place: [index as u64, 0, 0], ..PlaceAnswers::default() };
    layout.places.iter().for_each(|answers| all.add(answers));
    all
}

/// One row a method, errors of all layouts pooled.
fn pooled(rows: &[Row], n_methods: usize) -> Vec<Row> {
    let mut pooled: Vec<Row> = rows[..n_methods].to_vec();
    for (i, row) in pooled.iter_mut().enumerate() {
        let same = || rows.iter().skip(i).step_by(n_methods);
        let layouts = same().count() as f64;
        row.needs = same().find_map(|r| r.needs.clone());
        row.not_located = same().map(|r| r.not_located).sum();
        row.adapt_ms =
            row.adapt_ms.map(|_| same().filter_map(|r| r.adapt_ms).sum::<f64>() / layouts);
        row.locate_us = same().map(|r| r.locate_us).sum::<f64>() / layouts;
        row.errors_m = same().flat_map(|r| r.errors_m.iter().copied()).collect();
        row.errors = ErrorStatistics::of(&row.errors_m).unwrap_or_default();
        // A layout is one place: its samples share what makes it hard.
        row.places =
            same().enumerate().map(|(index, layout)| layout_answers(index, layout)).collect();
    }
    pooled
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: &str = "layout = { width_m = 10.0, depth_m = 8.0, access_points = 3 }
        adaptation_samples = 1\nquery_samples = 1\ntest_layouts = 1\ntest_samples = 1
        [channels]
        plain = { model = \"mall-nlos\", tx_power_dbm = 10.0, shadowing_std_db = 4.0 }
        several = { model = \"mall-nlos\", tx_power_dbm = 10.0, shadowing_std_db = 4.0 }
        [tasks]
        several = [
            { width_m = 20.0, depth_m = 15.0, tx_power_dbm = 15.0, shadowing_std_db = 7.0 },
            { width_m = 5.0, depth_m = 6.0, tx_power_dbm = 20.0 },
        ]";

    #[test]
    fn an_environment_has_one_kind_of_tasks_or_several() {
        let data: ToyData = toml::from_str(DATA).unwrap();
        data.check().unwrap();
        let of = |name: &str| -> Vec<_> {
            let settings = data.settings(name).unwrap().into_iter();
            let numbers = |s: ToySetting| {
                let (layout, channel) = (s.layout, s.channel);
                (layout.width_m, layout.depth_m, channel.tx_power_dbm, channel.shadowing_std_db)
            };
            settings.map(numbers).collect()
        };
        assert_eq!(of("plain"), [(10.0, 8.0, 10.0, Some(4.0))]);
        let several = [(20.0, 15.0, 15.0, Some(7.0)), (5.0, 6.0, 20.0, Some(4.0))];
        assert_eq!(of("several"), several);
        let names = ["several".to_owned(), "plain".to_owned()];
        assert_eq!(toy_tasks(&data, &names, 6).unwrap().len(), 3);
        let stray: ToyData = toml::from_str(&DATA.replace("several = [", "other = [")).unwrap();
        let error = stray.check().unwrap_err().to_string();
        assert!(error.contains("no toy environment `other`"), "{error}");
        let wrong: ToyData = toml::from_str(&DATA.replace("5.0, d", "-5.0, d")).unwrap();
        assert!(wrong.check().is_err());
    }
}
