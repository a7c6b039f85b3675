//! Any bytes as a server's first flight, whole and in pieces: reading them never panics, and the pieces change nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockfast_tls::{Answer, End, FirstFlight, ReadTo, Reason};

fn read(bytes: &[u8], piece: usize) -> Answer {
    let mut flight = FirstFlight::new(ReadTo::EndOfFlight, 64 << 10);
    let answer = bytes.chunks(piece).find_map(|piece| flight.feed(piece));
    answer.unwrap_or_else(|| flight.end(End::Fin))
}

fuzz_target!(|data: &[u8]| {
    let whole = read(data, usize::MAX);
    let pieces = read(data, 1 + data.len() % 7);
    match (&whole, &pieces) {
        // How much of it had arrived is shown, and differs.
        (Answer::Garbage(Reason::NotTls(_)), Answer::Garbage(Reason::NotTls(_))) => {}
        _ => assert_eq!(whole, pieces),
    }
});
