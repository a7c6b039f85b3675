//! Any bytes as a configuration item: converting it never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = lockfast_config_source::convert_item(data, |_, value| value.to_owned());
});
