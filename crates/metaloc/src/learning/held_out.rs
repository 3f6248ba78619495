//! How well a model does on a new environment's own few samples: a part of them is held out in turn, the
//! model adapted to the rest. By this `metaloc adapt` chooses among several models.
//!
//! Scans are located anywhere: points are held out. Channel state information is told apart by point:
//! one window of every point is held out.

use metaloc_meta::adapt::AdaptationConfig;
use metaloc_radio::signal::AccessPoints;

use super::{CsiModel, CsiSiteModel, MetaModel, SiteModel, Support};
use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::locate::{csi_locator, site_locator};
use crate::site::Site;

/// Most parts that the points of a floor, or the windows of a point, are held out in.
const MOST_PARTS: usize = 10;

/// Mean error of a model on points of the support sets that are held out in turn (m): one by one, or a
/// tenth at a time of more than ten; none if no scan of them could be located.
///
/// # Errors
/// If the rest of a support set is too small for the model, or adaptation diverges.
pub fn held_out_error_m(
    model: &MetaModel,
    supports: &[Support],
    access_points: &AccessPoints,
    adaptation: AdaptationConfig,
) -> Result<Option<f64>, Error> {
    let mut errors_m = Vec::new();
    for (place, support) in supports.iter().enumerate() {
        let n_points = support.site.points.len();
        for part in 0..n_points.min(MOST_PARTS) {
            let mut rest = supports.to_vec();
            rest[place] = without(support, part);
            let adapted = SiteModel::adapt(model, rest, access_points, adaptation)?;
            let locator = site_locator(adapted)?;
            for held_out in support.site.points.iter().skip(part).step_by(MOST_PARTS) {
                let located = held_out.scans.iter().filter_map(|scan| locator.locate(scan).ok());
                errors_m.extend(located.map(|found| found.position.distance_m(&held_out.position)));
            }
        }
    }
    Ok(mean(&errors_m))
}

/// A support set without every tenth of its points, from `part`.
fn without(support: &Support, part: usize) -> Support {
    let (points, held_out): (Vec<_>, Vec<_>) =
        support.site.points.iter().enumerate().partition(|(at, _)| at % MOST_PARTS != part);
    let points = points.into_iter().map(|(_, point)| point.clone()).collect();
    let mut adaptation = support.adaptation.clone();
    adaptation.retain(|(_, at)| held_out.iter().all(|(_, point)| point.position != *at));
    Support { site: Site { points, ..support.site.clone() }, adaptation }
}

/// As [`held_out_error_m`], of windows held out one a point; none if a point has a single one.
///
/// # Errors
/// If the model has no output for a point, or adaptation diverges.
pub fn csi_held_out_error_m(
    model: &CsiModel,
    support: &CsiSite,
    adaptation: AdaptationConfig,
) -> Result<Option<f64>, Error> {
    let fewest = support.points.iter().map(|point| point.windows.len()).min().unwrap_or(0);
    if fewest < 2 {
        return Ok(None);
    }
    let mut errors_m = Vec::new();
    for at in 0..fewest.min(MOST_PARTS) {
        let mut rest = support.clone();
        let points = rest.points.iter_mut();
        let held_out: Vec<_> =
            points.map(|point| (point.position, point.windows.remove(at))).collect();
        let locator = csi_locator(CsiSiteModel::adapt(model, rest, adaptation)?)?;
        for (position, window) in &held_out {
            let found = locator.locate(window).ok();
            errors_m.extend(found.map(|found| found.position.distance_m(position)));
        }
    }
    Ok(mean(&errors_m))
}

fn mean(errors_m: &[f64]) -> Option<f64> {
    (!errors_m.is_empty()).then(|| errors_m.iter().sum::<f64>() / errors_m.len() as f64)
}
