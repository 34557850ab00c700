//! Makes and reads the names of undo files.
//!
//! Beside its file an undo file is called `<name>.jldconv-undo`. Where that would be longer than a
//! file name may be, and in a backup directory, which several archives may share, the name is
//! `<name>~<16 hex digits>.jldconv-undo`, `<name>` cut to what fits, with the xxh3-64 digest of the
//! file's whole name or, in a backup directory, of its whole path. The record in the undo file says
//! whose it is, so that an equal digest does no harm.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

/// What the name of an undo file ends in.
pub const UNDO_SUFFIX: &str = ".jldconv-undo";
/// What is added while it is not complete.
const PART: &str = ".part";
/// Longest name in bytes that Linux's file systems allow.
const NAME_MAX: usize = 255;
/// Bytes of a tilde and a digest in hex.
const MARK: usize = 1 + 16;

/// Whether the simple name is not too long.
pub(super) fn fits(name: &OsStr) -> bool {
    name.len() + UNDO_SUFFIX.len() + PART.len() <= NAME_MAX
}

/// The name of the undo file of `name` that lies beside it.
pub(super) fn beside(name: &OsStr) -> OsString {
    if fits(name) { plain(name) } else { marked(name, xxh3_64(name.as_bytes())) }
}

/// The name, in a backup directory, of the undo file of `name` in the directory whose real path is
/// `dir`.
pub(super) fn apart(dir: &Path, name: &OsStr) -> OsString {
    marked(name, xxh3_64(dir.join(name).as_os_str().as_bytes()))
}

/// The simple name, which earlier versions used in backup directories, too.
pub(super) fn plain(name: &OsStr) -> OsString {
    with(name.to_owned(), UNDO_SUFFIX)
}

/// The name of an undo file that is not complete yet.
pub(super) fn part_of(undo: &OsStr) -> OsString {
    with(undo.to_owned(), PART)
}

/// The name that an undo file was to get which is not complete yet; none if it is not one.
pub(super) fn whole_of(part: &OsStr) -> Option<OsString> {
    let name = part.as_bytes().strip_suffix(PART.as_bytes())?;
    Some(OsStr::from_bytes(name).to_owned())
}

/// The name of the file whose undo file has the plain name `undo`; none if it is not an undo file's.
pub(super) fn owner_of(undo: &OsStr) -> Option<OsString> {
    let name = undo.as_bytes().strip_suffix(UNDO_SUFFIX.as_bytes())?;
    (!name.is_empty()).then(|| OsStr::from_bytes(name).to_owned())
}

/// A name without the tilde and the digest at its end, if it has them.
pub(super) fn without_digest(stem: &OsStr) -> Option<OsString> {
    let (name, digest) = stem.as_bytes().split_at_checked(stem.len().checked_sub(MARK)?)?;
    let [b'~', hex @ ..] = digest else { return None };
    let named = !name.is_empty() && hex.iter().all(u8::is_ascii_hexdigit);
    named.then(|| OsStr::from_bytes(name).to_owned())
}

/// Whether `undo` can be a name with a digest of an undo file of `name`.
pub(super) fn may_belong(undo: &OsStr, name: &OsStr) -> bool {
    owner_of(undo).and_then(|stem| without_digest(&stem)).is_some_and(|stem| stem == cut(name))
}

fn with(mut name: OsString, suffix: &str) -> OsString {
    name.push(suffix);
    name
}

fn marked(name: &OsStr, digest: u64) -> OsString {
    with(cut(name), &format!("~{digest:016x}{UNDO_SUFFIX}"))
}

/// The beginning of a name, as long as it may be; no character of UTF-8 is cut in two.
fn cut(name: &OsStr) -> OsString {
    let bytes = name.as_bytes();
    let mut end = bytes.len().min(NAME_MAX - MARK - UNDO_SUFFIX.len() - PART.len());
    while end > 0 && bytes.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
        end -= 1;
    }
    OsString::from_vec(bytes.get(..end).unwrap_or_default().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_plain_beside_their_file() {
        assert_eq!(beside(OsStr::new("a.jld2")), "a.jld2.jldconv-undo");
        assert_eq!(owner_of(OsStr::new("a.jld2.jldconv-undo")).unwrap(), "a.jld2");
        assert_eq!(owner_of(OsStr::new(".jldconv-undo")), None);
    }

    #[test]
    fn no_name_is_too_long_and_no_two_are_the_same() {
        for unit in ["x", "ä", "€", "🦀"] {
            let mut seen = std::collections::BTreeSet::new();
            for count in 1..=NAME_MAX / unit.len() {
                let name = OsString::from(unit.repeat(count));
                for undo in [
                    beside(&name),
                    apart(Path::new("/archive/a"), &name),
                    apart(Path::new("/archive/b"), &name),
                ] {
                    assert!(part_of(&undo).len() <= NAME_MAX, "{undo:?}");
                    assert!(undo.to_str().is_some(), "{undo:?} is UTF-8 still");
                    assert!(undo == plain(&name) || may_belong(&undo, &name), "{undo:?}");
                    assert!(!may_belong(&undo, OsStr::new("b.jld2")), "{undo:?}");
                    assert!(seen.insert(undo), "{name:?}");
                }
            }
        }
    }

    #[test]
    fn names_that_are_no_text_are_cut_anywhere() {
        for byte in [0xff, 0x80] {
            let name = OsString::from_vec(vec![byte; NAME_MAX]);
            assert!(part_of(&beside(&name)).len() <= NAME_MAX);
        }
    }
}
