//! Gradient descent with momentum (Polyak, "Some methods of speeding up the convergence of
//! iteration methods", 1964), in the form that PyTorch uses.
//!
//! `velocity = momentum * velocity + gradient`
//! `parameters = parameters - step_size * velocity`

use super::OptimizerState;
use crate::real::Real;

/// No momentum.
pub(super) fn default_momentum() -> f64 {
    0.0
}

/// # Shapes
/// - `parameters`, `gradient`, and with momentum the state's first moment: the same length
pub(super) fn step<R: Real>(
    step_size: f64,
    momentum: f64,
    state: &mut OptimizerState<R>,
    parameters: &mut [R],
    gradient: &[R],
) {
    let (step_size, mu) = (R::from_f64(step_size), R::from_f64(momentum));
    if momentum > 0.0 {
        for (velocity, &g) in state.first_moment.iter_mut().zip(gradient) {
            *velocity = mu * *velocity + g;
        }
        for (parameter, &velocity) in parameters.iter_mut().zip(&state.first_moment) {
            *parameter -= step_size * velocity;
        }
    } else {
        for (parameter, &g) in parameters.iter_mut().zip(gradient) {
            *parameter -= step_size * g;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_steps_by_hand() {
        let mut state = OptimizerState { first_moment: vec![0.0], ..OptimizerState::default() };
        let mut parameters = [1.0_f64];
        step(0.1, 0.5, &mut state, &mut parameters, &[2.0]);
        assert!((parameters[0] - 0.8).abs() < 1e-12);
        step(0.1, 0.5, &mut state, &mut parameters, &[2.0]); // velocity 3
        assert!((parameters[0] - 0.5).abs() < 1e-12);
    }
}
