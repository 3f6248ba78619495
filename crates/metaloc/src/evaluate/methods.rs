//! From a method's name and a case to a locator.

use std::time::Instant;

use super::{Case, MethodConfig};
use crate::error::Error;
use crate::learning::{Algorithm, FingerprintConfig, LearningConfig, MetaModel, SiteModel};
use crate::locate::{
    AcMuLike, Dfps, Horus, HorusSettings, KernelRidge, KernelSettings, Knn, Locator,
    PowerWeightedKnn, TransLocLike, ViviLike, WeightedKnn, correlation, site_locator,
};
use crate::site::{Site, SitePoint, radio_map};

/// Neighbours where a method does not say: the paper's K.
const DEFAULT_K: usize = 5;
/// Power of power-weighted KNN where a method does not say.
const DEFAULT_POWER: f64 = 8.0;

/// Kernel ridge where a method does not say.
const DEFAULT_KERNEL: KernelSettings = KernelSettings { width: 1.0, penalty: 0.1 };

/// Share of the variance in DFPS where a method does not say.
const DEFAULT_SHARE: f64 = 0.95;
/// Components in `acmu-like` where a method does not say.
const DEFAULT_COMPONENTS: usize = 1;
/// Penalty of `transloc-like` where a method does not say.
const DEFAULT_MAPPING_PENALTY: f64 = 1.0;

impl MethodConfig {
    /// Settings of kernel ridge regression.
    pub(super) fn kernel(&self) -> KernelSettings {
        KernelSettings {
            width: self.width.unwrap_or(DEFAULT_KERNEL.width),
            penalty: self.penalty.unwrap_or(DEFAULT_KERNEL.penalty),
        }
    }
}

/// What kind of method a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Compares with a radio map.
    Compare { rule: Rule, map: MapChoice },
    /// Compares with surveyed windows of channel state information.
    CompareCsi(CsiRule),
    /// An adapted network.
    Learn(crate::learning::Algorithm),
}

/// How windows of channel state information are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CsiRule {
    Nearest,
    Ridge,
    KernelRidge,
    HistogramKnn,
    BroadLearning,
    DeepAutoencoders,
    Confi,
    ConfiOwn,
    Ranging,
    Cifi,
    Reconstruction,
    ClassAlignment,
    SharedEncoder,
}

impl CsiRule {
    /// Every rule by its name.
    pub(super) const ALL: [(&'static str, Self); 13] = [
        ("1nn", Self::Nearest),
        ("ridge", Self::Ridge),
        ("krr", Self::KernelRidge),
        ("hi-knn", Self::HistogramKnn),
        ("ilcl", Self::BroadLearning),
        ("deepfi", Self::DeepAutoencoders),
        ("confi", Self::Confi),
        ("confi-own", Self::ConfiOwn),
        ("fila-like", Self::Ranging),
        ("cifi", Self::Cifi),
        ("crisloc-like", Self::Reconstruction),
        ("dafi-like", Self::ClassAlignment),
        ("fidora-like", Self::SharedEncoder),
    ];

    /// All names, in words.
    pub(super) fn names() -> String {
        Self::ALL.map(|(name, _)| name).join(", ")
    }
}

/// How neighbours are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Knn,
    Weighted,
    PowerWeighted,
    KernelRidge,
    Horus,
    Dfps,
    ViviLike,
    TransLocLike,
    AcMuLike,
}

/// Which samples make the radio map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MapChoice {
    /// The new environment's few samples.
    Support,
    /// The historical environments' surveys.
    Old,
    /// Both.
    Both,
    /// The new environment's whole survey: the bound.
    Full,
}

impl Kind {
    /// Whether a comparing method learns of the new environment for so long that its time is shown.
    pub(super) fn takes_time(self) -> bool {
        use CsiRule::{
            BroadLearning, Cifi, ClassAlignment, Confi, ConfiOwn, DeepAutoencoders, SharedEncoder,
        };
        matches!(
            self,
            Self::CompareCsi(
                BroadLearning
                    | DeepAutoencoders
                    | Confi
                    | ConfiOwn
                    | Cifi
                    | ClassAlignment
                    | SharedEncoder
            )
        )
    }

