//! Any bytes as a web server's answer: reading its head ends, never panics, and what is shown of it is printable and short.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockfast_probe::http::{get, hop, hsts, role};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

fuzz_target!(|data: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let head = runtime.expect("a runtime").block_on(async {
        let (client, mut server) = tokio::io::duplex(1 << 12);
        let answer = async move {
            // What comes before the request is no answer to it.
            let _ = server.read(&mut [0; 1 << 12]).await;
            let _ = server.write_all(data).await;
        };
        let within = Duration::from_secs(10);
        let (head, ()) = tokio::join!(get(client, "shop.example.com", "/", within), answer);
        head
    });
    let head = match head {
        Ok(head) => head,
        Err(why) => {
            assert_ne!(why, "no answer in time");
            assert!(
                why.chars().count() <= 200 && !why.contains(char::is_control),
                "{why:?}"
            );
            return;
        }
    };
    let _ = (hsts(&head.headers), role(&head.headers));
    let url = Url::parse("http://shop.example.com/").expect("a URL");
    let hop = hop(&url, &head);
    assert!(hop.cookies.len() <= 32);
    for text in [&hop.told["Url"], &hop.told["Location"]]
        .into_iter()
        .filter_map(|text| text.as_str())
    {
        assert!(
            text.chars().count() <= 300 && !text.contains(char::is_control),
            "{text:?}"
        );
        assert!(!text.contains(['?', '#']), "{text:?}");
        let host = text.split('/').nth(2).unwrap_or_default();
        assert!(!host.contains('@'), "{text:?}");
    }
    for name in &hop.cookies {
        assert!(
            name.chars().count() <= 64 && !name.contains(char::is_control),
            "{name:?}"
        );
    }
});
