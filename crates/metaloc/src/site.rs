//! A site: one floor of one environment, as learning and locating see it.
//!
//! Tasks, radio maps and networks work floor by floor; an environment with several floors is
//! several sites.

use metaloc_radio::geometry::Position;
use metaloc_radio::radio_map::{RadioMap, ReferencePoint};
use metaloc_radio::signal::RssScan;

use crate::error::Error;
use crate::learning::FingerprintConfig;
use crate::survey::{Environment, Sample};

/// One floor of one environment: places with the scans taken there.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// Name of the environment.
    pub environment: String,
    /// Floor number.
    pub floor: i32,
    /// Places that have at least one scan.
    pub points: Vec<SitePoint>,
}

/// A place with the scans taken there.
#[derive(Debug, Clone, PartialEq)]
pub struct SitePoint {
    /// Name of the point in its environment.
    pub id: String,
    /// Where it is.
    pub position: Position,
    /// The scans taken there, in order of measurement.
    pub scans: Vec<RssScan>,
}

impl Site {
    /// The sites of an environment, one a floor in ascending order, from the samples that `keep`
    /// accepts. Empty scans are left out, as are points and floors without samples.
    #[must_use]
    pub fn of_environment(environment: &Environment, keep: impl Fn(&Sample) -> bool) -> Vec<Self> {
        let mut scans: Vec<Vec<RssScan>> = vec![Vec::new(); environment.points.len()];
        for sample in environment.samples.iter().filter(|s| !s.scan.is_empty() && keep(s)) {
            scans[sample.point as usize].push(sample.scan.clone());
        }
        let mut sites: std::collections::BTreeMap<i32, Self> = std::collections::BTreeMap::new();
        for (point, scans) in environment.points.iter().zip(scans).filter(|(_, s)| !s.is_empty()) {
            let floor = point.position.floor;
            let site = sites.entry(floor).or_insert_with(|| Self {
                environment: environment.name.clone(),
                floor,
                points: Vec::new(),
            });
            site.points.push(SitePoint { id: point.id.clone(), position: point.position, scans });
        }
        sites.into_values().collect()
    }

    /// Name for people: the environment with its floor.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}/f{}", self.environment, self.floor)
    }

    /// Number of scans.
    #[must_use]
    pub fn n_scans(&self) -> usize {
        self.points.iter().map(|point| point.scans.len()).sum()
    }

    /// The radio map of these points, each the mean of its scans.
    ///
    /// # Errors
    /// If the site has no points.
    pub fn radio_map(&self, fingerprint: &FingerprintConfig) -> Result<RadioMap, Error> {
        radio_map(std::slice::from_ref(self), fingerprint)
    }
}

/// One radio map of all points of several sites in one frame of coordinates.
///
/// # Errors
/// If there are no points.
pub fn radio_map(sites: &[Site], fingerprint: &FingerprintConfig) -> Result<RadioMap, Error> {
    let points: Vec<&SitePoint> = sites.iter().flat_map(|site| &site.points).collect();
    let reference = |p: &&SitePoint| {
        ReferencePoint::new(&p.id, p.position, &p.scans, fingerprint.not_heard_dbm)
    };
    let reference_points = points.iter().map(reference).collect();
    let map = RadioMap::new(reference_points, fingerprint.distance, fingerprint.not_heard_dbm)?;
    Ok(match fingerprint.distance {
        metaloc_radio::similarity::SignalDistance::TemporallyWeighted => {
            let groups = points.iter().map(|p| p.scans.as_slice());
            let weights = metaloc_radio::similarity::TemporalWeights::from_repeated_scans(groups);
            map.with_weights(std::sync::Arc::new(weights))
        }
        _ => map,
    })
}
