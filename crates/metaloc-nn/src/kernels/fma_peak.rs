//! The most multiply-adds that a core can do: a loop in registers, for `metaloc bench`.
//!
//! `value = value * factor + addend`, many times over, for values that stay in registers. Nothing
//! is loaded or stored meanwhile and no chain waits for another, so the rate is the hardware's
//! limit, which no matrix product passes. Run-time dispatch as in [`super::matmul`]: AVX-512, AVX2
//! with FMA, or portable code, which multiplies and adds in two steps.
//!
//! [`multiply_add_plain`] is the plain twin.
#![allow(unsafe_code)] // vector loads and stores through pointers; see the SAFETY reasons

/// Values of one call: whole register blocks on every instruction set (3 x 256, 8 x 96, 16 x 48).
pub const N_VALUES: usize = 768;

/// Arithmetic operations of one step over all values: a multiplication and an addition each.
pub const OPERATIONS_PER_STEP: usize = 2 * N_VALUES;

/// `value = value * factor + addend`, `steps` times for each value, with the fastest kernel this
/// CPU can run.
///
/// Every value gets the same number on every CPU where `value * factor` is exact, for instance
/// for a power of two; elsewhere fused kernels round once and the others twice.
pub fn multiply_add(values: &mut [f32; N_VALUES], factor: f32, addend: f32, steps: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the CPU runs AVX-512F.
            return unsafe { avx512(values, factor, addend, steps) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the CPU runs AVX2 and FMA.
            return unsafe { avx2(values, factor, addend, steps) };
        }
    }
    portable(values, factor, addend, steps);
}

/// The plain twin of [`multiply_add`]: one value after the other.
pub fn multiply_add_plain(values: &mut [f32; N_VALUES], factor: f32, addend: f32, steps: usize) {
    for value in values {
        for _ in 0..steps {
            *value = *value * factor + addend;
        }
    }
}

/// Twelve chains of four values, which compilers turn into the target's base vectors.
fn portable(values: &mut [f32; N_VALUES], factor: f32, addend: f32, steps: usize) {
    const BLOCK: usize = 12 * 4;
    const { assert!(N_VALUES.is_multiple_of(BLOCK)) };
    for block in values.as_chunks_mut::<BLOCK>().0 {
        let mut chains = *block;
        for _ in 0..steps {
            for value in &mut chains {
                *value = *value * factor + addend;
            }
        }
        *block = chains;
    }
}

/// Writes the loop with the intrinsics of an instruction set.
#[cfg(target_arch = "x86_64")]
macro_rules! vector_loop {
    ($(#[$doc:meta])* $name:ident, $features:literal, chains $chains:literal, lanes $lanes:literal,
     $splat:ident, $load:ident, $store:ident, $multiply_add:ident) => {
        $(#[$doc])*
        #[target_feature(enable = $features)]
        fn $name(values: &mut [f32; N_VALUES], factor: f32, addend: f32, steps: usize) {
            use std::arch::x86_64::{$load, $multiply_add, $splat, $store};
            const BLOCK: usize = $chains * $lanes;
            const { assert!(N_VALUES.is_multiple_of(BLOCK)) };
            let (factor, addend) = ($splat(factor), $splat(addend));
            for block in values.as_chunks_mut::<BLOCK>().0 {
                let mut chains = [addend; $chains];
                for (chain, values) in chains.iter_mut().zip(block.as_chunks::<$lanes>().0) {
                    // SAFETY: `values` holds as many values as a vector.
                    *chain = unsafe { $load(values.as_ptr()) };
                }
                for _ in 0..steps {
                    for chain in &mut chains {
                        *chain = $multiply_add(*chain, factor, addend);
                    }
                }
                for (chain, values) in chains.iter().zip(block.as_chunks_mut::<$lanes>().0) {
                    // SAFETY: `values` holds as many values as a vector.
                    unsafe { $store(values.as_mut_ptr(), *chain) };
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
vector_loop!(
    /// Sixteen chains in 512-bit registers; two units of latency 4 need eight.
    avx512, "avx512f", chains 16, lanes 16, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps,
    _mm512_fmadd_ps
);
#[cfg(target_arch = "x86_64")]
vector_loop!(
    /// Twelve chains in 256-bit registers; two units of latency 5 need ten.
    avx2, "avx2,fma", chains 12, lanes 8, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps,
    _mm256_fmadd_ps
);

#[cfg(test)]
mod tests {
    use super::*;

    type Kernel = unsafe fn(&mut [f32; N_VALUES], f32, f32, usize);

    /// All kernels this CPU can run, and the dispatcher.
    fn kernels() -> Vec<Kernel> {
        let mut kernels: Vec<Kernel> = vec![multiply_add, portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                kernels.push(avx512);
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                kernels.push(avx2);
            }
        }
        kernels
    }

    #[test]
    fn every_kernel_equals_the_plain_twin() {
        let start: [f32; N_VALUES] = std::array::from_fn(|i| i as f32 / 7.0);
        // Powers of two: the product is exact, so one rounding or two are the same.
        for (factor, addend) in [(-1.0, 1.0), (0.5, 0.3), (-2.0, 0.7), (0.25, -4.1)] {
            for steps in [0, 1, 2, 7, 20] {
                let mut expected = start;
                multiply_add_plain(&mut expected, factor, addend, steps);
                for kernel in kernels() {
                    let mut got = start;
                    // SAFETY: the list above holds only kernels that this CPU runs.
                    unsafe { kernel(&mut got, factor, addend, steps) };
                    assert_eq!(got.map(f32::to_bits), expected.map(f32::to_bits));
                }
            }
        }
    }

    #[test]
    fn the_twin_by_hand() {
        let mut values = [1.0; N_VALUES];
        multiply_add_plain(&mut values, 2.0, 1.0, 3); // 3, 7, 15
        assert!(values.iter().all(|value| (value - 15.0).abs() < 1e-6));
    }
}
