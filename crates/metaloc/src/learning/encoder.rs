//! From a scan at a site to the network's inputs, and from its outputs to metres.
//!
//! An [`Encoder`] is fitted on historical sites and stored with the model. Bound to a survey's list
//! of access points ([`Encoder::bind`]) it encodes that survey's scans.

use std::collections::{BTreeMap, BTreeSet};

use metaloc_meta::seed::ChaCha8Rng;
use metaloc_nn::Shape;
use metaloc_radio::fingerprint::{
    ColumnSums, ReferenceKernel, RssNeighbors, RssVector, SignedPoint, Standardizer,
};
use metaloc_radio::geometry::{CoordinateFrame, Position};
use metaloc_radio::radio_map::RadioMap;
use metaloc_radio::signal::{AccessPointId, AccessPoints, RssScan};
use metaloc_radio::similarity::Signature;
use serde::{Deserialize, Serialize};

use super::config::{
    FingerprintConfig, FingerprintKind, FingerprintShape, FrameOrigin, FrameUnit, Scaling,
};
use super::old_maps::{OldMaps, signed};
use super::site_tasks::{self, Support, TaskOrigin};
use crate::error::Error;
use crate::site::Site;

/// Tasks on which the standardisation is fitted.
const FITTING_TASKS: usize = 64;

/// Everything needed to turn a raw scan into a network's input, fitted on historical sites.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoder {
    /// The fingerprint's settings.
    pub config: FingerprintConfig,
    /// Access points of the raw RSS fingerprint, by name; empty for the paper's.
    pub access_points: Vec<String>,
    /// Historical mean and deviation of each input.
    pub standardizer: Standardizer,
    /// Centre and mean extent of the historical sites.
    pub historical_frame: CoordinateFrame,
    /// Radio maps of the historical sites, where the settings ask for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_maps: Option<OldMaps>,
}

/// An encoder that knows a survey's access-point indices.
#[derive(Debug, Clone)]
pub struct BoundEncoder {
    encoder: Encoder,
    vector: RssVector,
    /// Inputs whose access point is gone from the new environment: they get the historical mean.
    gone: Vec<bool>,
    old_maps: Option<OldMaps>,
}

/// What a site's scans are compared with.
#[derive(Debug, Clone)]
pub(crate) struct References {
    pub(crate) map: RadioMap,
    /// For the reference kernel.
    pub(crate) kernel: Option<ReferenceKernel>,
}

impl Encoder {
    /// Fits an encoder on what historical sites, whose scans refer to `access_points`, tell of
    /// themselves; `origins` draw tasks from those sites.
    ///
    /// # Errors
    /// If no task can be drawn, or no access point is shared (raw RSS fingerprint).
    pub(crate) fn fit(
        config: FingerprintConfig,
        origins: &[impl TaskOrigin],
        sites: &[Site],
        access_points: &AccessPoints,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self, Error> {
        let summaries: Vec<SiteSummary> =
            sites.iter().map(|site| SiteSummary::of(site, access_points)).collect();
        let names = match config.kind {
            FingerprintKind::RssNeighbors | FingerprintKind::ReferenceKernel => Vec::new(),
            FingerprintKind::RssVector => shared_access_points(&summaries)?,
        };
        let mut encoder = Self {
            config,
            access_points: names,
            standardizer: Standardizer { mean: Vec::new(), std: Vec::new() },
            historical_frame: mean_frame(&summaries),
            old_maps: config.old_maps.then(|| OldMaps::of(sites, access_points)),
        };
        let n_inputs = encoder.n_inputs();
        let mut sums = ColumnSums::of(&[], n_inputs);
        let is_scaled = config.kind != FingerprintKind::ReferenceKernel;
        if config.scaling == Scaling::Historical && is_scaled {
            // Raw inputs: the standardisation is taken before they are put in order.
            let raw = FingerprintConfig { shape: FingerprintShape::Vector, ..config };
            let identity = Standardizer::from_sums(&sums);
            let bound =
                Self { config: raw, standardizer: identity, ..encoder.clone() }.bind(access_points);
            for origin in origins.iter().cycle().take(FITTING_TASKS) {
                let draw = origin.draw_task(rng)?;
                let inputs = site_tasks::encode(&draw, &bound)?.query.inputs;
                sums.add(&ColumnSums::of(&inputs, n_inputs));
            }
        }
        encoder.standardizer = encoder.fit_standardizer(&sums);
        Ok(encoder)
    }

    /// An encoder for methods that read no inputs: frame and, if asked for, old radio maps.
    pub(crate) fn untrained(
        config: FingerprintConfig,
        historical: super::Historical<'_>,
        old_maps: bool,
    ) -> Self {
        let (sites, names) = (historical.sites, historical.access_points);
        let summaries: Vec<SiteSummary> =
            sites.iter().map(|site| SiteSummary::of(site, names)).collect();
        Self {
            config,
            access_points: Vec::new(),
            standardizer: Standardizer { mean: Vec::new(), std: Vec::new() },
            historical_frame: mean_frame(&summaries),
            old_maps: old_maps.then(|| OldMaps::of(sites, names)),
        }
    }

    /// Numbers in one input.
    #[must_use]
    pub fn n_inputs(&self) -> usize {
        match self.config.kind {
            FingerprintKind::RssNeighbors => RssNeighbors { k: self.config.neighbors }.len(),
            FingerprintKind::RssVector => self.access_points.len(),
            FingerprintKind::ReferenceKernel => self.config.neighbors * ReferenceKernel::SLOT,
        }
    }

    /// Shape of one input as the network reads it.
    #[must_use]
    pub fn inputs(&self) -> Shape {
        self.config.inputs(self.access_points.len())
    }

    /// The standardisation of raw inputs. Coordinates are in frame units already and stay as they
    /// are: inputs and outputs share one frame.
    fn fit_standardizer(&self, inputs: &ColumnSums) -> Standardizer {
        let mut fitted = Standardizer::from_sums(inputs);
        if self.config.kind == FingerprintKind::RssNeighbors {
            fitted.mean[self.config.neighbors..].fill(0.0);
            fitted.std[self.config.neighbors..].fill(1.0);
        }
        fitted
    }

    /// Binds the encoder to the access-point indices of a survey.
    #[must_use]
    pub fn bind(&self, access_points: &AccessPoints) -> BoundEncoder {
        // An index that no scan has stands for an access point that the survey doesn't know.
        let resolve = |name: &String| access_points.find(name).unwrap_or(AccessPointId(u32::MAX));
        let vector = RssVector {
            access_points: self.access_points.iter().map(resolve).collect(),
            not_heard_dbm: self.config.not_heard_dbm,
        };
        let gone = vec![false; vector.access_points.len()];
        let old_maps = self.old_maps.as_ref().map(|maps| maps.bound_to(access_points));
        BoundEncoder { encoder: self.clone(), vector, gone, old_maps }
    }
}

/// What a site tells of itself so that all sites encode alike. No measurement is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteSummary {
    /// Name of its environment.
    pub environment: String,
    /// Centre and extent of its points.
    pub frame: CoordinateFrame,
    /// Names of the access points heard there.
    pub access_points: BTreeSet<String>,
}

