//! The adapted network on channel state information: MetaLoc's own answer.
//!
//! The window becomes an input, the network with the adapted parameters `theta_T(Q)` gives one number
//! a surveyed point, and their softmax the probabilities; or it gives coordinates. With candidates
//! (section IV-B), the network is adapted for each query to the points whose images are most similar
//! to it (Eq. (2)); an adaptation is kept for queries with the same candidates.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use metaloc_radio::fingerprint::Standardizer;
use metaloc_radio::geometry::{CoordinateFrame, Position};
use metaloc_radio::preprocess::CsiWindow;

use super::histogram_knn::{ImageRule, SurveyedImages};
use super::{CsiLocator, centroid};
use crate::error::Error;
use crate::learning::{Answer, CentroidWeights, CsiSiteModel};
use crate::locate::member::{Member, Predictor, mean_position};
use crate::locate::{Estimate, NotLocated};

/// A locator made of an adapted model.
pub struct AdaptedCsiNetwork {
    site: CsiSiteModel,
    predictor: Predictor,
    /// Without candidates: what the network is adapted to.
    all: Option<Adaptation>,
    images: Option<SurveyedImages>,
    /// With candidates: adaptations so far, by the candidates' points.
    kept: Mutex<HashMap<Vec<usize>, Arc<Adaptation>>>,
}

/// Parameters adapted to some points, and what locating among these needs.
struct Adaptation {
    points: Vec<usize>,
    /// One, or one for each start, whose answers are averaged.
    members: Vec<Member>,
    standardizer: Option<Standardizer>,
    outputs: Vec<usize>,
    frame: CoordinateFrame,
}

impl AdaptedCsiNetwork {
    /// A locator of an adapted model.
    ///
    /// # Errors
    /// If the model is not consistent.
    pub fn new(site: CsiSiteModel) -> Result<Self, Error> {
        let predictor = Predictor::new(site.model.learner()?);
        let settings = &site.model.encoder.config;
        let n_points = site.support.points.len();
        let with_candidates = settings.candidates.is_some_and(|n| n < n_points);
        let images = with_candidates.then(|| {
            let rule = ImageRule {
                pixels: settings.pixels,
                range: site.model.encoder.pixel_range.clone(),
                similarity: settings.similarity,
            };
            SurveyedImages::new(&site.support, rule)
        });
        let mut locator = Self { site, predictor, all: None, images, kept: Mutex::default() };
        if !with_candidates {
            let members = locator.site.model.members().map(<[f32]>::to_vec).collect();
            locator.all = Some(locator.adaptation((0..n_points).collect(), members)?);
        }
        Ok(locator)
    }

    /// The adapted model.
    #[must_use]
    pub const fn site(&self) -> &CsiSiteModel {
        &self.site
    }

    fn adaptation(
        &self,
        points: Vec<usize>,
        parameters: Vec<Vec<f32>>,
    ) -> Result<Adaptation, Error> {
        let support = self.site.support_of(&points)?;
        let inputs = &support.batch.inputs;
        let member = |parameters| Member::new(self.predictor.learner(), parameters, inputs);
        let members = parameters.into_iter().map(member).collect::<Result<_, _>>()?;
        let (standardizer, outputs, frame) = (support.standardizer, support.outputs, support.frame);
        Ok(Adaptation { points, members, standardizer, outputs, frame })
    }

    /// The adaptation to the points most similar to a window.
    fn to_candidates(
        &self,
        images: &SurveyedImages,
        window: &CsiWindow,
    ) -> Result<Arc<Adaptation>, NotLocated> {
        let n = self.site.model.encoder.config.candidates.unwrap_or(usize::MAX);
        let mut best = vec![f64::NEG_INFINITY; self.site.support.points.len()];
        for (point, similarity) in images.similarities(window)? {
            best[point] = best[point].max(similarity);
        }
        let mut points: Vec<usize> = (0..best.len()).collect();
        points.sort_by(|&a, &b| best[b].total_cmp(&best[a]));
        points.truncate(n);
        points.sort_unstable();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(&points) {
            return Ok(known.clone());
        }
        let adapted = self.site.adapted_to(&points).map_err(|_| NotLocated::NotANumber)?;
        let parameters = adapted.into_iter().map(|start| start.parameters).collect();
        let made = self.adaptation(points.clone(), parameters);
        let made = Arc::new(made.map_err(|_| NotLocated::NotANumber)?);
        kept.insert(points, made.clone());
        Ok(made)
    }

    fn among(&self, adaptation: &Adaptation, window: &CsiWindow) -> Result<Estimate, NotLocated> {
        let encoder = &self.site.model.encoder;
        let mut input = encoder.encode(window).map_err(|_| NotLocated::OtherShape)?;
        encoder.standardize(&mut input, adaptation.standardizer.as_ref());
        let answers = self.predictor.predict(&adaptation.members, &input);
        let answers = answers.map_err(|_| NotLocated::OtherShape)?;
        let settings = &encoder.config;
        if settings.answer == Answer::Position {
            let answer = mean_position(&answers).ok_or(NotLocated::NotANumber)?;
            let [x_m, y_m] = adaptation.frame.to_metres(answer);
            let floor = self.site.support.points[adaptation.points[0]].position.floor;
            let position = Position::new(x_m, y_m, floor);
            return Ok(Estimate { position, candidates: Vec::new() });
        }
        let mut weights = vec![0.0; self.site.support.points.len()];
        for answer in &answers {
            let logits = adaptation.outputs.iter().map(|&output| f64::from(answer[output]));
            for (&point, probability) in adaptation.points.iter().zip(softmax(logits)) {
                weights[point] += probability;
            }
        }
        if settings.weights == CentroidWeights::AsReleased {
            let class = |point| adaptation.points.iter().position(|p| *p == point);
            let class = |point| class(point).map_or(0, |at| adaptation.outputs[at]);
            weights = by_class_number(&weights, settings.top_k, class);
        }
        centroid(&self.site.support, &weights, settings.top_k)
    }
}

/// The `top_k` greatest weights replaced by their points' class numbers, the others by nothing.
fn by_class_number(weights: &[f64], top_k: usize, class: impl Fn(usize) -> usize) -> Vec<f64> {
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]));
    let mut numbers = vec![0.0; weights.len()];
    for &point in order.iter().take(top_k) {
        numbers[point] = class(point) as f64;
    }
    numbers
}

/// The softmax over the outputs that stand for surveyed points.
fn softmax(logits: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let most = logits.clone().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.map(|logit| (logit - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

impl CsiLocator for AdaptedCsiNetwork {
    fn locate(&self, window: &CsiWindow) -> Result<Estimate, NotLocated> {
        match (&self.all, &self.images) {
            (Some(all), _) => self.among(all, window),
            (None, Some(images)) => self.among(&*self.to_candidates(images, window)?, window),
            (None, None) => Err(NotLocated::NotANumber),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_released_code_weighs_by_class_numbers() {
        let numbers = by_class_number(&[0.1, 0.5, 0.0, 0.4], 2, |point| 10 * point);
        assert_eq!(numbers, [0.0, 10.0, 0.0, 30.0]);
    }
}
