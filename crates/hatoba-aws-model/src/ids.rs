//! Ids the way AWS mints them: opaque, and in no relation to the order of creation.

/// A seeded source of ids (SplitMix64), so that equal runs give equal ids.
#[derive(Clone, Debug)]
pub(crate) struct Minter(u64);

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &[u8] = b"0123456789abcdef";
const DIGITS: &[u8] = b"0123456789";

impl Minter {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn draw(&mut self, length: usize, alphabet: &[u8]) -> String {
        (0..length).map(|_| char::from(alphabet[(self.next() % alphabet.len() as u64) as usize])).collect()
    }

    /// Lower-case letters and digits.
    pub(crate) fn lower(&mut self, length: usize) -> String {
        self.draw(length, LOWER)
    }

    /// Lower-case letters and digits, the first a letter: API ids are DNS labels.
    pub(crate) fn label(&mut self, length: usize) -> String {
        let first = self.draw(1, &LOWER[..26]);
        first + &self.draw(length.saturating_sub(1), LOWER)
    }

    /// Hexadecimal digits.
    pub(crate) fn hex(&mut self, length: usize) -> String {
        self.draw(length, HEX)
    }

    /// Decimal digits, the first not zero.
    pub(crate) fn digits(&mut self, length: usize) -> String {
        let first = self.draw(1, &DIGITS[1..]);
        first + &self.draw(length.saturating_sub(1), DIGITS)
    }

    /// A UUID's form.
    pub(crate) fn uuid(&mut self) -> String {
        let parts = [8, 4, 4, 4, 12].map(|length| self.hex(length));
        parts.join("-")
    }
}

/// A stable number for a text (FNV-1a), for list orders that are not alphabetical.
pub(crate) fn scatter(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
