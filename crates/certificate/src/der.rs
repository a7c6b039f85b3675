//! The little DER (ITU-T X.690) that is needed where bytes must stay as they are: what is signed is signed octet by octet.

/// An element: its tag, its content, and the whole of it with its header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub tag: u8,
    pub content: &'a [u8],
    pub whole: &'a [u8],
}

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
/// `[0]`, constructed.
pub(crate) const CONTEXT_0: u8 = 0xa0;
/// `[3]`, constructed.
pub(crate) const CONTEXT_3: u8 = 0xa3;

/// Takes the element at the start. None when it is cut off, of indefinite length, or has a tag of several bytes, none of
/// which a certificate's own structure has.
pub(crate) fn take<'a>(input: &mut &'a [u8]) -> Option<Element<'a>> {
    let all = *input;
    let (&[tag, first], rest) = all.split_first_chunk::<2>()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = bytes
                .iter()
                .fold(0, |sum: usize, byte| sum << 8 | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    *input = rest;
    Some(Element {
        tag,
        content,
        whole: &all[..all.len() - rest.len()],
    })
}

/// Takes the element at the start if it has the tag.
pub(crate) fn take_tagged<'a>(input: &mut &'a [u8], tag: u8) -> Option<Element<'a>> {
    let mut rest = *input;
    let element = take(&mut rest).filter(|element| element.tag == tag)?;
    *input = rest;
    Some(element)
}

/// All elements; None when one of them is broken.
pub(crate) fn elements(mut input: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut found = Vec::new();
    while !input.is_empty() {
        found.push(take(&mut input)?);
    }
    Some(found)
}

/// An element with the content.
pub(crate) fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len().to_be_bytes();
    let length = &length[length
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(length.len() - 1)..];
    match length {
        [short] if *short < 0x80 => out.push(*short),
        // Eight bytes at most, so the count fits.
        long => {
            out.push(0x80 | long.len() as u8);
            out.extend(long);
        }
    }
    out.extend(content);
    out
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_what_it_takes() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let encoded = encode(OCTET_STRING, &vec![7; length]);
            let mut input = &encoded[..];
            let element = take(&mut input).unwrap();
            assert_eq!(
                (element.content.len(), element.whole.len()),
                (length, encoded.len())
            );
            assert!(input.is_empty());
        }
        assert_eq!(encode(INTEGER, &[0; 128])[..3], [2, 0x81, 128]);
        assert!(take(&mut &[0x30, 0x80, 0, 0][..]).is_none());
        assert!(take(&mut &[0x30, 0x84, 255, 255, 255, 255][..]).is_none());
    }
}
