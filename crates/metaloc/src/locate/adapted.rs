//! The adapted network: MetaLoc's own answer.
//!
//! The floor is the one that the nearest reference points vote for; on that floor the scan becomes
//! a fingerprint, and the network with the adapted parameters `theta_T(Q)` says where it was taken.

use std::sync::Mutex;

use metaloc_meta::{Learner, NetworkLearner};
use metaloc_nn::{Mode, NetworkError, Workspace};
use metaloc_radio::geometry::Position;
use metaloc_radio::signal::RssScan;

use super::{Candidate, Estimate, Locator, NotLocated, check, vote};
use crate::error::Error;
use crate::learning::SiteModel;

/// Keeps the weight of an exact match finite.
const EPSILON: f64 = 1e-6;

/// A locator made of an adapted model.
pub struct AdaptedNetwork {
    site: SiteModel,
    learner: NetworkLearner,
    /// What batch norm normalises by: the statistics of the support set; empty without such layers.
    statistics: Vec<f32>,
    /// Scratch memory, kept between calls; a second caller at the same time makes its own.
    workspace: Mutex<Workspace<f32>>,
}

impl AdaptedNetwork {
    /// A locator of an adapted model.
    ///
    /// # Errors
    /// If the model's network is not consistent.
    pub fn new(site: SiteModel) -> Result<Self, Error> {
        let learner = site.model.learner()?;
        let (network, mut workspace) = (&learner.network, learner.workspace());
        let mut statistics = vec![0.0; network.n_statistics()];
        if !statistics.is_empty() {
            let support = site.support_batch()?.inputs;
            let parameters = &site.model.parameters;
            network.statistics(parameters, &support, &mut statistics, &mut workspace)?;
        }
        Ok(Self { site, learner, statistics, workspace: Mutex::new(workspace) })
    }

    /// The network's answer to one input.
    fn predict(
        &self,
        input: &[f32],
        workspace: &mut Workspace<f32>,
        answer: &mut Vec<f32>,
    ) -> Result<(), NetworkError> {
        let mode = Mode { statistics: Some(&self.statistics), ..Mode::default() };
        let parameters = &self.site.model.parameters;
        let outputs = self.learner.network.predict_in(mode, parameters, input, workspace)?;
        answer.extend_from_slice(outputs);
        Ok(())
    }

    /// The adapted model.
    #[must_use]
    pub const fn site(&self) -> &SiteModel {
        &self.site
    }

    fn neighbors(&self, scan: &RssScan) -> (i32, Vec<Candidate>) {
        let k = self.site.model.encoder.config.floor_neighbors();
        let nearest = self.site.map.nearest(scan, k);
        vote(&self.site.map, &nearest, |d| 1.0 / (d + EPSILON))
    }
}

impl Locator for AdaptedNetwork {
    fn locate(&self, scan: &RssScan) -> Result<Estimate, NotLocated> {
        check(&self.site.map, scan)?;
        let (floor, candidates) = self.neighbors(scan);
        let at =
            self.site.floors.iter().find(|f| f.floor == floor).ok_or(NotLocated::NotANumber)?;
        let encoder = &self.site.encoder;
        let mut input = encoder
            .fingerprint(&at.references, &at.frame, scan, None)
            .map_err(|_| NotLocated::NotANumber)?;
        encoder.standardize(&mut input, at.standardizer.as_ref());
        let mut answer = Vec::with_capacity(2);
        let predicted = match self.workspace.try_lock() {
            Ok(mut shared) => self.predict(&input, &mut shared, &mut answer),
            Err(_) => self.predict(&input, &mut self.learner.workspace(), &mut answer),
        };
        match (predicted, answer.as_slice()) {
            (Ok(()), &[u, v]) if u.is_finite() && v.is_finite() => {
                let [x_m, y_m] = at.frame.to_metres([f64::from(u), f64::from(v)]);
                Ok(Estimate { position: Position::new(x_m, y_m, floor), candidates })
            }
            _ => Err(NotLocated::NotANumber),
        }
    }
}
