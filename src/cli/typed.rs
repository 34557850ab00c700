//! Reads paths as people type them at a question, and writes command lines as a shell takes them.

use super::raw_settings::Said;
use crate::text;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// A path as people type it or drag it in: between quotes, with backslashes, with `~` for their own
/// directory. One that is there as it was typed is meant so.
pub(super) fn as_path(typed: &OsStr) -> PathBuf {
    let plain = PathBuf::from(typed);
    if plain.symlink_metadata().is_ok() {
        return plain;
    }
    let bytes = typed.as_bytes();
    let inner = match bytes {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner.to_vec(),
        _ => {
            let mut inner = Vec::new();
            let mut escaped = false;
            for byte in bytes {
                if *byte == b'\\' && !escaped {
                    escaped = true;
                    continue;
                }
                escaped = false;
                inner.push(*byte);
            }
            inner
        }
    };
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    match (inner.strip_prefix(b"~"), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with(b"/") => {
            let rest = rest.strip_prefix(b"/").unwrap_or(rest);
            let home = PathBuf::from(home);
            if rest.is_empty() { home } else { home.join(OsStr::from_bytes(rest)) }
        }
        _ => PathBuf::from(OsString::from_vec(inner)),
    }
}

/// The command line that says the same, as a shell takes it.
pub(super) fn command_line(said: &Said) -> String {
    let words = said.args();
    let at = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let (flags, paths) = words.split_at(at);
    let paths = paths.iter().skip(1).map(|path| text::shell_path(Path::new(path)));
    let flags = flags.iter().map(|flag| {
        let plain = flag.to_str().and_then(|it| it.strip_prefix("--")?.split_once('='));
        match plain {
            // What begins with a dash is no path here.
            Some((key, value)) if value.starts_with('-') => {
                format!("--{key}={}", text::quote(OsStr::new(value)))
            }
            Some((key, value)) => format!("--{key}={}", text::shell_path(Path::new(value))),
            None => text::quote(flag),
        }
    });
    let words = std::iter::once("jldconv-supervisor".to_owned()).chain(paths).chain(flags);
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_people_type_them() {
        let home = PathBuf::from(std::env::var_os("HOME").unwrap());
        let of = |typed: &str| as_path(OsStr::new(typed));
        assert_eq!(of("~"), home);
        assert_eq!(of("~/no such dir"), home.join("no such dir"));
        assert_eq!(of("'~/no such dir'"), home.join("no such dir"));
        assert_eq!(of("\"/no/such dir\""), Path::new("/no/such dir"));
        assert_eq!(of(r"/no/such\ dir"), Path::new("/no/such dir"));
        assert_eq!(of("~user/x"), Path::new("~user/x"));
    }
}
