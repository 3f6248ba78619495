//! What meta-learning is compared with: transfer learning (TL) and random initialization (RI).
//!
//! RI has no training: [`crate::Learner::initial_parameters`], then the same adaptation.

mod transfer;

pub use transfer::TransferLearning;
