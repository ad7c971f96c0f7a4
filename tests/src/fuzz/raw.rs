//! Choices taken from an input, byte by byte. When it is used up, every choice is the first one, so that every input
//! comes to an end.

use hatoba_core::Members;
use serde_json::{Value, json};

/// Lists and mappings that a value may have in each other.
const DEPTH_MAX: usize = 4;

/// What is left of an input.
pub(super) struct Raw<'a> {
    rest: &'a [u8],
}

impl<'a> Raw<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Raw<'a> {
        Raw { rest }
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.rest.is_empty()
    }

    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    /// A number below `end`, which is at most 65,536; 0 if there is none.
    pub(super) fn below(&mut self, end: usize) -> usize {
        match end {
            0 | 1 => 0,
            2..=256 => usize::from(self.byte()) % end,
            _ => usize::from(u16::from_le_bytes([self.byte(), self.byte()])) % end,
        }
    }

    pub(super) fn flag(&mut self) -> bool {
        self.below(2) == 1
    }

    /// One of several.
    pub(super) fn one_of<'t, T: ?Sized>(&mut self, all: &[&'t T]) -> Option<&'t T> {
        all.get(self.below(all.len())).copied()
    }

    /// A word of the vocabulary, or the next few bytes as text.
    pub(super) fn text(&mut self, words: &[String]) -> String {
        if !words.is_empty() && self.below(4) != 3 {
            return words[self.below(words.len())].clone();
        }
        let length = self.below(12).min(self.rest.len());
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        String::from_utf8_lossy(text).into_owned()
    }

    /// Any JSON value.
    pub(super) fn value(&mut self, words: &[String]) -> Value {
        self.nested(words, DEPTH_MAX)
    }

    fn nested(&mut self, words: &[String], depth: usize) -> Value {
        const NUMBERS: [i64; 10] = [0, 1, -1, 2, 10, 60, 80, 100, 65_536, i64::MAX];
        match self.below(if depth == 0 { 6 } else { 8 }) {
            0 => Value::Null,
            1 => json!(self.flag()),
            2 => json!(NUMBERS[self.below(NUMBERS.len())]),
            3 => json!(f64::from(u16::from(self.byte())) / 2.0),
            4 | 5 => json!(self.text(words)),
            6 => (0..self.below(4)).map(|_| self.nested(words, depth - 1)).collect(),
            _ => Value::Object(self.members(words, depth - 1)),
        }
    }

    fn members(&mut self, words: &[String], depth: usize) -> Members {
        (0..self.below(4)).map(|_| (self.text(words), self.nested(words, depth))).collect()
    }
}