impl SiteSummary {
    /// The summary of a site whose scans refer to `access_points`.
    #[must_use]
    pub fn of(site: &Site, access_points: &AccessPoints) -> Self {
        let scans = site.points.iter().flat_map(|point| &point.scans);
        let heard = scans.flat_map(RssScan::readings).map(|&(id, _)| id);
        let heard: BTreeSet<AccessPointId> = heard.collect();
        Self {
            environment: site.environment.clone(),
            frame: CoordinateFrame::around(site.points.iter().map(|p| &p.position)),
            access_points: heard.iter().map(|&id| access_points.name(id).to_owned()).collect(),
        }
    }
}

/// The mean centre and extent of several sites.
fn mean_frame(sites: &[SiteSummary]) -> CoordinateFrame {
    let n = sites.len().max(1) as f64;
    let mean = |pick: fn(&CoordinateFrame) -> f64| {
        sites.iter().map(|site| pick(&site.frame)).sum::<f64>() / n
    };
    CoordinateFrame {
        origin_x_m: mean(|f| f.origin_x_m),
        origin_y_m: mean(|f| f.origin_y_m),
        scale_m: if sites.is_empty() { 1.0 } else { mean(|f| f.scale_m) },
    }
}

/// Access points heard in every historical environment; the raw RSS fingerprint's inputs.
fn shared_access_points(sites: &[SiteSummary]) -> Result<Vec<String>, Error> {
    // An environment's floors are several sites.
    let mut heard_in: BTreeMap<&str, BTreeSet<&String>> = BTreeMap::new();
    for site in sites {
        heard_in.entry(&site.environment).or_default().extend(&site.access_points);
    }
    let mut environments = heard_in.into_values();
    let mut shared = environments.next().unwrap_or_default();
    environments.for_each(|heard| shared.retain(|name| heard.contains(name)));
    if shared.is_empty() {
        return Err(Error::usage(
            "the historical environments share no access point, so the raw RSS fingerprint has no \
             inputs; use `kind = \"rss-neighbors\"`, which needs none in common",
        ));
    }
    Ok(shared.into_iter().cloned().collect())
}

impl BoundEncoder {
    /// The fitted encoder.
    #[must_use]
    pub const fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// The frame of a site with reference points `map`.
    #[must_use]
    pub fn frame(&self, map: &RadioMap) -> CoordinateFrame {
        let own = CoordinateFrame::around(map.points().iter().map(|p| &p.position));
        let historical = self.encoder.historical_frame;
        let config = &self.encoder.config;
        let origin = match config.frame_origin {
            FrameOrigin::ReferencePoints => own,
            FrameOrigin::Historical => historical,
        };
        origin.with_scale_m(match config.frame_unit {
            FrameUnit::ReferencePoints => own.scale_m,
            FrameUnit::Historical => historical.scale_m,
        })
    }

    /// The old radio maps of a site's floor.
    pub(crate) fn old_maps_beside(&self, site: &Site) -> Vec<Vec<SignedPoint>> {
        self.old_maps.as_ref().map(|maps| maps.beside(site, &[])).unwrap_or_default()
    }

