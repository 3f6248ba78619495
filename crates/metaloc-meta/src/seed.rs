//! One seed for everything: a random stream of its own for each purpose, iteration and task.
//!
//! A stream is a function of what it is for, never of what was drawn before it; so tasks can be
//! drawn in parallel, and a resumed run draws what the uninterrupted one would have drawn.

use rand::SeedableRng;
pub use rand_chacha::ChaCha8Rng;

/// What a random stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Starting weights.
    Initialization = 1,
    /// Meta-training tasks.
    Training = 2,
    /// Validation tasks.
    Validation = 3,
    /// Support points and samples of a new environment.
    Support = 4,
    /// Simulated surveys.
    Simulation = 5,
    /// Which sites an iteration asks.
    Sites = 6,
    /// Which sites a validation task is drawn at.
    ValidationSites = 7,
    /// Held-out historical environments, to choose by.
    Selection = 8,
    /// What a comparing method draws for itself: weights, batches.
    Locator = 9,
}

/// The stream for `purpose`, at an iteration (or environment) and a task (or draw) within it.
#[must_use]
pub fn stream(seed: u64, purpose: Purpose, iteration: u64, task: u64) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    let words = [seed, purpose as u64, iteration, task];
    for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn streams_repeat_and_differ() {
        let first = |seed, purpose, i, t| stream(seed, purpose, i, t).next_u64();
        assert_eq!(first(1, Purpose::Training, 2, 3), first(1, Purpose::Training, 2, 3));
        assert_ne!(first(1, Purpose::Training, 2, 3), first(1, Purpose::Training, 3, 2));
        assert_ne!(first(1, Purpose::Training, 2, 3), first(1, Purpose::Validation, 2, 3));
        assert_ne!(first(1, Purpose::Training, 2, 3), first(2, Purpose::Training, 2, 3));
    }
}
