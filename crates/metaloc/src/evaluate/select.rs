//! Choosing settings on historical environments only: leave one environment out.
//!
//! For each split, each historical environment is held out in turn: the others are history, and
//! the held-out one is surveyed at a few of its points and asked about the rest. A candidate's
//! score is its mean error over the held-out environments and draws; each method takes its best
//! candidate, the earlier one if equal. New environments are never looked at, and an environment
//! that is historical in one split and new in another counts only where it is historical.

use std::sync::Arc;

use metaloc_meta::seed::{Purpose, stream};
use metaloc_meta::training::Silent;
use serde::{Deserialize, Serialize};

use super::run::{Context, LabelledCase, environments, load_splits, sites, train_all};
use super::{
    Case, CsiData, DataSource, EvaluationObserver, Floors, MethodConfig, Overrides, Protocol, Split,
};
use crate::error::Error;
use crate::learning::{Historical, meta_train};
use crate::survey::{Environment, Survey};

/// The settings that were chosen for a protocol.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Version of the file format; 1.
    pub schema: u32,
    /// One choice a split and method.
    #[serde(default)]
    pub choices: Vec<Choice>,
}

/// What was chosen for one method in one split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Split whose historical environments decided.
    pub split: String,
    /// The method.
    pub method: String,
    /// Mean error on the held-out historical environments (m).
    pub mean_m: f64,
    /// Accuracy there, with channel state information; it decides then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Candidates compared.
    pub candidates: usize,
    /// Hash of the data.
    pub data_hash: String,
    /// The chosen settings, by dotted name (`k`, `learning.adaptation.steps`).
    pub settings: toml::Table,
}

impl Selection {
    /// Reads a file of chosen settings.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let selection: Self = toml::from_str(text).map_err(|e| e.to_string())?;
        if selection.schema == 1 {
            Ok(selection)
        } else {
            Err(format!("schema {} is not known, this is 1", selection.schema))
        }
    }

    /// The file's text.
    ///
    /// # Errors
    /// Never for settings that came from a protocol.
    pub fn to_toml(&self) -> Result<String, Error> {
        let text = toml::to_string(self).map_err(|e| Error::usage(e.to_string()))?;
        Ok(format!(
            "# Chosen by `metaloc evaluate PROTOCOL --select`, on historical environments only\n\
             # (leave one environment out). Read by a plain run; delete it to fall back on the\n\
             # protocol's own settings.\n{text}"
        ))
    }

    /// Lays the choices for `split` onto a protocol's methods.
    pub(super) fn apply(&self, protocol: &mut Protocol, split: &str) -> Result<(), Error> {
        let choices: Vec<_> = self.choices.iter().filter(|c| c.split == *split).collect();
        for method in &mut protocol.methods {
            if let Some(choice) = choices.iter().find(|choice| choice.method == method.name) {
                *method = with_settings(method, &choice.settings)?;
            }
        }
        Ok(())
    }
}

/// A method with some settings replaced, by dotted name.
fn with_settings(method: &MethodConfig, settings: &toml::Table) -> Result<MethodConfig, Error> {
    let refuse = |e: &dyn std::fmt::Display| Error::usage(format!("method `{}`: {e}", method.name));
    let mut table = toml::Table::try_from(method).map_err(|e| refuse(&e))?;
    for (name, value) in settings {
        let mut over = toml::Table::new();
        let mut parts = name.rsplit('.');
        over.insert(parts.next().unwrap_or(name).to_owned(), value.clone());
        for part in parts {
            let inner = std::mem::take(&mut over);
            over.insert(part.to_owned(), toml::Value::Table(inner));
        }
        super::protocol::merge(&mut table, &over);
    }
    toml::Value::Table(table).try_into().map_err(|e: toml::de::Error| refuse(&e))
}

