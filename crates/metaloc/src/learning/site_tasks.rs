//! Localization tasks drawn from surveyed sites.
//!
//! A task copies what happens in a new environment: some points are surveyed with a few samples
//! each; they are the radio map and the support set. Queries lie at *other* points, as a user
//! does. A support sample is compared with the map without its own point, where its distance
//! would be smaller than a stranger's ever is.

use std::borrow::Cow;

use metaloc_meta::seed::ChaCha8Rng;
use metaloc_meta::{Batch, Labels, MetaError, Task, TaskSource};
use metaloc_radio::fingerprint::Standardizer;
use metaloc_radio::geometry::{CoordinateFrame, Position};
use metaloc_radio::signal::RssScan;
use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};

use super::encoder::References;
use super::{BoundEncoder, FingerprintConfig, FingerprintKind, TaskConfig};
use crate::error::Error;
use crate::site::{Site, SitePoint};

/// The few samples of a site that a task may use.
#[derive(Debug, Clone, PartialEq)]
pub struct Support {
    /// The surveyed points with their few scans.
    pub site: Site,
    /// Adaptation samples at other known places, if there are any (the paper's toy examples);
    /// without them the survey's own scans serve.
    pub adaptation: Vec<(RssScan, Position)>,
}

/// One drawn task before encoding.
#[derive(Debug, Clone)]
pub(crate) struct DrawnTask {
    pub(crate) support: Support,
    pub(crate) queries: Vec<(RssScan, Position)>,
    pub(crate) orientation: Orientation,
    /// Where old surveys' points are left out.
    pub(crate) removed: Vec<Position>,
}

/// A turn and perhaps a mirroring of a plan about the frame's origin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Orientation {
    cos: f32,
    sin: f32,
    mirror: f32,
}

impl Orientation {
    pub(crate) const IDENTITY: Self = Self { cos: 1.0, sin: 0.0, mirror: 1.0 };

    fn random(rng: &mut ChaCha8Rng) -> Self {
        let angle = rng.random::<f32>() * std::f32::consts::TAU;
        let mirror = if rng.random::<bool>() { 1.0 } else { -1.0 };
        Self { cos: angle.cos(), sin: angle.sin(), mirror }
    }

    fn turn(self, xy: &mut [f32]) {
        let (x, y) = (xy[0], self.mirror * xy[1]);
        xy[0] = self.cos * x - self.sin * y;
        xy[1] = self.sin * x + self.cos * y;
    }
}

/// Draws `n_points` points with up to `samples_per_point` scans each.
///
/// # Errors
/// If the site has fewer points.
pub fn draw_support(
    site: &Site,
    n_points: usize,
    samples_per_point: usize,
    rng: &mut ChaCha8Rng,
) -> Result<Support, Error> {
    if site.points.len() < n_points {
        return Err(Error::usage(format!(
            "{} has {} surveyed points, {n_points} are asked for",
            site.label(),
            site.points.len()
        )));
    }
    let chosen = rand::seq::index::sample(rng, site.points.len(), n_points).into_vec();
    let points = chosen.iter().map(|&index| thinned(&site.points[index], samples_per_point, rng));
    let site = Site { points: points.collect(), ..site_shell(site) };
    Ok(Support { site, adaptation: Vec::new() })
}

fn site_shell(site: &Site) -> Site {
    Site { environment: site.environment.clone(), floor: site.floor, points: Vec::new() }
}

fn thinned(point: &SitePoint, samples: usize, rng: &mut ChaCha8Rng) -> SitePoint {
    let scans = point.scans.sample(rng, samples).cloned().collect();
    SitePoint { id: point.id.clone(), position: point.position, scans }
}