    /// The kind that a method's name means; what follows a colon names a variant.
    pub(super) fn of(name: &str) -> Result<Self, Error> {
        let base = name.split(':').next().unwrap_or(name);
        if let Ok(algorithm) = base.parse() {
            return Ok(Self::Learn(algorithm));
        }
        if let Some((_, rule)) = CsiRule::ALL.into_iter().find(|(name, _)| *name == base) {
            return Ok(Self::CompareCsi(rule));
        }
        // They make their map of both.
        match base {
            "transloc-like" => {
                return Ok(Self::Compare { rule: Rule::TransLocLike, map: MapChoice::Both });
            }
            "acmu-like" => {
                return Ok(Self::Compare { rule: Rule::AcMuLike, map: MapChoice::Both });
            }
            _ => {}
        }
        let unknown = || {
            Error::usage(format!(
                "unknown method `{name}`: knn- (or radar-), wknn-, pwknn-, krr-, horus-, dfps- or \
                 vivi-like- followed by support, old, both or full; transloc-like, acmu-like; {}; or \
                 {}",
                CsiRule::names(),
                crate::learning::Algorithm::all()
                    .map(crate::learning::Algorithm::name)
                    .collect::<Vec<_>>()
                    .join(", ")
            ))
        };
        let (rule, map) = base.rsplit_once('-').ok_or_else(unknown)?;
        let rule = match rule {
            "knn" | "radar" => Rule::Knn,
            "wknn" => Rule::Weighted,
            "pwknn" => Rule::PowerWeighted,
            "krr" => Rule::KernelRidge,
            "horus" => Rule::Horus,
            "dfps" => Rule::Dfps,
            "vivi-like" => Rule::ViviLike,
            _ => return Err(unknown()),
        };
        let map = match map {
            "support" => MapChoice::Support,
            "old" => MapChoice::Old,
            "both" => MapChoice::Both,
            "full" => MapChoice::Full,
            _ => return Err(unknown()),
        };
        Ok(Self::Compare { rule, map })
    }
}

/// Whether a method can be asked of scans: none that compares or learns from windows can.
pub(crate) fn runs_on_scans(method: &MethodConfig) -> bool {
    !matches!(Kind::of(&method.name), Ok(Kind::CompareCsi(_)))
        && !method.learning.contains_key("csi")
}

/// A locator made for a case, with what making it took.
pub(super) struct Prepared {
    pub(super) locator: Box<dyn Locator>,
    pub(super) adaptation_steps: Option<usize>,
    pub(super) adapt_ms: Option<f64>,
}

/// Makes the locator of a comparing method.
pub(super) fn compare(
    (rule, map): (Rule, MapChoice),
    method: &MethodConfig,
    fingerprint: &FingerprintConfig,
    case: &Case,
    historical: &[Site],
) -> Result<Prepared, Error> {
    let (old, new) = surveys(map, method.with_adaptation_samples, case, historical);
    let k = method.k.unwrap_or(DEFAULT_K);
    let map = || radio_map(&[&old[..], &new[..]].concat(), fingerprint);
    let locator: Box<dyn Locator> = match rule {
        Rule::Knn => Box::new(Knn { map: map()?, k }),
        Rule::Weighted => Box::new(WeightedKnn { map: map()?, k }),
        Rule::PowerWeighted => {
            let power = method.power.unwrap_or(DEFAULT_POWER);
            Box::new(PowerWeightedKnn { map: map()?, k, power })
        }
        Rule::KernelRidge => Box::new(KernelRidge::new(map()?, method.kernel())?),
        Rule::Horus => {
            // The receiver's: the new survey's few samples did not follow each other.
            let of_history = || correlation(historical);
            let correlation = method.correlation.unwrap_or_else(of_history);
            let settings = HorusSettings { correlation, candidates: k };
            Box::new(Horus::new(&[old, new].concat(), fingerprint, settings)?)
        }
        Rule::Dfps => Box::new(Dfps::new(map()?, k, method.share.unwrap_or(DEFAULT_SHARE))?),
        Rule::ViviLike => Box::new(ViviLike::new(map()?, k)?),
        Rule::TransLocLike => {
            let penalty = method.penalty.unwrap_or(DEFAULT_MAPPING_PENALTY);
            Box::new(TransLocLike::new((&old, &new), fingerprint, (k, penalty))?)
        }
        Rule::AcMuLike => {
            let components = method.components.unwrap_or(DEFAULT_COMPONENTS);
            Box::new(AcMuLike::new((&old, &new), fingerprint, (k, components))?)
        }
    };
    Ok(Prepared { locator, adaptation_steps: None, adapt_ms: None })
}

