//! The adapted network: MetaLoc's own answer.
//!
//! The floor is the one that the nearest reference points vote for; on that floor the scan becomes
//! a fingerprint, and the network with the adapted parameters `theta_T(Q)` says where it was taken.

use metaloc_radio::geometry::Position;
use metaloc_radio::signal::RssScan;

use super::member::{Member, Predictor, mean_position};
use super::{Candidate, Estimate, Locator, NotLocated, check, vote};
use crate::error::Error;
use crate::learning::SiteModel;

/// Keeps the weight of an exact match finite.
const EPSILON: f64 = 1e-6;

/// A locator made of an adapted model.
pub struct AdaptedNetwork {
    site: SiteModel,
    predictor: Predictor,
    /// One, or one for each start, whose answers are averaged.
    members: Vec<Member>,
}

impl AdaptedNetwork {
    /// A locator of an adapted model.
    ///
    /// # Errors
    /// If the model's network is not consistent.
    pub fn new(site: SiteModel) -> Result<Self, Error> {
        let predictor = Predictor::new(site.model.learner()?);
        let support = site.support_batch()?.inputs;
        let member =
            |parameters: &[f32]| Member::new(predictor.learner(), parameters.to_vec(), &support);
        let members = site.model.members().map(member).collect::<Result<_, _>>()?;
        Ok(Self { site, predictor, members })
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
        let answers = self.predictor.predict(&self.members, &input);
        let answer = answers.ok().and_then(|answers| mean_position(&answers));
        let [x_m, y_m] = at.frame.to_metres(answer.ok_or(NotLocated::NotANumber)?);
        Ok(Estimate { position: Position::new(x_m, y_m, floor), candidates })
    }
}
