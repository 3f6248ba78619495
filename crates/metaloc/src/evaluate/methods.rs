//! From a method's name and a case to a locator.

use std::time::Instant;

use metaloc_radio::radio_map::RadioMap;

use super::{Case, MethodConfig};
use crate::error::Error;
use crate::learning::{Algorithm, FingerprintConfig, LearningConfig, MetaModel, SiteModel};
use crate::locate::{
    KernelRidge, KernelSettings, Knn, Locator, PowerWeightedKnn, WeightedKnn, site_locator,
};
use crate::site::{Site, SitePoint, radio_map};

/// Neighbours where a method does not say: the paper's K.
const DEFAULT_K: usize = 5;
/// Power of power-weighted KNN where a method does not say.
const DEFAULT_POWER: f64 = 8.0;

/// Kernel ridge where a method does not say.
const DEFAULT_KERNEL: KernelSettings = KernelSettings { width: 1.0, penalty: 0.1 };

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
}

impl CsiRule {
    /// Every rule by its name.
    pub(super) const ALL: [(&'static str, Self); 12] = [
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
        use CsiRule::{BroadLearning, Cifi, ClassAlignment, Confi, ConfiOwn, DeepAutoencoders};
        matches!(
            self,
            Self::CompareCsi(
                BroadLearning | DeepAutoencoders | Confi | ConfiOwn | Cifi | ClassAlignment
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
        let unknown = || {
            Error::usage(format!(
                "unknown method `{name}`: knn-, wknn-, pwknn- or krr- followed by support, old, both \
                 or full; {}; or {}",
                CsiRule::names(),
                crate::learning::Algorithm::all()
                    .map(crate::learning::Algorithm::name)
                    .collect::<Vec<_>>()
                    .join(", ")
            ))
        };
        let (rule, map) = base.split_once('-').ok_or_else(unknown)?;
        let rule = match rule {
            "knn" => Rule::Knn,
            "wknn" => Rule::Weighted,
            "pwknn" => Rule::PowerWeighted,
            "krr" => Rule::KernelRidge,
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
    let map = map_for(map, method.with_adaptation_samples, fingerprint, case, historical)?;
    let k = method.k.unwrap_or(DEFAULT_K);
    let locator: Box<dyn Locator> = match rule {
        Rule::Knn => Box::new(Knn { map, k }),
        Rule::Weighted => Box::new(WeightedKnn { map, k }),
        Rule::PowerWeighted => {
            let power = method.power.unwrap_or(DEFAULT_POWER);
            Box::new(PowerWeightedKnn { map, k, power })
        }
        Rule::KernelRidge => Box::new(KernelRidge::new(map, method.kernel())?),
    };
    Ok(Prepared { locator, adaptation_steps: None, adapt_ms: None })
}

fn map_for(
    choice: MapChoice,
    with_adaptation_samples: bool,
    fingerprint: &FingerprintConfig,
    case: &Case,
    historical: &[Site],
) -> Result<RadioMap, Error> {
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
    let sites: Vec<Site> = match choice {
        MapChoice::Support => support.collect(),
        MapChoice::Old => old.collect(),
        MapChoice::Both => old.chain(support).collect(),
        MapChoice::Full => case.full.clone(),
    };
    radio_map(&sites, fingerprint)
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
    fn names_mean_methods() {
        let kind = |name| Kind::of(name).unwrap();
        assert_eq!(kind("maml:rss"), Kind::Learn(Algorithm::MAML));
        let expected = Kind::Compare { rule: Rule::PowerWeighted, map: MapChoice::Support };
        assert_eq!(kind("pwknn-support"), expected);
        assert_eq!(
            kind("wknn-full:x"),
            Kind::Compare { rule: Rule::Weighted, map: MapChoice::Full }
        );
        assert!(Kind::of("magic").unwrap_err().to_string().contains("unknown method `magic`"));
        assert!(Kind::of("wknn-magic").is_err());
    }
}
