//! The broad learning system of [`ILCL`](super::ilcl): random sparse features, enhanced at random, and a
//! ridge regression on points that grows by blocks of columns.
//!
//! C. L. P. Chen, Z. Liu, "Broad learning system", IEEE TNNLS 29 (2018), as ILCL's authors' code has it.
//! Images are reduced to the source's 30 x 30 pixels.
//!
//! With `X` the flattened images, each standardised, and `X^ = [X, 0.1]`:
//!
//! ```text
//! Z_i = scaled(X^ b_i^T),  b_i = argmin |s(X^ W_i) b - X^|^2 / 2 + lambda |b|_1    W_i random, s: to -1..1
//! H   = tanh(s [Z, 0.1] W_h / max([Z, 0.1] W_h))                    W_h random, orthonormal
//! A   = [Z, H],  A+ = (C I + A^T A)^-1 A^T,  W = A+ Y               Y: 1 at a window's point
//! ```
//!
//! An increment adds columns `Q`: a window of features, enhancements of these, enhancements of all:
//!
//! ```text
//! D = A+ Q,  R = Q - A D,  B = (C (I + D^T D) + R^T R)^-1 R^T,  A+ <- [A+ - D B; B]
//! ```
//!
//! This is the exact ridge inverse of `[A, Q]` for any C above 0. For C to 0 it is the two cases of the
//! source: `B = R+`, and `B = (I + D^T D)^-1 D^T A+` where R vanishes. The source prints `I - D^T D`
//! there, and takes `(C I + R^T R)^-1 R^T`, which is not the inverse of a ridge.

use metaloc_meta::seed::ChaCha8Rng;
use metaloc_radio::preprocess::CsiWindow;
use nalgebra::{DMatrix, DVector, RowDVector};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use super::ImagePixels;
use super::ilcl::{IlclSettings, SIDE};
use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::locate::NotLocated;

/// What stands in the column of ones.
const BIAS: f64 = 0.1;
/// Penalty of the sparse features.
const LAMBDA: f64 = 1e-3;
/// Iterations of the alternating directions (ADMM) that find them.
const ITERATIONS: usize = 50;

/// The broad learning system among surveyed points.
pub(super) struct BroadLearningSystem {
    pixels: ImagePixels,
    nodes: Nodes,
    /// `[nodes, points]`
    weights: DMatrix<f64>,
}

