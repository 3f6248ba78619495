//! What a locator answers to windows whose place is known.

use std::sync::Arc;
use std::time::Instant;

use metaloc_radio::geometry::Position;
use metaloc_radio::preprocess::CsiWindow;

use super::PlaceAnswers;
use crate::csi_site::{CsiPoint, CsiSite};
use crate::locate::CsiLocator;

/// A window to locate, with the truth.
pub(super) type Query = (Arc<CsiWindow>, String, Position);

/// What a locator answered.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) errors_m: Vec<f64>,
    pub(super) hits: usize,
    pub(super) places: Vec<PlaceAnswers>,
    pub(super) locate_us: f64,
}

impl Answers {
    pub(super) fn of(locator: &dyn CsiLocator, queries: &[Query], support: &CsiSite) -> Self {
        let (mut errors_m, mut hits) = (Vec::with_capacity(queries.len()), 0);
        let mut places = Vec::new();
        let begin = Instant::now();
        for (window, id, truth) in queries {
            let place = [truth.x_m.to_bits(), truth.y_m.to_bits(), truth.floor as u64];
            let Ok(estimate) = locator.locate(window) else {
                PlaceAnswers::count(&mut places, place, None);
                continue;
            };
            let error_m = estimate.position.distance_m(truth);
            errors_m.push(error_m);
            let nearest = || {
                let distance = |p: &&CsiPoint| p.position.distance_m(&estimate.position);
                let nearest =
                    support.points.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
                nearest.map(|point| &point.id)
            };
            let answer = estimate.candidates.first().map(|best| &best.id).or_else(nearest);
            let is_right = answer == Some(id);
            hits += usize::from(is_right);
            PlaceAnswers::count(&mut places, place, Some((error_m, is_right)));
        }
        let locate_us = begin.elapsed().as_secs_f64() * 1e6 / queries.len().max(1) as f64;
        Self { errors_m, hits, places, locate_us }
    }
}

/// The later windows at the surveyed points.
pub(super) fn queries(later: &CsiSite, support: &CsiSite) -> Vec<Query> {
    let surveyed = |id: &String| support.points.iter().any(|point| point.id == *id);
    let points = later.points.iter().filter(|point| surveyed(&point.id));
    let windows = points.flat_map(|point| {
        point.windows.iter().map(|window| (window.clone(), point.id.clone(), point.position))
    });
    windows.collect()
}
