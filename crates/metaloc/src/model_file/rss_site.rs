//! The part of an adapted model that RSS needs: support scans, floor by floor.

use metaloc_meta::AdaptationConfig;
use metaloc_radio::geometry::Position;
use metaloc_radio::signal::{AccessPointId, AccessPoints, RssScan};
use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};

use super::columns::{Column, floats, indices};
use super::{Columns, MetaModel};
use crate::error::Error;
use crate::learning::{SiteModel, Support};
use crate::site::{Site, SitePoint};

/// What an adapted model adds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SiteManifest {
    environment: String,
    access_points: AccessPoints,
    floors: Vec<FloorManifest>,
    adaptation: AdaptationConfig,
    support_losses: Vec<f32>,
}

/// One floor's support set, without its readings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FloorManifest {
    floor: i32,
    points: Vec<PointManifest>,
    adaptation: Vec<Position>,
}

/// One reference point, without its readings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PointManifest {
    id: String,
    position: Position,
    scans: usize,
}

impl SiteManifest {
    /// The manifest of an adapted model, and its columns.
    pub(super) fn of(site: &SiteModel) -> (Self, Columns) {
        let mut readings = Readings::default();
        let mut floors = Vec::new();
        for support in &site.supports {
            let mut points = Vec::new();
            for point in &support.site.points {
                point.scans.iter().for_each(|scan| readings.push(scan));
                points.push(PointManifest {
                    id: point.id.clone(),
                    position: point.position,
                    scans: point.scans.len(),
                });
            }
            support.adaptation.iter().for_each(|(scan, _)| readings.push(scan));
            let adaptation = support.adaptation.iter().map(|&(_, at)| at).collect();
            floors.push(FloorManifest { floor: support.site.floor, points, adaptation });
        }
        let manifest = Self {
            environment: site.environment.clone(),
            access_points: site.access_points.clone(),
            floors,
            adaptation: site.adaptation,
            support_losses: site.support_losses.clone(),
        };
        let columns = Columns::from([
            ("radio_map.access_point", Column::indices(&readings.access_point)),
            ("radio_map.rss_dbm", Column::floats(&readings.dbm)),
            ("radio_map.scan_length", Column::indices(&readings.length)),
        ]);
        (manifest, columns)
    }

    /// The adapted model around `model`, whose parameters are adapted already.
    pub(super) fn assemble(
        self,
        model: MetaModel,
        tensors: &SafeTensors<'_>,
    ) -> Result<SiteModel, String> {
        let supports = read_supports(&self, tensors)?;
        let site = SiteModel::assemble(model, supports, self.access_points, self.adaptation);
        let mut site = site.map_err(|e: Error| e.to_string())?;
        site.support_losses = self.support_losses;
        Ok(site)
    }
}

/// Scans as three columns.
#[derive(Default)]
struct Readings {
    access_point: Vec<u32>,
    dbm: Vec<f32>,
    length: Vec<u32>,
}

impl Readings {
    fn push(&mut self, scan: &RssScan) {
        self.access_point.extend(scan.readings().iter().map(|&(id, _)| id.0));
        self.dbm.extend(scan.readings().iter().map(|&(_, dbm)| dbm));
        self.length.push(u32::try_from(scan.len()).unwrap_or(u32::MAX));
    }
}

fn read_supports(site: &SiteManifest, tensors: &SafeTensors<'_>) -> Result<Vec<Support>, String> {
    let ids = indices(tensors, "radio_map.access_point")?;
    let dbm = floats(tensors, "radio_map.rss_dbm")?;
    let lengths = indices(tensors, "radio_map.scan_length")?;
    let total: usize = lengths.iter().map(|&length| length as usize).sum();
    let known = |id: &u32| (*id as usize) < site.access_points.len();
    if ids.len() != total || dbm.len() != total || !ids.iter().all(known) {
        return Err("inconsistent: the radio map's columns don't fit each other".into());
    }
    let mut readings = ids.into_iter().map(AccessPointId).zip(dbm);
    let mut lengths = lengths.into_iter();
    let mut scan = || {
        let length = lengths.next().ok_or("inconsistent: the radio map has too few scans")?;
        RssScan::new(readings.by_ref().take(length as usize).collect()).map_err(|e| e.to_string())
    };
    let mut supports = Vec::with_capacity(site.floors.len());
    for floor in &site.floors {
        let mut points = Vec::with_capacity(floor.points.len());
        for point in &floor.points {
            let scans = (0..point.scans).map(|_| scan()).collect::<Result<_, String>>()?;
            points.push(SitePoint { id: point.id.clone(), position: point.position, scans });
        }
        let adaptation =
            floor.adaptation.iter().map(|&at| Ok((scan()?, at))).collect::<Result<_, String>>()?;
        let environment = site.environment.clone();
        let site = Site { environment, floor: floor.floor, points };
        supports.push(Support { site, adaptation });
    }
    Ok(supports)
}
