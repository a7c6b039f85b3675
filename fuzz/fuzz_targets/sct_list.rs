//! Any bytes as a list of signed certificate timestamps: reading it never panics, and what was read is as long as what was
//! given.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockfast_certificate::parse_sct_list;

fuzz_target!(|data: &[u8]| {
    let Ok(list) = parse_sct_list(data) else { return };
    if let Ok(all) = list.into_iter().collect::<Result<Vec<_>, _>>() {
        // The list's length; of each: its length, version, log, time, two lengths and two algorithms.
        let fields = all.iter().map(|sct| 2 + 1 + 32 + 8 + 2 + sct.extensions.len() + 2 + 2 + sct.signature.len());
        assert_eq!(2 + fields.sum::<usize>(), data.len());
    }
});
