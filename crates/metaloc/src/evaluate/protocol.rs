//! Protocol files: what is evaluated, on what, how often. The schema stands in docs/formats.md.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{CsiData, ToyData};
use crate::error::Error;
use crate::learning::LearningConfig;
use crate::locate::{ConventionalTraining, DeepAutoencoders, FidoraSettings, IlclSettings};
use crate::survey::SurveyFormat;

/// An evaluation: data, splits, support, methods and seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// Version of the file format; 1.
    pub schema: u32,
    /// Name, as in results.
    pub name: String,
    /// What it shows, in a sentence.
    pub title: String,
    /// The data.
    pub data: DataSource,
    /// Choices of historical and new environments.
    pub splits: Vec<Split>,
    /// What is surveyed in a new environment.
    pub support: SupportConfig,
    /// One repetition a seed.
    pub seeds: Vec<u64>,
    /// Settings of learning that the methods share.
    #[serde(default)]
    pub learning: toml::Table,
    /// The methods, in the order of the tables.
    pub methods: Vec<MethodConfig>,
    /// What `--select` tries.
    #[serde(default)]
    pub select: SelectConfig,
    /// What `--select` chose earlier.
    #[serde(skip)]
    pub selection: super::Selection,
}

/// Where the data comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum DataSource {
    /// A survey, in the canonical form or a publisher's.
    Survey(SurveyData),
    /// A survey with channel state information.
    Csi(CsiData),
    /// The paper's toy examples: layouts drawn afresh.
    Toy(ToyData),
}

/// A survey and the sets of samples that each part of the evaluation may use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SurveyData {
    /// Format on disk.
    pub format: SurveyFormat,
    /// Folder or file under the data folder.
    pub path: PathBuf,
    /// What makes an environment; the format's default if left out.
    #[serde(default)]
    pub environment_by: Option<String>,
    /// Floors as environments of their own, or together.
    pub floors: Vec<Floors>,
    /// Sets of the historical environments that may be used, such as `trn01`.
    pub historical_sets: Vec<String>,
    /// Sets of a new environment that the support is drawn from.
    pub support_sets: Vec<String>,
    /// Sets of a new environment that are located.
    pub test_sets: Vec<String>,
}

/// How an environment with several floors is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Floors {
    /// Each floor apart, the floor known.
    Apart,
    /// All floors together, the floor estimated.
    Together,
}

impl Floors {
    /// Name as in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apart => "apart",
            Self::Together => "together",
        }
    }
}

/// A choice of historical and new environments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// Its name.
    pub name: String,
    /// Environments to learn from; `["*"]`: all that are not new.
    pub historical: Vec<String>,
    /// Environments to adapt to.
    pub new: Vec<String>,
}

/// What is surveyed in a new environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupportConfig {
    /// Numbers of points a floor; each is evaluated.
    pub points: Vec<usize>,
    /// Samples a point.
    pub samples_per_point: usize,
}

/// A method of the comparison.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MethodConfig {
    /// Name as in results; a variant follows a colon (`maml:rss`).
    pub name: String,
    /// Another method whose settings, with those chosen for it, this one starts from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<String>,
    /// Neighbours of the comparing methods.
    #[serde(default)]
    pub k: Option<usize>,
    /// Power of power-weighted KNN.
    #[serde(default)]
    pub power: Option<f64>,
    /// Penalty of ridge regression, relative to the number of inputs; of kernel ridge; of
    /// `transloc-like`, relative to the levels' variance.
    #[serde(default)]
    pub penalty: Option<f64>,
    /// Width of the kernel of kernel ridge, relative to the median distance.
    #[serde(default)]
    pub width: Option<f64>,
    /// Correlation of consecutive samples in Horus; from the historical scans if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<f64>,
    /// Share of the variance that DFPS keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Components of partial least squares in `acmu-like`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<usize>,
    /// Let a comparing method use adaptation samples as reference points too.
    #[serde(default)]
    pub with_adaptation_samples: bool,
    /// Samples a point of this method alone, with channel state information; the protocol's if left
    /// out. The points stay the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples_per_point: Option<usize>,
    /// Settings of `ilcl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ilcl: Option<IlclSettings>,
    /// Settings of `deepfi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deepfi: Option<DeepAutoencoders>,
    /// Settings of `fidora-like`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fidora: Option<FidoraSettings>,
    /// Conventional training of `confi` and `confi-own`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<ConventionalTraining>,
    /// Settings of learning that differ from the protocol's.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub learning: toml::Table,
}

