//! Old environments aligned with a new one, as a whole and class by class (`dafi-like`).
//!
//! H. Li, X. Chen, J. Wang, D. Wu, X. Liu, "DAFI: WiFi-based device-free indoor localization via domain
//! adaptation", ACM IMWUT 5 (2021): features of a source and a target domain get alike distributions,
//! marginal and conditional, and classes of the target are drawn together. What stands here in its place,
//! with mean spectra as features and surveyed points as classes:
//!
//! ```text
//! marginal     each environment's spectra standardised by its own mean and deviation
//! conditional  x <- x + [x, 1] M, learned on the centroids of the points surveyed then and now
//! classifier   W = (sum w [x, 1]^T [x, 1] + penalty I)^-1 sum w [x, 1]^T y      y: 1 at the point
//! ```
//!
//! on aligned old and new windows; the weights w make all old windows count as much as all new ones.
//!
//! Assumed: nearly all. DAFI learns its features by a network with losses whose weights aren't public to
//! us, works without carried devices and with unlabelled windows of the target. Known from it are the two
//! alignments and that classes are aligned one with one.

use metaloc_radio::fingerprint::{CsiSpectrum, Standardizer};
use metaloc_radio::preprocess::CsiWindow;
use nalgebra::{DMatrix, RowDVector};

use super::fingerprint_map::{FingerprintMap, means};
use super::{CsiLocator, centroid};
use crate::csi_site::{CsiPoint, CsiSite};
use crate::error::Error;
use crate::locate::{Estimate, NotLocated};

/// Ridge regression on aligned spectra.
pub struct ClassAlignment {
    points: CsiSite,
    kind: CsiSpectrum,
    standardizer: Standardizer,
    /// `[columns + 1, points]`
    weights: DMatrix<f64>,
}

/// An environment's standardised spectra and the points that they are of.
struct Domain {
    rows: DMatrix<f64>,
    classes: Vec<usize>,
    standardizer: Standardizer,
}

impl Domain {
    fn of(site: &CsiSite, kind: CsiSpectrum, points: &[CsiPoint]) -> Result<Self, Error> {
        let (mut numbers, mut classes) = (Vec::new(), Vec::new());
        for point in &site.points {
            let class = points.iter().position(|known| known.id == point.id).unwrap_or(0);
            for window in &point.windows {
                numbers.extend(kind.fingerprint(window));
                classes.push(class);
            }
        }
        let n_columns = numbers.len() / classes.len().max(1);
        if n_columns == 0 || numbers.len() != n_columns * classes.len() {
            return Err(Error::usage("dafi-like needs surveyed windows of one shape"));
        }
        let standardizer = Standardizer::fit(&numbers, n_columns);
        standardizer.apply(&mut numbers);
        let numbers = numbers.into_iter().map(f64::from);
        let rows = DMatrix::from_row_iterator(classes.len(), n_columns, numbers);
        Ok(Self { rows, classes, standardizer })
    }
}

impl ClassAlignment {
    /// A locator among the points of a new environment's survey and of historical ones; `penalty`
    /// above 0, relative to the number of columns.
    ///
    /// # Errors
    /// [`Error::Needs`] without historical environments that share points with the survey; windows of
    /// other shapes, or numbers that are not finite.
    pub fn new(
        support: &CsiSite,
        historical: &[CsiSite],
        kind: CsiSpectrum,
        penalty: f64,
    ) -> Result<Self, Error> {
        let bare = |point: &CsiPoint| CsiPoint { windows: Vec::new(), ..point.clone() };
        let mut points: Vec<CsiPoint> = support.points.iter().map(bare).collect();
        for point in historical.iter().flat_map(|site| &site.points) {
            if points.iter().all(|known| known.id != point.id) {
                points.push(bare(point));
            }
        }
        let new = Domain::of(support, kind, &points)?;
        let n_columns = new.rows.ncols();
        let (new_means, new_known) = means(&new.rows, &new.classes, points.len());
        let mut normal = Normal::new(n_columns + 1, points.len());
        let mut aligned = Vec::new();
        for site in historical {
            let old = Domain::of(site, kind, &points)?;
            if old.rows.ncols() != n_columns {
                return Err(Error::usage("dafi-like needs history with the same devices"));
            }
            let (old_means, old_known) = means(&old.rows, &old.classes, points.len());
            let pairs = old_known.iter().enumerate().filter_map(|(row, class)| {
                new_known.iter().position(|other| other == class).map(|other| (row, other))
            });
            let (rows, others): (Vec<usize>, Vec<usize>) = pairs.unzip();
            if rows.is_empty() {
                continue;
            }
            let (from, to) = (old_means.select_rows(&rows), new_means.select_rows(&others));
            let map = FingerprintMap::fit(&from, &to, penalty)?;
            aligned.push((map.of(&old.rows), old.classes));
        }
        let n_old: usize = aligned.iter().map(|(_, classes)| classes.len()).sum();
        if n_old == 0 {
            return Err(Error::needs("historical environments with the same points"));
        }
        let share = new.classes.len() as f64 / n_old as f64;
        aligned.iter().for_each(|(rows, classes)| normal.add(rows, classes, share));
        normal.add(&new.rows, &new.classes, 1.0);
        let weights = normal.solve(penalty)?;
        let points = CsiSite { points, ..support.clone() };
        Ok(Self { points, kind, standardizer: new.standardizer, weights })
    }
}

