//! Text that others wrote, made harmless for a terminal.

/// `text` on one line, with every character visible that could steer a terminal or change the order of what is read.
pub(crate) fn visible(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '\t' | '\n' | '\r') { ' ' } else { visible_char(c) }).collect()
}

/// The character itself, or one that stands for it: ␛ for ESC and so on, � where there is no picture.
pub(crate) fn visible_char(character: char) -> char {
    match character {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        _ if is_unsafe(character) => '\u{fffd}',
        _ => character,
    }
}

/// C0 and C1 controls (U+009B begins a control sequence in some terminals), line separators, marks that turn the
/// reading direction, and characters that nobody sees.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// JSON text that means the same and is harmless for a terminal. Such characters only stand in strings, where
/// `\u…` is as good; the line breaks between members stay.
pub(crate) fn escaped_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if character == '\n' || !is_unsafe(character) {
            escaped.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            escaped.push_str(&format!("\\u{unit:04x}"));
        }
    }
    escaped
}

/// The first characters of `text`, `chars_max` of them with the `…` that stands for the rest.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().nth(chars_max).is_none() {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown_instead() {
        assert_eq!(visible("\u{1b}[31mred\u{7}\u{7f}"), "␛[31mred␇␡");
        assert_eq!(visible("\u{9b}31m \u{202e}abc\u{2069}\u{e0041}"), "�31m �abc��");
        assert_eq!(visible("one\r\ntwo\tthree"), "one  two three");
        assert_eq!(visible("grüße 日本 👩‍💻 →"), "grüße 日本 👩‍💻 →");
    }

    #[test]
    fn escaped_json_means_the_same() {
        let value = serde_json::json!({ "a": "\u{1b}\u{9b}\u{7f}\u{202e}\u{e0041}\u{2028}ü\n" });
        let text = escaped_json(&format!("{value:#}"));
        assert!(!text.chars().any(|c| c != '\n' && is_unsafe(c)), "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn a_cut_is_by_characters() {
        assert_eq!(cut("日本語", 3), "日本語");
        assert_eq!(cut("日本語x", 3), "日本…");
        assert_eq!(cut("", 3), "");
    }
}
