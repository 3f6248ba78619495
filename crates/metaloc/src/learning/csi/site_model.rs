//! A model adapted to a new environment that was surveyed with channel state information.

use metaloc_meta::adapt::{AdaptationConfig, Adapted};
use metaloc_meta::seed::ChaCha8Rng;
use metaloc_meta::task::LabelScheme;
use metaloc_meta::{Batch, Labels};
use metaloc_radio::fingerprint::Standardizer;
use metaloc_radio::geometry::CoordinateFrame;
use rand::seq::IndexedRandom;

use super::{Answer, CsiModel};
use crate::csi_site::{CsiPoint, CsiSite};
use crate::error::Error;
use crate::learning::StartDistance;

/// An adapted model with its support set: nothing else is needed to locate.
#[derive(Debug, Clone)]
pub struct CsiSiteModel {
    /// The model it started from, with the adapted parameters in place of theta*; with
    /// `csi.candidates`, theta* itself, which is adapted for each query.
    pub model: CsiModel,
    /// The surveyed points with their few windows.
    pub support: CsiSite,
    /// Steps taken.
    pub adaptation: AdaptationConfig,
    /// Support loss before each step.
    pub support_losses: Vec<f32>,
    /// With several starts: how far each was; the nearest one was adapted. Not kept in a file.
    pub start_distances: Vec<StartDistance>,
}

/// Draws `n_points` points with up to `samples_per_point` windows each.
///
/// # Errors
/// If the site has fewer points.
pub fn draw_csi_support(
    site: &CsiSite,
    n_points: usize,
    samples_per_point: usize,
    rng: &mut ChaCha8Rng,
) -> Result<CsiSite, Error> {
    if site.points.len() < n_points {
        return Err(Error::usage(format!(
            "{} has {} surveyed points with windows, {n_points} are asked for",
            site.environment,
            site.points.len()
        )));
    }
    let mut chosen = rand::seq::index::sample(rng, site.points.len(), n_points).into_vec();
    chosen.sort_unstable();
    let points = chosen.into_iter().map(|index| {
        let point = &site.points[index];
        let windows = point.windows.sample(rng, samples_per_point).cloned().collect();
        CsiPoint { id: point.id.clone(), position: point.position, windows }
    });
    let points = points.collect();
    Ok(CsiSite { points, ..site.clone() })
}

/// Some of the surveyed points, ready for the network.
pub(crate) struct Support {
    pub(crate) batch: Batch,
    /// What the network's inputs are standardised by, if not by history.
    pub(crate) standardizer: Option<Standardizer>,
    /// The output that stands for each point; for positions all zero.
    pub(crate) outputs: Vec<usize>,
    /// The frame of positions.
    pub(crate) frame: CoordinateFrame,
}

impl CsiSiteModel {
    /// Adapts `model` to a new environment.
    ///
    /// # Errors
    /// A point that the model has no output for, more points than outputs, windows of another shape,
    /// or a diverging loss.
    pub fn adapt(
        model: &CsiModel,
        support: CsiSite,
        adaptation: AdaptationConfig,
    ) -> Result<Self, Error> {
        let mut site = Self {
            model: model.clone(),
            support,
            adaptation,
            support_losses: Vec::new(),
            start_distances: Vec::new(),
        };
        model.encoder.check_kinds(&site.support)?;
        let settings = &model.encoder.config;
        if !model.config.algorithm.has_network() {
            site.check()?;
            return Ok(site);
        }
        if settings.candidates.is_some_and(|n| n < site.support.points.len()) {
            // Adapted when it locates; a first task shows whether that works.
            site.adapted_to(&(0..settings.candidates.unwrap_or(0)).collect::<Vec<_>>())?;
            return Ok(site);
        }
        let all: Vec<usize> = (0..site.support.points.len()).collect();
        site.start_distances = model.start_distances(&site.support_of(&all)?.batch, adaptation)?;
        let adapted = site.adapted_to(&all)?;
        site.support_losses = site.model.become_adapted(adapted);
        Ok(site)
    }

