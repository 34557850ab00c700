//! Prepares texts from elsewhere (names, messages) for being shown: on one line, of some length.

use std::path::Path;

/// A text on one line and without control characters, so that a file name or a message cannot
/// write to the terminal as it likes.
pub fn tame(text: &str) -> String {
    let mut tame = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { tame.extend(c.escape_default()) } else { tame.push(c) }
    }
    tame
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
            prop_assert!(!tame(&text).chars().any(char::is_control));
        }
    }
}
