//! Lints of serial numbers.

use super::Look;

pub(super) fn not_positive(look: &Look<'_>) -> Option<String> {
    match &look.certificate.raw.serial[..] {
        [] => Some("an empty serial number".into()),
        [first, ..] if first & 0x80 != 0 => Some("a negative serial number".into()),
        octets if octets.iter().all(|octet| *octet == 0) => Some("the serial number 0".into()),
        _ => None,
    }
}

pub(super) fn too_long(look: &Look<'_>) -> Option<String> {
    let length = look.certificate.raw.serial.len();
    (length > 20).then(|| format!("a serial number of {length} octets, and 20 are the most"))
}

/// 64 bits of a generator start with eight zeros once in 256 times: of one certificate this is a hint, of many a proof.
pub(super) fn guessable(look: &Look<'_>) -> Option<String> {
    let significant = look
        .certificate
        .raw
        .serial
        .iter()
        .skip_while(|octet| **octet == 0)
        .count();
    (look.index == 0 && significant < 8).then(|| {
        format!(
            "a serial number of {} bits at most, and 64 of them must be random",
            significant * 8
        )
    })
}
