//! Distances from the channel's strength, and trilateration (`fila-like`).
//!
//! K. Wu, J. Xiao, Y. Yi, M. Gao, L. M. Ni, "FILA: fine-grained indoor localization", IEEE INFOCOM 2012.
//! With K subcarriers of amplitudes |H_k| at frequencies f_k around f_0, for each access point
//!
//! ```text
//! CSI_eff = 1/K sum_k (f_k / f_0) |H_k|
//! d       = 1/(4 pi) ((c / (f_0 CSI_eff))^2 sigma)^(1/n)
//! place   = argmin sum over access points of (|place - access point| - d)^2
//! ```
//!
//! sigma and n are fitted on the survey, by least squares of `ln CSI_eff = a - n/2 ln d`, where `a` holds
//! sigma and all constants.
//!
//! Assumed: `f_k / f_0` is 1 (it differs by less than 0.5 % in a channel of 20 MHz). FILA knows where its
//! access points are; here they are fitted, too: the place (in two dimensions, within [`BEYOND_M`] of the
//! survey) from which the line fits best. FILA keeps the first cluster of the impulse response; windows
//! of amplitudes have no phase for that transform, so all of the response counts. Places are sought within
//! the survey.

use std::ops::RangeInclusive;

use metaloc_radio::preprocess::CsiWindow;

use super::CsiLocator;
use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::locate::{Estimate, NotLocated};
use metaloc_radio::geometry::Position;

/// How far beyond the survey's bounding box an access point may be (m).
const BEYOND_M: f64 = 10.0;
/// Distances below count as this one (m).
const LEAST_M: f64 = 0.3;
/// Places a side of the grid that a search begins with.
const GRID: usize = 40;
/// Halvings of the grid's step in a search.
const HALVINGS: usize = 16;
/// Most moves at each of its steps.
const MOVES: usize = 100;

/// Trilateration by the channel's strength.
pub struct ChannelRanging {
    support: CsiSite,
    links: Vec<Link>,
    shape: [usize; 3],
    area: Area,
}

/// What the survey tells of an access point.
#[derive(Debug, Clone, Copy)]
struct Link {
    /// Where it is (m).
    at: [f64; 2],
    /// The line `ln CSI_eff = a - b ln d`.
    a: f64,
    b: f64,
    /// Sum of squares that the line leaves.
    residual: f64,
}

type Area = [RangeInclusive<f64>; 2];

impl ChannelRanging {
    /// Fits access points on a survey.
    ///
    /// # Errors
    /// [`Error::Needs`] with fewer than three access points, on several floors, or where no access
    /// point's strength falls with distance; windows of several shapes.
    pub fn new(support: CsiSite) -> Result<Self, Error> {
        let n_links = support.access_points.len();
        if n_links < 3 {
            return Err(Error::needs("three access points"));
        }
        let mut windows = support.points.iter().flat_map(|point| &point.windows);
        let shape = windows.next().ok_or_else(|| Error::needs("surveyed windows"))?.shape();
        if windows.any(|window| window.shape() != shape) || shape[2] % n_links != 0 {
            return Err(Error::usage(
                "fila-like needs windows of one shape, with as many streams from each access point",
            ));
        }
        let floor = support.points[0].position.floor;
        if support.points.iter().any(|point| point.position.floor != floor) {
            return Err(Error::needs("a survey of one floor"));
        }
        let places: Vec<[f64; 2]> =
            support.points.iter().map(|p| [p.position.x_m, p.position.y_m]).collect();
        let area = area(&places);
        let strengths = support.points.iter().map(|point| {
            let of_windows: Vec<Vec<f64>> =
                point.windows.iter().map(|w| effective(w, n_links)).collect();
            let mean = |link: usize| {
                of_windows.iter().map(|of| of[link]).sum::<f64>() / of_windows.len() as f64
            };
            (0..n_links).map(mean).collect::<Vec<f64>>()
        });
        let strengths: Vec<Vec<f64>> = strengths.collect();
        let links = (0..n_links).map(|link| {
            let logs: Vec<f64> = strengths.iter().map(|of| of[link].ln()).collect();
            Link::fit(&places, &logs, &area)
        });
        let links = links.collect::<Option<Vec<Link>>>();
        let links = links.ok_or_else(|| Error::needs("strengths that fall with distance"))?;
        Ok(Self { support, links, shape, area })
    }
}

