//! Quotes texts so that bash reads them as what they are.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

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

/// A path as a command line has it: quoted where a shell would read something else in it.
pub fn shell_path(path: &Path) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%=:,".contains(c);
    match path.to_str() {
        Some(text) if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) => {
            text.to_owned()
        }
        // What begins with a dash would be read as an option.
        Some(text) if text.starts_with('-') => quote(OsStr::new(&format!("./{text}"))),
        _ => quote(path.as_os_str()),
    }
}
