//! Fuzzes `decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::decode(data));