/// What `--select` tries: for a method, values of its settings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SelectConfig {
    /// Splits on whose historical environments is chosen; all if left out. The others take the
    /// choices of the first of these that knows none of their new environments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub splits: Vec<String>,
    /// Draws of a support set in each left-out environment.
    pub draws: usize,
    /// Points a floor in those draws.
    pub points: usize,
    /// Most scans asked about in each draw.
    pub queries: usize,
    /// Method name -> setting -> values to try, all combinations.
    pub grid: std::collections::BTreeMap<String, toml::Table>,
}

impl Protocol {
    /// Reads a protocol, with the settings that `--select` chose (`NAME.selected.toml` beside it)
    /// if there are any.
    ///
    /// # Errors
    /// If a file can't be read or holds a mistake; the message names file and key.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, e))?;
        let selected = Self::selected_path(path);
        let chosen = match selected.exists() {
            true => std::fs::read_to_string(&selected).map_err(|e| Error::file(&selected, e))?,
            false => String::new(),
        };
        Self::parse(&text, &chosen, path)
    }

    /// A protocol from its text and that of the chosen settings, empty if there are none; `path` is for messages.
    ///
    /// # Errors
    /// If one holds a mistake.
    pub(crate) fn parse(text: &str, chosen: &str, path: &Path) -> Result<Self, Error> {
        let refuse = |reason: String| Error::Config { path: path.to_owned(), reason };
        let mut protocol: Self = toml::from_str(text).map_err(|e| refuse(e.to_string()))?;
        if !chosen.is_empty() {
            protocol.selection = super::Selection::parse(chosen)
                .map_err(|reason| Error::Config { path: Self::selected_path(path), reason })?;
        }
        protocol.check().map_err(|e| refuse(e.to_string()))?;
        Ok(protocol)
    }

    /// The protocol with the settings chosen for a split.
    ///
    /// A split that the protocol doesn't name (the command line's) takes the choices of the first
    /// split that did not use any of its new environments as history, else none: settings are never
    /// chosen on what they are then tested on.
    ///
    /// # Errors
    /// If a chosen setting is unknown or of the wrong type.
    pub fn for_split(&self, split: &Split) -> Result<Self, Error> {
        let mut resolved = self.clone();
        let chosen_apart = |other: &Split| {
            let historical = |name: &String| {
                let all = other.historical.iter().any(|h| h == "*") && !other.new.contains(name);
                all || other.historical.contains(name)
            };
            !split.new.iter().any(historical)
        };
        let chosen = |other: &&Split| self.selection.choices.iter().any(|c| c.split == other.name);
        let chosen: Vec<&Split> = self.splits.iter().filter(chosen).collect();
        let same_name = chosen.iter().find(|other| other.name == split.name);
        if let Some(source) = same_name.or_else(|| chosen.iter().find(|other| chosen_apart(other)))
        {
            self.selection.apply(&mut resolved, &source.name)?;
        }
        resolved.methods = resolved
            .methods
            .iter()
            .map(|m| resolved.resolved_method(m, 0))
            .collect::<Result<_, Error>>()?;
        Ok(resolved)
    }

    /// A method with the settings of the one that it is like, which may be like another; `depth` of them led here.
    fn resolved_method(&self, method: &MethodConfig, depth: usize) -> Result<MethodConfig, Error> {
        let Some(name) = &method.like else { return Ok(method.clone()) };
        let refuse =
            |why: &str| Error::usage(format!("`{}` is like `{name}`, which is {why}", method.name));
        if depth > self.methods.len() {
            return Err(refuse("like itself in the end"));
        }
        let model = self.methods.iter().find(|m| m.name == *name);
        let model = model.ok_or_else(|| refuse("not among the methods"))?;
        let model = self.resolved_method(model, depth + 1)?;
        let mut learning = model.learning.clone();
        merge(&mut learning, &method.learning);
        Ok(MethodConfig {
            k: method.k.or(model.k),
            power: method.power.or(model.power),
            penalty: method.penalty.or(model.penalty),
            width: method.width.or(model.width),
            samples_per_point: method.samples_per_point.or(model.samples_per_point),
            ilcl: method.ilcl.or(model.ilcl),
            deepfi: method.deepfi.clone().or(model.deepfi),
            fidora: method.fidora.or(model.fidora),
            training: method.training.or(model.training),
            correlation: method.correlation.or(model.correlation),
            share: method.share.or(model.share),
            components: method.components.or(model.components),
            learning,
            ..method.clone()
        })
    }

    /// Where the settings chosen for the protocol at `path` stand.
    #[must_use]
    pub fn selected_path(path: &Path) -> PathBuf {
        path.with_extension("selected.toml")
    }

    fn check(&self) -> Result<(), Error> {
        if self.schema != 1 {
            return Err(Error::usage(format!("schema {} is not known, this is 1", self.schema)));
        }
        let empty = [
            ("splits", self.splits.is_empty()),
            ("support.points", self.support.points.is_empty()),
            ("seeds", self.seeds.is_empty()),
            ("methods", self.methods.is_empty()),
        ];
        if let Some((name, _)) = empty.iter().find(|(_, empty)| *empty) {
            return Err(Error::usage(format!("`{name}` is empty")));
        }
        let is_csi = matches!(self.data, DataSource::Csi(_));
        if let DataSource::Csi(data) = &self.data {
            data.check()?;
        }
        let select = &self.select;
        let no_queries = select.queries == 0 && !is_csi;
        if !select.grid.is_empty() && (select.draws == 0 || no_queries) {
            return Err(Error::usage("`select.draws` and `select.queries` must be at least 1"));
        }
        for split in &self.splits {
            let resolved = self.for_split(split)?;
            for method in &resolved.methods {
                super::methods::Kind::of(&method.name)?;
                let learning = resolved.learning_of(method)?;
                learning.check()?;
                if learning.csi.is_some() != is_csi {
                    return Err(Error::usage(
                        "`[learning.csi]` belongs to `data.kind = \"csi\"`: use both or none",
                    ));
                }
            }
        }
        Ok(())
    }

    /// The settings of learning for a method: its own over the protocol's over the defaults.
    ///
    /// # Errors
    /// An unknown setting or one of the wrong type.
    pub fn learning_of(&self, method: &MethodConfig) -> Result<LearningConfig, Error> {
        let mut merged = self.learning.clone();
        merge(&mut merged, &method.learning);
        let value = toml::Value::Table(merged);
        value.try_into().map_err(|e: toml::de::Error| {
            Error::usage(format!("learning settings of `{}`: {e}", method.name))
        })
    }
}

