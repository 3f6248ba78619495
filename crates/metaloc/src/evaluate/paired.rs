//! One method against another on the same test samples, with an interval.
//!
//! Both methods answered the same queries after the same surveys, so that what is hard for both falls
//! out of the difference. The interval is the percentile bootstrap's (Efron and Tibshirani 1993, chapter
//! 13) with clusters: environments are drawn anew, and in each drawn one its places. Queries at one place
//! hear nearly the same and never count apart.

use std::collections::BTreeMap;

use metaloc_meta::seed::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use super::Row;

/// Draws of the bootstrap.
pub(super) const DRAWS: usize = 2000;
/// Seed of the draws: the same tables from the same rows.
pub(super) const SEED: u64 = 1;
/// Share of the draws on either side of the interval.
pub(super) const TAIL: f64 = 0.025;

/// What a method answered to the queries at one place.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct PlaceAnswers {
    /// Tells places apart within an environment.
    pub place: [u64; 3],
    /// Queries asked there.
    pub queries: usize,
    /// Those put on the right point.
    pub right: usize,
    /// Those located.
    pub located: usize,
    /// Sum of their errors (m).
    pub sum_m: f64,
    /// Those with an error below 5 m.
    pub below_5m: usize,
    /// Sum of the squared errors (m^2).
    #[serde(default)]
    pub sum_squares_m2: f64,
}

impl PlaceAnswers {
    /// Counts one query into `places`: its error (m) and whether the point was right, or nothing if it
    /// was not located. Queries of one place follow each other.
    pub(crate) fn count(places: &mut Vec<Self>, place: [u64; 3], answer: Option<(f64, bool)>) {
        if places.last().is_none_or(|last| last.place != place) {
            places.push(Self { place, ..Self::default() });
        }
        let Some(last) = places.last_mut() else { return };
        last.queries += 1;
        if let Some((error_m, right)) = answer {
            last.located += 1;
            last.sum_m += error_m;
            last.below_5m += usize::from(error_m < 5.0);
            last.sum_squares_m2 += error_m * error_m;
            last.right += usize::from(right);
        }
    }

    /// Adds the answers to other queries.
    pub(super) fn add(&mut self, other: &Self) {
        self.queries += other.queries;
        self.right += other.right;
        self.located += other.located;
        self.sum_m += other.sum_m;
        self.below_5m += other.below_5m;
        self.sum_squares_m2 += other.sum_squares_m2;
    }
}

/// A method less another one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Paired {
    /// The other method.
    pub reference: String,
    /// Mean error (m), or accuracy where the task is to name a point, less the other's; a mean over
    /// environments.
    pub difference: f64,
    /// The interval that holds the difference in 95 of 100 surveys like these.
    pub interval: (f64, f64),
}

/// Difference and weight of each place of an environment.
type Places = Vec<(f64, f64)>;

/// The rows of a method against those of another; `None` if they have no place in common.
#[must_use]
pub fn paired(rows: &[&Row], reference: &[&Row]) -> Option<Paired> {
    let of_accuracy = rows.first()?.accuracy.is_some();
    let (own, others) = (by_place(rows), by_place(reference));
    let mut environments: BTreeMap<(&str, &str), Places> = BTreeMap::new();
    for ((environment, place), answers) in &own {
        let Some(other) = others.get(&(*environment, *place)) else { continue };
        let value = |answers: &PlaceAnswers| match of_accuracy {
            true => answers.right as f64 / answers.queries as f64,
            false => answers.sum_m / answers.located as f64,
        };
        let difference = value(answers) - value(other);
        // Where one of them located nothing there is no error to compare.
        if difference.is_finite() {
            let places = environments.entry(*environment).or_default();
            places.push((difference, other.queries as f64));
        }
    }
    let environments: Vec<Places> = environments.into_values().collect();
    if environments.is_empty() {
        return None;
    }
    let whole = |places: &Places| weighted_mean(places.iter());
    let difference = environments.iter().map(whole).sum::<f64>() / environments.len() as f64;
    let reference = reference.first()?.method.clone();
    Some(Paired { reference, difference, interval: interval(&environments) })
}

