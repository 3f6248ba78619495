//! Cases: what every method gets to see of a new environment, and what it is asked.

use metaloc_meta::seed::ChaCha8Rng;
use metaloc_radio::geometry::Position;
use metaloc_radio::signal::{AccessPoints, RssScan};
use rand::seq::{IndexedRandom, SliceRandom};

use crate::error::Error;
use crate::learning::{Support, draw_support};
use crate::site::Site;

/// One new environment (or one of its floors), one draw of its support.
#[derive(Debug, Clone)]
pub struct Case {
    /// Name as in results.
    pub environment: String,
    /// The few samples, one entry a floor.
    pub supports: Vec<Support>,
    /// The whole survey of the same floors; for bounds.
    pub full: Vec<Site>,
    /// Scans to locate, with the truth.
    pub queries: Vec<(RssScan, Position)>,
    /// The access points that the scans refer to.
    pub access_points: std::sync::Arc<AccessPoints>,
}

impl Case {
    /// Draws the support of `points` points a floor; `queries` are asked.
    pub(super) fn draw(
        environment: &str,
        full: &[Site],
        queries: Vec<(RssScan, Position)>,
        (points, samples_per_point): (usize, usize),
        access_points: &std::sync::Arc<AccessPoints>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self, Error> {
        let supports = full.iter().map(|site| draw_support(site, points, samples_per_point, rng));
        Ok(Self {
            environment: environment.to_owned(),
            supports: supports.collect::<Result<_, _>>()?,
            full: full.to_vec(),
            queries,
            access_points: access_points.clone(),
        })
    }

    /// A case within one surveyed site: the support at some points, queries at all others; for
    /// choosing settings on historical environments.
    pub(super) fn leave_points_out(
        site: &Site,
        (points, samples_per_point): (usize, usize),
        most_queries: usize,
        access_points: &std::sync::Arc<AccessPoints>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self, Error> {
        let points = points.min(site.points.len().saturating_sub(2));
        let mut shuffled = site.clone();
        shuffled.points.shuffle(rng);
        let others = shuffled.points.split_off(points);
        let queries: Vec<(RssScan, Position)> = others
            .iter()
            .flat_map(|point| point.scans.iter().map(|scan| (scan.clone(), point.position)))
            .collect();
        let queries = queries.sample(rng, most_queries).cloned().collect();
        let drawn = [shuffled];
        let size = (points, samples_per_point);
        Self::draw(&site.label(), &drawn, queries, size, access_points, rng)
    }
}
