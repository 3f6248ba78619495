//! The part of an adapted model that channel state information needs: windows at surveyed points.

use std::sync::Arc;

use metaloc_meta::AdaptationConfig;
use metaloc_radio::geometry::Position;
use metaloc_radio::preprocess::CsiWindow;
use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};

use super::Columns;
use super::columns::{Column, floats};
use crate::csi_site::{CsiPoint, CsiSite, FrameKind};
use crate::learning::{CsiModel, CsiSiteModel};

/// What an adapted model adds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CsiSiteManifest {
    environment: String,
    access_points: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    kinds: Vec<FrameKind>,
    points: Vec<PointManifest>,
    adaptation: AdaptationConfig,
    support_losses: Vec<f32>,
}

/// One surveyed point, without its windows.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PointManifest {
    id: String,
    position: Position,
    windows: usize,
}

impl CsiSiteManifest {
    /// The manifest of an adapted model, and its columns.
    pub(super) fn of(site: &CsiSiteModel) -> (Self, Columns) {
        let windows = || site.support.points.iter().flat_map(|point| &point.windows);
        let values: Vec<f32> = windows().flat_map(|window| window.values.iter().copied()).collect();
        let levels = windows().flat_map(|window| &window.rssi_dbm);
        let levels: Vec<f32> = levels.map(|level| level.unwrap_or(f32::NAN)).collect();
        let point = |point: &CsiPoint| PointManifest {
            id: point.id.clone(),
            position: point.position,
            windows: point.windows.len(),
        };
        let manifest = Self {
            environment: site.support.environment.clone(),
            access_points: site.support.access_points.clone(),
            kinds: site.support.kinds.clone(),
            points: site.support.points.iter().map(point).collect(),
            adaptation: site.adaptation,
            support_losses: site.support_losses.clone(),
        };
        let columns = Columns::from([
            ("support.windows", Column::floats(&values)),
            ("support.rssi_dbm", Column::floats(&levels)),
        ]);
        (manifest, columns)
    }

    /// The adapted model around `model`, whose parameters are adapted already.
    pub(super) fn assemble(
        self,
        model: CsiModel,
        tensors: &SafeTensors<'_>,
    ) -> Result<CsiSiteModel, String> {
        let shape = model.encoder.window_shape;
        let (length, levels) = (shape.iter().product::<usize>(), model.encoder.n_access_points);
        let values = floats(tensors, "support.windows")?;
        let rssi_dbm = floats(tensors, "support.rssi_dbm")?;
        let n: usize = self.points.iter().map(|point| point.windows).sum();
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let window = at / length.max(1);
            return Err(format!(
                "damaged: number {at} of `support.windows`, in window {window}, is not finite; adapt \
                 again"
            ));
        }
        let n_kinds = self.kinds.len();
        if values.len() != n * length
            || rssi_dbm.len() != n * levels
            || self.access_points.len() != levels
            || !(n_kinds == 0 || n_kinds == levels)
        {
            return Err("inconsistent: the support set's columns don't fit each other".into());
        }
        let known = |level: &f32| (!level.is_nan()).then_some(*level);
        let mut windows = values.chunks_exact(length.max(1)).zip(rssi_dbm.chunks(levels.max(1)));
        let points = self.points.into_iter().map(|point| {
            let windows = windows.by_ref().take(point.windows).map(|(values, rssi)| {
                let rssi = rssi.iter().map(known).collect();
                Arc::new(CsiWindow::new(shape, values.to_vec(), rssi))
            });
            CsiPoint { id: point.id, position: point.position, windows: windows.collect() }
        });
        let support = CsiSite {
            environment: self.environment,
            points: points.collect(),
            access_points: self.access_points,
            kinds: self.kinds,
        };
        let (adaptation, support_losses) = (self.adaptation, self.support_losses);
        let start_distances = Vec::new();
        let site = CsiSiteModel { model, support, adaptation, support_losses, start_distances };
        // What locating needs must be there.
        site.check().map_err(|e| format!("inconsistent: {e}"))?;
        Ok(site)
    }
}
