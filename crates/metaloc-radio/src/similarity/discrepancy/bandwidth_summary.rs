//! One bandwidth for several sites whose rows stay where they are.
//!
//! Each site sends a [`BandwidthSummary`]; [`common_bandwidth`] makes of them what the median heuristic
//! would make of all rows in one pool, nearly. The method is ours. With `v` a site's variance (mean
//! squared distance of its rows from their mean) and `mu` its mean, pairs of two sites have
//!
//! ```text
//! E |x - y|^2 = w + c      w = v_x + v_y,  c = |mu_x - mu_y|^2
//! ```
//!
//! exactly. Of the distribution about that mean we assume that it is log-normal, as within each site:
//!
//! ```text
//! within a site   median = its own,                        sigma   = ln(upper / lower quartile) / 1.349
//! of two sites    median = sqrt(r_x r_y) w + c,            sigma^2 = sigma_x sigma_y (1 - (c / (w + c))^2)
//! ```
//!
//! with `r` the median within a site over the mean there. (The last factor is exact for the spread of
//! `|x - y|^2` of round Gaussians.) The pool's distances are the mixture of these, weighed by numbers of
//! pairs; its median is found by bisection. The bandwidth was within 10 % of the pool's in all of the cases
//! that we tried (`near_the_median_of_the_pool`): sites alike and far apart, of unequal sizes and scales, in
//! clusters, with heavy tails.

use serde::{Deserialize, Serialize};

use super::bandwidth::{evenly_spread, quantile, sorted_distances};
use super::feature_rows::{need_same, need_sound};
use super::normal_distribution::upper_tail;
use super::{FeatureRows, MIN_ROWS_IN_MESSAGE};
use crate::RadioError;

/// Distance of the quartiles of a normal distribution, in standard deviations.
const QUARTILE_RANGE: f64 = 1.348_979_500_392_163_5;

/// Steps of the bisection: enough for the last digit.
const BISECTIONS: usize = 60;

/// What a site tells about the distances of its rows: a message of `n_columns + 5` numbers. It holds
/// their mean, hence no summary is made of fewer than [`MIN_ROWS_IN_MESSAGE`] rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BandwidthSummary {
    /// How many rows the site has.
    pub n_rows: usize,
    /// Quartiles of the squared distances of its pairs of rows that differ: lower, median, upper.
    pub quartiles: [f64; 3],
    /// Mean squared distance of its rows from their mean.
    pub variance: f64,
    /// Mean of its rows, column by column.
    pub mean: Vec<f32>,
}

impl BandwidthSummary {
    /// The summary of a site's rows. Quartiles are of at most `at_most_rows` of them, evenly spread;
    /// variance and mean of all.
    ///
    /// # Shapes
    /// `rows`: `[n_rows, n_columns]`
    ///
    /// # Errors
    /// [`RadioError::TooFewRows`] for fewer than [`MIN_ROWS_IN_MESSAGE`] or `at_most_rows` below 2,
    /// [`RadioError::EqualRows`].
    pub fn new(rows: &FeatureRows, at_most_rows: usize) -> Result<Self, RadioError> {
        rows.need(MIN_ROWS_IN_MESSAGE, "a summary that leaves its site")?;
        let pool: Vec<&[f32]> = rows.rows().collect();
        let distances = sorted_distances(&evenly_spread(&pool, at_most_rows))?;
        let n = rows.n_rows() as f64;
        let mut mean = vec![0.0f64; rows.n_columns()];
        for row in rows.rows() {
            mean.iter_mut().zip(row).for_each(|(mean, &x)| *mean += f64::from(x) / n);
        }
        let from_mean = |row: &[f32]| -> f64 {
            row.iter().zip(&mean).map(|(&x, mean)| (f64::from(x) - mean).powi(2)).sum()
        };
        Ok(Self {
            n_rows: rows.n_rows(),
            quartiles: [0.25, 0.5, 0.75].map(|share| quantile(&distances, share)),
            variance: rows.rows().map(from_mean).sum::<f64>() / n,
            mean: mean.iter().map(|&mean| mean as f32).collect(),
        })
    }

    /// Errors unless this can be what a site found.
    fn check(&self) -> Result<(), RadioError> {
        let found = self.n_rows;
        if found < MIN_ROWS_IN_MESSAGE {
            let purpose = "a bandwidth summary";
            return Err(RadioError::TooFewRows { purpose, needed: MIN_ROWS_IN_MESSAGE, found });
        }
        let usable = |x: f64| x > 0.0 && x.is_finite();
        let [lower, median, upper] = self.quartiles;
        let rising = usable(lower) && lower <= median && median <= upper && usable(upper);
        need_sound(rising, "a summary's median distance", median, "between positive quartiles")?;
        need_sound(usable(self.variance), "a summary's variance", self.variance, "positive")?;
        let unsound = self.mean.iter().find(|mean| !mean.is_finite());
        let found = unsound.map_or(0.0, |&mean| f64::from(mean));
        need_sound(unsound.is_none(), "a summary's mean", found, "finite")
    }

