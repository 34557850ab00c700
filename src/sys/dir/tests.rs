//! Tests of directories held open.

use super::*;
use std::os::unix::fs::symlink;

fn fresh() -> (tempfile::TempDir, Dir) {
    let temp = tempfile::tempdir().unwrap();
    let dir = Dir::open(temp.path()).unwrap();
    (temp, dir)
}

#[test]
fn names_cannot_lead_out() {
    let (_temp, dir) = fresh();
    for name in ["", ".", "..", "../x", "/etc/passwd", "a/b"] {
        let name = OsStr::new(name);
        assert!(matches!(dir.create(name, Step::Create), Err(DirError::Escapes { .. })));
        assert!(matches!(dir.remove(name), Err(DirError::Escapes { .. })));
    }
    for path in ["..", "a/../..", "/tmp"] {
        let error = dir.below(Path::new(path), Missing::Create);
        assert!(error.is_err(), "{path}");
    }
}

#[test]
fn links_are_not_followed() {
    let (temp, dir) = fresh();
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), temp.path().join("link")).unwrap();
    symlink(elsewhere.path().join("file"), temp.path().join("dangling")).unwrap();
    for missing in [Missing::Fail, Missing::Create] {
        let error = dir.below(Path::new("link/sub"), missing);
        assert!(matches!(error, Err(DirError::Link { .. })), "{error:?}");
    }
    let name = OsStr::new("dangling");
    assert!(matches!(dir.create(name, Step::Create), Err(DirError::Exists { .. })));
    assert!(matches!(dir.open_file(name, true), Err(DirError::Link { .. })));
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn only_regular_files_open() {
    let (temp, dir) = fresh();
    std::fs::create_dir(temp.path().join("d")).unwrap();
    rustix::fs::mknodat(&dir.fd, "pipe", FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    for name in ["d", "pipe"] {
        for write in [false, true] {
            let error = dir.open_file(OsStr::new(name), write);
            assert!(matches!(error, Err(DirError::NotAFile { .. })), "{name}: {error:?}");
        }
    }
}

#[test]
fn rename_new_spares_what_is_there() {
    let (temp, dir) = fresh();
    let sub = dir.below(Path::new("a/b"), Missing::Create).unwrap();
    for by_link in [false, true] {
        std::fs::write(temp.path().join("old"), b"old").unwrap();
        std::fs::write(sub.path().join("new"), b"new").unwrap();
        let (old, new) = (OsStr::new("old"), OsStr::new("new"));
        let go = |dir: &Dir, sub: &Dir| {
            if by_link {
                dir.rename_new_by_link(old, sub, new)
            } else {
                dir.rename_new(old, sub, new)
            }
        };
        assert!(matches!(go(&dir, &sub), Err(DirError::Exists { .. })));
        assert_eq!(std::fs::read(sub.path().join("new")).unwrap(), b"new");
        sub.remove(new).unwrap();
        go(&dir, &sub).unwrap();
        assert_eq!(std::fs::read(sub.path().join("new")).unwrap(), b"old");
        assert_eq!(dir.entry(old).unwrap(), None);
    }
}

#[test]
fn two_files_change_places() {
    let (temp, dir) = fresh();
    let sub = dir.below(Path::new("a"), Missing::Create).unwrap();
    let (old, new) = (OsStr::new("old"), OsStr::new("new"));
    std::fs::write(temp.path().join("old"), b"old").unwrap();
    assert!(dir.exchange(old, &sub, new).is_err(), "there is nothing to change places with");
    std::fs::write(sub.path().join("new"), b"new").unwrap();
    if dir.exchange(old, &sub, new).unwrap() {
        assert_eq!(std::fs::read(temp.path().join("old")).unwrap(), b"new");
        assert_eq!(std::fs::read(sub.path().join("new")).unwrap(), b"old");
    }
}

#[test]
fn names_are_listed_sorted() {
    let (_temp, dir) = fresh();
    for name in ["b", "a", "c"] {
        dir.create(OsStr::new(name), Step::Create).unwrap();
    }
    assert_eq!(dir.names().unwrap(), ["a", "b", "c"]);
    assert_eq!(dir.names().unwrap().len(), 3, "a second listing starts anew");
}
