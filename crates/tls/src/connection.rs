//! One connection: a ClientHello out, the first flight in, and gone.

use crate::{Answer, End, FirstFlight, ReadTo, Target};
use governor::clock::DefaultClock;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::collections::HashMap;
use std::io::{Error, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

/// What one connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until the connection stands.
    pub connect: Duration,
    /// From then until the answer is whole, however slowly it drips in.
    pub answer: Duration,
    /// Bytes of the answer.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(8),
            // Flights with a chain of 4096-bit certificates take 10 KiB, the largest seen in the wild about 40.
            bytes: 128 << 10,
        }
    }
}

/// Sends the hello over a fresh connection to the address, and reads what comes back.
pub async fn exchange(
    address: SocketAddr,
    hello: &[u8],
    read_to: ReadTo,
    limits: Limits,
) -> Answer {
    match Target::new(address, None).connect(limits).await {
        Ok(stream) => exchange_over(stream, hello, read_to, limits).await,
        Err(unready) => unready.into(),
    }
}

/// The same over a stream that stands already: behind a proxy, or after STARTTLS.
pub async fn exchange_over<S>(
    mut stream: S,
    hello: &[u8],
    read_to: ReadTo,
    limits: Limits,
) -> Answer
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    first_flight(&mut stream, hello, read_to, limits).await
}

/// The same, and the stream can be used on.
pub(crate) async fn first_flight<S>(
    stream: &mut S,
    hello: &[u8],
    read_to: ReadTo,
    limits: Limits,
) -> Answer
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = Instant::now() + limits.answer;
    match timeout_at(deadline, stream.write_all(hello)).await {
        // Failed to send: the server may have said why before it closed.
        Ok(_) => {}
        Err(_) => return Answer::TimedOut,
    }
    let mut flight = FirstFlight::new(read_to, limits.bytes);
    let mut buffer = [0; 4096];
    loop {
        match timeout_at(deadline, stream.read(&mut buffer)).await {
            Ok(Ok(0)) => return flight.end(End::Fin),
            Ok(Ok(read)) => {
                if let Some(answer) = flight.feed(buffer.get(..read).unwrap_or_default()) {
                    return answer;
                }
            }
            Ok(Err(error)) => return flight.end(end_of(&error)),
            Err(_) => return flight.end(End::TimedOut),
        }
    }
}

/// Every other failure says as little of the server as a reset.
fn end_of(error: &Error) -> End {
    match error.kind() {
        ErrorKind::UnexpectedEof => End::Fin,
        ErrorKind::TimedOut => End::TimedOut,
        _ => End::Reset,
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, DefaultClock>;

/// How often an address gets a connection from us, over all scans that share it: a scan takes no server down.
#[derive(Debug)]
pub struct Pace {
    quota: Option<Quota>,
    limiters: Mutex<HashMap<IpAddr, Arc<Limiter>>>,
}

impl Pace {
    /// So many a second and address, one by one; 0 is no limit.
    pub fn per_second(connections: u32) -> Self {
        let connections = NonZeroU32::new(connections);
        Pace::of(connections.map(|n| Quota::per_second(n).allow_burst(NonZeroU32::MIN)))
    }

    /// One in such a time and address; no time is no limit.
    pub fn every(period: Duration) -> Self {
        Pace::of(Quota::with_period(period))
    }

    fn of(quota: Option<Quota>) -> Self {
        Pace {
            quota,
            limiters: Mutex::default(),
        }
    }

    /// Waits for a turn.
    pub async fn wait(&self, address: IpAddr) {
        let Some(quota) = self.quota else {
            return;
        };
        let limiter = Arc::clone(
            self.limiters
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(address)
                .or_insert_with(|| Arc::new(RateLimiter::direct(quota))),
        );
        limiter.until_ready().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::net::Ipv4Addr;
    use std::pin::pin;
    use std::task::{Context, Waker};

    fn is_ready(turn: impl Future<Output = ()>) -> bool {
        let turn = pin!(turn);
        turn.poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    }

    #[test]
    fn each_address_has_its_own_turns() {
        let address = |last| IpAddr::from(Ipv4Addr::new(192, 0, 2, last));
        for pace in [Pace::every(Duration::from_secs(3600)), Pace::per_second(1)] {
            assert!(is_ready(pace.wait(address(1))));
            assert!(is_ready(pace.wait(address(2))));
        }
        let pace = Pace::every(Duration::from_secs(3600));
        assert!(is_ready(pace.wait(address(1))));
        assert!(!is_ready(pace.wait(address(1))));
        for unlimited in [Pace::per_second(0), Pace::every(Duration::ZERO)] {
            assert!(is_ready(unlimited.wait(address(1))));
            assert!(is_ready(unlimited.wait(address(1))));
        }
    }
}
