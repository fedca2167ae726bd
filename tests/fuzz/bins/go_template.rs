//! Fuzzes `go_template`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::go_template(data));
