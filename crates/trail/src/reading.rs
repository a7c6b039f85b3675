//! Reading all records once, on all threads, for what is no query.

use crate::input::Input;
use crate::trail::Options;
use lockfast_cloudtrail::{Needle, Part, Reader, Record, Report, Seen};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Reads the records that hold any of the needles, each event once. Every thread makes a state of its own by `new`, adds to it
/// with `each`, which may end the reading, and gives it back.
pub(crate) fn read<S: Send>(
    input: &Input,
    options: &Options,
    needles: &[Needle],
    new: impl Fn() -> S + Sync,
    each: impl Fn(&mut S, &Record<'_>) -> ControlFlow<()> + Sync,
) -> (Vec<S>, Report) {
    let next = AtomicUsize::new(0);
    let seen = Seen::default();
    input.wanted(input.files.len() as u64);
    let (mut states, mut parts) = (Vec::new(), Vec::new());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..options.threads.max(1))
            .map(|_| {
                scope.spawn(|| {
                    let mut reader = Reader::new(&options.reading, needles);
                    let mut state = new();
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(file) = input.files.get(index) else {
                            break;
                        };
                        let went = reader.file(index, file, |record| {
                            let id = record.event.id.as_deref();
                            match id.is_none_or(|id| seen.is_new(id)) {
                                true => each(&mut state, &record),
                                false => ControlFlow::Continue(()),
                            }
                        });
                        input.done();
                        if went.is_break() {
                            break;
                        }
                    }
                    (state, reader.done())
                })
            })
            .collect();
        for thread in threads {
            match thread.join() {
                Ok((state, part)) => {
                    states.push(state);
                    parts.push(part);
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    (states, Part::together(parts))
}
