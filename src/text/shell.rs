//! Writes command lines as a shell reads them.

use super::quote::quote;
use std::ffi::OsStr;

/// One word of a command line: as it is where a shell sees nothing else in it, else in quotes, on
/// one line and without control characters.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+:,./@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    quote(OsStr::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_what_was_meant() {
        for text in ["--workers=3", "it's $HOME", "", "a\nb\u{1b}[2J\\'", "*", "ä b", "~/x"] {
            let line = format!("printf %s {}", shell_word(text));
            let read = std::process::Command::new("bash").args(["-c", &line]).output();
            assert_eq!(String::from_utf8(read.unwrap().stdout).unwrap(), text);
        }
        assert_eq!(shell_word("/data/new"), "/data/new");
    }
}
