//! What `auto` chooses among.

use metaloc_meta::registry::AlgorithmName;
use metaloc_nn::{Decay, OptimizerDescription, Schedule};
use metaloc_radio::preprocess::{GainControl, Quantity};
use metaloc_radio::similarity::SignalDistance;

use super::Candidate;
use crate::learning::{
    Algorithm, Architecture, FingerprintConfig, FingerprintKind, LearningConfig, NetworkConfig,
};
use crate::site::Site;

/// Reference points that a kernel compares a scan with.
const KERNEL_NEIGHBORS: usize = 30;
/// Iterations of a kernel's training.
const KERNEL_ITERATIONS: u64 = 500;
/// Two environments that survey points nearer than this are the same place (m).
const SAME_PLACE_M: f64 = 1.0;

/// Candidates for RSS; what they don't say is as in `base`.
pub(super) fn rss(base: &LearningConfig, sites: &[Site]) -> Vec<Candidate> {
    let same_place = is_one_place(sites);
    let mut candidates = vec![Candidate { name: "kernel", config: kernel(base, false) }];
    if same_place {
        candidates.push(Candidate { name: "kernel, old maps", config: kernel(base, true) });
    }
    for (name, power, k) in
        [("pwknn, power 4", 4.0, 8), ("pwknn, power 8", 8.0, 8), ("pwknn, power 16", 16.0, 8)]
    {
        candidates.push(Candidate { name, config: knn(base, (k, power), false) });
    }
    candidates.push(Candidate { name: "pwknn, powed strengths", config: powed(base) });
    if same_place {
        for (name, k) in [("wknn 3, old maps", 3), ("wknn 9, old maps", 9)] {
            candidates.push(Candidate { name, config: knn(base, (k, 1.0), true) });
        }
    }
    candidates.extend(maml(base));
    candidates
}

/// MAML with several numbers of adaptation steps; one training serves them all.
fn maml(base: &LearningConfig) -> Vec<Candidate> {
    let steps = [("maml, 0 steps", 0), ("maml, 1 step", 1), ("maml, 5 steps", 5)];
    let more = [("maml, 20 steps", 20), ("maml, 50 steps", 50)];
    let candidate = |(name, steps)| {
        let mut config = LearningConfig { algorithm: Algorithm::MAML, ..base.clone() };
        config.adaptation.steps = Some(steps);
        Candidate { name, config }
    };
    steps.into_iter().chain(more).map(candidate).collect()
}

/// Whether some two environments surveyed one place.
fn is_one_place(sites: &[Site]) -> bool {
    sites.iter().enumerate().any(|(i, site)| {
        let others = sites[i + 1..].iter();
        let mut others =
            others.filter(|o| o.floor == site.floor && o.environment != site.environment);
        others.any(|other| {
            site.points.iter().any(|point| {
                let near = |p: &crate::site::SitePoint| p.position.distance_m(&point.position);
                other.points.iter().any(|p| near(p) < SAME_PLACE_M)
            })
        })
    })
}

/// The learned kernel over reference points.
fn kernel(base: &LearningConfig, old_maps: bool) -> LearningConfig {
    let mut config = LearningConfig {
        algorithm: Algorithm::Trained(AlgorithmName::Episodic),
        fingerprint: FingerprintConfig {
            kind: FingerprintKind::ReferenceKernel,
            neighbors: KERNEL_NEIGHBORS,
            old_maps,
            ..base.fingerprint
        },
        network: NetworkConfig {
            architecture: Architecture::ReferenceKernel,
            ..base.network.clone()
        },
        ..base.clone()
    };
    config.adaptation.steps = Some(0);
    config.task.query_samples = 48;
    config.task.min_points = config.task.min_points.min(8);
    let iterations = base.training.iterations.min(KERNEL_ITERATIONS);
    config.training.iterations = iterations;
    if let OptimizerDescription::Adam { step_size, schedule, .. } = &mut config.training.outer {
        *step_size = 3e-3;
        let decay = Decay::Cosine { steps: iterations.max(1), last: 0.0 };
        *schedule = Schedule { warm_up: iterations / 10, decay };
    }
    config
}

fn knn(base: &LearningConfig, (k, power): (usize, f64), old_maps: bool) -> LearningConfig {
    let mut config = LearningConfig { algorithm: Algorithm::Knn, ..base.clone() };
    config.knn.neighbors = k;
    config.knn.power = power;
    config.knn.old_maps = old_maps;
    config
}

/// Power-weighted neighbours by powed strengths.
fn powed(base: &LearningConfig) -> LearningConfig {
    let mut config = knn(base, (5, 8.0), false);
    config.fingerprint.distance = SignalDistance::Powed;
    config
}

/// What needs no history at all.
pub(super) fn rss_without_history(base: &LearningConfig) -> LearningConfig {
    powed(base)
}

/// Candidates for channel state information.
pub(super) fn csi(base: &LearningConfig) -> Vec<Candidate> {
    let with = |change: &dyn Fn(&mut LearningConfig)| {
        let mut config = base.clone();
        change(&mut config);
        config
    };
    let packets = |delays: &[f32]| {
        with(&|config| {
            config.algorithm = Algorithm::Packets;
            if let Some(csi) = &mut config.csi {
                csi.window.quantity = Quantity::Complex;
                csi.packets.delays = delays.to_vec();
            }
        })
    };
    let spectra = |algorithm: Algorithm| {
        with(&|config| {
            config.algorithm = algorithm;
            if let Some(csi) = &mut config.csi {
                csi.window.gain_control = GainControl::Packet;
            }
        })
    };
    let mut candidates = vec![
        Candidate { name: "packets", config: packets(&[0.0]) },
        Candidate { name: "packets, delays", config: packets(&[-0.6, 0.0, 0.6]) },
        Candidate { name: "nearest spectrum", config: spectra(Algorithm::NearestSpectrum) },
        Candidate { name: "ridge", config: spectra(Algorithm::RidgeSpectrum) },
    ];
    candidates.extend(maml(&spectra(Algorithm::MAML)));
    candidates
}
