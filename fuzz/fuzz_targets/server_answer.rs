//! Any bytes as what a server says before TLS, or to a login without it: reading them ends, never panics, and what is
//! shown of them is printable and short.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockfast_tls::{Channel, Limits, Login, Plaintext, Protocol, Upgrade, begin_login, upgrade};

fuzz_target!(|data: &[u8]| {
    let Some((choice, answers)) = data.split_first() else {
        return;
    };
    let all: Vec<_> = Protocol::all().collect();
    let protocol = all[usize::from(*choice) % all.len()];
    let channel = if *choice < 128 {
        Channel::Plain
    } else {
        Channel::Tls
    };
    let stream = || tokio::io::join(answers, tokio::io::sink());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let (upgraded, begun) = runtime.expect("a runtime").block_on(async {
        let limits = Limits::default();
        let login = Login::default();
        (
            upgrade(protocol, &mut stream(), limits).await,
            begin_login(protocol, stream(), channel, &login, limits).await,
        )
    });
    let words = match (upgraded, begun) {
        (Upgrade::Refused(words), _) => words,
        (_, Plaintext::Refused { answer } | Plaintext::Accepted { answer }) => answer,
        _ => return,
    };
    assert!(words.chars().count() <= 200 && !words.contains(char::is_control));
});
