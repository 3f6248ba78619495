//! Power-weighted KNN of a model without a network: on the new survey, and on old ones where the model
//! keeps them.

use metaloc_radio::radio_map::{RadioMap, ReferencePoint};
use metaloc_radio::signal::{AccessPointId, RssScan};
use metaloc_radio::similarity::Signature;

use super::PowerWeightedKnn;
use crate::error::Error;
use crate::learning::SiteModel;

/// Signatures count strengths from here (dBm).
const SILENCE_DBM: f32 = -105.0;

/// The locator of an adapted model of algorithm `knn`.
pub(super) fn knn(site: &SiteModel) -> Result<PowerWeightedKnn, Error> {
    let settings = site.model.config.knn;
    let mut points = site.map.points().to_vec();
    for support in &site.supports {
        for old in site.encoder.old_maps_beside(&support.site) {
            points.extend(old.iter().map(|point| ReferencePoint {
                id: String::new(),
                position: point.position,
                scan: mean_scan(&point.signature),
                n_samples: 1,
            }));
        }
    }
    let map = RadioMap::new(points, site.map.distance(), site.map.not_heard_dbm())?;
    Ok(PowerWeightedKnn { map, k: settings.neighbors, power: settings.power })
}

/// The mean scan that a signature keeps.
fn mean_scan(signature: &Signature) -> RssScan {
    let readings = signature.entries().iter().map(|entry| {
        (
            AccessPointId(entry.access_point),
            (SILENCE_DBM + entry.above_silence_db).clamp(-120.0, 0.0),
        )
    });
    // Sorted, finite and in range: it is always a scan.
    RssScan::new(readings.collect()).unwrap_or_default()
}