impl Link {
    /// The access point from which logarithmic strengths fall best with logarithmic distance; `None`
    /// if they rise from everywhere, or are not finite.
    fn fit(places: &[[f64; 2]], logs: &[f64], area: &Area) -> Option<Self> {
        let wider = area.clone().map(|side| side.start() - BEYOND_M..=side.end() + BEYOND_M);
        let residual = |at: [f64; 2]| Self::line(at, places, logs).residual;
        let at = least(&wider, residual);
        Some(Self::line(at, places, logs)).filter(|link| link.residual.is_finite())
    }

    /// The line of least squares from an access point at a place.
    fn line(at: [f64; 2], places: &[[f64; 2]], logs: &[f64]) -> Self {
        let n = logs.len() as f64;
        let distances: Vec<f64> = places.iter().map(|&p| distance(p, at).ln()).collect();
        let mean_x = distances.iter().sum::<f64>() / n;
        let mean_y = logs.iter().sum::<f64>() / n;
        let pairs = || distances.iter().zip(logs).map(|(x, y)| (x - mean_x, y - mean_y));
        let (xx, xy) = pairs().fold((0.0, 0.0), |(xx, xy), (x, y)| (xx + x * x, xy + x * y));
        let b = -xy / xx;
        let residual = match b > 0.0 {
            true => pairs().map(|(x, y)| (y + b * x).powi(2)).sum(),
            false => f64::INFINITY,
        };
        Self { at, a: mean_y + b * mean_x, b, residual }
    }

    /// The distance that a strength tells (m).
    fn distance_m(&self, strength: f64) -> f64 {
        ((self.a - strength.ln()) / self.b).exp()
    }
}

impl CsiLocator for ChannelRanging {
    fn locate(&self, window: &CsiWindow) -> Result<Estimate, NotLocated> {
        if window.shape() != self.shape {
            return Err(NotLocated::OtherShape);
        }
        let strengths = effective(window, self.links.len());
        let ranges = self.links.iter().zip(strengths).map(|(link, s)| link.distance_m(s));
        let ranges: Vec<f64> = ranges.collect();
        if ranges.iter().any(|range| !range.is_finite()) {
            return Err(NotLocated::NotANumber);
        }
        let misfit = |place: [f64; 2]| -> f64 {
            let pairs = self.links.iter().zip(&ranges);
            pairs.map(|(link, range)| (distance(place, link.at) - range).powi(2)).sum()
        };
        let [x_m, y_m] = least(&self.area, misfit);
        let floor = self.support.points[0].position.floor;
        Ok(Estimate { position: Position::new(x_m, y_m, floor), candidates: Vec::new() })
    }
}

/// `CSI_eff` of each access point: the mean amplitude over packets, subcarriers and its streams.
fn effective(window: &CsiWindow, n_links: usize) -> Vec<f64> {
    let n_streams = window.shape()[2];
    let of_each = n_streams / n_links;
    let mut sums = vec![0.0; n_links];
    for (index, &amplitude) in window.values.iter().enumerate() {
        sums[index % n_streams / of_each] += f64::from(amplitude);
    }
    let n = (window.values.len() / n_links) as f64;
    sums.iter().map(|sum| sum / n).collect()
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1]).max(LEAST_M)
}

fn area(places: &[[f64; 2]]) -> Area {
    [0, 1].map(|axis| {
        let numbers = || places.iter().map(|place| place[axis]);
        numbers().fold(f64::INFINITY, f64::min)..=numbers().fold(f64::NEG_INFINITY, f64::max)
    })
}

