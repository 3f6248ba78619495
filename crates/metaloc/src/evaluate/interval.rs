//! How certain a method's figure is: the percentile bootstrap (Efron and Tibshirani 1993, chapter 13) over
//! all that a study like this would draw anew.
//!
//! Environments are drawn, in each drawn one its places, and, for all of them together, the seeds: what a
//! seed decides (the start, the surveyed samples) is common to all places. Queries at one place hear nearly
//! the same and never count apart. With one environment or one seed the interval says nothing of others.

use std::collections::BTreeMap;

use metaloc_meta::seed::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::paired::{DRAWS, SEED, TAIL};
use super::{PlaceAnswers, Row};

/// A figure with the ends of its interval of 95 of 100.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// Low end.
    pub low: f64,
    /// High end.
    pub high: f64,
}

/// What a figure is of, from the answers at places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// Mean error (m) of what was located.
    MeanError,
    /// Share of what was located with an error below 5 m.
    Below5m,
    /// Root mean square error (m) of what was located.
    RootMeanSquare,
}

impl Figure {
    fn sum(self, answers: &PlaceAnswers) -> f64 {
        match self {
            Self::MeanError => answers.sum_m,
            Self::Below5m => answers.below_5m as f64,
            Self::RootMeanSquare => answers.sum_squares_m2,
        }
    }

    /// The figure, from a mean over answers.
    fn of_mean(self, mean: f64) -> f64 {
        if self == Self::RootMeanSquare { mean.sqrt() } else { mean }
    }
}

/// Sum and number, by seed.
type Place = Vec<(f64, f64)>;

/// A figure of one method's rows: a mean over environments, in each over all that was located there;
/// `None` where nothing was located.
#[must_use]
pub fn estimate(rows: &[&Row], figure: Figure) -> Option<Estimate> {
    let mut seeds: Vec<u64> = rows.iter().map(|row| row.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let mut environments: BTreeMap<(&str, &str), BTreeMap<[u64; 3], Place>> = BTreeMap::new();
    for row in rows {
        let at = seeds.binary_search(&row.seed).ok()?;
        for answers in row.places.iter().filter(|answers| answers.located > 0) {
            let places = environments.entry((&row.split, &row.environment)).or_default();
            let none = || vec![(0.0, 0.0); seeds.len()];
            let place = places.entry(answers.place).or_insert_with(none);
            place[at].0 += figure.sum(answers);
            place[at].1 += answers.located as f64;
        }
    }
    let environments: Vec<Vec<Place>> =
        environments.into_values().map(|places| places.into_values().collect()).collect();
    if environments.is_empty() {
        return None;
    }
    let once = vec![1.0; seeds.len()];
    let means = environments.iter().map(|places| mean(places.iter(), &once));
    let value = figure.of_mean(means.sum::<f64>() / environments.len() as f64);
    let (low, high) = interval(&environments, seeds.len(), SEED);
    Some(Estimate { value, low: figure.of_mean(low), high: figure.of_mean(high) })
}

/// Mean over places and seeds, a seed as often as `times` says.
fn mean<'a>(places: impl Iterator<Item = &'a Place>, times: &[f64]) -> f64 {
    let mut all = (0.0, 0.0);
    for place in places {
        for ((sum, n), times) in place.iter().zip(times) {
            all = (all.0 + times * sum, all.1 + times * n);
        }
    }
    all.0 / all.1
}

fn interval(environments: &[Vec<Place>], n_seeds: usize, seed: u64) -> (f64, f64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut means = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        let mut times = vec![0.0; n_seeds];
        (0..n_seeds).for_each(|_| times[random.random_range(0..n_seeds)] += 1.0);
        let mut sum = 0.0;
        for _ in environments {
            let places = &environments[random.random_range(0..environments.len())];
            let drawn: Vec<&Place> =
                places.iter().map(|_| &places[random.random_range(0..places.len())]).collect();
            sum += mean(drawn.into_iter(), &times);
        }
        // A draw may hit only seeds that located nothing.
        let mean = sum / environments.len() as f64;
        if mean.is_finite() {
            means.push(mean);
        }
    }
    means.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| means[(share * (means.len() - 1) as f64).round() as usize];
    (at(TAIL), at(1.0 - TAIL))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(environment: &str, seed: u64, errors_m: impl Fn(u64) -> f64) -> Row {
        let mut places = Vec::new();
        for place in 0..400 {
            PlaceAnswers::count(&mut places, [place, 0, 0], Some((errors_m(place), true)));
        }
        Row { environment: environment.into(), seed, places, ..Row::default() }
    }

    #[test]
    fn the_interval_of_a_mean_is_as_wide_as_the_normal_one() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let noise: Vec<f64> =
            (0..400).map(|_| (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0).collect();
        let mean = noise.iter().sum::<f64>() / 400.0;
        let std = (noise.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 400.0).sqrt();
        let places = [noise.iter().map(|x| vec![(x + 10.0, 1.0)]).collect::<Vec<Place>>()];
        let width = |seed| {
            let (low, high) = interval(&places, 1, seed);
            high - low
        };
        let widths = (0..8).map(width).sum::<f64>() / 8.0;
        assert!((widths - 2.0 * 1.96 * std / 20.0).abs() < 0.005, "{widths} {std}");
        let row = row("x", 1, |place| 10.0 + noise[place as usize]);
        let found = estimate(&[&row], Figure::MeanError).unwrap();
        assert!((found.value - 10.0 - mean).abs() < 1e-9);
        assert!(found.low < found.value && found.value < found.high);
    }

    #[test]
    fn seeds_and_environments_count_as_drawn() {
        // Two seeds that differ by two: no number of places makes their mean certain.
        let (a, b) = (row("x", 1, |_| 4.0), row("x", 2, |_| 6.0));
        let expected = Estimate { value: 5.0, low: 4.0, high: 6.0 };
        assert_eq!(estimate(&[&a, &b], Figure::MeanError), Some(expected));
        let share = Estimate { value: 0.5, low: 0.0, high: 1.0 };
        assert_eq!(estimate(&[&a, &b], Figure::Below5m), Some(share));
        // Of squares 16 and 36.
        let square = estimate(&[&a, &b], Figure::RootMeanSquare).unwrap();
        assert!((square.value - 26.0_f64.sqrt()).abs() < 1e-12 && (square.low - 4.0).abs() < 1e-12);
        let c = row("y", 1, |_| 6.0);
        assert_eq!(estimate(&[&a, &c], Figure::MeanError), Some(expected));
        assert_eq!(estimate(&[&Row::default()], Figure::MeanError), None);
        assert_eq!(estimate(&[], Figure::MeanError), None);
    }
}
