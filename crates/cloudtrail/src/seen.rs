//! Records that were seen before.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many that threads seldom meet at one.
const SHARDS: usize = 64;

/// The events that were seen, by their `eventID`. An organisation's trail, an account's own and a copy on disk all deliver
/// the same record; a shared set counts it once, from any thread. Sixteen bytes are kept of each.
#[derive(Debug)]
pub struct Seen {
    shards: Vec<Mutex<HashSet<u128>>>,
    /// For identifiers that are no UUIDs.
    hashers: [RandomState; 2],
}

impl Default for Seen {
    fn default() -> Self {
        Seen {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hashers: [RandomState::new(), RandomState::new()],
        }
    }
}

impl Seen {
    /// True the first time that it is asked about an `eventID`.
    pub fn is_new(&self, event_id: &str) -> bool {
        let value = self.value(event_id);
        let mut shard = self.shard(value);
        shard.insert(value)
    }

    /// True when it was asked about it before.
    pub fn has(&self, event_id: &str) -> bool {
        let value = self.value(event_id);
        self.shard(value).contains(&value)
    }

    fn value(&self, event_id: &str) -> u128 {
        uuid(event_id).unwrap_or_else(|| {
            let [high, low] = &self.hashers;
            (u128::from(high.hash_one(event_id)) << 64) | u128::from(low.hash_one(event_id))
        })
    }

    fn shard(&self, value: u128) -> MutexGuard<'_, HashSet<u128>> {
        // The low bits of a UUID are random in every version but those made from a machine's address.
        let shard = &self.shards[(value as usize ^ (value >> 64) as usize) % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        let lengths = self.shards.iter().map(|shard| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.len()
        });
        lengths.sum()
    }

    /// True as long as there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The value of `8-4-4-4-12` hexadecimal digits.
fn uuid(text: &str) -> Option<u128> {
    if text.len() != 36 {
        return None;
    }
    let mut value = 0;
    for (at, byte) in text.bytes().enumerate() {
        match at {
            8 | 13 | 18 | 23 if byte == b'-' => {}
            8 | 13 | 18 | 23 => return None,
            _ => value = (value << 4) | u128::from(char::from(byte).to_digit(16)?),
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_once_whatever_its_form() {
        let seen = Seen::default();
        assert!(seen.is_empty());
        assert!(seen.is_new("0f3c1a52-7b1e-4c1d-9d0b-2f6a8a4e9c11"));
        assert!(!seen.is_new("0F3C1A52-7B1E-4C1D-9D0B-2F6A8A4E9C11"));
        assert!(seen.is_new("0f3c1a52-7b1e-4c1d-9d0b-2f6a8a4e9c12"));
        assert!(seen.is_new("0f3c1a527b1e4c1d9d0b2f6a8a4e9c11"));
        assert!(seen.is_new("ä"));
        assert!(!seen.is_new("ä"));
        assert_eq!(seen.len(), 4);
    }

    #[test]
    fn a_uuid_is_its_value() {
        assert_eq!(uuid("00000000-0000-0000-0000-0000000000ff"), Some(255));
        assert_eq!(uuid("00000000-0000-0000-0000_0000000000ff"), None);
        assert_eq!(uuid("00000000-0000-0000-0000-0000000000fg"), None);
    }
}