/// Draws a training task from a site.
fn draw_training(site: &Site, config: &TaskConfig, rng: &mut ChaCha8Rng) -> DrawnTask {
    let most = most_reference_points(site.points.len(), config);
    let fewest = config.min_points.min(most);
    let n_points = if fewest < most { rng.random_range(fewest..=most) } else { most };
    let mut order: Vec<usize> = (0..site.points.len()).collect();
    order.shuffle(rng);
    let (reference, others) = order.split_at(n_points);
    let points = reference.iter().map(|&i| thinned(&site.points[i], config.samples_per_point, rng));
    let support_site = Site { points: points.collect(), ..site_shell(site) };
    let queries = (0..config.query_samples).filter_map(|_| {
        let point = &site.points[*others.choose(rng)?];
        Some((point.scans.choose(rng)?.clone(), point.position))
    });
    let queries = queries.collect();
    let orientation =
        if config.random_orientation { Orientation::random(rng) } else { Orientation::IDENTITY };
    let support = Support { site: support_site, adaptation: Vec::new() };
    DrawnTask { support, queries, orientation, removed: Vec::new() }
}

/// Draws a training task from a site whose place has old surveys.
///
/// A user stands at surveyed points, beside them, and where only old surveys were. So some points are
/// taken out of all maps; some of the others are surveyed, with samples of one half of the
/// measurements; queries lie half at the points taken out, a quarter where only old surveys are, and a
/// quarter at surveyed points, from the other half.
fn draw_beside_old_maps(site: &Site, config: &TaskConfig, rng: &mut ChaCha8Rng) -> DrawnTask {
    let mut points: Vec<&SitePoint> = site.points.iter().collect();
    points.shuffle(rng);
    let n_removed = n_held_out(points.len(), config);
    let (removed, kept) = points.split_at(n_removed);
    let most = config.max_points.min(kept.len());
    let fewest = config.min_points.min(most);
    let n_points = if fewest < most { rng.random_range(fewest..=most) } else { most };
    let (surveyed, only_old) = kept.split_at(n_points);
    let (mut support, mut later) = (Vec::new(), Vec::new());
    for point in surveyed {
        let (mut early, mut late) = point.scans.split_at(point.scans.len().div_ceil(2));
        if rng.random::<bool>() && !late.is_empty() {
            (early, late) = (late, early);
        }
        let scans = early.sample(rng, config.samples_per_point).cloned().collect();
        support.push(SitePoint { id: point.id.clone(), position: point.position, scans });
        later.push((late, point.position));
    }
    let all = |points: &[&SitePoint]| -> Vec<(Vec<RssScan>, Position)> {
        points.iter().map(|point| (point.scans.clone(), point.position)).collect()
    };
    let later = later.into_iter().filter(|(late, _)| !late.is_empty());
    let groups = [
        all(removed),
        all(removed),
        all(only_old),
        later.map(|(late, at)| (late.to_vec(), at)).collect(),
    ];
    let queries = (0..config.query_samples).filter_map(|i| {
        let group = &groups[i % groups.len()];
        let (scans, at) = group.choose(rng).or_else(|| groups[0].choose(rng))?;
        Some((scans.choose(rng)?.clone(), *at))
    });
    let queries = queries.collect();
    DrawnTask {
        support: Support {
            site: Site { points: support, ..site_shell(site) },
            adaptation: Vec::new(),
        },
        queries,
        orientation: Orientation::IDENTITY,
        removed: removed.iter().map(|point| point.position).collect(),
    }
}

/// A site's support set, encoded, with what is needed to encode its queries.
pub(crate) struct EncodedSupport {
    pub(crate) references: References,
    pub(crate) frame: CoordinateFrame,
    pub(crate) standardizer: Option<Standardizer>,
    pub(crate) batch: Batch,
}