/// The normal equations of ridge regression with a bias column.
struct Normal {
    products: DMatrix<f64>,
    targets: DMatrix<f64>,
}

impl Normal {
    fn new(n_inputs: usize, n_classes: usize) -> Self {
        let products = DMatrix::zeros(n_inputs, n_inputs);
        Self { products, targets: DMatrix::zeros(n_inputs, n_classes) }
    }

    fn add(&mut self, rows: &DMatrix<f64>, classes: &[usize], weight: f64) {
        let inputs = rows.clone().insert_column(rows.ncols(), 1.0);
        self.products += inputs.tr_mul(&inputs) * weight;
        for (row, &class) in inputs.row_iter().zip(classes) {
            let mut column = self.targets.column_mut(class);
            column += row.transpose() * weight;
        }
    }

    fn solve(mut self, penalty: f64) -> Result<DMatrix<f64>, Error> {
        let n = self.products.nrows();
        (0..n).for_each(|i| self.products[(i, i)] += penalty * (n - 1) as f64);
        let solved = self.products.cholesky().ok_or_else(|| {
            Error::usage(format!("penalty {penalty} must be above 0, and spectra finite"))
        })?;
        Ok(solved.solve(&self.targets))
    }
}

impl CsiLocator for ClassAlignment {
    fn locate(&self, window: &CsiWindow) -> Result<Estimate, NotLocated> {
        let mut spectrum = self.kind.fingerprint(window);
        if spectrum.len() + 1 != self.weights.nrows() {
            return Err(NotLocated::OtherShape);
        }
        self.standardizer.apply(&mut spectrum);
        let numbers = spectrum.iter().map(|&x| f64::from(x)).chain([1.0]);
        let answers = RowDVector::from_iterator(spectrum.len() + 1, numbers) * &self.weights;
        // Not probabilities: only their order counts.
        let mut weights = vec![0.0; answers.len()];
        if answers.iter().all(|answer| answer.is_finite()) {
            weights[answers.transpose().argmax().0] = 1.0;
        }
        centroid(&self.points, &weights, 1)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::{support, window};
    use super::*;

    /// The support as another day saw it: other gains.
    fn old() -> CsiSite {
        let mut old = support();
        let levels = [[18.0, 7.0], [11.0, 11.0], [3.0, 15.0]];
        for (point, level) in old.points.iter_mut().zip(levels) {
            let moved = [-0.4, 0.4].map(|d| Arc::new(window([level[0] + d, level[1] - d])));
            point.windows = moved.to_vec();
        }
        old
    }

    #[test]
    fn old_days_help_to_place() {
        let kind = CsiSpectrum::default();
        // One new window a point, and a point that only history knows.
        let mut few = support();
        few.points.iter_mut().for_each(|point| point.windows.truncate(1));
        let mut old = old();
        let elsewhere = CsiPoint { id: "old".into(), ..old.points[1].clone() };
        old.points.push(CsiPoint { windows: vec![Arc::new(window([30.0, 30.0]))], ..elsewhere });
        let locator = ClassAlignment::new(&few, &[old], kind, 0.01).unwrap();
        assert_eq!(locator.weights.shape(), (3, 4));
        for (spectrum, id) in [([9.0, 1.0], "p0"), ([1.0, 9.0], "p2")] {
            assert_eq!(locator.locate(&window(spectrum)).unwrap().candidates[0].id, id);
        }
        let other = CsiWindow::new([2, 1, 1], vec![1.0, 1.0], vec![None]);
        assert_eq!(locator.locate(&other), Err(NotLocated::OtherShape));
    }

    #[test]
    fn strangers_are_no_history() {
        let mut strange = old();
        strange.points.iter_mut().for_each(|point| point.id.push('x'));
        for history in [vec![], vec![strange]] {
            let error = ClassAlignment::new(&support(), &history, CsiSpectrum::default(), 1.0);
            let needs = error.err().map(|e| e.to_string());
            assert_eq!(
                needs.as_deref(),
                Some("needs historical environments with the same points")
            );
        }
    }

    /// The normal equations against ridge regression in its dual form.
    #[test]
    fn the_normal_equations_by_another_way() {
        let rows = DMatrix::from_row_slice(3, 2, &[1.0, 0.5, -0.3, 2.0, 0.7, -1.0]);
        let mut normal = Normal::new(3, 2);
        normal.add(&rows, &[0, 1, 0], 2.0);
        let found = normal.solve(0.5).unwrap();
        let inputs = rows.insert_column(2, 1.0);
        let mut products = &inputs * inputs.transpose();
        (0..3).for_each(|i| products[(i, i)] += 1.0 / 2.0); // 0.5 * 2 columns / weight 2
        let targets = DMatrix::from_row_slice(3, 2, &[1.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
        let expected = inputs.transpose() * products.try_inverse().unwrap() * targets;
        assert!((found - expected).norm() < 1e-9);
    }
}