/// Lays `over` onto `base`, table by table.
///
/// The ways to say what a network's layers are exclude each other: a new one replaces the old.
pub(super) fn merge(base: &mut toml::Table, over: &toml::Table) {
    const LAYERS: [&str; 4] = ["preset", "layers", "hidden", "activation"];
    if over.contains_key("preset") || over.contains_key("layers") {
        base.retain(|key, _| !LAYERS.contains(&key));
    }
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => merge(below, above),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_starts_from_another() {
        let text = "schema = 1\nname = \"\"\ntitle = \"\"\nseeds = [1]\n\
                    data = { kind = \"survey\", format = \"survey\", path = \"\", floors = [], \
                    historical_sets = [], support_sets = [], test_sets = [] }\n\
                    splits = [{ name = \"s\", historical = [\"a\"], new = [\"b\"] }]\n\
                    support = { points = [1], samples_per_point = 1 }\n\
                    [[methods]]\nname = \"maml\"\nk = 3\nlearning.maml.inner_steps = 2\n\
                    [[methods]]\nname = \"maml:0\"\nlike = \"maml\"\n\
                    learning.adaptation.steps = 0";
        let protocol: Protocol = toml::from_str(text).unwrap();
        let resolved = protocol.for_split(&protocol.splits[0]).unwrap();
        let config = resolved.learning_of(&resolved.methods[1]).unwrap();
        assert_eq!((config.maml.inner_steps, config.adaptation.steps), (2, Some(0)));
        assert_eq!(resolved.methods[1].k, Some(3));
        let stray: Protocol =
            toml::from_str(&text.replace("= \"maml\"\nk", "= \"tl\"\nk")).unwrap();
        let error = stray.for_split(&stray.splits[0]).unwrap_err().to_string();
        assert!(error.contains("`maml:0` is like `maml`"), "{error}");
        let further = "\n[[methods]]\nname = \"maml:1\"\nlike = \"maml:0\"\n\
                       learning.adaptation.step_size = 0.5";
        let chain: Protocol = toml::from_str(&format!("{text}{further}")).unwrap();
        let resolved = chain.for_split(&chain.splits[0]).unwrap();
        let config = resolved.learning_of(&resolved.methods[2]).unwrap();
        assert_eq!((config.maml.inner_steps, config.adaptation.steps), (2, Some(0)));
        assert_eq!((resolved.methods[2].k, config.adaptation.step_size), (Some(3), Some(0.5)));
        let circle = text.replace("= \"maml\"\nk", "= \"maml\"\nlike = \"maml:0\"\nk");
        let circle: Protocol = toml::from_str(&circle).unwrap();
        let error = circle.for_split(&circle.splits[0]).unwrap_err().to_string();
        assert!(error.contains("like itself"), "{error}");
    }

    #[test]
    fn the_upper_table_wins_key_by_key() {
        let mut base: toml::Table = "a.x = 1\na.y = 2\nb = 3".parse().unwrap();
        merge(&mut base, &"a.y = 5\nc = 7".parse().unwrap());
        assert_eq!(base, "a.x = 1\na.y = 5\nb = 3\nc = 7".parse().unwrap());
    }
}