impl BroadLearningSystem {
    /// Fits the system on these surveyed points, with checked settings.
    ///
    /// # Errors
    /// No window, windows of several shapes, or numbers that are not finite.
    pub(super) fn new(
        support: &CsiSite,
        pixels: ImagePixels,
        settings: IlclSettings,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self, Error> {
        let (mut rows, mut points) = (Vec::new(), Vec::new());
        for (index, point) in support.points.iter().enumerate() {
            for window in &point.windows {
                rows.push(input(&pixels, window));
                points.push(index);
            }
        }
        if rows.first().is_none_or(|row| row.len() < 2 || rows.iter().any(|r| r.len() != row.len()))
        {
            return Err(Error::usage("ilcl needs surveyed windows of one shape"));
        }
        let inputs = DMatrix::from_rows(&rows);
        let one = |row, point| if points[row] == point { 1.0 } else { 0.0 };
        let targets = DMatrix::from_fn(rows.len(), support.points.len(), one);
        let (nodes, inverse) = Nodes::fit(&inputs, &settings, rng)?;
        let weights = inverse * targets;
        Ok(Self { pixels, nodes, weights })
    }

    /// Each point's score: about 1 at a window's own point, about 0 elsewhere.
    ///
    /// # Errors
    /// A window of another shape.
    pub(super) fn scores(&self, window: &CsiWindow) -> Result<Vec<f64>, NotLocated> {
        let input = input(&self.pixels, window);
        if input.len() != self.nodes.n_inputs {
            return Err(NotLocated::OtherShape);
        }
        let outputs = self.nodes.of(&DMatrix::from_rows(&[input]));
        Ok((outputs * &self.weights).as_slice().to_vec())
    }
}

/// An image flattened, standardised, with the column of ones (X^).
fn input(pixels: &ImagePixels, window: &CsiWindow) -> RowDVector<f64> {
    let numbers = pixels.reduced(window, SIDE);
    let n = numbers.len();
    let mut row = RowDVector::from_iterator(n, numbers.into_iter().map(f64::from));
    if n > 0 {
        let deviation = row.variance().sqrt();
        row.add_scalar_mut(-row.mean());
        // No contrast, no numbers.
        row /= if deviation > 0.0 { deviation } else { 1.0 };
    }
    row.insert_column(n, BIAS)
}

/// A window of mapped features.
struct Features {
    /// `[inputs, features]`
    sparse: DMatrix<f64>,
    /// Of each column over the training rows.
    mean: RowDVector<f64>,
    range: RowDVector<f64>,
}

impl Features {
    /// Features fitted on rows `[n, inputs]`, and these rows' features.
    fn fit(
        rows: &DMatrix<f64>,
        n: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<(Self, DMatrix<f64>), Error> {
        let mut mapped = rows * random(rows.ncols(), n, rng);
        for mut column in mapped.column_iter_mut() {
            let (least, range) = (column.min(), range(column.max() - column.min()));
            column.apply(|x| *x = 2.0 * (*x - least) / range - 1.0);
        }
        let sparse = sparse_code(&mapped, rows)?.transpose();
        let raw = rows * &sparse;
        let mean = raw.row_mean();
        let spans = raw.column_iter().map(|column| range(column.max() - column.min()));
        let features =
            Self { sparse, mean, range: RowDVector::from_iterator(n, spans.collect::<Vec<_>>()) };
        let scaled = features.scaled(raw);
        Ok((features, scaled))
    }

    fn of(&self, rows: &DMatrix<f64>) -> DMatrix<f64> {
        self.scaled(rows * &self.sparse)
    }

    fn scaled(&self, mut raw: DMatrix<f64>) -> DMatrix<f64> {
        for (mut column, (mean, range)) in
            raw.column_iter_mut().zip(self.mean.iter().zip(self.range.iter()))
        {
            column.apply(|x| *x = (*x - mean) / range);
        }
        raw
    }
}

/// The range of a column; 1 of a constant one.
fn range(span: f64) -> f64 {
    if span > 0.0 { span } else { 1.0 }
}

/// Numbers of `2 N(0, 1) - 1`, as in the source.
fn random(rows: usize, columns: usize, rng: &mut impl Rng) -> DMatrix<f64> {
    DMatrix::from_fn(rows, columns, |_, _| {
        let normal: f64 = StandardNormal.sample(rng);
        2.0 * normal - 1.0
    })
}

/// `argmin |mapped b - rows|^2 / 2 + lambda |b|_1` by ADMM with rho = 1.
///
/// # Shapes
/// - `mapped`: `[n, features]`, `rows`: `[n, inputs]`; returns: `[features, inputs]`
fn sparse_code(mapped: &DMatrix<f64>, rows: &DMatrix<f64>) -> Result<DMatrix<f64>, Error> {
    let mut products = mapped.tr_mul(mapped);
    (0..products.nrows()).for_each(|i| products[(i, i)] += 1.0);
    let solved = products.cholesky().ok_or_else(not_finite)?.inverse();
    let fixed = &solved * mapped.tr_mul(rows);
    let mut code = DMatrix::zeros(fixed.nrows(), fixed.ncols());
    let mut dual = code.clone();
    for _ in 0..ITERATIONS {
        let near = &fixed + &solved * (&code - &dual);
        code = (&near + &dual).map(|x| x.signum() * (x.abs() - LAMBDA).max(0.0));
        dual += near - &code;
    }
    Ok(code)
}

fn not_finite() -> Error {
    Error::usage("ilcl: the images have numbers that are not finite")
}

/// A set of enhancement nodes.
struct Enhancements {
    /// `[inputs + 1, nodes]`
    weights: DMatrix<f64>,
    scale: f64,
}

impl Enhancements {
    fn fit(
        inputs: &DMatrix<f64>,
        n: usize,
        shrinkage: f64,
        rng: &mut ChaCha8Rng,
    ) -> (Self, DMatrix<f64>) {
        let rows = inputs.ncols() + 1;
        // Orthonormal columns, or rows if there are more columns.
        let weights = match rows >= n {
            true => random(rows, n, rng).qr().q(),
            false => random(n, rows, rng).qr().q().transpose(),
        };
        let largest = (biased(inputs) * &weights).max();
        let scale = if largest > 0.0 { shrinkage / largest } else { shrinkage };
        let own = Self { weights, scale };
        let nodes = own.of(inputs);
        (own, nodes)
    }