    /// The distances of its own pairs.
    fn within(&self) -> Distances {
        let n = self.n_rows as f64;
        let [lower, median, upper] = self.quartiles;
        let sigma = (upper / lower).ln() / QUARTILE_RANGE;
        Distances { pairs: n * (n - 1.0) / 2.0, median, sigma }
    }

    /// Median of the squared distances of its pairs, over their mean.
    fn median_over_mean(&self) -> f64 {
        let n = self.n_rows as f64;
        self.quartiles[1] / (2.0 * self.variance * n / (n - 1.0))
    }

    /// The distances of pairs of one row here and one there.
    fn across(&self, other: &Self) -> Distances {
        let square = |(&x, &y): (&f32, &f32)| (f64::from(x) - f64::from(y)).powi(2);
        let between: f64 = self.mean.iter().zip(&other.mean).map(square).sum(); // c
        let within = self.variance + other.variance; // w
        let ratio = (self.median_over_mean() * other.median_over_mean()).sqrt();
        let share = between / (within + between);
        let sigmas = self.within().sigma * other.within().sigma;
        Distances {
            pairs: self.n_rows as f64 * other.n_rows as f64,
            median: ratio * within + between,
            sigma: (sigmas * (1.0 - share * share)).sqrt(),
        }
    }
}

/// Log-normal squared distances of some pairs.
#[derive(Clone, Copy, Debug)]
struct Distances {
    pairs: f64,
    median: f64,
    sigma: f64,
}

/// The bandwidth `s` that fits all sites, `s^2` being half of about the median of the squared distances
/// of all their rows; the same for the same summaries in the same order.
///
/// # Errors
/// [`RadioError::TooFewRows`] for no summaries or one of fewer than [`MIN_ROWS_IN_MESSAGE`] rows;
/// [`RadioError::NotComparable`] for means of other lengths; [`RadioError::Setting`] for numbers that no
/// site finds.
pub fn common_bandwidth(summaries: &[BandwidthSummary]) -> Result<f64, RadioError> {
    let mut groups = Vec::new();
    for (place, site) in summaries.iter().enumerate() {
        site.check()?;
        need_same("columns", &summaries[0].mean.len(), &site.mean.len())?;
        groups.push(site.within());
        groups.extend(summaries[..place].iter().map(|other| other.across(site)));
    }
    if groups.is_empty() {
        let purpose = "a common bandwidth";
        return Err(RadioError::TooFewRows { purpose, needed: MIN_ROWS_IN_MESSAGE, found: 0 });
    }
    Ok((mixture_median(&groups) / 2.0).sqrt())
}