/// Encodes the support set of one site.
pub(crate) fn encode_support(
    support: &Support,
    encoder: &BoundEncoder,
    (orientation, removed): (Orientation, &[Position]),
) -> Result<EncodedSupport, Error> {
    let references = encoder.references(support, removed)?;
    let frame = encoder.frame(&references.map);
    let mut rows = Rows::new(encoder, &references, &frame, orientation);
    if support.adaptation.is_empty() {
        for (index, point) in support.site.points.iter().enumerate() {
            for scan in &point.scans {
                rows.push(scan, &point.position, Some(index))?;
            }
        }
    } else {
        for (scan, position) in &support.adaptation {
            rows.push(scan, position, None)?;
        }
    }
    let mut batch = rows.into_batch();
    let standardizer = encoder.support_standardizer(&batch.inputs);
    encoder.standardize(&mut batch.inputs, standardizer.as_ref());
    Ok(EncodedSupport { references, frame, standardizer, batch })
}

/// Encodes a drawn task.
pub(crate) fn encode(draw: &DrawnTask, encoder: &BoundEncoder) -> Result<Task, Error> {
    let of = (draw.orientation, &draw.removed[..]);
    let support = encode_support(&draw.support, encoder, of)?;
    let mut rows = Rows::new(encoder, &support.references, &support.frame, draw.orientation);
    for (scan, position) in &draw.queries {
        rows.push(scan, position, None)?;
    }
    let mut query = rows.into_batch();
    encoder.standardize(&mut query.inputs, support.standardizer.as_ref());
    Ok(Task { support: support.batch, query })
}

/// Inputs and labels under construction.
struct Rows<'a> {
    encoder: &'a BoundEncoder,
    references: &'a References,
    frame: &'a CoordinateFrame,
    orientation: Orientation,
    inputs: Vec<f32>,
    values: Vec<f32>,
}

impl<'a> Rows<'a> {
    fn new(
        encoder: &'a BoundEncoder,
        references: &'a References,
        frame: &'a CoordinateFrame,
        orientation: Orientation,
    ) -> Self {
        // Raw strengths don't turn with the plan, so the labels of a raw fingerprint must not either.
        let orientation = match encoder.encoder().config.kind {
            FingerprintKind::RssNeighbors => orientation,
            FingerprintKind::RssVector | FingerprintKind::ReferenceKernel => Orientation::IDENTITY,
        };
        Self { encoder, references, frame, orientation, inputs: Vec::new(), values: Vec::new() }
    }

    fn push(&mut self, scan: &RssScan, at: &Position, own: Option<usize>) -> Result<(), Error> {
        let mut row = self.encoder.fingerprint(self.references, self.frame, scan, own)?;
        let config = &self.encoder.encoder().config;
        if config.kind == FingerprintKind::RssNeighbors {
            row[config.neighbors..].chunks_exact_mut(2).for_each(|xy| self.orientation.turn(xy));
        }
        self.inputs.extend(row);
        let mut xy = self.frame.to_frame(at.x_m, at.y_m).map(|u| u as f32);
        self.orientation.turn(&mut xy);
        self.values.extend(xy);
        Ok(())
    }

    fn into_batch(self) -> Batch {
        Batch {
            inputs: self.inputs,
            n_inputs: self.encoder.encoder().n_inputs(),
            labels: Labels::Values { values: self.values, n_outputs: 2 },
        }
    }
}

/// Where tasks are drawn from, before they are encoded.
pub(crate) trait TaskOrigin: Sync {
    /// Draws one task.
    fn draw_task(&self, rng: &mut ChaCha8Rng) -> Result<DrawnTask, Error>;
}

/// A surveyed site as the origin of tasks: p(tau) of one historical environment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SurveyedSite<'a> {
    site: &'a Site,
    config: TaskConfig,
    old_maps: bool,
}

/// Each site as an origin of tasks, once it is checked that it can give one.
pub(crate) fn surveyed_sites<'a>(
    sites: &'a [Site],
    config: TaskConfig,
    fingerprint: &FingerprintConfig,
) -> Result<Vec<SurveyedSite<'a>>, Error> {
    check_sites(sites, &config, fingerprint)?;
    let old_maps = fingerprint.old_maps;
    Ok(sites.iter().map(|site| SurveyedSite { site, config, old_maps }).collect())
}

