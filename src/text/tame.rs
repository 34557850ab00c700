//! Prepares texts from elsewhere (names, messages) for being shown: on one line, of some length.

use std::path::Path;

/// A text on one line and without characters that change how it is shown, so that a file name or a
/// message cannot write to the terminal as it likes, or look like another one.
pub fn tame(text: &str) -> String {
    let mut tame = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unseen(c) { tame.extend(c.escape_default()) } else { tame.push(c) }
    }
    tame
}

/// Whether a character is not seen itself, but moves, turns round or hides others: controls, line and
/// paragraph separators, and all format characters (general categories Cc, Zl, Zp and Cf of Unicode 16),
/// among them those that change the direction of writing.
pub(super) fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}'
            | '\u{e0020}'..='\u{e007f}')
}

/// As [`tame`], but lines stay lines.
pub fn tame_lines(text: &str) -> String {
    text.lines().map(tame).collect::<Vec<_>>().join("\n")
}

/// A path, as [`tame`].
pub fn path(path: &Path) -> String {
    tame(&path.display().to_string())
}

/// At most the first `most` characters of a text, with an ellipsis if there are more.
pub fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A text of at most `most` characters, with an ellipsis in its middle if there were more: of names
/// the end tells most.
pub fn shortened_inside(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let kept = most.saturating_sub(1);
    let first: String = text.chars().take(kept / 2).collect();
    let last: String = text.chars().skip(count - (kept - kept / 2)).collect();
    format!("{first}…{last}")
}

/// What follows the path of the file `name` at the beginning of a message about it.
pub fn after_path<'a>(message: &'a str, name: &str) -> &'a str {
    match message.split_once(": ") {
        Some((path, rest)) if path.ends_with(name) => rest,
        _ => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_of_a_text_is_a_command_to_the_terminal() {
        assert_eq!(tame("a\x1b[31m\nb\té"), "a\\u{1b}[31m\\nb\\té");
        assert_eq!(tame_lines("a\x1b\nb\r"), "a\\u{1b}\nb\\r");
        assert_eq!(path(Path::new("/a\nb")), "/a\\nb");
    }

    #[test]
    fn nothing_of_a_text_is_shown_in_another_order() {
        assert_eq!(tame("a\u{202e}2dlj.b"), "a\\u{202e}2dlj.b");
        assert_eq!(
            tame("\u{2066}x\u{2069}\u{200f}\u{2028}\u{feff}"),
            "\\u{2066}x\\u{2069}\\u{200f}\\u{2028}\\u{feff}"
        );
        assert_eq!(tame("שלום ä 星 ✓"), "שלום ä 星 ✓");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!([shortened("äöü", 3), shortened("äöü", 2)], ["äöü", "äö…"]);
        assert_eq!(shortened("", 0), "");
        assert_eq!(shortened_inside("output_00100.jld2", 11), "outpu….jld2");
        assert_eq!(shortened_inside("äöü", 3), "äöü");
    }

    #[test]
    fn what_a_message_says_of_a_file() {
        assert_eq!(after_path("/in/a.jld2: torn: at 5", "a.jld2"), "torn: at 5");
        assert_eq!(after_path("worker died: SIGBUS", "a.jld2"), "worker died: SIGBUS");
    }

    proptest! {
        #[test]
        fn tame_texts_are_one_line(text: String) {
            prop_assert!(!tame(&text).chars().any(is_unseen));
        }
    }
}