    fn of(&self, inputs: &DMatrix<f64>) -> DMatrix<f64> {
        (biased(inputs) * &self.weights).map(|x| (self.scale * x).tanh())
    }
}

fn biased(inputs: &DMatrix<f64>) -> DMatrix<f64> {
    inputs.clone().insert_column(inputs.ncols(), BIAS)
}

/// All nodes: what turns inputs into the columns of A.
struct Nodes {
    n_inputs: usize,
    windows: Vec<Features>,
    enhancements: Enhancements,
    /// Features, enhancements of these, enhancements of all features until then.
    increments: Vec<(Features, Enhancements, Enhancements)>,
}

impl Nodes {
    /// Nodes fitted on inputs `[n, inputs]`, and the ridge inverse of these inputs' columns.
    fn fit(
        inputs: &DMatrix<f64>,
        settings: &IlclSettings,
        rng: &mut ChaCha8Rng,
    ) -> Result<(Self, DMatrix<f64>), Error> {
        let (mut windows, mut parts) = (Vec::new(), Vec::new());
        for _ in 0..settings.windows {
            let (window, part) = Features::fit(inputs, settings.features, rng)?;
            windows.push(window);
            parts.push(part);
        }
        let mut features = beside(&parts);
        let shrinkage = settings.shrinkage;
        let (enhancements, enhanced) =
            Enhancements::fit(&features, settings.enhancements, shrinkage, rng);
        let mut columns = beside(&[features.clone(), enhanced]);
        let mut inverse = ridge_inverse(&columns, settings.penalty)?;
        let mut increments = Vec::new();
        for _ in 0..settings.increments {
            let (window, new) = Features::fit(inputs, settings.added, rng)?;
            let (of_new, second) = Enhancements::fit(&new, settings.added, shrinkage, rng);
            features = beside(&[features, new.clone()]);
            let (of_all, third) = Enhancements::fit(&features, settings.added, shrinkage, rng);
            let added = beside(&[new, second, third]);
            inverse = grown_inverse(&inverse, &columns, &added, settings.penalty)?;
            columns = beside(&[columns, added]);
            increments.push((window, of_new, of_all));
        }
        let n_inputs = inputs.ncols();
        Ok((Self { n_inputs, windows, enhancements, increments }, inverse))
    }

    /// The columns of A for inputs `[n, inputs]`.
    fn of(&self, inputs: &DMatrix<f64>) -> DMatrix<f64> {
        let parts: Vec<DMatrix<f64>> = self.windows.iter().map(|w| w.of(inputs)).collect();
        let mut features = beside(&parts);
        let mut columns = vec![features.clone(), self.enhancements.of(&features)];
        for (window, of_new, of_all) in &self.increments {
            let new = window.of(inputs);
            features = beside(&[features, new.clone()]);
            let second = of_new.of(&new);
            columns.extend([new, second, of_all.of(&features)]);
        }
        beside(&columns)
    }
}

fn beside(parts: &[DMatrix<f64>]) -> DMatrix<f64> {
    let columns: Vec<DVector<f64>> =
        parts.iter().flat_map(|part| part.column_iter().map(|c| c.into_owned())).collect();
    DMatrix::from_columns(&columns)
}

/// `(C I + A^T A)^-1 A^T`, in its dual form where A is wide.
fn ridge_inverse(columns: &DMatrix<f64>, penalty: f64) -> Result<DMatrix<f64>, Error> {
    let wide = columns.ncols() > columns.nrows();
    let mut products = if wide { columns * columns.transpose() } else { columns.tr_mul(columns) };
    (0..products.nrows()).for_each(|i| products[(i, i)] += penalty);
    let solved = products.cholesky().ok_or_else(not_finite)?;
    Ok(if wide { solved.solve(columns).transpose() } else { solved.solve(&columns.transpose()) })
}

/// The ridge inverse of `[A, Q]` from that of A.
fn grown_inverse(
    inverse: &DMatrix<f64>,
    columns: &DMatrix<f64>,
    added: &DMatrix<f64>,
    penalty: f64,
) -> Result<DMatrix<f64>, Error> {
    let d = inverse * added;
    let rest = added - columns * &d;
    let mut products = d.tr_mul(&d);
    (0..products.nrows()).for_each(|i| products[(i, i)] += 1.0);
    products = products * penalty + rest.tr_mul(&rest);
    let lower = products.cholesky().ok_or_else(not_finite)?.solve(&rest.transpose());
    let upper = inverse - d * &lower;
    let mut grown = DMatrix::zeros(upper.nrows() + lower.nrows(), upper.ncols());
    grown.rows_mut(0, upper.nrows()).copy_from(&upper);
    grown.rows_mut(upper.nrows(), lower.nrows()).copy_from(&lower);
    Ok(grown)
}

#[cfg(test)]
mod tests {
    use metaloc_meta::seed::{Purpose, stream};
    use metaloc_radio::fingerprint::{PixelRange, PixelScale};

