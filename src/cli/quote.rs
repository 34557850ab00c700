//! Quotes texts so that bash reads them as what they are.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;

/// Quotes a text for bash, on one line and without control characters, so that neither bash nor
/// `sbatch` (which refuses some) sees anything in it but text.
pub fn quote(text: &OsStr) -> String {
    match text.to_str() {
        Some(text) if !text.chars().any(char::is_control) => {
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;
    use std::process::{Command, Output, Stdio};

    /// Gives `script` to a bash with `args` on its standard input.
    pub(in crate::cli) fn bash(script: &str, args: &[&str]) -> Output {
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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn bash_reads_what_was_quoted(bytes in prop::collection::vec(1_u8.., 0..60)) {
            let quoted = quote(OsStr::from_bytes(&bytes));
            prop_assert!(!quoted.chars().any(char::is_control));
            let read = bash(&format!("printf %s {quoted}"), &[]);
            prop_assert_eq!(read.stdout, bytes);
        }
    }
}
