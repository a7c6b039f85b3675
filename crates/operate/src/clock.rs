//! What time it is, as a thing that is handed in.

use jiff::{Timestamp, Unit};

/// Tells the time. Nothing in this crate asks the machine: what is decided by time can be decided again in a test.
pub trait Clock {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock, for the edge of a program.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// Milliseconds are what is written and compared: a time that was written and read again is the same time.
pub(crate) fn to_millisecond(time: Timestamp) -> Timestamp {
    time.round(Unit::Millisecond).unwrap_or(time)
}
