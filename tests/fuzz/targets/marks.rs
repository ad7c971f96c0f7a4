#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hatoba_tests::fuzz::marks(bytes));