impl TaskOrigin for SurveyedSite<'_> {
    fn draw_task(&self, rng: &mut ChaCha8Rng) -> Result<DrawnTask, Error> {
        Ok(if self.old_maps {
            draw_beside_old_maps(self.site, &self.config, rng)
        } else {
            draw_training(self.site, &self.config, rng)
        })
    }
}

/// Tasks of an origin, encoded for the network.
#[derive(Clone, Copy)]
pub(crate) struct EncodedTasks<'a> {
    pub(crate) origin: &'a dyn TaskOrigin,
    pub(crate) encoder: &'a BoundEncoder,
}

/// Reference points that a task may take of a site with `n_points`: some are left for queries.
fn most_reference_points(n_points: usize, config: &TaskConfig) -> usize {
    config.max_points.min(n_points.saturating_sub(n_held_out(n_points, config)))
}

/// Points of `n_points` that a task leaves out.
fn n_held_out(n_points: usize, config: &TaskConfig) -> usize {
    ((n_points as f64 * config.held_out_share).ceil() as usize).clamp(1, n_points)
}

/// Checks that each site can give a task: K neighbours, the sample's own point, some for queries.
fn check_sites(
    sites: &[Site],
    task: &TaskConfig,
    fingerprint: &FingerprintConfig,
) -> Result<(), Error> {
    if sites.is_empty() {
        return Err(Error::usage(
            "no historical site to learn from: the environments named have no samples",
        ));
    }
    let fewest = fingerprint.fewest_points();
    let too_small = |site: &&Site| most_reference_points(site.points.len(), task) < fewest;
    match sites.iter().find(too_small) {
        None => Ok(()),
        Some(site) => Err(Error::usage(format!(
            "environment {} has {} surveyed points; a task with K = {} takes {fewest} of them as \
             reference points and leaves {:.0} % for queries: leave the environment out or choose \
             a smaller K",
            site.label(),
            site.points.len(),
            fingerprint.neighbors,
            100.0 * task.held_out_share,
        ))),
    }
}