    use super::super::tests::{support, window};
    use super::*;

    fn rng() -> ChaCha8Rng {
        stream(1, Purpose::Initialization, 0, 0)
    }

    /// For orthonormal columns the answer is known: `soft(mapped^T rows, lambda)`.
    #[test]
    fn sparse_codes_by_hand() {
        let rows = DMatrix::from_row_slice(2, 2, &[1.0, -0.5, 0.0005, 3.0]);
        let found = sparse_code(&DMatrix::identity(2, 2), &rows).unwrap();
        let expected = DMatrix::from_row_slice(2, 2, &[0.999, -0.499, 0.0, 2.999]);
        assert!((found - expected).norm() < 1e-9);
    }

    /// Tall and wide, with dependent columns: increments equal the direct inverse of all columns.
    #[test]
    fn increments_equal_the_direct_inverse() {
        let (mut rng, penalty) = (rng(), 1.0 / 1024.0);
        let mut columns = random(12, 4, &mut rng);
        let mut inverse = ridge_inverse(&columns, penalty).unwrap();
        for n in [3, 5, 6] {
            let mut added = random(12, n, &mut rng);
            added.set_column(0, &(columns.column(0) + columns.column(1)));
            inverse = grown_inverse(&inverse, &columns, &added, penalty).unwrap();
            columns = beside(&[columns, added]);
            let direct = ridge_inverse(&columns, penalty).unwrap();
            assert!((&inverse - &direct).norm() < 1e-8 * direct.norm(), "{n}");
        }
    }

    /// Without a penalty: the source's two cases, and Moore and Penrose's inverse.
    #[test]
    fn the_limit_is_the_pseudo_inverse() {
        let mut rng = rng();
        let columns = random(9, 3, &mut rng);
        let inverse = columns.clone().pseudo_inverse(1e-12).unwrap();
        let independent = random(9, 2, &mut rng);
        let dependent = &columns * random(3, 2, &mut rng);
        for added in [&independent, &dependent] {
            let penalty = 1e-9;
            let ridge = ridge_inverse(&columns, penalty).unwrap();
            let found = grown_inverse(&ridge, &columns, added, penalty).unwrap();
            let all = beside(&[columns.clone(), added.clone()]);
            let expected = all.pseudo_inverse(1e-6).unwrap();
            assert!((&found - &expected).norm() < 1e-4 * expected.norm());
        }
        // R = 0: the sign in (I + D^T D).
        let d = &inverse * &dependent;
        let b = (DMatrix::identity(2, 2) + d.tr_mul(&d)).try_inverse().unwrap();
        let b = b * d.tr_mul(&inverse);
        let expected = beside(&[columns, dependent]).pseudo_inverse(1e-9).unwrap();
        assert!((expected.rows(3, 2) - b).norm() < 1e-9);
    }

    #[test]
    fn scores_tell_points_apart_and_seeds_repeat() {
        let range = PixelRange { low: vec![0.0], high: vec![10.0] };
        let pixels = ImagePixels { scale: PixelScale::Historical, range };
        let settings = IlclSettings { features: 4, added: 5, ..IlclSettings::default() };
        let made = || BroadLearningSystem::new(&support(), pixels.clone(), settings, &mut rng());
        let system = made().unwrap();
        assert_eq!(system.weights.shape(), (20 + 50 + 10 * 15, 3));
        for (spectrum, point) in [([9.0, 1.0], 0), ([1.0, 9.0], 2)] {
            let scores = system.scores(&window(spectrum)).unwrap();
            assert!(scores.iter().all(|score| *score <= scores[point]), "{scores:?}");
        }
        assert_eq!(system.weights, made().unwrap().weights);
        let other = CsiWindow::new([2, 1, 1], vec![1.0, 1.0], vec![None]);
        assert_eq!(system.scores(&other), Err(NotLocated::OtherShape));
    }
}
