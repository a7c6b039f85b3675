//! The end of an object or list, found 64 bytes at a time.
//!
//! Records are seldom looked at, so finding their ends is most of the work after inflation. Going from quote to quote with
//! `memchr` took half as long again as inflating: strings are short, and each is a call and a branch that cannot be foretold.
//! Here 64 bytes become 64 bits that say what is a quote and what a bracket, as simdjson does it (Langdale and Lemire,
//! "Parsing Gigabytes of JSON per Second", 2019, section 3.1), in loops that the compiler makes vector instructions of.

const SIZE: usize = 64;

/// The end of the object or list that begins at `start`; none when the text ends before. Strings are skipped, and depth is
/// counted, so however deep it is, nothing recurses.
pub(crate) fn container_end(text: &[u8], start: usize) -> Option<usize> {
    let mut strings = Strings::default();
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let mut padded = [b' '; SIZE];
        let block = match rest.first_chunk() {
            Some(block) => block,
            None => {
                padded[..rest.len()].copy_from_slice(rest);
                &padded
            }
        };
        let inside = strings.inside(block);
        // Most blocks have none.
        if any(block, is_bracket) {
            let mut brackets = bits(block, is_bracket) & !inside;
            while brackets != 0 {
                let index = brackets.trailing_zeros() as usize;
                brackets &= brackets - 1;
                if block[index] | 0x20 == b'{' {
                    depth += 1;
                    continue;
                }
                // Not below zero: the first byte opens, and where it is zero again is the end.
                depth -= 1;
                if depth == 0 {
                    return Some(at + index + 1);
                }
            }
        }
        at += SIZE;
    }
    None
}

/// What is carried from block to block.
#[derive(Default)]
struct Strings {
    /// All ones when the last block ended within a string.
    open: u64,
    /// The last block ended with a backslash that escapes what follows.
    escaping: bool,
}

impl Strings {
    /// What of the block is in a string, its opening quote counted and its closing one not.
    fn inside(&mut self, block: &[u8; SIZE]) -> u64 {
        let mut quotes = bits(block, |byte| byte == b'"');
        if self.escaping || any(block, |byte| byte == b'\\') {
            quotes &= !self.escaped(bits(block, |byte| byte == b'\\'));
        }
        // A bit is set when an odd number of quotes is at it or before.
        let mut inside = quotes;
        for shift in [1, 2, 4, 8, 16, 32] {
            inside ^= inside << shift;
        }
        inside ^= self.open;
        self.open = 0_u64.wrapping_sub(inside >> (SIZE - 1));
        inside
    }

    /// What is escaped: whatever follows a backslash that is not itself escaped.
    fn escaped(&mut self, backslashes: u64) -> u64 {
        let mut escaped = u64::from(self.escaping);
        let mut escape = backslashes & !escaped;
        self.escaping = false;
        while escape != 0 {
            let bit = escape & escape.wrapping_neg();
            let next = bit << 1;
            self.escaping = next == 0;
            escaped |= next;
            escape &= !(bit | next);
        }
        escaped
    }
}

/// Braces and brackets. They differ by one bit, in both pairs.
fn is_bracket(byte: u8) -> bool {
    (byte | 0x20 == b'{') | (byte | 0x20 == b'}')
}

/// True when there is one that is: twice as fast as asking which.
#[inline(always)]
fn any(block: &[u8; SIZE], is: impl Fn(u8) -> bool) -> bool {
    let mut any = 0;
    let mut index = 0;
    while index < SIZE {
        any |= u8::from(is(block[index]));
        index += 1;
    }
    any != 0
}

/// A bit for each byte: one for those that are.
///
/// Plain loops, for the parts of iterators are not inlined across the units that the release is compiled in: these take a tenth
/// of the time.
#[inline(always)]
fn bits(block: &[u8; SIZE], is: impl Fn(u8) -> bool) -> u64 {
    let mut weighed = [0; SIZE];
    let mut index = 0;
    while index < SIZE {
        // All ones or none.
        let mask = 0_u8.wrapping_sub(u8::from(is(block[index])));
        weighed[index] = mask & WEIGHTS[index];
        index += 1;
    }
    let mut bits = 0;
    let mut at = 0;
    while at < SIZE {
        let eight = u64::from_le_bytes([
            weighed[at],
            weighed[at + 1],
            weighed[at + 2],
            weighed[at + 3],
            weighed[at + 4],
            weighed[at + 5],
            weighed[at + 6],
            weighed[at + 7],
        ]);
        // Each has a bit of its own, so that their sum is all of them; it is the highest byte of this product.
        let sum = eight.wrapping_mul(0x0101_0101_0101_0101) >> 56;
        bits |= sum << at;
        at += 8;
    }
    bits
}

/// The bit of each byte among its eight.
const WEIGHTS: [u8; SIZE] = {
    let mut weights = [0; SIZE];
    let mut index = 0;
    while index < SIZE {
        weights[index] = 1 << (index % 8);
        index += 1;
    }
    weights
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same byte by byte.
    fn plainly(text: &[u8]) -> Option<usize> {
        let (mut depth, mut string, mut escaped) = (0, false, false);
        for (at, byte) in text.iter().enumerate() {
            match byte {
                b'\\' => {
                    escaped = !escaped;
                    continue;
                }
                b'"' if !escaped => string = !string,
                _ if string => {}
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
            escaped = false;
        }
        None
    }

    #[test]
    fn ends_at_every_place_of_a_block() {
        for length in 0..200 {
            let text = format!(r#"{{"{}":"}}\\"}}]"#, "\\\"".repeat(length));
            assert_eq!(container_end(text.as_bytes(), 0), Some(text.len() - 1));
            let odd = format!(r#"{{"a{}":"}}\\"}}]"#, "\\\"".repeat(length));
            assert_eq!(container_end(odd.as_bytes(), 0), Some(odd.len() - 1));
            assert_eq!(container_end(&odd.as_bytes()[..odd.len() - 2], 0), None);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn as_byte_by_byte(text in r#"[\{\[][\{\}\[\]"\\,: a]{0,300}"#) {
            prop_assert_eq!(container_end(text.as_bytes(), 0), plainly(text.as_bytes()));
        }
    }
}