impl TaskSource for EncodedTasks<'_> {
    fn draw(&self, rng: &mut ChaCha8Rng) -> Result<Cow<'_, Task>, MetaError> {
        self.origin
            .draw_task(rng)
            .and_then(|draw| Ok(Cow::Owned(encode(&draw, self.encoder)?)))
            .map_err(|error| MetaError::TaskSource(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::{Encoder, FingerprintShape, FrameOrigin};
    use metaloc_meta::seed::{Purpose, stream};
    use metaloc_radio::signal::{AccessPointId, AccessPoints};

    /// A row of points, 2 m apart; the one access point gets weaker along it.
    fn site() -> Site {
        let point = |i: usize| SitePoint {
            id: i.to_string(),
            position: Position::new(2.0 * i as f64, 0.0, 0),
            scans: (0..4)
                .map(|s| {
                    let dbm = -40.0 - 3.0 * i as f32 - 0.1 * s as f32;
                    RssScan::new(vec![(AccessPointId(0), dbm)]).unwrap()
                })
                .collect(),
        };
        Site { environment: "row".into(), floor: 0, points: (0..12).map(point).collect() }
    }

    fn encoder(config: &TaskConfig) -> BoundEncoder {
        shaped_encoder(config, FingerprintShape::Vector)
    }

    fn shaped_encoder(config: &TaskConfig, shape: FingerprintShape) -> BoundEncoder {
        let fingerprint = FingerprintConfig {
            shape,
            neighbors: 3,
            frame_origin: FrameOrigin::ReferencePoints,
            ..FingerprintConfig::default()
        };
        let (sites, access_points) = ([site()], AccessPoints::from(vec!["ap".to_owned()]));
        let tasks = surveyed_sites(&sites, *config, &fingerprint).unwrap();
        let mut rng = stream(1, Purpose::Initialization, 1, 0);
        Encoder::fit(fingerprint, &tasks, &sites, &access_points, &mut rng)
            .unwrap()
            .bind(&access_points)
    }

    #[test]
    fn queries_lie_at_points_that_were_not_surveyed() {
        for seed in 0..20 {
            let mut rng = stream(seed, Purpose::Training, 0, 0);
            let task = draw_training(&site(), &TaskConfig::default(), &mut rng);
            let surveyed =
                |at: &Position| task.support.site.points.iter().any(|p| p.position == *at);
            assert!(task.queries.iter().all(|(_, at)| !surveyed(at)));
            assert!(task.support.site.points.iter().all(|p| p.scans.len() == 3));
            assert_eq!(task.queries.len(), 30);
        }
    }

    /// A sample compared with a map that holds its own point would be nearer than 1 dB to it; the
    /// next point is 3 dB away.
    #[test]
    fn a_support_sample_never_meets_its_own_point() {
        let config = TaskConfig { random_orientation: false, ..TaskConfig::default() };
        let encoder = encoder(&config);
        let mut rng = stream(3, Purpose::Training, 0, 0);
        let draw = draw_training(&site(), &config, &mut rng);
        let encoded = encode_support(&draw.support, &encoder, (draw.orientation, &[])).unwrap();
        let fitted = &encoder.encoder().standardizer;
        for row in encoded.batch.inputs.chunks_exact(9) {
            let nearest_db = row[0] * fitted.std[0] + fitted.mean[0];
            assert!(nearest_db > 2.0, "{nearest_db} dB");
        }
    }

    /// A turn moves inputs and labels alike: distances between them stay.
    #[test]
    fn an_orientation_turns_the_whole_task() {
        let config = TaskConfig::default();
        let encoder = encoder(&config);
        let mut rng = stream(4, Purpose::Training, 0, 0);
        let draw = draw_training(&site(), &config, &mut rng);
        let plain = DrawnTask { orientation: Orientation::IDENTITY, ..draw.clone() };
        let [turned, plain] = [draw, plain].map(|d| encode(&d, &encoder).unwrap().query);
        let distances = |batch: &Batch| {
            let Labels::Values { values, .. } = &batch.labels else { panic!("values expected") };
            let rows = batch.inputs.chunks_exact(9).zip(values.chunks_exact(2));
            rows.map(|(x, y)| (x[3] - y[0]).hypot(x[4] - y[1])).collect::<Vec<f32>>()
        };
        assert_ne!(turned.labels, plain.labels);
        for (a, b) in distances(&turned).iter().zip(distances(&plain)) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }

    /// The shape orders the numbers and changes none.
    #[test]
    fn shapes_hold_the_same_numbers() {
        let config = TaskConfig::default();
        let mut rng = stream(5, Purpose::Training, 0, 0);
        let draw = draw_training(&site(), &config, &mut rng);
        let [vector, neighbors] = [FingerprintShape::Vector, FingerprintShape::Neighbors]
            .map(|shape| encode(&draw, &shaped_encoder(&config, shape)).unwrap().query.inputs);
        for (vector, slots) in vector.chunks_exact(9).zip(neighbors.chunks_exact(9)) {
            for (k, slot) in slots.chunks_exact(3).enumerate() {
                assert_eq!(slot, [vector[k], vector[3 + 2 * k], vector[4 + 2 * k]]);
            }
        }
    }

    #[test]
    fn a_site_with_too_few_points_is_refused() {
        let mut small = site();
        small.points.truncate(5);
        let (task, fingerprint) = (TaskConfig::default(), FingerprintConfig::default());
        let error = surveyed_sites(&[small], task, &fingerprint).unwrap_err().to_string();
        assert!(error.contains("row/f0 has 5 surveyed points"), "{error}");
        assert!(surveyed_sites(&[], task, &fingerprint).is_err());
        let mut rng = stream(1, Purpose::Support, 0, 0);
        let error = draw_support(&site(), 13, 3, &mut rng).unwrap_err().to_string();
        assert!(error.contains("12 surveyed points, 13 are asked for"), "{error}");
    }
}
