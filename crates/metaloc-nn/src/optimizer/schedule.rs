//! How the step size changes from step to step.
//!
//! With `t` steps behind (0 at the first), `w` of warm-up, and `s = t - w`:
//!
//! ```text
//! warm-up      step_size (t + 1) / w                          while t < w
//! cosine       step_size (last + (1 - last) (1 + cos(pi min(s / steps, 1))) / 2)
//! step         step_size factor^floor(s / every)
//! ```
//!
//! Cosine: I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR
//! 2017, Eq. (5), without restarts. Warm-up: P. Goyal et al., "Accurate, large minibatch SGD" (2017),
//! section 2.2.

use super::{NetworkError, fraction, positive};
use serde::{Deserialize, Serialize};

/// A warm-up and then a decay; by default neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// Steps over which the step size grows to its full length.
    pub warm_up: u64,
    /// What follows.
    pub decay: Decay,
}

/// How the step size shrinks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Decay {
    /// It does not.
    #[default]
    None,
    /// Along half a cosine.
    Cosine {
        /// Steps until the last step size, which then stays; at least 1.
        steps: u64,
        /// The last step size as a share of the first, in `[0, 1)`.
        #[serde(default)]
        last: f64,
    },
    /// Down by a factor every so many steps.
    Step {
        /// Steps of one length; at least 1.
        every: u64,
        /// Above 0.
        factor: f64,
    },
}

impl Schedule {
    /// Whether the step size stays the same.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn check(&self) -> Result<(), NetworkError> {
        let steps = |setting, got: u64| {
            let expected = "at least 1";
            match got {
                0 => Err(NetworkError::OptimizerSetting { setting, expected, got: 0.0 }),
                _ => Ok(()),
            }
        };
        match self.decay {
            Decay::None => Ok(()),
            Decay::Cosine { steps: n, last } => {
                steps("schedule.decay.steps", n)?;
                fraction("schedule.decay.last", last)
            }
            Decay::Step { every, factor } => {
                steps("schedule.decay.every", every)?;
                positive("schedule.decay.factor", factor)
            }
        }
    }

    /// The share of the full step size, with this many steps behind.
    pub(super) fn share(&self, steps_behind: u64) -> f64 {
        let Some(s) = steps_behind.checked_sub(self.warm_up) else {
            return (steps_behind + 1) as f64 / self.warm_up as f64;
        };
        match self.decay {
            Decay::None => 1.0,
            Decay::Cosine { steps, last } => {
                let way = s.min(steps) as f64 / steps as f64;
                last + (1.0 - last) * 0.5 * (1.0 + (std::f64::consts::PI * way).cos())
            }
            Decay::Step { every, factor } => factor.powf((s / every) as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(schedule: Schedule, steps: &[u64], expected: &[f64]) {
        for (&step, expected) in steps.iter().zip(expected) {
            let got = schedule.share(step);
            assert!((got - expected).abs() < 1e-12, "step {step}: {got} != {expected}");
        }
    }

    #[test]
    fn shares_by_hand() {
        shares(Schedule::default(), &[0, 9, 999], &[1.0, 1.0, 1.0]);
        let cosine = Decay::Cosine { steps: 100, last: 0.2 };
        let schedule = Schedule { warm_up: 4, decay: cosine };
        shares(schedule, &[0, 3, 4, 54, 104, 900], &[0.25, 1.0, 1.0, 0.6, 0.2, 0.2]);
        let schedule = Schedule { warm_up: 0, decay: Decay::Step { every: 10, factor: 0.5 } };
        shares(schedule, &[0, 9, 10, 25], &[1.0, 1.0, 0.5, 0.25]);
    }

    #[test]
    fn settings_outside_their_range_are_refused() {
        for decay in [
            Decay::Cosine { steps: 0, last: 0.0 },
            Decay::Cosine { steps: 1, last: 1.0 },
            Decay::Step { every: 0, factor: 0.5 },
            Decay::Step { every: 1, factor: 0.0 },
        ] {
            assert!(Schedule { warm_up: 0, decay }.check().is_err(), "{decay:?}");
        }
    }
}