/// The old surveys and the new environment's samples that a choice means.
fn surveys(
    choice: MapChoice,
    with_adaptation_samples: bool,
    case: &Case,
    historical: &[Site],
) -> (Vec<Site>, Vec<Site>) {
    let floors: Vec<i32> = case.full.iter().map(|site| site.floor).collect();
    let old = historical.iter().filter(|site| floors.contains(&site.floor)).cloned();
    let support = case.supports.iter().map(|support| {
        let mut site = support.site.clone();
        if with_adaptation_samples {
            let point = |(i, (scan, at)): (usize, &(_, _))| SitePoint {
                id: format!("adaptation-{i}"),
                position: *at,
                scans: vec![Clone::clone(scan)],
            };
            site.points.extend(support.adaptation.iter().enumerate().map(point));
        }
        site
    });
    match choice {
        MapChoice::Support => (Vec::new(), support.collect()),
        MapChoice::Old => (old.collect(), Vec::new()),
        MapChoice::Both => (old.collect(), support.collect()),
        MapChoice::Full => (Vec::new(), case.full.clone()),
    }
}

/// Adapts a trained start to a case.
pub(super) fn learn(
    model: &MetaModel,
    config: &LearningConfig,
    case: &Case,
) -> Result<Prepared, Error> {
    let begin = Instant::now();
    let supports = case.supports.clone();
    // What `auto` chose adapts in its own way.
    let config = if config.algorithm == Algorithm::Auto { &model.config } else { config };
    let mut model = model.clone();
    model.config.start = config.start;
    let site = SiteModel::adapt(&model, supports, &case.access_points, config.adaptation())?;
    let adapt_ms = begin.elapsed().as_secs_f64() * 1e3;
    Ok(Prepared {
        locator: site_locator(site)?,
        adaptation_steps: Some(config.adaptation().steps),
        adapt_ms: Some(adapt_ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_on_windows_are_told_from_those_on_scans() {
        let named = |name: &str| MethodConfig { name: name.into(), ..MethodConfig::default() };
        assert!(runs_on_scans(&named("maml")) && runs_on_scans(&named("horus-support")));
        assert!(!runs_on_scans(&named("hi-knn:3")));
        let mut images = named("maml:images");
        images.learning.insert("csi".into(), toml::Table::new().into());
        assert!(!runs_on_scans(&images));
    }

    #[test]
    fn names_mean_methods() {
        let kind = |name| Kind::of(name).unwrap();
        assert_eq!(kind("maml:rss"), Kind::Learn(Algorithm::MAML));
        let expected = Kind::Compare { rule: Rule::PowerWeighted, map: MapChoice::Support };
        assert_eq!(kind("pwknn-support"), expected);
        assert_eq!(
            kind("wknn-full:x"),
            Kind::Compare { rule: Rule::Weighted, map: MapChoice::Full }
        );
        assert_eq!(kind("radar-support"), kind("knn-support"));
        let expected = Kind::Compare { rule: Rule::ViviLike, map: MapChoice::Old };
        assert_eq!(kind("vivi-like-old"), expected);
        let expected = Kind::Compare { rule: Rule::AcMuLike, map: MapChoice::Both };
        assert_eq!(kind("acmu-like"), expected);
        assert!(Kind::of("magic").unwrap_err().to_string().contains("unknown method `magic`"));
        assert!(Kind::of("wknn-magic").is_err());
    }
}
