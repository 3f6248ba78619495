//! Networks as functions of one flat parameter vector.
//!
//! ```text
//! signals -> fingerprints -> tasks -> meta-training -> adaptation -> location -> evaluation | serving
//!                                     ^^^^^^^^^^^^^    ^^^^^^^^^^
//! ```
//!
//! This crate is the engine under *meta-training* and *adaptation*: the loss of a batch and its
//! gradient at any parameters, and optimisers that step them. It knows nothing of radio, tasks or
//! locations.
//!
//! A [`NetworkDescription`] lists layers; [`NetworkDescription::check`] turns it into a
//! [`Network`], which holds shapes and no parameters. Parameters are a plain `&[R]` that the caller
//! owns ([`Network::views`] tells which array lies where), so meta-learning is arithmetic on
//! slices, and threads share nothing but read-only data. A [`Workspace`] holds all buffers of a
//! pass: when it has seen the largest batch, passes no longer allocate.
//!
//! Everything is generic over [`Real`]: `f32` for learning, `f64` for checking gradients. Results
//! are the same to the bit at any thread count, on one instruction set (see [`kernels::matmul`]).
//!
//! ```
//! use metaloc_nn::{
//!     Activation, Initializer, Loss, NetworkDescription, NetworkError, Objective,
//!     OptimizerDescription, Targets,
//! };
//! use rand::{SeedableRng, rngs::StdRng};
//!
//! # fn main() -> Result<(), NetworkError> {
//! let network = NetworkDescription::mlp(2, &[16], 1, Activation::Tanh).check()?;
//! let mut rng = StdRng::seed_from_u64(7);
//! let mut parameters: Vec<f32> = network.initial_parameters(Initializer::XavierUniform, &mut rng);
//! let mut gradient = vec![0.0; network.n_parameters()];
//! let mut workspace = network.workspace();
//! let mut optimizer = OptimizerDescription::adam(0.05).start(network.n_parameters())?;
//!
//! // Exclusive or: four samples of two inputs, one output each.
//! let inputs = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
//! let targets = Targets::Values(&[0.0, 1.0, 1.0, 0.0]);
//! let objective = Objective::new(&inputs, targets, Loss::SquaredError);
//! for _ in 0..500 {
//!     network.loss_and_gradient(&parameters, objective, &mut gradient, &mut workspace)?;
//!     optimizer.step(&mut parameters, &gradient)?;
//! }
//! assert!(network.loss(&parameters, objective, &mut workspace)? < 0.01);
//!
//! let prediction = network.predict(&parameters, &[1.0, 0.0], &mut workspace)?;
//! assert!((prediction[0] - 1.0).abs() < 0.1);
//! # Ok(())
//! # }
//! ```

mod cut;
mod description;
mod dual;
mod error;
mod initializer;
pub mod kernels;
mod layer;
mod loss;
mod network;
mod number;
mod optimizer;
mod pass;
mod plan;
mod planner;
mod real;
mod shape;
mod statistics;
mod workspace;

pub use description::NetworkDescription;
pub use error::NetworkError;
pub use initializer::Initializer;
pub use layer::{Activation, LayerDescription, StatisticsKind};
pub use loss::{Loss, Targets};
pub use network::{Mode, Network, Objective, ParameterView};
pub use optimizer::{Decay, Optimizer, OptimizerDescription, OptimizerState, Schedule};
pub use real::Real;
pub use shape::Shape;
pub use workspace::Workspace;
