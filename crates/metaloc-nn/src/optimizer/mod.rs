//! Optimisers, one file each: a step of the parameters against their gradient.

mod adam;
mod schedule;
mod sgd;

pub use schedule::{Decay, Schedule};

use crate::error::{NetworkError, expect_length};
use crate::real::Real;
use serde::{Deserialize, Serialize};

/// An optimiser and its settings, as written in a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum OptimizerDescription {
    /// Gradient descent with momentum (Polyak 1964):
    /// `velocity = momentum * velocity + gradient`, `parameters -= step_size * velocity`.
    Sgd {
        /// Above 0.
        step_size: f64,
        /// In `[0, 1)`; 0 is plain gradient descent.
        #[serde(default = "sgd::default_momentum")]
        momentum: f64,
        /// How the step size changes.
        #[serde(default, skip_serializing_if = "Schedule::is_constant")]
        schedule: Schedule,
    },
    /// Adam (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, Algorithm 1).
    Adam {
        /// Above 0.
        step_size: f64,
        /// Decay of the mean of gradients, in `[0, 1)`.
        #[serde(default = "adam::default_beta1")]
        beta1: f64,
        /// Decay of the mean of squared gradients, in `[0, 1)`.
        #[serde(default = "adam::default_beta2")]
        beta2: f64,
        /// Added to the denominator; above 0.
        #[serde(default = "adam::default_epsilon")]
        epsilon: f64,
        /// How the step size changes.
        #[serde(default, skip_serializing_if = "Schedule::is_constant")]
        schedule: Schedule,
    },
}

impl OptimizerDescription {
    /// Adam with the paper's defaults: `beta1 = 0.9`, `beta2 = 0.999`, `epsilon = 1e-8`.
    #[must_use]
    pub fn adam(step_size: f64) -> Self {
        Self::Adam {
            step_size,
            beta1: adam::default_beta1(),
            beta2: adam::default_beta2(),
            epsilon: adam::default_epsilon(),
            schedule: Schedule::default(),
        }
    }

    /// Plain gradient descent: no momentum.
    #[must_use]
    pub fn sgd(step_size: f64) -> Self {
        let (momentum, schedule) = (sgd::default_momentum(), Schedule::default());
        Self::Sgd { step_size, momentum, schedule }
    }

    /// The step size.
    #[must_use]
    pub fn step_size(&self) -> f64 {
        match self {
            Self::Sgd { step_size, .. } | Self::Adam { step_size, .. } => *step_size,
        }
    }

    /// Checks that every setting lies in its range.
    ///
    /// # Errors
    /// [`NetworkError::OptimizerSetting`] for the first that does not.
    pub fn check(&self) -> Result<(), NetworkError> {
        match *self {
            Self::Sgd { step_size, momentum, schedule } => {
                positive("step_size", step_size)?;
                schedule.check()?;
                fraction("momentum", momentum)
            }
            Self::Adam { step_size, beta1, beta2, epsilon, schedule } => {
                positive("step_size", step_size)?;
                schedule.check()?;
                fraction("beta1", beta1)?;
                fraction("beta2", beta2)?;
                positive("epsilon", epsilon)
            }
        }
    }

    /// An optimiser at its first step.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn start<R: Real>(&self, n_parameters: usize) -> Result<Optimizer<R>, NetworkError> {
        self.check()?;
        let (first, second) = match self {
            Self::Sgd { momentum, .. } => (if *momentum > 0.0 { n_parameters } else { 0 }, 0),
            Self::Adam { .. } => (n_parameters, n_parameters),
        };
        let state = OptimizerState {
            n_steps: 0,
            first_moment: vec![R::ZERO; first],
            second_moment: vec![R::ZERO; second],
        };
        Ok(Optimizer { description: *self, n_parameters, state })
    }
}

/// What an optimiser remembers between steps; with it a run resumes exactly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerState<R> {
    /// Steps taken.
    pub n_steps: u64,
    /// Adam's mean of gradients, or the velocity of gradient descent; empty without momentum.
    pub first_moment: Vec<R>,
    /// Adam's mean of squared gradients; empty for gradient descent.
    pub second_moment: Vec<R>,
}

