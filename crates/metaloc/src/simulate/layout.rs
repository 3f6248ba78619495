//! A room with access points at random places.

use metaloc_meta::seed::ChaCha8Rng;
use metaloc_radio::channel::{Link, Propagation, ShadowingField};
use metaloc_radio::geometry::Position;
use metaloc_radio::signal::{AccessPointId, MAX_RSS_DBM, MIN_RSS_DBM, RssScan};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Size of a room and number of its access points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayoutConfig {
    /// Extent in x (m), above 0.
    pub width_m: f64,
    /// Extent in y (m), above 0.
    pub depth_m: f64,
    /// Number of access points, up to 10,000; 24 in the paper's toy examples.
    pub access_points: usize,
}

const MAX_ACCESS_POINTS: usize = 10_000;

impl LayoutConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// Naming the setting.
    pub fn check(&self) -> Result<(), Error> {
        let sizes = [self.width_m, self.depth_m];
        if sizes.iter().any(|&size| !(size > 0.0 && size.is_finite())) {
            return Err(Error::usage("settings `width_m` and `depth_m` must be above 0"));
        }
        if !(1..=MAX_ACCESS_POINTS).contains(&self.access_points) {
            return Err(Error::usage(format!(
                "setting `access_points` must be 1 to {MAX_ACCESS_POINTS}"
            )));
        }
        Ok(())
    }
}

/// A drawn room: where its access points are, and how its shadowing lies.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    config: LayoutConfig,
    /// Positions of the access points, in index order.
    pub access_points: Vec<Position>,
    /// Correlated shadowing of each access point; none for other kinds.
    fields: Vec<ShadowingField>,
}

impl Layout {
    /// Places the access points at random, and draws the shadowing over the plan.
    #[must_use]
    pub fn draw(
        config: LayoutConfig,
        floor: i32,
        propagation: &Propagation,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let access_points =
            (0..config.access_points).map(|_| random_position(config, floor, rng)).collect();
        let fields = propagation.draw_fields(config.access_points, rng);
        Self { config, access_points, fields }
    }

    /// A place in the room, at random.
    #[must_use]
    pub fn random_position(&self, floor: i32, rng: &mut ChaCha8Rng) -> Position {
        random_position(self.config, floor, rng)
    }

    /// The links of all access points to `at`, in index order.
    #[must_use]
    pub fn links(
        &self,
        at: &Position,
        propagation: &Propagation,
        rng: &mut ChaCha8Rng,
    ) -> Vec<Link> {
        let fields = self.fields.iter().map(Some).chain(std::iter::repeat(None));
        let links = self.access_points.iter().zip(fields);
        let link = |(from, field)| propagation.link(at.distance_m(from), (at, field), rng);
        links.map(link).collect()
    }
}

/// One scan: each access point as its link draws it, moved by the receiver's `gain_db`, left out
/// below `sensitivity_dbm`. `ids` are the links' access points in the survey, in ascending order.
#[must_use]
pub fn scan(
    links: &[Link],
    (gain_db, sensitivity_dbm): (f64, f64),
    ids: &[AccessPointId],
    rng: &mut ChaCha8Rng,
) -> RssScan {
    let mut readings = Vec::with_capacity(links.len());
    for (&id, link) in ids.iter().zip(links) {
        let dbm = link.sample_dbm(rng) + gain_db;
        if dbm >= sensitivity_dbm {
            let dbm = (dbm as f32).clamp(MIN_RSS_DBM, MAX_RSS_DBM);
            readings.push((id, dbm));
        }
    }
    // Finite, in range and in index order by construction.
    RssScan::new(readings).unwrap_or_default()
}

fn random_position(config: LayoutConfig, floor: i32, rng: &mut ChaCha8Rng) -> Position {
    let x = rng.random::<f64>() * config.width_m;
    let y = rng.random::<f64>() * config.depth_m;
    Position::new(x, y, floor)
}
