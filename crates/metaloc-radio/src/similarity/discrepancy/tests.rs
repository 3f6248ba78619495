//! Estimates against the discrepancy of known distributions, and on sets as large as images are.

use std::time::Instant;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::*;

/// Independent normal numbers about `mean`.
pub(super) fn normal_values(n: usize, mean: f64, variance: f64, seed: u64) -> Vec<f32> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
    (0..n).map(|_| (mean + variance.sqrt() * normal()) as f32).collect()
}

/// Squared MMD of `N(a, v I)` and `N(b, v I)` in d dimensions, `|a - b|^2` being given:
/// `(s^2 / (s^2 + 2 v))^(d/2) 2 (1 - exp(-|a - b|^2 / (2 (s^2 + 2 v))))`.
fn population_value(s: f64, variance: f64, squared_shift: f64, dimensions: i32) -> f64 {
    let wider = s * s + 2.0 * variance;
    (s * s / wider).sqrt().powi(dimensions) * 2.0 * (1.0 - (-squared_shift / (2.0 * wider)).exp())
}

/// Mean and standard error of some estimates' squares.
fn mean_and_error(estimates: &[f64]) -> (f64, f64) {
    let n = estimates.len() as f64;
    let mean = estimates.iter().sum::<f64>() / n;
    let variance = estimates.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

#[test]
fn estimates_meet_the_population_value() {
    let (s, variance, columns, repeats) = (2.0, 1.5, 4usize, 40);
    let kernel = GaussianKernel::new(s).unwrap();
    for shift in [0.0, 0.6] {
        let expected = population_value(s, variance, columns as f64 * shift * shift, 4);
        for (estimator, n) in [
            (MmdEstimator::Biased, 150),
            (MmdEstimator::Unbiased, 150),
            (MmdEstimator::Linear, 4000),
            (MmdEstimator::Block, 900),
        ] {
            let once = |seed: u64| {
                let x = normal_values(n * columns, 1.0, variance, 2 * seed);
                let y = normal_values(n * columns, 1.0 + shift, variance, 2 * seed + 1);
                let x = FeatureRows::new(&x, columns).unwrap();
                let y = FeatureRows::new(&y, columns).unwrap();
                discrepancy(&x, &y, &kernel, estimator).unwrap().squared
            };
            let (mean, error) = mean_and_error(&(0..repeats).map(once).collect::<Vec<f64>>());
            // What pairs of a row with itself add: (1 - E k(x, x')) / rows, on either side.
            let own = 1.0 - (s * s / (s * s + 2.0 * variance)).powi(2);
            let biased = estimator == MmdEstimator::Biased;
            let expected = expected + if biased { 2.0 * own / n as f64 } else { 0.0 };
            println!(
                "{estimator:?}, shift {shift}: {mean:.5} +- {error:.5}, expected {expected:.5}"
            );
            assert!((mean - expected).abs() < 3.5 * error, "{estimator:?} {shift}");
        }
    }
}

/// The tests of linear and block: how often `p` is at most 0.05 where there is no difference.
#[test]
fn normal_tests_hold_their_level() {
    let kernel = GaussianKernel::new(1.5).unwrap();
    for estimator in [MmdEstimator::Linear, MmdEstimator::Block] {
        let p_of = |shift: f64, seed: u64| {
            let x = normal_values(1600, 0.0, 1.0, 2 * seed);
            let y = normal_values(1600, shift, 1.0, 2 * seed + 1);
            let (x, y) = (FeatureRows::new(&x, 2).unwrap(), FeatureRows::new(&y, 2).unwrap());
            discrepancy(&x, &y, &kernel, estimator).unwrap().normal_test.unwrap().p
        };
        let rejected = (0..400).filter(|&seed| p_of(0.0, seed) <= 0.05).count();
        println!("{estimator:?}: {rejected} of 400 below 0.05 without a difference");
        assert!((6..=40).contains(&rejected), "{estimator:?}: {rejected}");
        assert!(p_of(0.8, 1) < 1e-3);
    }
}

/// Estimates of images of 7800 pixels, 500 a side, against pair by pair on a few rows.
#[test]
fn images_take_a_moment() {
    const COLUMNS: usize = 7800;
    let pixels = |seed: usize| -> Vec<f32> {
        let hash = |i: usize| (i + seed * 7_700_417).wrapping_mul(2_654_435_761) >> 13;
        (0..500 * COLUMNS).map(|i| (hash(i) % 256) as f32).collect()
    };
    let (x, y) = (pixels(0), pixels(1));
    let (x, y) = (FeatureRows::new(&x, COLUMNS).unwrap(), FeatureRows::new(&y, COLUMNS).unwrap());
    let begun = Instant::now();
    let bandwidth = median_bandwidth(&[x, y], MEDIAN_ROWS).unwrap();
    println!("bandwidth {bandwidth:.1} of 500 images: {:.2} s", begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    let matrix = KernelMatrix::new(&x, &y, &GaussianKernel::new(bandwidth).unwrap()).unwrap();
    println!("matrix of 500 + 500 images: {:.2} s", begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    let test = PermutationTest::default();
    let outcome = matrix.permutation_test(MmdEstimator::Biased, &test).unwrap();
    println!("500 permutations: {:.2} s, {outcome:?}", begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    let embedding = MeanEmbedding::new(&x, bandwidth, N_FEATURES, 0).unwrap();
    println!("embedding of 500 images: {:.2} s", begun.elapsed().as_secs_f64());
    assert_eq!(embedding.mean.len(), N_FEATURES);
    let block = discrepancy(&x, &y, &GaussianKernel::new(bandwidth).unwrap(), MmdEstimator::Block);
    let from_matrix = matrix.estimate(MmdEstimator::Block).unwrap();
    assert!((block.unwrap().squared - from_matrix.squared).abs() < 1e-9);
}

/// No computation here depends on which thread, or how many, run it.
#[test]
fn same_bytes_on_any_thread() {
    let (x, y) = (normal_values(600, 0.0, 1.0, 1), normal_values(750, 0.3, 1.0, 2));
    let all = || {
        let (x, y) = (FeatureRows::new(&x, 3).unwrap(), FeatureRows::new(&y, 3).unwrap());
        let sites = [x, y].map(|site| BandwidthSummary::new(&site, MEDIAN_ROWS).unwrap());
        let bandwidth = common_bandwidth(&sites).unwrap();
        let kernel = GaussianKernel::multi_scale(bandwidth).unwrap();
        let matrix = KernelMatrix::new(&x, &y, &kernel).unwrap();
        let test = PermutationTest { n_permutations: 50, seed: 4 };
        let outcome = matrix.permutation_test(MmdEstimator::Unbiased, &test).unwrap();
        let embedding = MeanEmbedding::new(&x, bandwidth, 130, 3).unwrap();
        serde_json::to_string(&(sites, kernel, outcome, embedding)).unwrap()
    };
    let here = all();
    let elsewhere: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(all)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(elsewhere.iter().all(|there| *there == here));
}
