//! Step sizes of gradient steps: one for all parameters, or one for each group and step.

use serde::{Deserialize, Serialize};

/// Step sizes of the inner loop and of adaptation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepSizes {
    /// Lengths of the consecutive groups of parameters that share a step size; empty if each
    /// parameter has its own, or all share one.
    groups: Vec<usize>,
    /// `[steps, groups]`, row-major; further steps repeat the last row.
    rates: Vec<f32>,
}

impl StepSizes {
    /// One step size for all parameters and steps.
    #[must_use]
    pub fn uniform(alpha: f64) -> Self {
        Self { groups: Vec::new(), rates: vec![alpha as f32] }
    }

    /// One for each parameter, the same in every step.
    #[must_use]
    pub fn per_parameter(rates: Vec<f32>) -> Self {
        Self { groups: Vec::new(), rates }
    }

    /// One for each group of parameters and step.
    ///
    /// # Shapes
    /// `groups`: lengths of consecutive groups; `rates`: `[steps, groups]`
    #[must_use]
    pub fn per_group(groups: Vec<usize>, rates: Vec<f32>) -> Self {
        debug_assert!(!rates.is_empty() && rates.len().is_multiple_of(groups.len()));
        Self { groups, rates }
    }

    /// Numbers in one step's row.
    #[must_use]
    pub fn width(&self) -> usize {
        if self.groups.is_empty() { self.rates.len() } else { self.groups.len() }
    }

    /// Place in the rates of a step's row.
    #[must_use]
    pub fn row(&self, step: usize) -> usize {
        let width = self.width();
        step.min(self.rates.len() / width - 1) * width
    }

    /// The largest step size, for messages.
    #[must_use]
    pub fn largest(&self) -> f64 {
        f64::from(self.rates.iter().copied().fold(0.0, f32::max))
    }

    /// One gradient step: `to = from - alpha * gradient`.
    ///
    /// # Shapes
    /// All `[n_parameters]`.
    pub fn descend(&self, step: usize, from: &[f32], gradient: &[f32], to: &mut [f32]) {
        to.copy_from_slice(from);
        self.descend_in_place(step, gradient, to);
    }

    /// One gradient step: `parameters -= alpha * gradient`.
    pub fn descend_in_place(&self, step: usize, gradient: &[f32], parameters: &mut [f32]) {
        self.each(step, parameters, gradient, |p, alpha, g| *p -= alpha * g);
    }

    /// `to = alpha * from`.
    pub fn scale(&self, step: usize, from: &[f32], to: &mut [f32]) {
        self.each(step, to, from, |to, alpha, from| *to = alpha * from);
    }

    /// Adds to `sums`, of a step's width, the sums over each group of `-gradient * direction`: the
    /// derivatives with respect to the step's sizes of a loss whose gradient behind the step is
    /// `direction`.
    pub fn add_rate_gradient(&self, gradient: &[f32], direction: &[f32], sums: &mut [f32]) {
        let minus_product = |(g, d): (&f32, &f32)| -g * d;
        if self.groups.is_empty() && sums.len() == gradient.len() {
            let products = gradient.iter().zip(direction).map(minus_product);
            sums.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
            return;
        }
        let mut first = 0;
        let all = [gradient.len()];
        let groups = if self.groups.is_empty() { &all[..] } else { &self.groups };
        for (sum, &length) in sums.iter_mut().zip(groups) {
            let pair = gradient[first..first + length].iter().zip(&direction[first..]);
            *sum += pair.map(minus_product).sum::<f32>();
            first += length;
        }
    }

    fn each(&self, step: usize, to: &mut [f32], from: &[f32], run: impl Fn(&mut f32, f32, f32)) {
        let row = self.row(step);
        let rates = &self.rates[row..row + self.width()];
        if let &[alpha] = rates {
            to.iter_mut().zip(from).for_each(|(to, &from)| run(to, alpha, from));
        } else if self.groups.is_empty() {
            let pairs = rates.iter().zip(from);
            to.iter_mut().zip(pairs).for_each(|(to, (&alpha, &from))| run(to, alpha, from));
        } else {
            let mut first = 0;
            for (&alpha, &length) in rates.iter().zip(&self.groups) {
                let group = first..first + length;
                let pairs = to[group.clone()].iter_mut().zip(&from[group]);
                pairs.for_each(|(to, &from)| run(to, alpha, from));
                first += length;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // exact in binary
    use super::*;

    #[test]
    fn each_kind_by_hand() {
        let (from, gradient) = ([1.0, 2.0, 3.0], [2.0, 4.0, 8.0]);
        let step = |sizes: &StepSizes, step| {
            let mut to = [0.0; 3];
            sizes.descend(step, &from, &gradient, &mut to);
            to
        };
        assert_eq!(step(&StepSizes::uniform(0.5), 7), [0.0, 0.0, -1.0]);
        let own = StepSizes::per_parameter(vec![0.5, 0.25, 0.0]);
        assert_eq!(step(&own, 3), [0.0, 1.0, 3.0]);
        // Two groups, two steps: the last row goes on.
        let grouped = StepSizes::per_group(vec![1, 2], vec![0.5, 0.0, 0.0, 0.25]);
        assert_eq!(step(&grouped, 0), [0.0, 2.0, 3.0]);
        assert_eq!(step(&grouped, 1), [1.0, 1.0, 1.0]);
        assert_eq!(step(&grouped, 9), [1.0, 1.0, 1.0]);
        let mut scaled = [0.0; 3];
        grouped.scale(1, &gradient, &mut scaled);
        assert_eq!(scaled, [0.0, 1.0, 2.0]);
    }

    #[test]
    fn rate_gradients_are_sums_over_groups() {
        let (gradient, direction) = ([2.0, 4.0, 8.0], [1.0, 0.5, 0.25]);
        let sums = |sizes: &StepSizes| {
            let mut sums = vec![1.0; sizes.width()];
            sizes.add_rate_gradient(&gradient, &direction, &mut sums);
            sums
        };
        assert_eq!(sums(&StepSizes::uniform(0.1)), [-5.0]);
        assert_eq!(sums(&StepSizes::per_parameter(vec![0.1; 3])), [-1.0, -1.0, -1.0]);
        assert_eq!(sums(&StepSizes::per_group(vec![1, 2], vec![0.1; 4])), [-1.0, -3.0]);
    }
}
