//! Kernel ridge regression (`krr`) from signals to coordinates.
//!
//! C. Saunders, A. Gammerman, V. Vovk: Ridge regression learning algorithm in dual variables, ICML 1998;
//! a Gaussian kernel on the radio map's signal distance d,
//!
//! ```text
//! k(a, b) = exp(-d(a, b)^2 / (2 (width m)^2))      m: median distance between reference points
//! position(x) = mean + k(x, X) (K + penalty I)^-1 (Y - mean)
//! ```
//!
//! each floor by itself; the floor is that of the nearest reference point.

use metaloc_radio::geometry::Position;
use metaloc_radio::radio_map::RadioMap;
use metaloc_radio::signal::RssScan;
use nalgebra::{DMatrix, DVector};

use super::{Candidate, Estimate, Locator, NotLocated, check};
use crate::error::Error;

/// Width of the kernel, relative to the median distance, and penalty of the weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KernelSettings {
    /// Above 0.
    pub width: f64,
    /// Above 0.
    pub penalty: f64,
}

/// Kernel ridge regression on a radio map.
#[derive(Debug)]
pub struct KernelRidge {
    floors: Vec<FittedFloor>,
    map: RadioMap,
}

#[derive(Debug)]
struct FittedFloor {
    map: RadioMap,
    kernel: FittedKernel,
    mean: [f64; 2],
}

/// Weights of the reference points, and the kernel that they are for.
#[derive(Debug)]
pub(crate) struct FittedKernel {
    /// Twice the square of the width.
    scale: f64,
    /// `[n, targets]`
    weights: DMatrix<f64>,
}

impl FittedKernel {
    /// Solves for the weights; `distances` `[n, n]`, `targets` `[n, targets]`.
    ///
    /// # Errors
    /// A setting that is not above 0, or a distance that is not finite.
    pub(crate) fn new(
        distances: &DMatrix<f64>,
        targets: &DMatrix<f64>,
        KernelSettings { width, penalty }: KernelSettings,
    ) -> Result<Self, Error> {
        let n = distances.nrows();
        let mut between: Vec<f64> =
            (0..n).flat_map(|i| (0..i).map(move |j| distances[(i, j)])).collect();
        between.sort_unstable_by(f64::total_cmp);
        // One point, or points that are all alike: any width says the same.
        let median = between.get(between.len() / 2).copied().filter(|m| *m > 0.0).unwrap_or(1.0);
        let scale = 2.0 * (width * median).powi(2);
        let mut kernel = distances.map(|d| (-d * d / scale).exp());
        (0..n).for_each(|i| kernel[(i, i)] += penalty);
        let legal = penalty > 0.0 && width > 0.0;
        let solved = legal.then(|| kernel.cholesky()).flatten().ok_or_else(|| {
            Error::usage(format!(
                "kernel ridge: penalty {penalty} and width {width} must be above 0, and signals finite"
            ))
        })?;
        Ok(Self { scale, weights: solved.solve(targets) })
    }

    /// The answer to a signal at these distances from the reference points.
    pub(crate) fn answer(&self, distances: impl Iterator<Item = f64>) -> DVector<f64> {
        let kernel = distances.map(|d| (-d * d / self.scale).exp());
        self.weights.tr_mul(&DVector::from_iterator(self.weights.nrows(), kernel))
    }
}

impl KernelRidge {
    /// Fits each floor of a radio map.
    ///
    /// # Errors
    /// As the settings say.
    pub fn new(map: RadioMap, settings: KernelSettings) -> Result<Self, Error> {
        let floors = map.floors().into_iter().filter_map(|floor| map.on_floor(floor));
        let floors = floors.map(|floor| {
            let (points, n) = (floor.points(), floor.points().len());
            let between = |i: usize, j: usize| floor.distance_between(i, j);
            let distances = DMatrix::from_fn(n, n, between);
            let at = |p: &Position| [p.x_m, p.y_m];
            let mean = [0, 1]
                .map(|axis| points.iter().map(|p| at(&p.position)[axis]).sum::<f64>() / n as f64);
            let targets =
                DMatrix::from_fn(n, 2, |i, axis| at(&points[i].position)[axis] - mean[axis]);
            let kernel = FittedKernel::new(&distances, &targets, settings)?;
            Ok(FittedFloor { map: floor, kernel, mean })
        });
        let floors = floors.collect::<Result<_, Error>>()?;
        Ok(Self { floors, map })
    }
}

impl Locator for KernelRidge {
    fn locate(&self, scan: &RssScan) -> Result<Estimate, NotLocated> {
        check(&self.map, scan)?;
        let nearest = self.map.nearest(scan, 1)[0].index;
        let nearest = &self.map.points()[nearest];
        let floor = nearest.position.floor;
        let own = |fitted: &&FittedFloor| fitted.map.points()[0].position.floor == floor;
        let fitted = self.floors.iter().find(own).ok_or(NotLocated::NotANumber)?;
        let answer = fitted.kernel.answer(fitted.map.distances(scan));
        if !answer.iter().all(|x| x.is_finite()) {
            return Err(NotLocated::NotANumber);
        }
        let position = Position::new(fitted.mean[0] + answer[0], fitted.mean[1] + answer[1], floor);
        let (id, at) = (nearest.id.clone(), nearest.position);
        Ok(Estimate { position, candidates: vec![Candidate { id, position: at, weight: 1.0 }] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{heard, map};
    use super::*;

    #[test]
    fn with_little_penalty_it_passes_through_the_points() {
        let settings = KernelSettings { width: 1.0, penalty: 1e-9 };
        let map = map();
        let scans: Vec<_> = map.points().iter().map(|p| (p.scan.clone(), p.position)).collect();
        let fitted = KernelRidge::new(map.clone(), settings).unwrap();
        for (scan, at) in &scans {
            assert!(fitted.locate(scan).unwrap().position.distance_m(at) < 1e-3, "{at:?}");
        }
        let mean = KernelRidge::new(map.clone(), KernelSettings { width: 1.0, penalty: 1e9 });
        let found = mean.unwrap().locate(&heard(-44.0)).unwrap().position;
        let same_floor = scans.iter().filter(|(_, at)| at.floor == found.floor);
        let x_m: Vec<f64> = same_floor.map(|(_, at)| at.x_m).collect();
        let middle = x_m.iter().sum::<f64>() / x_m.len() as f64;
        assert!((found.x_m - middle).abs() < 1e-3, "{found:?} {middle}");
        assert!(KernelRidge::new(map, KernelSettings { width: 0.0, penalty: 1.0 }).is_err());
    }

    /// Two points, by hand: K = [[1 + p, k], [k, 1 + p]].
    #[test]
    fn two_points_by_hand() {
        let distances = DMatrix::from_row_slice(2, 2, &[0.0, 3.0, 3.0, 0.0]);
        let targets = DMatrix::from_row_slice(2, 1, &[-1.0, 1.0]);
        let settings = KernelSettings { width: 1.0, penalty: 0.5 };
        let fitted = FittedKernel::new(&distances, &targets, settings).unwrap();
        let k = (-0.5_f64).exp();
        let weight = 1.0 / (1.5 - k);
        let expected = weight * (1.0 - k);
        let answer = fitted.answer([3.0, 0.0].into_iter());
        assert!((answer[0] - expected).abs() < 1e-12);
    }
}
