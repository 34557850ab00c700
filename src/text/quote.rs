//! Quotes texts so that bash reads them as what they are.

use super::tame::is_unseen;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What no shell sees anything in, beside letters and digits.
const PLAIN: &str = "/._-+@%=:,";

/// Quotes a text for bash, on one line and without control and format characters, so that neither
/// bash nor `sbatch` (which refuses some) sees anything in it but text, and a reader sees all of it.
pub fn quote(text: &OsStr) -> String {
    match text.to_str() {
        Some(text) if !text.chars().any(is_unseen) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => {
            let mut quoted = String::from("$'");
            for &byte in text.as_bytes() {
                match byte {
                    b'\'' | b'\\' => quoted.extend(['\\', char::from(byte)]),
                    b' '..=b'~' => quoted.push(char::from(byte)),
                    _ => {
                        let _ = write!(quoted, "\\x{byte:02x}");
                    }
                }
            }
            quoted.push('\'');
            quoted
        }
    }
}

/// One word of a command line: as it is where a shell sees nothing else in it, else in quotes, on
/// one line and without control characters.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || PLAIN.contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    quote(OsStr::new(text))
}

/// A path as a command line has it: quoted where a shell would read something else in it.
pub fn shell_path(path: &Path) -> String {
    let plain = |c: char| c.is_alphanumeric() || PLAIN.contains(c);
    match path.to_str() {
        Some(text) if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) => {
            text.to_owned()
        }
        // What begins with a dash would be read as an option.
        Some(text) if text.starts_with('-') => quote(OsStr::new(&format!("./{text}"))),
        _ => quote(path.as_os_str()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;
    use std::process::{Command, Output, Stdio};

    /// Gives `script` to a bash with `args` on its standard input.
    pub(crate) fn bash(script: &str, args: &[&str]) -> Output {
        let mut bash = Command::new("bash")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        bash.wait_with_output().unwrap()
    }

    #[test]
    fn a_shell_reads_what_was_meant() {
        for text in
            ["--workers=3", "it's $HOME", "", "a\nb\u{1b}[2J\\'", "a\u{202e}é", "*", "ä b", "~/x"]
        {
            let line = format!("printf %s {}", shell_word(text));
            let read = bash(&line, &[]);
            assert_eq!(String::from_utf8(read.stdout).unwrap(), text);
        }
        assert_eq!(shell_word("/data/new"), "/data/new");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn bash_reads_what_was_quoted(bytes in prop::collection::vec(1_u8.., 0..60)) {
            let quoted = quote(OsStr::from_bytes(&bytes));
            prop_assert!(!quoted.chars().any(is_unseen));
            let read = bash(&format!("printf %s {quoted}"), &[]);
            prop_assert_eq!(read.stdout, bytes);
        }
    }
}