/// The place of an area where a function is least: the best of a grid, then of its neighbours at
/// steps that halve. Of equally good ones the first.
fn least(area: &Area, function: impl Fn([f64; 2]) -> f64) -> [f64; 2] {
    let start = area.clone().map(|side| *side.start());
    let mut steps = area.clone().map(|side| (side.end() - side.start()) / GRID as f64);
    let mut best = (start, function(start));
    let consider = |place: [f64; 2], best: &mut ([f64; 2], f64)| {
        let value = function(place);
        if value < best.1 {
            *best = (place, value);
        }
    };
    for i in 0..=GRID {
        for j in 0..=GRID {
            let place = [start[0] + i as f64 * steps[0], start[1] + j as f64 * steps[1]];
            consider(place, &mut best);
        }
    }
    for _ in 0..HALVINGS {
        steps = steps.map(|step| step / 2.0);
        for _ in 0..MOVES {
            let (centre, before) = best;
            for i in [-1.0, 0.0, 1.0] {
                for j in [-1.0, 0.0, 1.0] {
                    let moved = [centre[0] + i * steps[0], centre[1] + j * steps[1]];
                    let clamp =
                        |axis: usize| moved[axis].clamp(*area[axis].start(), *area[axis].end());
                    consider([clamp(0), clamp(1)], &mut best);
                }
            }
            if best.1 >= before {
                break;
            }
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::support;
    use super::*;
    use crate::csi_site::CsiPoint;

    const ACCESS_POINTS: [[f64; 2]; 3] = [[-1.0, -1.0], [9.0, -2.0], [4.0, 8.0]];

    /// Strengths by `ln CSI_eff = 3 - 1.1 ln d`, that is n = 2.2.
    fn heard(place: [f64; 2]) -> CsiWindow {
        let strength = |at: &[f64; 2]| (3.0 - 1.1 * distance(place, *at).ln()).exp() as f32;
        let of_links: Vec<f32> = ACCESS_POINTS.iter().map(strength).collect();
        CsiWindow::new([2, 2, 3], of_links.repeat(4), vec![None; 3])
    }

    fn site() -> CsiSite {
        let places = (0..36).map(|i| [f64::from(i % 6), f64::from(i / 6)]);
        let point = |place: [f64; 2]| CsiPoint {
            id: format!("{place:?}"),
            position: Position::new(place[0], place[1], 0),
            windows: vec![Arc::new(heard(place))],
        };
        let access_points = ["a", "b", "c"].map(str::to_owned).to_vec();
        CsiSite { access_points, points: places.map(point).collect(), ..support() }
    }

    #[test]
    fn access_points_exponents_and_places_come_back() {
        let locator = ChannelRanging::new(site()).unwrap();
        for (link, at) in locator.links.iter().zip(ACCESS_POINTS) {
            assert!(distance(link.at, at) <= LEAST_M && (link.b - 1.1).abs() < 0.01, "{link:?}");
            // e^(3 - 1.1 ln 2) is the strength at 2 m.
            assert!((link.distance_m(20.0855 * 0.46652) - 2.0).abs() < 0.02);
        }
        let found = locator.locate(&heard([2.3, 3.9])).unwrap();
        assert!(distance([found.position.x_m, found.position.y_m], [2.3, 3.9]) <= LEAST_M);
        let other = CsiWindow::new([1, 1, 3], vec![1.0; 3], vec![None]);
        assert_eq!(locator.locate(&other), Err(NotLocated::OtherShape));
    }

    #[test]
    fn the_mean_amplitude_of_each_access_point() {
        let window = CsiWindow::new([1, 2, 4], (1..9).map(|i| i as f32).collect(), vec![None; 2]);
        // Streams 0 and 1: 1, 2, 5, 6; streams 2 and 3: 3, 4, 7, 8.
        assert_eq!(effective(&window, 2), [3.5, 5.5]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let needs = |site| ChannelRanging::new(site).err().map(|e| e.to_string());
        assert_eq!(needs(support()).as_deref(), Some("needs three access points"));
        let mut floors = site();
        floors.points[3].position.floor = 1;
        assert_eq!(needs(floors).as_deref(), Some("needs a survey of one floor"));
    }
}
