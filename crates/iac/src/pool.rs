//! The threads that parse and resolve.

use rayon::ThreadPool;
use std::sync::OnceLock;

/// Templates nest up to 200 levels and are walked recursively; a thread's default stack is too
/// small for that in debug builds. Only what is used of it takes memory.
const STACK: usize = 64 << 20;

/// Runs `work` on the crate's threads, as many as rayon's own pool has. There is one such pool:
/// each set of threads would keep memory of its own.
pub fn install<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let pool = POOL.get_or_init(|| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(rayon::current_num_threads())
            .stack_size(STACK)
            .build()
            .ok()
    });
    match pool {
        Some(pool) => pool.install(work),
        None => work(),
    }
}
