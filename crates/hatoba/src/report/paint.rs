//! Colours, where they are wanted.

use anstyle::Style;

/// `text` in a style, or as it is.
pub(crate) fn paint(text: &str, style: Style, colour: bool) -> String {
    if colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// Whether a stream takes colours: it is a terminal that knows them, and `NO_COLOR` is unset. `CLICOLOR_FORCE` is
/// heeded too (<https://bixense.com/clicolors/>).
pub(crate) fn wants_colour<S: anstream::stream::RawStream>(stream: &S) -> bool {
    anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never
}
