//! The text as the scanner reads it, which ends early where the scanner reads too far ahead.
//!
//! A list or mapping in brackets may turn out to be a key, so the scanner keeps its tokens until it is closed: 250 KiB of
//! commas in one bracket would be 80 MiB of tokens before the first event, and no limit could be looked at.

use std::cell::Cell;

use saphyr_parser::input::SkipTabs;
use saphyr_parser::{Input, StrInput};

/// Most tokens kept at a time. A file with as many keys and values as it may have comes to some 18,000; a token takes
/// about 100 bytes.
const AHEAD_MAX: usize = 32_000;

/// What the scanner asks of a text only when it begins a token.
const AT_A_TOKEN: char = '\u{feff}';

/// Tokens since the last event. Shared with the scanner's input, which is out of reach once it is parsed.
#[derive(Debug, Default)]
pub(super) struct Ahead(Cell<usize>);

impl Ahead {
    /// An event arrived: the tokens up to it are gone.
    pub(super) fn begin_anew(&self) {
        self.0.set(0);
    }

    /// Whether the text was ended for the scanner.
    pub(super) fn is_too_far(&self) -> bool {
        self.0.get() > AHEAD_MAX
    }
}

/// A text that ends when the scanner has read too far ahead.
pub(super) struct Text<'a> {
    text: StrInput<'a>,
    ahead: &'a Ahead,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str, ahead: &'a Ahead) -> Text<'a> {
        Text { text: StrInput::new(text), ahead }
    }
}

impl Input for Text<'_> {
    fn next_char_is(&self, c: char) -> bool {
        if c == AT_A_TOKEN {
            self.ahead.0.set(self.ahead.0.get() + 1);
        }
        self.text.next_char_is(c)
    }

    fn next_is_z(&self) -> bool {
        self.ahead.is_too_far() || self.text.next_is_z()
    }

    // Everything else as a plain text does it, which is much faster than what the trait could do by itself.

    fn lookahead(&mut self, count: usize) {
        self.text.lookahead(count);
    }

    fn buflen(&self) -> usize {
        self.text.buflen()
    }

    fn bufmaxlen(&self) -> usize {
        self.text.bufmaxlen()
    }

    fn raw_read_ch(&mut self) -> char {
        self.text.raw_read_ch()
    }

    fn raw_read_non_breakz_ch(&mut self) -> Option<char> {
        self.text.raw_read_non_breakz_ch()
    }

    fn skip(&mut self) {
        self.text.skip();
    }

    fn skip_n(&mut self, count: usize) {
        self.text.skip_n(count);
    }

    fn peek(&self) -> char {
        self.text.peek()
    }

    fn peek_nth(&self, n: usize) -> char {
        self.text.peek_nth(n)
    }

    fn peek_opt(&self) -> Option<char> {
        self.text.peek_opt()
    }

    fn next_is_document_start(&self) -> bool {
        self.text.next_is_document_start()
    }

    fn next_is_document_end(&self) -> bool {
        self.text.next_is_document_end()
    }

    fn next_is_document_indicator(&self) -> bool {
        self.text.next_is_document_indicator()
    }

    fn next_can_be_plain_scalar(&self, in_flow: bool) -> bool {
        self.text.next_can_be_plain_scalar(in_flow)
    }

    fn skip_ws_to_eol(&mut self, skip_tabs: SkipTabs) -> (usize, Result<SkipTabs, &'static str>) {
        self.text.skip_ws_to_eol(skip_tabs)
    }

    fn skip_while_non_breakz(&mut self) -> usize {
        self.text.skip_while_non_breakz()
    }

    fn skip_while_blank(&mut self) -> usize {
        self.text.skip_while_blank()
    }

    fn fetch_while_is_alpha(&mut self, out: &mut String) -> usize {
        self.text.fetch_while_is_alpha(out)
    }

    fn fetch_while_is_yaml_non_space(&mut self, out: &mut String) -> usize {
        self.text.fetch_while_is_yaml_non_space(out)
    }
}