/// Chooses settings for every split and method that the protocol's grid names and that locates at all, or for those of
/// the methods that the overrides name. Returns the choices and, for the record, every candidate with its score.
///
/// # Errors
/// Missing data, an unknown method or setting, or what a method reports.
pub fn select(
    protocol: &Protocol,
    data_folder: &std::path::Path,
    overrides: &Overrides,
    observer: &mut dyn EvaluationObserver,
) -> Result<(Selection, Vec<Choice>), Error> {
    let mut splits = overrides.splits(protocol);
    let only = &protocol.select.splits;
    splits.retain(|split| only.is_empty() || only.contains(&split.name));
    let survey = survey_of(protocol, &splits, data_folder)?;
    let data_hash = match &survey {
        None => super::run::hash(&protocol.data)?,
        Some(survey) => survey.content_hash(),
    };
    let grid = wanted(protocol, overrides)?;
    let total: usize = splits.len() * grid.len();
    let mut done = 0;
    let mut selection = Selection { schema: 1, choices: Vec::new() };
    if overrides.chosen.is_some() {
        // What isn't chosen anew stays.
        let is_another = |choice: &&Choice| {
            let anew = grid.iter().any(|(name, _)| **name == choice.method);
            !anew || splits.iter().all(|split| split.name != choice.split)
        };
        selection.choices.extend(protocol.selection.choices.iter().filter(is_another).cloned());
    }
    let mut tried = Vec::new();
    for split in &splits {
        let folds = Folds::of(protocol, survey.as_ref(), split)?;
        for &(name, grid) in &grid {
            let method = protocol.methods.iter().find(|m| m.name == *name).ok_or_else(|| {
                Error::usage(format!("select.grid names `{name}`, which is not among the methods"))
            })?;
            let what = format!("split {}, choosing {name}", split.name);
            if observer.stage(done, total, &what).is_break() {
                return Err(Error::usage("interrupted; nothing was chosen"));
            }
            let candidates = combinations(grid)?;
            let scores = folds.scores(variants(method, &candidates)?, &data_hash)?;
            let of = |settings: &toml::Table, score: Score| Choice {
                split: split.name.clone(),
                method: name.clone(),
                mean_m: score.mean_m,
                accuracy: score.accuracy,
                candidates: candidates.len(),
                data_hash: data_hash.clone(),
                settings: settings.clone(),
            };
            let mut best = 0;
            for (i, settings) in candidates.iter().enumerate() {
                tried.push(of(settings, scores[i]));
                if scores[i].beats(scores[best]) {
                    best = i;
                }
            }
            // What locates nothing in history, such as old maps of another building, is left as it is.
            if scores[best].mean_m.is_finite() {
                selection.choices.push(of(&candidates[best], scores[best]));
            }
            done += 1;
        }
    }
    Ok((selection, tried))
}

/// The methods to choose settings of, with their grids.
fn wanted<'p>(
    protocol: &'p Protocol,
    overrides: &Overrides,
) -> Result<Vec<(&'p String, &'p toml::Table)>, Error> {
    let grid = &protocol.select.grid;
    let Some(names) = &overrides.chosen else { return Ok(grid.iter().collect()) };
    let of = |name: &String| {
        grid.get_key_value(name).ok_or_else(|| {
            let have: Vec<&str> = grid.keys().map(String::as_str).collect();
            Error::usage(format!(
                "select.grid has nothing to try for `{name}`; it has {}",
                have.join(", ")
            ))
        })
    };
    let mut wanted = names.iter().map(of).collect::<Result<Vec<_>, Error>>()?;
    wanted.sort_unstable_by_key(|(name, _)| *name);
    wanted.dedup_by_key(|(name, _)| *name);
    Ok(wanted)
}

/// The survey that the splits' environments are part of; toy examples have none.
fn survey_of(
    protocol: &Protocol,
    splits: &[Split],
    data_folder: &std::path::Path,
) -> Result<Option<Survey>, Error> {
    let (format, path, environment_by) = match &protocol.data {
        DataSource::Survey(data) => (data.format, &data.path, &data.environment_by),
        DataSource::Csi(data) => (data.format, &data.path, &data.environment_by),
        DataSource::Toy(_) => return Ok(None),
    };
    let place = (format, format.place(data_folder, path));
    load_splits(place, environment_by.as_deref(), splits).map(Some)
}

/// The method with each candidate's settings.
fn variants(method: &MethodConfig, candidates: &[toml::Table]) -> Result<Vec<MethodConfig>, Error> {
    let variant = |(i, settings): (usize, &toml::Table)| {
        let variant = with_settings(method, settings)?;
        Ok(MethodConfig { name: format!("{}:{i}", method.name), ..variant })
    };
    candidates.iter().enumerate().map(variant).collect()
}

