//! Learning to learn: starting weights that a few gradient steps adapt to a new environment.
//!
//! ```text
//! signals -> fingerprints -> [tasks -> meta-training -> adaptation] -> location -> evaluation | serving
//! ```
//!
//! This crate is the middle of that line and knows neither radio nor files. It sees
//! - [`task`]s: a support set to learn from and a query set to be judged on;
//! - a [`Learner`]: any model that gives its loss and gradient at given parameters. Parameters are
//!   one flat vector, so that an algorithm reads like its equation;
//! - a [`MetaAlgorithm`]: how the tasks of one iteration become one gradient ([`maml`], its
//!   relatives, and [`baseline`]s such as transfer learning; [`registry`] has all by name);
//! - [`training`], the loop around it, resumable and observed, and [`adapt()`], what happens in the
//!   new environment.
//!
//! Everything is drawn from one seed; results are the same bytes at any number of threads.

pub mod adapt;
pub mod algorithm;
pub mod anil;
pub mod baseline;
pub mod episodic;
mod error;
pub mod inner_loop;
pub mod learner;
pub mod maml;
pub mod maml_dg;
pub mod maml_plus_plus;
pub mod message;
pub mod meta_sgd;
pub mod mldg;
pub mod registry;
pub mod reptile;
pub mod round;
pub mod seed;
pub mod site;
pub mod step_sizes;
pub mod task;
pub mod task_weighted;
#[cfg(test)]
mod test_models;
pub mod theorem_one;
pub mod trace;
pub mod training;
mod two_domains;

pub use adapt::{AdaptationConfig, adapt, adapt_with};
pub use algorithm::MetaAlgorithm;
pub use error::MetaError;
pub use learner::{Learner, NetworkLearner};
pub use site::{Site, SiteLearner};
pub use step_sizes::StepSizes;
pub use task::{Batch, Labels, Task, TaskSource};
