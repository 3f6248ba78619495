//! Adam (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, Algorithm 1).
//!
//! With `g` the gradient and `t` the number of steps, this one included:
//!
//! `m = beta1 m + (1 - beta1) g`, `v = beta2 v + (1 - beta2) g^2`
//! `parameters = parameters - step_size (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)`

use super::OptimizerState;
use crate::real::Real;
use rayon::prelude::*;

/// Parameters that a thread takes at a time.
const CHUNK: usize = 16 * 1024;

/// The paper's value.
pub(super) fn default_beta1() -> f64 {
    0.9
}

/// The paper's value.
pub(super) fn default_beta2() -> f64 {
    0.999
}

/// The paper's value.
pub(super) fn default_epsilon() -> f64 {
    1e-8
}

/// The checked settings.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub(super) step_size: f64,
    pub(super) beta1: f64,
    pub(super) beta2: f64,
    pub(super) epsilon: f64,
}

/// Takes the step that `state.n_steps` counts last.
///
/// # Shapes
/// - `parameters`, `gradient`, the state's moments: the same length
pub(super) fn step<R: Real>(
    settings: Settings,
    state: &mut OptimizerState<R>,
    parameters: &mut [R],
    gradient: &[R],
) {
    let Settings { step_size, beta1, beta2, epsilon } = settings;
    let t = state.n_steps as f64;
    let corrected_step = R::from_f64(step_size / (1.0 - beta1.powf(t)));
    let second_correction = R::from_f64(1.0 / (1.0 - beta2.powf(t)).sqrt());
    let (keep1, take1) = (R::from_f64(beta1), R::from_f64(1.0 - beta1));
    let (keep2, take2) = (R::from_f64(beta2), R::from_f64(1.0 - beta2));
    let epsilon = R::from_f64(epsilon);

    let step = |parameters: &mut [R], gradient: &[R], first: &mut [R], second: &mut [R]| {
        let moments = first.iter_mut().zip(second);
        for ((parameter, &g), (m, v)) in parameters.iter_mut().zip(gradient).zip(moments) {
            *m = keep1 * *m + take1 * g;
            *v = keep2 * *v + take2 * g * g;
            *parameter -= corrected_step * *m / (v.sqrt() * second_correction + epsilon);
        }
    };
    let OptimizerState { first_moment, second_moment, .. } = state;
    if parameters.len() <= CHUNK {
        step(parameters, gradient, first_moment, second_moment);
        return;
    }
    let moments = first_moment.par_chunks_mut(CHUNK).zip(second_moment.par_chunks_mut(CHUNK));
    let values = parameters.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
    values.zip(moments).for_each(|((parameters, gradient), (first, second))| {
        step(parameters, gradient, first, second);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_has_the_length_of_the_step_size() {
        let mut state =
            OptimizerState { n_steps: 1, first_moment: vec![0.0; 2], second_moment: vec![0.0; 2] };
        let settings = Settings { step_size: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
        let mut parameters = [1.0_f64, 1.0];
        step(settings, &mut state, &mut parameters, &[5.0, -0.01]);
        assert!((parameters[0] - 0.9).abs() < 1e-6 && (parameters[1] - 1.1).abs() < 1e-6);
    }
}