/// All combinations of a grid's values, the last setting running fastest.
fn combinations(grid: &toml::Table) -> Result<Vec<toml::Table>, Error> {
    let mut all = vec![toml::Table::new()];
    for (name, values) in grid {
        let values = values.as_array().filter(|values| !values.is_empty()).ok_or_else(|| {
            Error::usage(format!("select.grid: `{name}` must be a list of values to try"))
        })?;
        let extended = all.iter().flat_map(|table| {
            values.iter().map(move |value| {
                let mut table = table.clone();
                table.insert(name.clone(), value.clone());
                table
            })
        });
        all = extended.collect();
    }
    Ok(all)
}

/// One split's historical environments, each held out in turn.
enum Folds<'a> {
    Survey(SurveyFolds<'a>),
    Csi(&'a Protocol, &'a CsiData, &'a Survey, &'a Split),
    Toy(&'a Protocol, &'a super::ToyData, &'a Split),
}

impl<'a> Folds<'a> {
    fn of(
        protocol: &'a Protocol,
        survey: Option<&'a Survey>,
        split: &'a Split,
    ) -> Result<Self, Error> {
        Ok(match (survey, &protocol.data) {
            (Some(survey), DataSource::Survey(data)) => {
                Self::Survey(SurveyFolds::new(protocol, survey, split, &data.historical_sets)?)
            }
            (Some(survey), DataSource::Csi(data)) => Self::Csi(protocol, data, survey, split),
            (_, DataSource::Toy(toy)) => Self::Toy(protocol, toy, split),
            (None, _) => return Err(Error::usage("a survey is needed to choose settings on")),
        })
    }

    /// Each variant's score over all folds and draws.
    fn scores(&self, variants: Vec<MethodConfig>, data_hash: &str) -> Result<Vec<Score>, Error> {
        let errors = |means: Vec<f64>| {
            means.into_iter().map(|mean_m| Score { mean_m, accuracy: None }).collect()
        };
        match self {
            Self::Survey(folds) => folds.scores(variants, data_hash).map(errors),
            Self::Csi(protocol, data, survey, split) => {
                let protocol = Protocol { methods: variants, ..(*protocol).clone() };
                let scores =
                    super::csi::held_out_scores(&protocol, data, survey, split, data_hash)?;
                let score = |(hits, mean_m)| Score { mean_m, accuracy: Some(hits) };
                Ok(scores.into_iter().map(score).collect())
            }
            Self::Toy(protocol, toy, split) => {
                super::toy::held_out_scores(protocol, toy, split, variants, data_hash).map(errors)
            }
        }
    }
}

/// How good a candidate is.
#[derive(Clone, Copy)]
struct Score {
    /// Mean error (m).
    mean_m: f64,
    accuracy: Option<f64>,
}

impl Score {
    /// By accuracy where there is one, else by the error.
    fn beats(self, other: Self) -> bool {
        match (self.accuracy, other.accuracy) {
            (Some(own), Some(others)) => own > others,
            _ => self.mean_m < other.mean_m,
        }
    }
}

/// The folds of a survey.
struct SurveyFolds<'a> {
    protocol: &'a Protocol,
    survey: &'a Survey,
    environments: Vec<&'a Environment>,
    sets: &'a [String],
}

impl<'a> SurveyFolds<'a> {
    fn new(
        protocol: &'a Protocol,
        survey: &'a Survey,
        split: &Split,
        sets: &'a [String],
    ) -> Result<Self, Error> {
        let (environments, _) = environments(survey, split);
        if environments.len() < 2 {
            return Err(Error::usage(
                "choosing settings needs at least two historical environments",
            ));
        }
        Ok(Self { protocol, survey, environments, sets })
    }

    /// Each variant's mean error over all folds and draws (m).
    fn scores(&self, variants: Vec<MethodConfig>, data_hash: &str) -> Result<Vec<f64>, Error> {
        let n = variants.len();
        let protocol = Protocol { methods: variants, ..self.protocol.clone() };
        let access_points = Arc::new(self.survey.access_points.clone());
        let mut sums = vec![(0.0, 0usize); n];
        for (fold, held_out) in self.environments.iter().enumerate() {
            let others: Vec<&Environment> =
                self.environments.iter().filter(|e| e.name != held_out.name).copied().collect();
            let historical = sites(&others, self.sets);
            let data = Historical {
                sites: &historical,
                validation_sites: &[],
                access_points: &access_points,
                data_hash,
            };
            let seed = protocol.seeds[0];
            let models = train_all(&protocol, seed, |config, seed| {
                meta_train(data, config, seed, None, &mut Silent)
            })?;
            let cases = self.cases(held_out, fold as u64, &access_points)?;
            let context =
                Context { protocol: &protocol, split: "fold", seed, data_hash, models: &models };
            for (i, row) in context.evaluate(&cases, &historical)?.iter().enumerate() {
                sums[i % n].0 += row.score_m();
                sums[i % n].1 += 1;
            }
        }
        Ok(sums.into_iter().map(|(sum, count)| sum / count as f64).collect())
    }

