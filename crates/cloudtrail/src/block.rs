//! The end of an object or list, found 64 bytes at a time.
//!
//! Records are seldom looked at, so finding their ends is most of the work after inflation. Going from quote to quote with
//! `memchr` took half as long again as inflating: strings are short, and each is a call and a branch that cannot be foretold.
//! Here 64 bytes become 64 bits that say what is a quote and what a bracket, as simdjson does it (Langdale and Lemire,
//! "Parsing Gigabytes of JSON per Second", 2019, section 3.1).

use wide::u8x16;

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
        let parts = load(block);
        let inside = strings.inside(&parts);
        // Most blocks have none.
        if any(&parts, brackets) {
            let mut left = bits(&parts, brackets) & !inside;
            while left != 0 {
                let index = left.trailing_zeros() as usize;
                left &= left - 1;
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
    #[inline(always)]
    fn inside(&mut self, block: &Block) -> u64 {
        let mut found = bits(block, quotes);
        if self.escaping || any(block, backslashes) {
            found &= !self.escaped(bits(block, backslashes));
        }
        // A bit is set when an odd number of quotes is at it or before.
        let mut inside = found;
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
#[inline(always)]
fn brackets(bytes: u8x16) -> u8x16 {
    let folded = bytes | u8x16::splat(0x20);
    folded.simd_eq(u8x16::splat(b'{')) | folded.simd_eq(u8x16::splat(b'}'))
}

#[inline(always)]
fn quotes(bytes: u8x16) -> u8x16 {
    bytes.simd_eq(u8x16::splat(b'"'))
}

#[inline(always)]
fn backslashes(bytes: u8x16) -> u8x16 {
    bytes.simd_eq(u8x16::splat(b'\\'))
}

/// 64 bytes in the vectors that every x86-64 and AArch64 has.
type Block = [u8x16; SIZE / LANES];
const LANES: usize = 16;

#[inline(always)]
fn load(bytes: &[u8; SIZE]) -> Block {
    let mut block = [u8x16::splat(0); SIZE / LANES];
    let (parts, _) = bytes.as_chunks::<LANES>();
    let mut part = 0;
    while part < parts.len() {
        block[part] = u8x16::new(parts[part]);
        part += 1;
    }
    block
}

/// True when there is one that is: cheaper than asking which.
#[inline(always)]
fn any(block: &Block, are: impl Fn(u8x16) -> u8x16) -> bool {
    let found = (are(block[0]) | are(block[1])) | (are(block[2]) | are(block[3]));
    found.to_bitmask() != 0
}

/// A bit for each byte: one for those that are.
#[inline(always)]
fn bits(block: &Block, are: impl Fn(u8x16) -> u8x16) -> u64 {
    let mut bits = 0;
    let mut part = 0;
    while part < block.len() {
        bits |= u64::from(are(block[part]).to_bitmask()) << (part * LANES);
        part += 1;
    }
    bits
}

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