/// The answers of all seeds and draws, by environment and place.
fn by_place<'a>(rows: &[&'a Row]) -> BTreeMap<((&'a str, &'a str), [u64; 3]), PlaceAnswers> {
    let mut all: BTreeMap<_, PlaceAnswers> = BTreeMap::new();
    for row in rows {
        for answers in &row.places {
            let key = ((row.split.as_str(), row.environment.as_str()), answers.place);
            all.entry(key).or_default().add(answers);
        }
    }
    all
}

fn weighted_mean<'a>(places: impl Iterator<Item = &'a (f64, f64)>) -> f64 {
    let (sum, weight) = places.fold((0.0, 0.0), |(s, w), (x, n)| (s + x * n, w + n));
    sum / weight
}

fn interval(environments: &[Places]) -> (f64, f64) {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut means: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let drawn = (0..environments.len()).map(|_| {
                let places = &environments[random.random_range(0..environments.len())];
                let n = places.len();
                let mut sums = (0.0, 0.0);
                for _ in 0..n {
                    let (difference, weight) = places[random.random_range(0..n)];
                    sums = (sums.0 + difference * weight, sums.1 + weight);
                }
                sums.0 / sums.1
            });
            drawn.sum::<f64>() / environments.len() as f64
        })
        .collect();
    means.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| means[(share * (DRAWS - 1) as f64).round() as usize];
    (at(TAIL), at(1.0 - TAIL))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(n: u64, error: impl Fn(u64) -> f64) -> Vec<PlaceAnswers> {
        let mut places = Vec::new();
        for place in 0..n {
            for _ in 0..3 {
                PlaceAnswers::count(&mut places, [place, 0, 0], Some((error(place), place == 0)));
            }
        }
        places
    }

    fn row(method: &str, environment: &str, places: Vec<PlaceAnswers>) -> Row {
        Row { method: method.into(), environment: environment.into(), places, ..Row::default() }
    }

    #[test]
    fn what_is_hard_for_both_falls_out() {
        let hard = |place: u64| (place * place) as f64;
        let a = row("a", "x", places(30, |p| hard(p) + 1.0 + 0.1 * (p % 2) as f64));
        let b = row("b", "x", places(30, hard));
        let found = paired(&[&a], &[&b]).unwrap();
        assert!((found.difference - 1.05).abs() < 1e-9, "{found:?}");
        let (low, high) = found.interval;
        assert!(low > 1.02 && high < 1.08 && low < high, "{found:?}");
        assert_eq!(found.reference, "b");
        let (same, none) = (paired(&[&b], &[&b]).unwrap(), row("c", "y", Vec::new()));
        assert_eq!((same.difference, same.interval), (0.0, (0.0, 0.0)));
        assert!(paired(&[&a], &[&none]).is_none());
    }

    #[test]
    fn the_interval_of_a_mean_is_as_wide_as_the_normal_one() {
        // One environment, 400 places with differences of deviation 1: +-1.96 / 20.
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let noise: Vec<f64> =
            (0..400).map(|_| (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0).collect();
        let a = row("a", "x", places(400, |p| noise[p as usize]));
        let b = row("b", "x", places(400, |_| 0.0));
        let (low, high) = paired(&[&a], &[&b]).unwrap().interval;
        assert!((high - low - 2.0 * 1.96 / 20.0).abs() < 0.02, "{low}..{high}");
    }

    #[test]
    fn environments_are_clusters() {
        // Two environments that differ by two: no number of places makes their mean certain.
        let a = |e: &str, d: f64| row("a", e, places(500, |_| d));
        let b = |e: &str| row("b", e, places(500, |_| 0.0));
        let found = paired(&[&a("x", 0.0), &a("y", 2.0)], &[&b("x"), &b("y")]).unwrap();
        assert_eq!((found.difference, found.interval), (1.0, (0.0, 2.0)));
    }
}
