//! Quotes texts so that bash reads them as what they are.

pub use crate::text::quote;

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ffi::OsStr;
    use std::io::Write as _;
    use std::os::unix::ffi::OsStrExt;
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