/// An optimiser at work on one parameter vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer<R> {
    description: OptimizerDescription,
    n_parameters: usize,
    state: OptimizerState<R>,
}

impl<R: Real> Optimizer<R> {
    /// Takes one step against the gradient.
    ///
    /// # Shapes
    /// - `parameters`, `gradient`: `[n_parameters]`
    ///
    /// # Errors
    /// [`NetworkError::WrongLength`]; nothing has changed then.
    pub fn step(&mut self, parameters: &mut [R], gradient: &[R]) -> Result<(), NetworkError> {
        expect_length("parameters", self.n_parameters, parameters.len())?;
        expect_length("gradient", self.n_parameters, gradient.len())?;
        self.state.n_steps += 1;
        match self.description {
            OptimizerDescription::Sgd { step_size, momentum, schedule } => {
                let step_size = step_size * schedule.share(self.state.n_steps - 1);
                sgd::step(step_size, momentum, &mut self.state, parameters, gradient);
            }
            OptimizerDescription::Adam { step_size, beta1, beta2, epsilon, schedule } => {
                let step_size = step_size * schedule.share(self.state.n_steps - 1);
                let settings = adam::Settings { step_size, beta1, beta2, epsilon };
                adam::step(settings, &mut self.state, parameters, gradient);
            }
        }
        Ok(())
    }

    /// The settings in use.
    #[must_use]
    pub fn description(&self) -> &OptimizerDescription {
        &self.description
    }

    /// Changes the step size from the next step on.
    ///
    /// # Errors
    /// [`NetworkError::OptimizerSetting`]; the old step size stays then.
    pub fn set_step_size(&mut self, new_step_size: f64) -> Result<(), NetworkError> {
        positive("step_size", new_step_size)?;
        match &mut self.description {
            OptimizerDescription::Sgd { step_size, .. }
            | OptimizerDescription::Adam { step_size, .. } => *step_size = new_step_size,
        }
        Ok(())
    }

    /// What the optimiser remembers.
    #[must_use]
    pub fn state(&self) -> &OptimizerState<R> {
        &self.state
    }

    /// Takes the state out.
    #[must_use]
    pub fn into_state(self) -> OptimizerState<R> {
        self.state
    }

    /// Puts a state back, to go on where it was taken out.
    ///
    /// # Errors
    /// [`NetworkError::WrongLength`] if the state is not one of this optimiser's; it stays as it
    /// was then.
    pub fn restore(&mut self, state: OptimizerState<R>) -> Result<(), NetworkError> {
        let expected = &self.state;
        let lengths = (expected.first_moment.len(), expected.second_moment.len());
        expect_length("first moment", lengths.0, state.first_moment.len())?;
        expect_length("second moment", lengths.1, state.second_moment.len())?;
        self.state = state;
        Ok(())
    }
}

fn positive(setting: &'static str, got: f64) -> Result<(), NetworkError> {
    if got.is_finite() && got > 0.0 {
        return Ok(());
    }
    Err(NetworkError::OptimizerSetting { setting, expected: "a number above 0", got })
}

