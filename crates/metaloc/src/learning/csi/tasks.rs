//! Tasks of windows: N points of one environment, some windows of each to adapt on, others to ask
//! about (the paper's section V-B).

use std::borrow::Cow;

use metaloc_meta::seed::ChaCha8Rng;
use metaloc_meta::task::LabelScheme;
use metaloc_meta::{Batch, Labels, MetaError, Task, TaskSource};
use metaloc_radio::geometry::CoordinateFrame;
use rand::RngExt;
use rand::seq::SliceRandom;

use super::{Answer, CsiEncoder};
use crate::csi_site::CsiSite;
use crate::error::Error;

/// Tasks drawn from a historical site, whose windows are encoded beforehand.
pub(super) struct CsiTasks<'a> {
    encoder: &'a CsiEncoder,
    samples_per_point: usize,
    points: Vec<EncodedPoint>,
}

struct EncodedPoint {
    /// Its number among all points of the same name.
    class: u32,
    /// In the frame of its site.
    position: [f32; 2],
    /// Inputs, not standardised, in order of measurement.
    windows: Vec<Vec<f32>>,
}

/// Rows of a batch: point and label, input.
type Rows<'a> = Vec<(usize, &'a EncodedPoint, &'a [f32])>;

impl<'a> CsiTasks<'a> {
    /// Checks that the site can give a task.
    pub(super) fn new(
        site: &CsiSite,
        encoder: &'a CsiEncoder,
        samples_per_point: usize,
    ) -> Result<Self, Error> {
        let needed = samples_per_point + encoder.config.query_per_point;
        let least = encoder
            .config
            .support_span
            .map_or(needed, |span| needed.max(span + encoder.config.query_per_point));
        let frame = CoordinateFrame::around(site.points.iter().map(|p| &p.position));
        let mut points = Vec::new();
        for point in site.points.iter().filter(|point| point.windows.len() >= least) {
            let windows = point.windows.iter().map(|window| encoder.encode(window));
            let class = encoder.classes.iter().position(|name| *name == point.id).unwrap_or(0);
            let [u, v] = frame.to_frame(point.position.x_m, point.position.y_m);
            points.push(EncodedPoint {
                class: class as u32,
                position: [u as f32, v as f32],
                windows: windows.collect::<Result<_, _>>()?,
            });
        }
        if points.len() < 2 {
            return Err(Error::usage(format!(
                "environment {} has {} points with the {least} windows that a task takes of \
                 each; leave the environment out, or lower `csi.query_per_point`, \
                 `csi.support_span` or `csi.window.packets`",
                site.environment,
                points.len()
            )));
        }
        Ok(Self { encoder, samples_per_point, points })
    }

    /// Windows of a point: some to adapt on, others to ask about.
    fn draw_windows<'p>(
        &self,
        point: &'p EncodedPoint,
        rng: &mut ChaCha8Rng,
    ) -> (Vec<&'p [f32]>, Vec<&'p [f32]>) {
        let config = &self.encoder.config;
        let n = point.windows.len();
        let mut order: Vec<usize> = (0..n).collect();
        if let Some(span) = config.support_span {
            // A stretch of time for the survey comes first.
            let first = rng.random_range(0..=n - span);
            order.rotate_left(first);
            order[..span].shuffle(rng);
            order[self.samples_per_point..].rotate_left(span - self.samples_per_point);
            let last = n - (span - self.samples_per_point);
            order.truncate(last);
            order[self.samples_per_point..].shuffle(rng);
        } else {
            order.shuffle(rng);
        }
        let pick = |places: &[usize]| places.iter().map(|&i| &point.windows[i][..]).collect();
        let (support, others) = order.split_at(self.samples_per_point);
        (pick(support), pick(&others[..config.query_per_point]))
    }

    fn batch(&self, rows: &Rows<'_>) -> Batch {
        let labels = match (self.encoder.config.answer, self.encoder.config.labels) {
            (Answer::Position, _) => Labels::Values {
                values: rows.iter().flat_map(|(_, point, _)| point.position).collect(),
                n_outputs: 2,
            },
            (Answer::Point, LabelScheme::Global) => {
                Labels::Classes(rows.iter().map(|(_, point, _)| point.class).collect())
            }
            (Answer::Point, LabelScheme::Reindexed) => {
                Labels::Classes(rows.iter().map(|(index, ..)| *index as u32).collect())
            }
        };
        let inputs = rows.iter().flat_map(|(.., input)| *input).copied().collect();
        Batch { inputs, n_inputs: self.encoder.n_inputs(), labels }
    }
}

impl TaskSource for CsiTasks<'_> {
    fn draw(&self, rng: &mut ChaCha8Rng) -> Result<Cow<'_, Task>, MetaError> {
        let mut points: Vec<&EncodedPoint> = self.points.iter().collect();
        let ways = self.encoder.config.ways.min(points.len());
        let (points, _) = points.partial_shuffle(rng, ways);
        let (mut support, mut query) = (Rows::new(), Rows::new());
        for (index, point) in points.iter().copied().enumerate() {
            let (adapt, ask) = self.draw_windows(point, rng);
            support.extend(adapt.into_iter().map(|input| (index, point, input)));
            query.extend(ask.into_iter().map(|input| (index, point, input)));
        }
        let (mut support, mut query) = (self.batch(&support), self.batch(&query));
        let own = self.encoder.support_standardizer(&support.inputs);
        self.encoder.standardize(&mut support.inputs, own.as_ref());
        self.encoder.standardize(&mut query.inputs, own.as_ref());
        Ok(Cow::Owned(Task { support, query }))
    }
}
