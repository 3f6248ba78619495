//! A model adapted to a new environment: the few samples became its radio map and its weights.

use metaloc_meta::adapt::AdaptationConfig;
use metaloc_meta::{Batch, Labels};
use metaloc_radio::fingerprint::Standardizer;
use metaloc_radio::geometry::CoordinateFrame;
use metaloc_radio::radio_map::RadioMap;
use metaloc_radio::signal::AccessPoints;

use super::encoder::References;
use super::site_tasks::{Orientation, encode_support};
use super::{BoundEncoder, MetaModel, StartDistance, Support};
use crate::error::Error;
use crate::site::radio_map;
use crate::survey::AccessPointChanges;

/// An adapted model with its radio map: nothing else is needed to locate.
#[derive(Debug, Clone)]
pub struct SiteModel {
    /// The model it started from, with the adapted parameters `theta_T(Q)` in place of theta*.
    pub model: MetaModel,
    /// Name of the environment.
    pub environment: String,
    /// The access points that the support's scans refer to.
    pub access_points: AccessPoints,
    /// The support set, one entry a floor.
    pub supports: Vec<Support>,
    /// Steps taken.
    pub adaptation: AdaptationConfig,
    /// Support loss before each step (frame units).
    pub support_losses: Vec<f32>,
    /// With several starts: how far each was; the nearest one was adapted. Not kept in a file.
    pub start_distances: Vec<StartDistance>,
    pub(crate) encoder: BoundEncoder,
    /// All floors' reference points.
    pub(crate) map: RadioMap,
    pub(crate) floors: Vec<FloorModel>,
}

/// What locating on one floor needs.
#[derive(Debug, Clone)]
pub(crate) struct FloorModel {
    pub(crate) floor: i32,
    pub(crate) references: References,
    pub(crate) frame: CoordinateFrame,
    pub(crate) standardizer: Option<Standardizer>,
}

impl SiteModel {
    /// Adapts `model` to a new environment by `adaptation`, on one support set a floor.
    ///
    /// # Errors
    /// No support, a floor with too few points, or a diverging loss.
    pub fn adapt(
        model: &MetaModel,
        supports: Vec<Support>,
        access_points: &AccessPoints,
        adaptation: AdaptationConfig,
    ) -> Result<Self, Error> {
        let mut site = Self::assemble(model.clone(), supports, access_points.clone(), adaptation)?;
        if !model.config.algorithm.has_network() {
            return Ok(site);
        }
        let batch = site.support_batch()?;
        site.start_distances = model.start_distances(&batch, adaptation)?;
        let adapted = model.adapted(&batch, adaptation, &site.start_distances)?;
        site.support_losses = site.model.become_adapted(adapted);
        Ok(site)
    }

    /// A site model with `model`'s parameters as they are: after loading an adapted model file.
    ///
    /// # Errors
    /// No support, or a floor with too few points.
    pub fn assemble(
        model: MetaModel,
        supports: Vec<Support>,
        access_points: AccessPoints,
        adaptation: AdaptationConfig,
    ) -> Result<Self, Error> {
        let Some(first) = supports.first() else {
            return Err(Error::usage("an environment needs reference points, this one has none"));
        };
        let environment = first.site.environment.clone();
        let mut encoder = model.encoder.bind(&access_points);
        let points = supports.iter().flat_map(|support| &support.site.points);
        encoder.mark_gone(&points.flat_map(|point| &point.scans).collect::<Vec<_>>());
        let mut floors = Vec::with_capacity(supports.len());
        for support in supports.iter().filter(|_| model.config.algorithm.has_network()) {
            let encoded = encode_support(support, &encoder, (Orientation::IDENTITY, &[]))
                .map_err(|e| Error::usage(format!("{}: {e}", support.site.label())))?;
            floors.push(FloorModel {
                floor: support.site.floor,
                references: encoded.references,
                frame: encoded.frame,
                standardizer: encoded.standardizer,
            });
        }
        let sites: Vec<_> = supports.iter().map(|support| support.site.clone()).collect();
        let map = radio_map(&sites, &model.encoder.config)?;
        Ok(Self {
            model,
            environment,
            access_points,
            supports,
            adaptation,
            support_losses: Vec::new(),
            start_distances: Vec::new(),
            encoder,
            map,
            floors,
        })
    }

    /// The adaptation samples of all floors in one batch.
    pub(crate) fn support_batch(&self) -> Result<Batch, Error> {
        let n_inputs = self.model.encoder.n_inputs();
        let labels = Labels::Values { values: Vec::new(), n_outputs: 2 };
        let mut all = Batch { inputs: Vec::new(), n_inputs, labels };
        for support in &self.supports {
            let encoded = encode_support(support, &self.encoder, (Orientation::IDENTITY, &[]))?;
            all = all.joined(&encoded.batch);
        }
        Ok(all)
    }

    /// Access points that the model reads but the support set did not hear, by name.
    #[must_use]
    pub fn gone_access_points(&self) -> Vec<String> {
        self.encoder.gone_access_points()
    }

    /// Access points that came, stayed and went since the historical environments.
    #[must_use]
    pub fn access_point_changes(&self) -> AccessPointChanges {
        let points = self.map.points().iter();
        let heard = points.flat_map(|point| point.scan.readings());
        AccessPointChanges::between(
            self.model.record.access_points.iter().map(String::as_str),
            heard.map(|&(id, _)| self.access_points.name(id)),
        )
    }

    /// The radio map of all floors.
    #[must_use]
    pub const fn radio_map(&self) -> &RadioMap {
        &self.map
    }
}
