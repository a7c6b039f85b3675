//! Chance that is the same for the same seed.

/// A generator of numbers (wyrand): fast, small, and for nothing secret.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The one of this seed and this part of what is generated: parts are independent of each other, so that they can be
    /// made in any order, by any number of threads.
    pub(crate) fn of(seed: u64, part: &str, index: u64) -> Self {
        let mut hash = mix(seed ^ 0x6c6f_636b_6661_7374, index.wrapping_add(1));
        for byte in part.bytes() {
            hash = mix(hash ^ u64::from(byte), 0x9e37_79b9_7f4a_7c15);
        }
        Random(hash)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0xa076_1d64_78bd_642f);
        mix(self.0, self.0 ^ 0xe703_7ed1_a0b4_28db)
    }

    /// Below `bound`, which must not be zero.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// From zero to below one.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.below(times.max(1)) == 0
    }

    /// One of these, which must not be empty.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    /// An identifier of version 4.
    pub(crate) fn uuid(&mut self) -> u128 {
        let random = (u128::from(self.next()) << 64) | u128::from(self.next());
        let version = random & !(0xf << 76) | (0x4 << 76);
        version & !(0x3 << 62) | (0x2 << 62)
    }

    /// So many characters of these.
    pub(crate) fn text(&mut self, of: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(*self.pick(of))).collect()
    }

    pub(crate) fn hex(&mut self, length: usize) -> String {
        self.text(b"0123456789abcdef", length)
    }

    /// What the identifiers of IAM are made of.
    pub(crate) fn base32(&mut self, length: usize) -> String {
        self.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", length)
    }

    /// What the suffixes of secrets and files are made of.
    pub(crate) fn alphanumeric(&mut self, length: usize) -> String {
        self.text(
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            length,
        )
    }
}

fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}
