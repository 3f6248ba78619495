//! Any bytes, to the reader that the name says.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| metaloc_fuzz::intel(data));