fn fraction(setting: &'static str, got: f64) -> Result<(), NetworkError> {
    if (0.0..1.0).contains(&got) {
        return Ok(());
    }
    Err(NetworkError::OptimizerSetting { setting, expected: "a number in [0, 1)", got })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_read_resumed_and_left_out_where_there_is_none() {
        let plain = OptimizerDescription::adam(0.1);
        assert!(!serde_json::to_string(&plain).unwrap().contains("schedule"));
        let text = r#"{"kind":"sgd","step_size":1.0,
                       "schedule":{"warm_up":2,"decay":{"kind":"step","every":1,"factor":0.5}}}"#;
        let description: OptimizerDescription = serde_json::from_str(text).unwrap();
        let mut optimizer = description.start::<f64>(1).unwrap();
        let mut parameters = [0.0];
        let mut taken = Vec::new();
        for _ in 0..5 {
            let before = parameters[0];
            let state = optimizer.into_state();
            optimizer = description.start(1).unwrap();
            optimizer.restore(state).unwrap();
            optimizer.step(&mut parameters, &[-1.0]).unwrap();
            taken.push(parameters[0] - before);
        }
        for (got, expected) in taken.iter().zip([0.5, 1.0, 1.0, 0.5, 0.25]) {
            assert!((got - expected).abs() < 1e-12, "{taken:?}");
        }
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        for step_size in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(OptimizerDescription::sgd(step_size).check().is_err());
            assert!(OptimizerDescription::adam(step_size).start::<f32>(3).is_err());
        }
        let error = OptimizerDescription::Sgd {
            step_size: 0.1,
            momentum: 1.0,
            schedule: Schedule::default(),
        }
        .check();
        let text = "momentum: expected a number in [0, 1), got 1";
        assert_eq!(error.unwrap_err().to_string(), text);
    }

    #[test]
    fn a_wrong_step_size_keeps_the_old_one() {
        let mut optimizer = OptimizerDescription::adam(0.5).start::<f32>(2).unwrap();
        assert!(optimizer.set_step_size(f64::NAN).is_err());
        assert!((optimizer.description().step_size() - 0.5).abs() < 1e-12);
        optimizer.set_step_size(0.25).unwrap();
        assert!((optimizer.description().step_size() - 0.25).abs() < 1e-12);
    }

    #[test]
    fn lengths_are_checked() {
        let mut optimizer = OptimizerDescription::adam(0.5).start::<f32>(2).unwrap();
        assert!(optimizer.step(&mut [0.0; 3], &[0.0; 3]).is_err());
        assert!(optimizer.step(&mut [0.0; 2], &[0.0; 3]).is_err());
        assert_eq!(optimizer.state().n_steps, 0);
        let other = OptimizerDescription::sgd(0.5).start::<f32>(2).unwrap().into_state();
        assert!(optimizer.restore(other).is_err());
    }

    #[test]
    fn a_resumed_run_is_the_same_to_the_bit() {
        let descriptions = [
            OptimizerDescription::adam(0.01),
            OptimizerDescription::sgd(0.01),
            OptimizerDescription::Sgd {
                step_size: 0.01,
                momentum: 0.9,
                schedule: Schedule::default(),
            },
        ];
        for description in descriptions {
            let gradient = |parameters: &[f32]| [parameters[0] * 2.0 + 0.3, parameters[1].sin()];
            let (mut whole, mut parameters) = (description.start(2).unwrap(), [1.0_f32, -2.0]);
            for _ in 0..3 {
                let gradient = gradient(&parameters);
                whole.step(&mut parameters, &gradient).unwrap();
            }
            let text = serde_json::to_string(whole.state()).unwrap();
            let mut resumed = description.start(2).unwrap();
            resumed.restore(serde_json::from_str(&text).unwrap()).unwrap();
            let mut resumed_parameters = parameters;
            for _ in 0..3 {
                let step = gradient(&parameters);
                whole.step(&mut parameters, &step).unwrap();
                let step = gradient(&resumed_parameters);
                resumed.step(&mut resumed_parameters, &step).unwrap();
            }
            assert_eq!(parameters.map(f32::to_bits), resumed_parameters.map(f32::to_bits));
            assert_eq!(whole, resumed);
        }
    }

    #[test]
    fn defaults_fill_in_when_reading() {
        let text = r#"{"kind": "adam", "step_size": 0.001}"#;
        let read: OptimizerDescription = serde_json::from_str(text).unwrap();
        assert_eq!(read, OptimizerDescription::adam(0.001));
        let text = r#"{"kind": "sgd", "step_size": 0.001, "momentun": 0.9}"#;
        assert!(serde_json::from_str::<OptimizerDescription>(text).is_err());
    }
}
