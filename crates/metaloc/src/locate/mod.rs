//! Locators: from a scan to a place.
//!
//! One trait, one file a method. A method that compares fingerprints holds a radio map; whether
//! that map is the new environment's few samples, the old database, or both, is the caller's
//! choice and part of the method's name in results (`wknn-support`, `wknn-old`, `wknn-both`).

mod acmu_like;
mod adapted;
mod csi;
mod dfps;
mod horus;
mod kernel_ridge;
mod knn;
mod levels;
mod member;
mod power_weighted_knn;
mod surveyed;
mod transloc_like;
mod vivi_like;
mod weighted_knn;

use metaloc_radio::geometry::Position;
use metaloc_radio::radio_map::{Neighbor, RadioMap};
use metaloc_radio::signal::RssScan;

use crate::error::Error;
use crate::learning::{Algorithm, SiteModel};

pub use acmu_like::AcMuLike;
pub use adapted::AdaptedNetwork;
pub(crate) use csi::packet_moment;
pub use csi::{
    AdaptedCsiNetwork, ChannelRanging, Cifi, ClassAlignment, Confi, ConventionalTraining,
    CsiLocator, DeepAutoencoders, DeepFingerprints, FidoraSettings, HistogramKnn, Ilcl,
    IlclBranches, IlclSettings, ImagePixels, ImageRule, KernelRidgeSpectrum, NearestSpectrum,
    PacketMatch, PacketMatching, Reconstruction, RidgeSpectrum, SharedEncoder, csi_locator,
};
pub use dfps::Dfps;
pub use horus::{Horus, HorusSettings, correlation, variance_of_mean};
pub use kernel_ridge::{KernelRidge, KernelSettings};
pub use knn::Knn;
pub use power_weighted_knn::PowerWeightedKnn;
pub use transloc_like::TransLocLike;
pub use vivi_like::ViviLike;
pub use weighted_knn::WeightedKnn;

/// The locator of an adapted model.
///
/// # Errors
/// If the model is not consistent.
pub fn site_locator(site: SiteModel) -> Result<Box<dyn Locator>, Error> {
    if site.model.config.algorithm == Algorithm::Knn {
        return Ok(Box::new(surveyed::knn(&site)?));
    }
    Ok(Box::new(AdaptedNetwork::new(site)?))
}

/// Where a scan was taken, as a locator sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The estimated place; its floor is the one with the most weight among the neighbours.
    pub position: Position,
    /// Nearest reference points of that floor, best first; weights sum to one.
    pub candidates: Vec<Candidate>,
}

/// A reference point that a scan may have been taken near.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Name of the reference point.
    pub id: String,
    /// Where it is.
    pub position: Position,
    /// Its share of the weight.
    pub weight: f64,
}

/// Why a scan can't be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotLocated {
    /// The scan heard nothing.
    #[error("the scan heard no access point")]
    EmptyScan,
    /// The scan heard only access points that the radio map does not know.
    #[error("the scan heard no access point that the radio map knows")]
    NoKnownAccessPoint,
    /// The window has other packets, subcarriers or antennas than the survey's.
    #[error("the capture has other packets, subcarriers or antennas than the survey's")]
    OtherShape,
    /// The network answered with something that is not a number.
    #[error("the network's answer is not a number: the adapted weights are damaged")]
    NotANumber,
}

/// A method that places scans.
pub trait Locator: Sync {
    /// Places one scan.
    ///
    /// # Errors
    /// [`NotLocated`] if the scan gives no ground for a place; never a guess.
    fn locate(&self, scan: &RssScan) -> Result<Estimate, NotLocated>;
}

/// Refuses a scan that shares nothing with the map.
fn check(map: &RadioMap, scan: &RssScan) -> Result<(), NotLocated> {
    if scan.is_empty() {
        return Err(NotLocated::EmptyScan);
    }
    if map.knows_any(scan) { Ok(()) } else { Err(NotLocated::NoKnownAccessPoint) }
}

/// The floor with the most weight (ties: the lower one), and its neighbours as candidates.
fn vote(
    map: &RadioMap,
    neighbors: &[Neighbor],
    weight: impl Fn(f64) -> f64,
) -> (i32, Vec<Candidate>) {
    let mut floors = std::collections::BTreeMap::<i32, f64>::new();
    for neighbor in neighbors {
        let floor = map.points()[neighbor.index].position.floor;
        *floors.entry(floor).or_default() += weight(neighbor.distance);
    }
    let mut best = (0, f64::NEG_INFINITY);
    for (floor, total) in floors {
        if total > best.1 {
            best = (floor, total);
        }
    }
    let on_floor = neighbors.iter().filter(|n| map.points()[n.index].position.floor == best.0);
    let candidates = on_floor.map(|neighbor| {
        let point = &map.points()[neighbor.index];
        let weight = weight(neighbor.distance) / best.1;
        Candidate { id: point.id.clone(), position: point.position, weight }
    });
    (best.0, candidates.collect())
}

/// The weighted mean of the neighbours on the floor that wins their vote.
fn weighted_mean(map: &RadioMap, neighbors: &[Neighbor], weight: impl Fn(f64) -> f64) -> Estimate {
    let (floor, candidates) = vote(map, neighbors, weight);
    let mean = |pick: fn(&Position) -> f64| {
        candidates.iter().map(|c| c.weight * pick(&c.position)).sum::<f64>()
    };
    let position = Position::new(mean(|p| p.x_m), mean(|p| p.y_m), floor);
    Estimate { position, candidates }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use metaloc_radio::radio_map::ReferencePoint;
    use metaloc_radio::signal::AccessPointId;
    use metaloc_radio::similarity::SignalDistance;

    pub(crate) fn heard(dbm: f32) -> RssScan {
        RssScan::new(vec![(AccessPointId(0), dbm)]).unwrap()
    }

    /// Points at x = 0, 2, 8 m on floor 0 (-40, -50, -70 dBm), x = 4 m on floor 1 (-58 dBm).
    pub(crate) fn map() -> RadioMap {
        let point = |id: &str, x: f64, floor, dbm| {
            ReferencePoint::new(id, Position::new(x, 1.0, floor), &[heard(dbm)], -105.0)
        };
        let points = vec![
            point("a", 0.0, 0, -40.0),
            point("b", 2.0, 0, -50.0),
            point("c", 8.0, 0, -70.0),
            point("d", 4.0, 1, -58.0),
        ];
        RadioMap::new(points, SignalDistance::Euclidean, -105.0).unwrap()
    }

    #[test]
    fn the_floor_with_the_most_weight_wins() {
        let neighbors = map().nearest(&heard(-56.0), 3); // d at 2 dB, b at 6 dB, c at 14 dB
        assert_eq!(vote(&map(), &neighbors, |_| 1.0).0, 0);
        let (floor, candidates) = vote(&map(), &neighbors, |d| 1.0 / d);
        assert_eq!(floor, 1);
        assert_eq!(candidates.len(), 1);
        assert!((candidates[0].weight - 1.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_known_is_not_located() {
        assert_eq!(check(&map(), &RssScan::default()), Err(NotLocated::EmptyScan));
        let stranger = RssScan::new(vec![(AccessPointId(5), -50.0)]).unwrap();
        assert_eq!(check(&map(), &stranger), Err(NotLocated::NoKnownAccessPoint));
    }
}
