//! Measures one address: `cargo run -p lockfast-tls --example scan 192.0.2.1:443 shop.example`.
use lockfast_tls::{Full, Pace, Settings, Target, scan};

#[tokio::main]
async fn main() -> Result<(), std::net::AddrParseError> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_default().parse()?;
    let target = Target::new(address, arguments.next());
    let settings = Settings {
        full: Full::Always,
        ..Settings::default()
    };
    println!(
        "{:#?}",
        scan(&target, settings, &Pace::per_second(20)).await
    );
    Ok(())
}
