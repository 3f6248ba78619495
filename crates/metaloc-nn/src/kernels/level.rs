//! Which vector instructions the kernels use.
//!
//! Chosen once when first needed: the best that the CPU has, or the one that the environment
//! variable `METALOC_SIMD` names (`avx512`, `avx2`, `neon`, `portable`), for tests and comparisons.
//! Results are the same to the bit for one level, and differ by rounding between levels.
#![allow(unsafe_code)] // calls to functions compiled for more than the base instruction set

use super::vector::{Available, Vector};
use crate::real::Real;
use std::fmt;
use std::sync::OnceLock;

/// The environment variable that forces a level.
pub const VARIABLE: &str = "METALOC_SIMD";

/// A set of vector instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SimdLevel {
    /// What every CPU of the architecture has.
    Portable,
    /// 128-bit vectors of AArch64.
    Neon,
    /// AVX2 with fused multiply-add, 256-bit vectors of x86-64.
    Avx2,
    /// AVX-512 F, BW, DQ and VL, 512-bit vectors of x86-64.
    Avx512,
}

impl SimdLevel {
    /// All levels, of all architectures.
    pub const ALL: [Self; 4] = [Self::Portable, Self::Neon, Self::Avx2, Self::Avx512];

    /// The name in [`VARIABLE`] and in results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// Whether this CPU has the instructions.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && Self::Avx2.is_available()
            }
            #[allow(unreachable_patterns)] // levels of the other architecture
            _ => false,
        }
    }

    /// The best level of this CPU.
    #[must_use]
    pub fn best() -> Self {
        Self::ALL.into_iter().rev().find(|level| level.is_available()).unwrap_or(Self::Portable)
    }

    /// The level in use, or why [`VARIABLE`] can't be followed.
    ///
    /// # Errors
    /// A message that names the variable, its value and the levels that this CPU has.
    pub fn requested() -> Result<Self, String> {
        let Some(name) = std::env::var_os(VARIABLE) else { return Ok(Self::best()) };
        let found = Self::ALL.into_iter().find(|level| name == level.name());
        found.filter(|level| level.is_available()).ok_or_else(|| {
            let available = Self::ALL.into_iter().filter(|level| level.is_available());
            let names: Vec<&str> = available.map(Self::name).collect();
            format!("{VARIABLE} is {name:?}; this CPU has: {}", names.join(", "))
        })
    }

    /// The level that the kernels use. A [`VARIABLE`] that can't be followed is passed over here:
    /// a program checks [`requested`](Self::requested) when it starts.
    #[must_use]
    pub fn current() -> Self {
        static CURRENT: OnceLock<SimdLevel> = OnceLock::new();
        *CURRENT.get_or_init(|| Self::requested().unwrap_or_else(|_| Self::best()))
    }

    /// Runs loops compiled for this level's vectors.
    ///
    /// The same operations in the same order at every level: same bytes.
    #[inline(always)]
    pub(crate) fn vectorize<R: Real>(self, body: impl Vectorized<R>) {
        // SAFETY: a level is in use only where the CPU has it.
        unsafe { R::vectorize(self, body) }
    }
}

/// Loops that gain from wide vectors, with what they work on: either plain ones, which compilers
/// turn into vectors, or such over the vector type `V`.
///
/// A trait and not a closure: only what is `#[inline(always)]` is sure to be compiled anew for each
/// level, and closures can't be. Mark `run` and all that it calls so.
pub trait Vectorized<R> {
    /// Runs the loops; `vectors` makes vectors.
    fn run<V: Vector<R>>(self, vectors: Available<V>);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn with_avx512<R, V: Vector<R>>(body: impl Vectorized<R>) {
    // SAFETY: the caller's promise.
    body.run::<V>(unsafe { Available::new() });
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn with_avx2<R, V: Vector<R>>(body: impl Vectorized<R>) {
    // SAFETY: the caller's promise.
    body.run::<V>(unsafe { Available::new() });
}

/// Writes the function that runs a body with a number type's vectors.
macro_rules! vectorize {
    ($name:ident, $real:ty, $avx512:ident, $avx2:ident, $neon:ident) => {
        /// # Safety
        /// The CPU has the level.
        #[inline(always)]
        pub(crate) unsafe fn $name(level: SimdLevel, body: impl Vectorized<$real>) {
            // SAFETY: the caller's promise.
            unsafe {
                match level {
                    #[cfg(target_arch = "x86_64")]
                    SimdLevel::Avx512 => with_avx512::<$real, std::arch::x86_64::$avx512>(body),
                    #[cfg(target_arch = "x86_64")]
                    SimdLevel::Avx2 => with_avx2::<$real, std::arch::x86_64::$avx2>(body),
                    #[cfg(target_arch = "aarch64")]
                    SimdLevel::Neon => body.run::<std::arch::aarch64::$neon>(Available::new()),
                    _ => body.run::<$real>(Available::new()),
                }
            }
        }
    };
}

vectorize!(vectorize_f32, f32, __m512, __m256, float32x4_t);
vectorize!(vectorize_f64, f64, __m512d, __m256d, float64x2_t);

impl fmt::Display for SimdLevel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_has_a_level() {
        assert!(SimdLevel::Portable.is_available());
        assert!(SimdLevel::best().is_available());
        assert!(SimdLevel::current().is_available());
    }

    struct Squares<'a>(&'a [f32], &'a mut [f32]);

    impl Vectorized<f32> for Squares<'_> {
        #[inline(always)]
        fn run<V: Vector<f32>>(self, _: Available<V>) {
            for (sum, &value) in self.1.iter_mut().zip(self.0) {
                *sum += value * value + 0.1;
            }
        }
    }

    #[test]
    fn loops_give_the_same_bytes_at_every_level() {
        let values: Vec<f32> = (0..1000).map(|i| (i % 37) as f32 / 7.0 - 2.0).collect();
        let run = |level: SimdLevel| {
            let mut sums = vec![0.5_f32; 1000];
            level.vectorize(Squares(&values, &mut sums));
            sums.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        let expected = run(SimdLevel::Portable);
        for level in SimdLevel::ALL.into_iter().filter(|level| level.is_available()) {
            assert_eq!(run(level), expected, "{level}");
        }
    }
}
