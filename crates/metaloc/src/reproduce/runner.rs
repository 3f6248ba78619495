//! Runs protocols unit by unit (a seed and a method with its variants each), keeps the rows, and takes
//! them from there the next time.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::variants::plain;
use super::{Dataset, ReproduceSettings, coarse, kept, neighbours, window_strengths};
use crate::error::Error;
use crate::evaluate::{
    self, CsiData, DataSource, Evaluation, EvaluationObserver, MethodConfig, Overrides, Protocol,
    Row, Selection,
};
use crate::survey::Survey;

/// What recordings have and scans lack.
pub(super) const CSI: &str = "channel state information";

pub(super) struct Runner<'a> {
    pub(super) settings: &'a ReproduceSettings,
    kept: &'a Path,
    observer: &'a mut dyn EvaluationObserver,
    /// By data set.
    surveys: BTreeMap<&'static str, Arc<Survey>>,
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

    /// The protocols that were run and the settings chosen for them, as files.
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

    fn images(&self, dataset: Dataset) -> usize {
        if self.settings.quick { coarse::IMAGES } else { dataset.images() }
    }

    /// Images of a point over all historical days, in a simulated data set.
    pub(super) fn historical_images(&self, dataset: Dataset) -> Result<Option<usize>, Error> {
        let images = self.images(dataset);
        let campaign = dataset.campaign(images)?;
        Ok(campaign.map(|campaign| images * (campaign.days().count() - 1)))
    }

    /// The simulated survey of a data set; none for real ones.
    pub(super) fn simulated(&mut self, dataset: Dataset) -> Result<Option<Arc<Survey>>, Error> {
        if !dataset.is_simulated() {
            return Ok(None);
        }
        let survey = self.survey(dataset, &dataset.protocol()?)?;
        self.data_hashes.insert(dataset.name().to_owned(), survey.content_hash());
        Ok(Some(survey))
    }

    /// The rows of a data set's protocol with these methods in place of its own; `name` tells the
    /// protocol from others.
    pub(super) fn rows(
        &mut self,
        dataset: Dataset,
        name: &str,
        methods: Vec<MethodConfig>,
    ) -> Result<Vec<Row>, Error> {
        let asked: Vec<String> = methods.iter().map(|method| method.name.clone()).collect();
        let protocol = self.protocol(dataset, name, methods)?;
        let mut rows = self.run(dataset, &protocol, None)?;
        let runs = |name: &String| protocol.methods.iter().any(|method| method.name == *name);
        let lacking = asked.into_iter().filter(|name| !runs(name));
        let needs = || Some(CSI.to_owned());
        rows.extend(lacking.map(|method| Row { method, needs: needs(), ..Row::default() }));
        Ok(rows)
    }

    /// As [`Self::rows`], of those of the methods that are named; the others are what these are like.
    pub(super) fn rows_of(
        &mut self,
        dataset: Dataset,
        name: &str,
        methods: &[MethodConfig],
        wanted: &[&str],
    ) -> Result<Vec<Row>, Error> {
        let protocol = self.protocol(dataset, name, methods.to_vec())?;
        self.run(dataset, &protocol, Some(wanted))
    }

    /// A data set's protocol with these methods in place of its own.
    fn protocol(
        &self,
        dataset: Dataset,
        name: &str,
        methods: Vec<MethodConfig>,
    ) -> Result<Protocol, Error> {
        let mut protocol = dataset.protocol()?;
        name.clone_into(&mut protocol.name);
        let own = std::mem::take(&mut protocol.methods);
        let of_protocol = |method: MethodConfig| {
            let own = own.iter().find(|m| m.name == method.name && method.like.is_none());
            own.cloned().unwrap_or(method)
        };
        protocol.methods = methods.into_iter().map(of_protocol).collect();
        if let DataSource::Survey(data) = &mut protocol.data {
            // One question of several: the fewest points, the floor known.
            data.floors.truncate(1);
            protocol.support.points.truncate(1);
            protocol.methods.retain(evaluate::runs_on_scans);
        }
        if dataset.is_simulated() {
            let images = self.images(dataset);
            protocol.title += &format!("; {images} images at each point and day");
            if self.settings.quick {
                protocol.title += coarse::OF_SIMULATED;
            }
        }
        if self.settings.quick {
            coarse::protocol(&mut protocol);
        } else if self.settings.training_share < 1.0 {
            coarse::fewer_iterations(&mut protocol, self.settings.training_share, 1);
        }
        Ok(protocol)
    }

    /// The rows of a protocol, of all methods or of those that are named.
    fn run(
        &mut self,
        dataset: Dataset,
        protocol: &Protocol,
        wanted: Option<&[&str]>,
    ) -> Result<Vec<Row>, Error> {
        let key = self.key(dataset, protocol)?;
        self.units((protocol, wanted), Some(&key), |runner, unit| {
            let survey = runner.survey(dataset, protocol)?;
            run_on(unit, &survey, runner.observer)
        })
    }

    /// The rows of methods on RSS and the settings chosen for them; with a data set of recordings, of their
    /// strengths, a scan for each window, with numbers of neighbours chosen on the historical environments. Or
    /// what the recordings lack.
    pub(super) fn rows_on_strengths(
        &mut self,
        dataset: Dataset,
        name: &str,
        methods: Vec<MethodConfig>,
    ) -> Result<Result<(Vec<Row>, Selection), String>, Error> {
        let mut protocol = self.protocol(dataset, name, methods)?;
        let DataSource::Csi(data) = protocol.data.clone() else {
            let rows = self.run(dataset, &protocol, None)?;
            return Ok(Ok((rows, protocol.selection)));
        };
        let learning = protocol.learning_of(&MethodConfig::default())?;
        let packets = learning.csi.unwrap_or_default().window.packets;
        protocol.title += "; the strengths of the windows alone";
        protocol.data = DataSource::Survey(window_strengths::survey_data(&data));
        (protocol.learning, protocol.selection) = Default::default();
        let rows = self.rows_on_scans(dataset, &protocol, (&data, packets));
        Error::needs_apart(rows)
    }

    fn rows_on_scans(
        &mut self,
        dataset: Dataset,
        protocol: &Protocol,
        (data, packets): (&CsiData, usize),
    ) -> Result<(Vec<Row>, Selection), Error> {
        let key = evaluate::hash(&(self.key(dataset, protocol)?, data, packets))?;
        let run = |runner: &mut Runner<'_>, unit: &Protocol| {
            let survey = runner.survey(dataset, protocol)?;
            let scans = window_strengths::scans(&survey, data, packets)?;
            run_on(unit, &scans, runner.observer)
        };
        let choice = neighbours::choice(protocol, &self.environments(dataset, protocol)?);
        let rows = self.units((&choice, None), Some(&key), run)?;
        let selection = neighbours::chosen(protocol, &rows);
        let protocol = Protocol { selection, ..protocol.clone() };
        Ok((self.units((&protocol, None), Some(&key), run)?, protocol.selection))
    }

    /// Names of a data set's environments.
    fn environments(
        &mut self,
        dataset: Dataset,
        protocol: &Protocol,
    ) -> Result<Vec<String>, Error> {
        if let Some(campaign) = dataset.campaign(self.images(dataset))? {
            return Ok(campaign.days().map(|day| campaign.environment_name(day)).collect());
        }
        let survey = self.survey(dataset, protocol)?;
        Ok(survey.environments.iter().map(|environment| environment.name.clone()).collect())
    }

    /// The rows of a protocol on a survey that `make` makes; `key` tells it from others.
    pub(super) fn rows_on_survey(
        &mut self,
        protocol: &Protocol,
        (name, key): (&'static str, &String),
        make: impl Fn(&mut dyn EvaluationObserver) -> Result<Survey, Error>,
    ) -> Result<Vec<Row>, Error> {
        self.units((protocol, None), Some(key), |runner, unit| {
            let survey = match runner.surveys.get(name) {
                Some(known) => known.clone(),
                None => Arc::new(make(runner.observer)?),
            };
            runner.surveys.insert(name, survey.clone());
            run_on(unit, &survey, runner.observer)
        })
    }

    /// What tells a data set's survey from others: a campaign's settings, or a hash of what it holds.
    fn key(&mut self, dataset: Dataset, protocol: &Protocol) -> Result<String, Error> {
        match dataset.campaign(self.images(dataset))? {
            Some(campaign) => campaign.key(),
            None => Ok(self.survey(dataset, protocol)?.content_hash()),
        }
    }

    /// The survey of a data set, as far as the protocol names its environments.
    fn survey(&mut self, dataset: Dataset, protocol: &Protocol) -> Result<Arc<Survey>, Error> {
        if let Some(known) = self.surveys.get(dataset.name()) {
            return Ok(known.clone());
        }
        let survey = match dataset.campaign(self.images(dataset))? {
            Some(campaign) if self.settings.quick => {
                campaign.survey_at((None, coarse::EVERY), self.observer)?
            }
            Some(campaign) => campaign.survey(self.observer)?,
            None => evaluate::load(protocol, &self.settings.data_folder)?,
        };
        let survey = Arc::new(survey);
        self.surveys.insert(dataset.name(), survey.clone());
        Ok(survey)
    }

    /// The rows of a protocol without data on disk.
    pub(super) fn toy_rows(&mut self, protocol: &Protocol) -> Result<Vec<Row>, Error> {
        self.units((protocol, None), None, |runner, unit| {
            let folder = &runner.settings.data_folder;
            evaluate::run(unit, folder, &Overrides::default(), runner.observer)
        })
    }

    /// Notes a protocol that is run, with the seeds that are asked for, which is returned.
    pub(super) fn note(&mut self, protocol: &Protocol) -> Result<Protocol, Error> {
        let protocol = Protocol { seeds: self.seeds(protocol).to_vec(), ..protocol.clone() };
        let text = toml::to_string(&protocol).map_err(|e| Error::usage(e.to_string()))?;
        let file = PathBuf::from(format!("{}.protocol.toml", protocol.name));
        if !protocol.selection.choices.is_empty() {
            let chosen = Protocol::selected_path(&file).display().to_string();
            self.protocols.push((chosen, protocol.selection.to_toml()?));
        }
        self.protocols.push((file.display().to_string(), text));
        if let DataSource::Toy(toy) = &protocol.data {
            self.data_hashes.insert(protocol.name.clone(), evaluate::hash(toy)?);
        }
        Ok(protocol)
    }

    /// Those of a protocol's seeds that are asked for.
    pub(super) fn seeds<'p>(&self, protocol: &'p Protocol) -> &'p [u64] {
        let most = self.settings.seeds.unwrap_or(usize::MAX);
        &protocol.seeds[..protocol.seeds.len().min(most)]
    }

    /// A result that isn't rows, made or taken from where it is kept, under a hash of all that decides it.
    pub(super) fn kept_result<T: Serialize + DeserializeOwned>(
        &mut self,
        name: &str,
        decides: &impl Serialize,
        make: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let hash = evaluate::hash(&(env!("CARGO_PKG_VERSION"), decides))?;
        let file = self.kept.join(format!("{name}-{hash}.json"));
        if let Some(result) = kept::read(&file)? {
            return Ok(result);
        }
        if self.observer.stage(0, 1, name).is_break() {
            return Err(Error::usage("interrupted; what is done so far is kept"));
        }
        let result = make()?;
        kept::write(&file, &result)?;
        Ok(result)
    }

    /// Runs a protocol unit by unit, all methods or those that are named, or takes what is kept; `key` tells the
    /// survey behind it from others.
    fn units(
        &mut self,
        (protocol, wanted): (&Protocol, Option<&[&str]>),
        key: Option<&String>,
        run: impl Fn(&mut Runner<'_>, &Protocol) -> Result<Evaluation, Error>,
    ) -> Result<Vec<Row>, Error> {
        let protocol = self.note(protocol)?;
        let units = parts(&protocol, wanted)?;
        let mut rows = Vec::new();
        for (done, (what, unit)) in units.iter().enumerate() {
            if self.observer.stage(done, units.len(), what).is_break() {
                return Err(Error::usage("interrupted"));
            }
            let file = self.file_of(unit, what, key)?;
            let of_unit = match kept::read_rows(&file)? {
                Some(rows) => rows,
                None => {
                    let rows = self.within_stage(|runner| run(runner, unit))?.rows;
                    kept::write_rows(&file, &rows)?;
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

    /// Runs something whose own stages are steps of a stage of ours.
    fn within_stage<T>(&mut self, run: impl FnOnce(&mut Runner<'_>) -> T) -> T {
        let mut observer = Within(&mut *self.observer);
        let mut runner = Runner::new(self.settings, self.kept, &mut observer);
        runner.surveys = std::mem::take(&mut self.surveys);
        let result = run(&mut runner);
        self.surveys = runner.surveys;
        result
    }

    /// Where the rows of a unit are kept: under a hash of all that decides them.
    fn file_of(&self, unit: &Protocol, what: &str, key: Option<&String>) -> Result<PathBuf, Error> {
        let hash = evaluate::hash(&(env!("CARGO_PKG_VERSION"), unit, key))?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let what = what.replace(|c| !is_plain(c), "-").replace("--", "-");
        Ok(self.kept.join(format!("{}-{what}-{hash}.json", unit.name)))
    }
}

/// Runs a protocol on its survey.
fn run_on(
    unit: &Protocol,
    survey: &Survey,
    observer: &mut dyn EvaluationObserver,
) -> Result<Evaluation, Error> {
    let splits = &unit.splits;
    match &unit.data {
        DataSource::Csi(data) => evaluate::run_on_csi_survey(unit, data, survey, splits, observer),
        DataSource::Survey(data) => evaluate::run_on_survey(unit, data, survey, splits, observer),
        DataSource::Toy(_) => Err(Error::usage("a toy example has no survey")),
    }
}

/// Makes another's stages steps of one stage.
struct Within<'a>(&'a mut dyn EvaluationObserver);

impl EvaluationObserver for Within<'_> {
    fn stage(&mut self, _: usize, _: usize, _: &str) -> ControlFlow<()> {
        self.0.step()
    }

    fn step(&mut self) -> ControlFlow<()> {
        self.0.step()
    }
}

/// A protocol's units with what they are: by split and seed, each method with its variants, which share
/// its training. Together they have the rows of the whole, since no row hangs on other methods. Of `wanted`
/// methods alone, if there are such: the others are what these are like.
fn parts(protocol: &Protocol, wanted: Option<&[&str]>) -> Result<Vec<(String, Protocol)>, Error> {
    let mut units = Vec::new();
    for split in &protocol.splits {
        let mut resolved = protocol.for_split(split)?;
        // All settings are in the methods now.
        (resolved.selection, resolved.select) = Default::default();
        resolved.splits = vec![split.clone()];
        resolved.methods.retain(|m| wanted.is_none_or(|names| names.contains(&&*m.name)));
        for method in &mut resolved.methods {
            method.like = None;
        }
        let mut names: Vec<&str> = Vec::new();
        for method in &resolved.methods {
            if !names.contains(&plain(&method.name)) {
                names.push(plain(&method.name));
            }
        }
        for &seed in &protocol.seeds {
            units.extend(names.iter().map(|name| {
                let of_name = resolved.methods.iter().filter(|m| plain(&m.name) == *name);
                let unit = Protocol {
                    seeds: vec![seed],
                    methods: of_name.cloned().collect(),
                    ..resolved.clone()
                };
                (format!("{}, {name}, seed {seed}", split.name), unit)
            }));
        }
    }
    Ok(units)
}

#[cfg(test)]
mod tests {
    use super::super::variants::{as_it_is, variant};
    use super::*;

    #[test]
    fn units_hold_all_methods_once_with_their_settings() {
        let mut protocol = Dataset::Lab.protocol().unwrap();
        protocol.seeds = vec![1, 2];
        protocol.methods = vec![
            as_it_is("maml"),
            variant(("maml-dg", "maml"), ("training", "iterations"), 5),
            variant(("maml", "maml"), ("adaptation", "steps"), 3),
        ];
        let units = parts(&protocol, None).unwrap();
        let names: Vec<(&str, Vec<&str>)> = units
            .iter()
            .map(|(what, unit)| (&what[..], unit.methods.iter().map(|m| &m.name[..]).collect()))
            .collect();
        let expected = [
            ("lab, maml, seed 1", vec!["maml", "maml:3"]),
            ("lab, maml-dg, seed 1", vec!["maml-dg:5"]),
            ("lab, maml, seed 2", vec!["maml", "maml:3"]),
            ("lab, maml-dg, seed 2", vec!["maml-dg:5"]),
        ];
        assert_eq!(names, expected);
        let iterations = |unit: &Protocol, at: usize| {
            unit.learning_of(&unit.methods[at]).unwrap().training.iterations
        };
        assert_eq!([iterations(&units[0].1, 0), iterations(&units[1].1, 0)], [7500, 5]);
        assert!(units.iter().all(|(_, u)| u.methods.iter().all(|m| m.like.is_none())));
    }
}
