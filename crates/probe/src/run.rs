//! Many endpoints at once.

use crate::{Prober, Target};
use futures::stream::{self, Stream, StreamExt};
use lockfast_snapshot::Found;
use std::sync::Arc;

/// Measures endpoints, so many at once, and gives each record as it is ready. Dropping the stream ends what is under way.
///
/// An endpoint whose measurement fails as a program gives no record but its target.
pub fn measure_all(
    prober: Arc<Prober>,
    targets: impl IntoIterator<Item = Target>,
    at_once: usize,
) -> impl Stream<Item = Result<Found, Target>> {
    let measure = move |target: Target| {
        let prober = prober.clone();
        async move {
            let of = target.clone();
            let mut tasks = tokio::task::JoinSet::new();
            tasks.spawn(async move { prober.measure(&of).await });
            match tasks.join_next().await {
                Some(Ok(found)) => Ok(found),
                _ => Err(target),
            }
        }
    };
    stream::iter(targets)
        .map(measure)
        .buffer_unordered(at_once.max(1))
}