    /// What scans at a surveyed site are compared with; old surveys' points at `removed` are left out.
    /// A kernel takes adaptation samples as reference points too: they are scans at known places.
    pub(crate) fn references(
        &self,
        Support { site, adaptation }: &Support,
        removed: &[Position],
    ) -> Result<References, Error> {
        let map = site.radio_map(&self.encoder.config)?;
        let kernel = (self.encoder.config.kind == FingerprintKind::ReferenceKernel).then(|| {
            let mut new: Vec<_> = site.points.iter().map(signed).collect();
            new.extend(adaptation.iter().map(|(scan, position)| SignedPoint {
                position: *position,
                signature: Signature::of(std::slice::from_ref(scan)),
            }));
            let old = self.old_maps.as_ref().map(|maps| maps.beside(site, removed));
            ReferenceKernel::new(&new, &old.unwrap_or_default())
        });
        Ok(References { map, kernel })
    }

    /// The raw fingerprint of a scan, not standardised.
    ///
    /// # Errors
    /// If the map has too few reference points.
    pub(crate) fn fingerprint(
        &self,
        references: &References,
        frame: &CoordinateFrame,
        scan: &RssScan,
        own_point: Option<usize>,
    ) -> Result<Vec<f32>, Error> {
        let config = &self.encoder.config;
        match config.kind {
            FingerprintKind::RssNeighbors => {
                let neighbors = RssNeighbors { k: config.neighbors };
                Ok(neighbors.fingerprint(&references.map, frame, scan, own_point)?)
            }
            FingerprintKind::ReferenceKernel => {
                let slots = |kernel: &ReferenceKernel| {
                    kernel.slots(scan, config.neighbors, frame, own_point)
                };
                Ok(references.kernel.as_ref().map(slots).unwrap_or_default())
            }
            FingerprintKind::RssVector => Ok(self.vector.fingerprint(scan)),
        }
    }

    /// Makes raw inputs the network's in place: standardised, with `own` instead of the historical
    /// standardisation where the configuration says so, and in the order of the configured shape.
    pub fn standardize(&self, inputs: &mut [f32], own: Option<&Standardizer>) {
        own.unwrap_or(&self.encoder.standardizer).apply(inputs);
        let n = self.gone.len();
        if self.gone.contains(&true) {
            for row in inputs.chunks_exact_mut(n) {
                row.iter_mut()
                    .zip(&self.gone)
                    .filter(|(_, gone)| **gone)
                    .for_each(|(x, _)| *x = 0.0);
            }
        }
        let config = &self.encoder.config;
        if (config.kind, config.shape)
            == (FingerprintKind::RssNeighbors, FingerprintShape::Neighbors)
        {
            join_neighbors(inputs, config.neighbors);
        }
    }

    /// The standardisation of a task's own support inputs, if the configuration asks for it.
    #[must_use]
    pub fn support_standardizer(&self, support_inputs: &[f32]) -> Option<Standardizer> {
        match self.encoder.config.scaling {
            Scaling::Historical => None,
            Scaling::Support => {
                let sums = ColumnSums::of(support_inputs, self.encoder.n_inputs());
                Some(self.encoder.fit_standardizer(&sums))
            }
        }
    }

    /// Marks the raw fingerprint's access points that no scan of the new site heard: they are gone
    /// (or far), and get the historical mean rather than silence, which would claim a long way.
    pub fn mark_gone(&mut self, scans: &[&RssScan]) {
        let heard = |id: &AccessPointId| scans.iter().any(|scan| scan.get(*id).is_some());
        self.gone = self.vector.access_points.iter().map(|id| !heard(id)).collect();
    }

    /// Names of the access points that were marked as gone.
    pub(crate) fn gone_access_points(&self) -> Vec<String> {
        let names = self.encoder.access_points.iter().zip(&self.gone);
        names.filter(|(_, gone)| **gone).map(|(name, _)| name.clone()).collect()
    }
}

/// From K distances and then K coordinates to K times distance, x and y, in each row of `[n, 3 K]`.
fn join_neighbors(inputs: &mut [f32], k: usize) {
    let mut raw = vec![0.0; 3 * k];
    for row in inputs.chunks_exact_mut(3 * k) {
        raw.copy_from_slice(row);
        let (distances, coordinates) = raw.split_at(k);
        for (slot, (&distance, xy)) in
            row.chunks_exact_mut(3).zip(distances.iter().zip(coordinates.chunks_exact(2)))
        {
            slot.copy_from_slice(&[distance, xy[0], xy[1]]);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // copies of inputs

    use super::*;

    #[test]
    fn a_neighbor_lies_together() {
        let mut inputs = [1.0, 2.0, 10.0, 11.0, 20.0, 21.0, 3.0, 4.0, 30.0, 31.0, 40.0, 41.0];
        join_neighbors(&mut inputs, 2);
        assert_eq!(inputs, [1.0, 10.0, 11.0, 2.0, 20.0, 21.0, 3.0, 30.0, 31.0, 4.0, 40.0, 41.0]);
    }
}