/// The median of a mixture. It lies between the least and the greatest median of its parts.
fn mixture_median(groups: &[Distances]) -> f64 {
    let medians = groups.iter().map(|group| group.median.ln());
    let mut low = medians.clone().fold(f64::INFINITY, f64::min);
    let mut high = medians.fold(f64::NEG_INFINITY, f64::max);
    let half = groups.iter().map(|group| group.pairs).sum::<f64>() / 2.0;
    for _ in 0..BISECTIONS {
        let middle = f64::midpoint(low, high);
        let above = |group: &Distances| {
            let sigma = group.sigma.max(f64::EPSILON);
            group.pairs * upper_tail((middle - group.median.ln()) / sigma)
        };
        if groups.iter().map(above).sum::<f64>() > half {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high).exp()
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    use super::super::{MEDIAN_ROWS, median_bandwidth};
    use super::*;

    fn summary(
        n_rows: usize,
        quartiles: [f64; 3],
        variance: f64,
        mean: &[f32],
    ) -> BandwidthSummary {
        BandwidthSummary { n_rows, quartiles, variance, mean: mean.to_vec() }
    }

    #[test]
    fn a_summary_by_hand() {
        let values = [0.0, 0.0, 0.0, 0.0, 2.0, 2.0, 2.0, 4.0];
        let rows = FeatureRows::new(&values, 1).unwrap();
        // 12 pairs at 2, 4 at 4, 3 at 2: squared 15 times 4, 4 times 16. Mean 1.25.
        let expected = (4.0 * 1.5625 + 3.0 * 0.5625 + 7.5625) / 8.0;
        let expected = summary(8, [4.0, 4.0, 4.0], expected, &[1.25]);
        assert_eq!(BandwidthSummary::new(&rows, MEDIAN_ROWS).unwrap(), expected);
        let seven = FeatureRows::new(&values[..7], 1).unwrap();
        let error = BandwidthSummary::new(&seven, MEDIAN_ROWS).unwrap_err().to_string();
        assert_eq!(error, "a summary that leaves its site needs 8 rows, found 7");
    }

    /// One site: its own median. Two without spread, 10 rows each: 90 pairs at 2, 100 at 2 + 9; with
    /// sizes 20 and 8, 218 pairs at 2 and 160 at 11.
    #[test]
    fn mixtures_by_hand() {
        let site = |n, mean| summary(n, [2.0, 2.0, 2.0], 1.0 - 1.0 / n as f64, &[mean]);
        let squared = |sites: &[BandwidthSummary]| 2.0 * common_bandwidth(sites).unwrap().powi(2);
        assert!((squared(&[site(10, 0.0)]) - 2.0).abs() < 1e-9);
        let across = squared(&[site(10, 0.0), site(10, 3.0)]);
        assert!((across - 10.8).abs() < 1e-6, "{across}"); // w = 1.8, ratio 1
        let within = squared(&[site(20, 0.0), site(8, 3.0)]);
        assert!((within - 2.0).abs() < 1e-6, "{within}");
    }

    #[test]
    fn messages_are_checked() {
        let good = summary(9, [1.0, 2.0, 3.0], 1.0, &[0.0, 1.0]);
        let error = |bad| common_bandwidth(&[good.clone(), bad]).unwrap_err().to_string();
        assert!(common_bandwidth(&[]).is_err());
        assert!(error(summary(7, [1.0, 2.0, 3.0], 1.0, &[0.0, 1.0])).contains("needs 8 rows"));
        assert!(error(summary(9, [1.0, 4.0, 3.0], 1.0, &[0.0, 1.0])).contains("quartiles"));
        assert!(error(summary(9, [0.0, 2.0, 3.0], 1.0, &[0.0, 1.0])).contains("quartiles"));
        assert!(error(summary(9, [1.0, 2.0, 3.0], f64::NAN, &[0.0, 1.0])).contains("variance"));
        assert!(error(summary(9, [1.0, 2.0, 3.0], 1.0, &[0.0, f32::NAN])).contains("mean"));
        assert!(error(summary(9, [1.0, 2.0, 3.0], 1.0, &[0.0])).contains("columns differ: 2 here"));
        let text = serde_json::to_string(&good).unwrap();
        assert_eq!(serde_json::from_str::<BandwidthSummary>(&text).unwrap(), good);
    }

    /// Rows about twelve centres, which lie about a place of the site's own.
    fn rows(n: usize, columns: usize, style: &Style, generator: &mut impl Rng) -> Vec<f32> {
        let mut normals = |n: usize, scale: f64| -> Vec<f64> {
            (0..n).map(|_| scale * normal(generator)).collect()
        };
        let place = normals(columns, style.shift);
        let centres: Vec<Vec<f64>> = (0..12).map(|_| normals(columns, style.centres)).collect();
        let mut values = Vec::new();
        for row in 0..n {
            let scale = style.scale * normals(1, style.tail)[0].exp();
            let noise = normals(columns, scale);
            let parts = place.iter().zip(&centres[row % 12]).zip(noise);
            values.extend(parts.map(|((place, centre), noise)| (place + centre + noise) as f32));
        }
        values
    }

    fn normal(generator: &mut impl Rng) -> f64 {
        StandardNormal.sample(generator)
    }

    #[derive(Clone, Copy)]
    struct Style {
        shift: f64,
        centres: f64,
        scale: f64,
        tail: f64,
    }

    #[test]
    fn near_the_median_of_the_pool() {
        let alike = Style { shift: 0.0, centres: 0.0, scale: 1.0, tail: 0.0 };
        let apart = Style { shift: 1.0, ..alike };
        let far = Style { shift: 5.0, ..alike };
        let clusters = Style { shift: 1.0, centres: 3.0, scale: 0.5, tail: 0.0 };
        let heavy = Style { tail: 0.5, ..apart };
        let scaled = |scale| Style { scale, ..apart };
        let cases: [(&str, Vec<(usize, Style)>); 7] = [
            ("alike", vec![(150, alike); 3]),
            ("apart", vec![(120, apart); 4]),
            ("far", vec![(120, far); 4]),
            ("clusters", vec![(160, clusters); 3]),
            ("heavy tails", vec![(120, heavy); 4]),
            ("unequal sizes", vec![(40, apart), (100, apart), (300, apart)]),
            ("unequal scales", vec![(120, scaled(0.5)), (120, scaled(1.0)), (120, scaled(4.0))]),
        ];
        let mut generator = ChaCha8Rng::seed_from_u64(5);
        for columns in [2, 15, 300] {
            for (name, sites) in &cases {
                let mut make =
                    |&(n, style): &(usize, Style)| rows(n, columns, &style, &mut generator);
                let sites: Vec<Vec<f32>> = sites.iter().map(&mut make).collect();
                let sites: Vec<FeatureRows> =
                    sites.iter().map(|site| FeatureRows::new(site, columns).unwrap()).collect();
                let pooled = median_bandwidth(&sites, usize::MAX).unwrap();
                let summaries: Vec<BandwidthSummary> =
                    sites.iter().map(|s| BandwidthSummary::new(s, MEDIAN_ROWS).unwrap()).collect();
                let common = common_bandwidth(&summaries).unwrap();
                let ratio = common / pooled;
                println!("{columns} columns, {name}: {ratio:.3} of the pool's bandwidth");
                assert!((ratio - 1.0).abs() < 0.1, "{columns} columns, {name}: {ratio}");
                assert_eq!(common_bandwidth(&summaries).unwrap().to_bits(), common.to_bits());
            }
        }
    }
}