    /// Draws of support and queries within a held-out environment, floors apart.
    fn cases(
        &self,
        held_out: &Environment,
        fold: u64,
        access_points: &Arc<metaloc_radio::signal::AccessPoints>,
    ) -> Result<Vec<LabelledCase>, Error> {
        let select = &self.protocol.select;
        let size = (select.points, self.protocol.support.samples_per_point);
        let mut cases = Vec::new();
        for site in sites(&[held_out], self.sets) {
            for draw in 0..select.draws.max(1) as u64 {
                let stream_of = (draw << 32) | u64::from(site.floor.unsigned_abs());
                let mut rng = stream(self.protocol.seeds[0], Purpose::Validation, fold, stream_of);
                let queries = select.queries.max(1);
                let case = Case::leave_points_out(&site, size, queries, access_points, &mut rng)?;
                cases.push(LabelledCase { case, floors: Floors::Apart, points: select.points });
            }
        }
        Ok(cases)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_has_all_combinations() {
        let grid: toml::Table = "a = [1, 2]\nb = [\"x\", \"y\", \"z\"]".parse().unwrap();
        let all = combinations(&grid).unwrap();
        assert_eq!(all.len(), 6);
        assert_eq!(all[1], "a = 1\nb = \"y\"".parse().unwrap());
        assert!(combinations(&"a = 3".parse().unwrap()).is_err());
    }

    /// Choosing for one method leaves what was chosen for another, even if that were chosen otherwise by now.
    #[test]
    fn some_methods_are_chosen_anew_and_the_others_stay() {
        let text = include_str!("../../../../experiments/toy-log-distance.toml");
        let mut protocol = Protocol::parse(text, "", std::path::Path::new("toy.toml")).unwrap();
        protocol.select.draws = 1;
        let grid = "[knn-support]\nk = [1, 5]\n[wknn-support]\nk = [1, 5]";
        protocol.select.grid = toml::from_str(grid).unwrap();
        let select = |protocol: &Protocol, names: Option<&str>| {
            let chosen = names.map(|name| vec![name.to_owned()]);
            let overrides = Overrides { chosen, ..Overrides::default() };
            let nowhere = std::path::Path::new("");
            super::select(protocol, nowhere, &overrides, &mut crate::evaluate::Unwatched)
        };
        let (all, tried) = select(&protocol, None).unwrap();
        assert_eq!((all.choices.len(), tried.len()), (2, 4));
        protocol.selection = all.clone();
        protocol.selection.choices.iter_mut().for_each(|choice| choice.mean_m = -1.0);
        let (one, tried) = select(&protocol, Some("knn-support")).unwrap();
        assert_eq!(tried.len(), 2);
        let of = |selection: &Selection, name: &str| {
            selection.choices.iter().find(|choice| choice.method == name).cloned().unwrap()
        };
        assert_eq!(of(&one, "knn-support"), of(&all, "knn-support"));
        assert!(of(&one, "wknn-support").mean_m < 0.0);
        let refused = select(&protocol, Some("maml")).unwrap_err().to_string();
        assert!(refused.contains("nothing to try for `maml`"), "{refused}");
    }

    #[test]
    fn dotted_names_reach_into_the_method() {
        let method: MethodConfig =
            toml::from_str("name = \"maml\"\nlearning.maml.inner_steps = 2").unwrap();
        let settings: toml::Table =
            "\"k\" = 3\n\"learning.maml.inner_step_size\" = 0.5".parse().unwrap();
        let changed = with_settings(&method, &settings).unwrap();
        assert_eq!(changed.k, Some(3));
        let expected = "maml.inner_steps = 2\nmaml.inner_step_size = 0.5".parse().unwrap();
        assert_eq!(changed.learning, expected);
        let unknown: toml::Table = "\"kk\" = 3".parse().unwrap();
        assert!(with_settings(&method, &unknown).unwrap_err().to_string().contains("kk"));
    }
}
