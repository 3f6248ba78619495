//! Runs protocols unit by unit (a seed each), keeps the rows, and takes them from there the next time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Dataset, ReproduceSettings};
use crate::error::Error;
use crate::evaluate::{
    self, DataSource, EvaluationObserver, MethodConfig, Overrides, Protocol, Row,
};
use crate::locate::{ConventionalTraining, IlclSettings};
use crate::model_file;
use crate::survey::Survey;

/// Images at each point and day: the paper's, and in quick runs as few as tasks ask for.
const IMAGES: (usize, usize) = (20, 6);
/// A quick run takes this share of the iterations, and at least so many.
const QUICK_ITERATIONS: (f64, i64) = (1.0 / 200.0, 20);
/// Points surveyed in a quick run.
const QUICK_POINTS: usize = 20;

/// Steps of conventional training in a quick run.
const QUICK_STEPS: usize = 200;
/// Epochs of ILCL's network in a quick run.
const QUICK_EPOCHS: usize = 20;

/// A row with the errors behind it.
#[derive(Serialize, Deserialize)]
struct Kept {
    row: Row,
    errors_m: Vec<f64>,
}

pub(super) struct Runner<'a> {
    pub(super) settings: &'a ReproduceSettings,
    kept: &'a Path,
    observer: &'a mut dyn EvaluationObserver,
    /// Simulated surveys, by data set.
    surveys: BTreeMap<&'static str, Survey>,
    protocols: Vec<(String, String)>,
    data_hashes: BTreeMap<String, String>,
}

impl<'a> Runner<'a> {
    pub(super) fn new(
        settings: &'a ReproduceSettings,
        kept: &'a Path,
        observer: &'a mut dyn EvaluationObserver,
    ) -> Self {
        let (surveys, protocols, data_hashes) = Default::default();
        Self { settings, kept, observer, surveys, protocols, data_hashes }
    }

    /// The protocols that were run, as TOML.
    pub(super) fn take_protocols(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.protocols)
    }

    /// Hashes of the data, by protocol.
    pub(super) fn take_data_hashes(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.data_hashes).into_iter().collect()
    }

    /// The data sets of a figure about hall and lab.
    pub(super) fn places(&self) -> Vec<Dataset> {
        match self.settings.dataset {
            Some(dataset) => vec![dataset],
            None => vec![Dataset::Hall, Dataset::Lab],
        }
    }

    /// The data sets of a figure with many methods: a quick run takes one.
    pub(super) fn places_of_curves(&self) -> Vec<Dataset> {
        match (self.settings.quick, self.settings.dataset) {
            (true, None) => vec![Dataset::Lab],
            _ => self.places(),
        }
    }

    fn images(&self) -> usize {
        if self.settings.quick { IMAGES.1 } else { IMAGES.0 }
    }

    /// The simulated survey of a data set; none for real ones.
    pub(super) fn simulated(&mut self, dataset: Dataset) -> Result<Option<&Survey>, Error> {
        let images = self.images();
        if !self.surveys.contains_key(dataset.name()) {
            let Some(campaign) = dataset.campaign(images)? else { return Ok(None) };
            self.surveys.insert(dataset.name(), campaign.survey(self.observer)?);
        }
        Ok(self.surveys.get(dataset.name()))
    }

    /// The rows of a data set's protocol with these methods in place of its own; `name` tells the
    /// protocol from others.
    pub(super) fn rows(
        &mut self,
        dataset: Dataset,
        name: &str,
        methods: Vec<MethodConfig>,
    ) -> Result<Vec<Row>, Error> {
        let mut protocol = dataset.protocol()?;
        name.clone_into(&mut protocol.name);
        let own = std::mem::take(&mut protocol.methods);
        let of_protocol = |method: MethodConfig| {
            let own = own.iter().find(|m| m.name == method.name && method.like.is_none());
            own.cloned().unwrap_or(method)
        };
        protocol.methods = methods.into_iter().map(of_protocol).collect();
        if self.settings.quick {
            make_quick(&mut protocol);
        }
        self.run(dataset, &protocol)
    }

    fn run(&mut self, dataset: Dataset, protocol: &Protocol) -> Result<Vec<Row>, Error> {
        let campaign = dataset.campaign(self.images())?;
        let key = campaign.map(|campaign| campaign.key()).transpose()?;
        self.units(protocol, key.as_ref(), |runner, unit| {
            runner.simulated(dataset)?;
            let survey = runner.surveys.get(dataset.name());
            match (&unit.data, survey) {
                (DataSource::Csi(data), Some(survey)) => {
                    let splits = &unit.splits;
                    evaluate::run_on_csi_survey(unit, data, survey, splits, runner.observer)
                }
                _ => runner.evaluate(unit),
            }
        })
    }

    fn evaluate(&mut self, unit: &Protocol) -> Result<evaluate::Evaluation, Error> {
        let folder = &self.settings.data_folder;
        evaluate::run(unit, folder, &Overrides::default(), self.observer)
    }

    /// The rows of a protocol without data on disk.
    pub(super) fn toy_rows(&mut self, protocol: &Protocol) -> Result<Vec<Row>, Error> {
        self.units(protocol, None, Self::evaluate)
    }

    /// Runs a protocol seed by seed, or takes what is kept; `key` tells the campaign behind it from others.
    fn units(
        &mut self,
        protocol: &Protocol,
        key: Option<&String>,
        run: impl Fn(&mut Self, &Protocol) -> Result<evaluate::Evaluation, Error>,
    ) -> Result<Vec<Row>, Error> {
        let text = toml::to_string(protocol).map_err(|e| Error::usage(e.to_string()))?;
        self.protocols.push((protocol.name.clone(), text));
        let mut rows = Vec::new();
        for &seed in &protocol.seeds {
            let unit = Protocol { seeds: vec![seed], ..protocol.clone() };
            let file = self.file_of(&unit, key)?;
            let of_unit = match read_rows(&file)? {
                Some(rows) => rows,
                None => {
                    let rows = run(self, &unit)?.rows;
                    write_rows(&file, &rows)?;
                    rows
                }
            };
            rows.extend(of_unit);
        }
        if let Some(row) = rows.first() {
            self.data_hashes.insert(protocol.name.clone(), row.data_hash.clone());
        }
        Ok(rows)
    }

    /// Where the rows of a protocol with one seed are kept: under a hash of all that decides them.
    fn file_of(&self, unit: &Protocol, key: Option<&String>) -> Result<PathBuf, Error> {
        let all = (env!("CARGO_PKG_VERSION"), unit, &unit.selection, key);
        let hash = evaluate::hash(&all)?;
        Ok(self.kept.join(format!("{}-seed{}-{hash}.json", unit.name, unit.seeds[0])))
    }
}