    /// Checks that the support set fits the model.
    ///
    /// # Errors
    /// A point that the model has no output for, more points than outputs, windows of another shape.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if !self.model.config.algorithm.has_network() {
            let encoder = &self.model.encoder;
            let size = (encoder.window_shape[1] / 2).pow(2);
            let fits =
                |values: &[f64]| values.len() == size && values.iter().all(|x| x.is_finite());
            let moment = encoder.packet_moment.as_ref();
            if moment.is_some_and(|m| !fits(&m.real) || !fits(&m.imaginary)) {
                return Err(Error::usage("the packets' second moment does not fit the windows"));
            }
            let mut windows = self.support.points.iter().flat_map(|point| &point.windows);
            return windows.try_for_each(|window| self.model.encoder.encode(window).map(drop));
        }
        let n_points = self.support.points.len();
        let n = self.model.encoder.config.candidates.map_or(n_points, |n| n.min(n_points));
        self.support_of(&(0..n).collect::<Vec<_>>()).map(drop)
    }

    /// The model's parameters, or those of all starts if all answer, adapted to some of the points.
    pub(crate) fn adapted_to(&self, points: &[usize]) -> Result<Vec<Adapted>, Error> {
        let batch = self.support_of(points)?.batch;
        let distances = match self.start_distances.is_empty() {
            true => self.model.start_distances(&batch, self.adaptation)?,
            false => self.start_distances.clone(),
        };
        self.model.adapted(&batch, self.adaptation, &distances)
    }

    /// The support set of some of the points, encoded.
    pub(crate) fn support_of(&self, points: &[usize]) -> Result<Support, Error> {
        let (model, encoder) = (&self.model, &self.model.encoder);
        let chosen: Vec<&CsiPoint> = points.iter().map(|&p| &self.support.points[p]).collect();
        let outputs = self.outputs(&chosen)?;
        let frame = CoordinateFrame::around(self.support.points.iter().map(|p| &p.position));
        let (mut inputs, mut classes, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (point, &output) in chosen.iter().zip(&outputs) {
            let at = frame.to_frame(point.position.x_m, point.position.y_m).map(|u| u as f32);
            for window in &point.windows {
                inputs.extend(encoder.encode(window)?);
                classes.push(output as u32);
                values.extend(at);
            }
        }
        if inputs.is_empty() {
            return Err(Error::usage("an environment needs surveyed points, this one has none"));
        }
        let standardizer = encoder.support_standardizer(&inputs);
        encoder.standardize(&mut inputs, standardizer.as_ref());
        let labels = match model.encoder.config.answer {
            Answer::Point => Labels::Classes(classes),
            Answer::Position => Labels::Values { values, n_outputs: 2 },
        };
        let batch = Batch { inputs, n_inputs: encoder.n_inputs(), labels };
        Ok(Support { batch, standardizer, outputs, frame })
    }

    fn outputs(&self, points: &[&CsiPoint]) -> Result<Vec<usize>, Error> {
        let settings = &self.model.encoder.config;
        match (settings.answer, settings.labels) {
            (Answer::Position, _) => Ok(vec![0; points.len()]),
            (Answer::Point, LabelScheme::Reindexed) if points.len() <= settings.ways => {
                Ok((0..points.len()).collect())
            }
            (Answer::Point, LabelScheme::Reindexed) => Err(Error::usage(format!(
                "{} has {} surveyed points, the network was trained to tell {} apart; train with a \
                 larger `csi.ways`, or set `csi.candidates`",
                self.support.environment,
                points.len(),
                settings.ways
            ))),
            (Answer::Point, LabelScheme::Global) => points
                .iter()
                .map(|point| {
                    let classes = &self.model.encoder.classes;
                    classes.iter().position(|name| *name == point.id).ok_or_else(|| {
                        Error::usage(format!(
                            "point {} of {} is not among the historical points {}; train with \
                             `csi.labels = \"reindexed\"` for points of a new place",
                            point.id,
                            self.support.environment,
                            classes.join(", ")
                        ))
                    })
                })
                .collect(),
        }
    }
}