/// Coarse: one seed, the first split, fewer points and iterations.
fn make_quick(protocol: &mut Protocol) {
    protocol.seeds.truncate(1);
    protocol.splits.truncate(1);
    protocol.support.points.truncate(1);
    for points in &mut protocol.support.points {
        *points = (*points).min(QUICK_POINTS);
    }
    fewer_iterations(&mut protocol.learning);
    for method in &mut protocol.methods {
        fewer_iterations(&mut method.learning);
        if method.name == "confi" {
            let training = method.training.unwrap_or_default();
            method.training = Some(ConventionalTraining { steps: QUICK_STEPS, ..training });
        }
        if method.name == "ilcl" {
            let own = method.ilcl.unwrap_or_default();
            method.ilcl = Some(IlclSettings { epochs: QUICK_EPOCHS, ..own });
        }
    }
    // Tasks of the few images that there are.
    if let Some(csi) = protocol.learning.get_mut("csi").and_then(toml::Value::as_table_mut) {
        csi.insert("query_per_point".into(), 3.into());
    }
}

fn fewer_iterations(learning: &mut toml::Table) {
    let training = learning.get_mut("training").and_then(toml::Value::as_table_mut);
    let Some(iterations) = training.and_then(|t| t.get_mut("iterations")) else { return };
    if let Some(n) = iterations.as_integer().filter(|n| *n > QUICK_ITERATIONS.1) {
        let fewer = (n as f64 * QUICK_ITERATIONS.0) as i64;
        *iterations = fewer.max(QUICK_ITERATIONS.1).into();
    }
}

fn read_rows(file: &Path) -> Result<Option<Vec<Row>>, Error> {
    if !file.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(file).map_err(|e| Error::file(file, e))?;
    let kept: Vec<Kept> = serde_json::from_str(&text).map_err(|e| Error::Config {
        path: file.to_owned(),
        reason: format!("{e}; delete it to measure anew"),
    })?;
    Ok(Some(kept.into_iter().map(|k| Row { errors_m: k.errors_m, ..k.row }).collect()))
}

fn write_rows(file: &Path, rows: &[Row]) -> Result<(), Error> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|e| Error::file(folder, e))?;
    let keep = |row: &Row| Kept { row: row.clone(), errors_m: row.errors_m.clone() };
    let kept: Vec<Kept> = rows.iter().map(keep).collect();
    let text = serde_json::to_string(&kept).map_err(|e| Error::usage(e.to_string()))?;
    model_file::write_beside(file, text.as_bytes())
}
