//! Tests of publishing.

use super::*;
use crate::convert::{Failure, FailureKind};
use crate::sys::dir::Missing;
use crate::sys::file::write_at;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;

struct Fixture {
    _temp: tempfile::TempDir,
    root: PathBuf,
    temps: Dir,
    input: File,
}

impl Fixture {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().to_owned();
        fs::create_dir(root.join("tmp")).unwrap();
        fs::write(root.join("input"), b"input").unwrap();
        let input = File::open(root.join("input")).unwrap();
        Self { temps: Dir::open(&root.join("tmp")).unwrap(), input, root, _temp: temp }
    }

    fn sealed(&self) -> Sealed<'_> {
        let temp = TempFile::create(&self.temps, OsStr::new("t")).unwrap();
        write_at(temp.file(), b"output", 0, Step::Copy).unwrap();
        temp.seal(&Origin::of(&self.input).unwrap()).unwrap()
    }

    fn publish(&self, output: &str, existing: &Existing) -> Result<StatData, PublishError> {
        let to = Destination::open(&self.root.join(output))?;
        let input = Identity::of(&self.input).unwrap();
        let result = self.sealed().publish(&to, &input, existing);
        assert_eq!(self.temps.names().unwrap(), [""; 0], "no temporary file is left");
        result
    }

    fn replace(&self, output: &str) -> Existing {
        let (stat, _) = StatData::entry(&self.root.join(output)).unwrap().unwrap();
        Existing::Replace(stat)
    }

    fn set_aside(&self, output: &str) -> Existing {
        let (what, _) = StatData::entry(&self.root.join(output)).unwrap().unwrap();
        Existing::SetAside { what, dir: self.root.join("kept") }
    }
}

#[test]
fn an_output_gets_its_name_and_the_inputs_metadata() {
    let place = Fixture::new();
    let stat = place.publish("out", &Existing::Keep).unwrap();
    assert_eq!(StatData::at(&place.root.join("out")).unwrap(), stat, "as it stays");
    assert_eq!(fs::read(place.root.join("out")).unwrap(), b"output");
    let (out, input) =
        (fs::metadata(place.root.join("out")).unwrap(), place.input.metadata().unwrap());
    assert_eq!(out.permissions(), input.permissions());
    assert_eq!(out.modified().unwrap(), input.modified().unwrap());
}

#[test]
fn what_exists_is_kept_or_replaced_as_asked() {
    let place = Fixture::new();
    fs::write(place.root.join("out"), b"before").unwrap();
    let error = place.publish("out", &Existing::Keep);
    assert!(matches!(error, Err(PublishError::Dir(DirError::Exists { .. }))));
    assert_eq!(fs::read(place.root.join("out")).unwrap(), b"before");
    let stat = place.publish("out", &place.replace("out")).unwrap();
    assert_eq!(StatData::at(&place.root.join("out")).unwrap(), stat);
    assert_eq!(fs::read(place.root.join("out")).unwrap(), b"output");
    // What may be replaced may also have vanished.
    let gone = place.replace("out");
    fs::remove_file(place.root.join("out")).unwrap();
    place.publish("out", &gone).unwrap();
    assert_eq!(fs::read(place.root.join("out")).unwrap(), b"output");
}

#[test]
fn only_the_very_file_that_was_named_is_replaced() {
    let place = Fixture::new();
    let out = place.root.join("out");
    fs::write(&out, b"ours").unwrap();
    for existing in [place.replace("out"), place.set_aside("out")] {
        fs::remove_file(&out).unwrap();
        fs::write(&out, b"theirs").unwrap();
        let error = place.publish("out", &existing);
        assert!(matches!(error, Err(PublishError::Changed { .. })), "{error:?}");
        assert_eq!(fs::read(&out).unwrap(), b"theirs");
        assert_eq!(Failure::from(error.unwrap_err()).fault, FailureKind::Conflict);
    }
    // As if somebody came between the look and the renames.
    let what = StatData { mtime_ns: 0, ..StatData::at(&out).unwrap() };
    let to = Destination::open(&out).unwrap();
    let error = place.sealed().replace(&to, &what);
    assert!(matches!(error, Err(PublishError::Changed { .. })), "{error:?}");
    let error = to.set_aside(&what, &place.root.join("kept"));
    assert!(matches!(error, Err(PublishError::Changed { .. })), "{error:?}");
    assert_eq!(fs::read(&out).unwrap(), b"theirs");
    assert_eq!(place.temps.names().unwrap(), [""; 0]);
}

#[test]
fn what_is_set_aside_is_kept_whatever_it_is() {
    let place = Fixture::new();
    symlink("nowhere", place.root.join("link")).unwrap();
    fs::create_dir(place.root.join("dir")).unwrap();
    fs::write(place.root.join("dir/file"), b"in it").unwrap();
    for (name, number) in [("link", ""), ("dir", "")] {
        place.publish(name, &place.set_aside(name)).unwrap();
        assert_eq!(fs::read(place.root.join(name)).unwrap(), b"output");
        assert!(place.root.join(format!("kept/{name}{number}")).symlink_metadata().is_ok());
    }
    assert_eq!(fs::read(place.root.join("kept/dir/file")).unwrap(), b"in it");
    for (text, name) in [("one", "kept/out"), ("two", "kept/out.1"), ("three", "kept/out.2")] {
        fs::write(place.root.join("out"), text).unwrap();
        place.publish("out", &place.set_aside("out")).unwrap();
        assert_eq!(fs::read_to_string(place.root.join(name)).unwrap(), text);
        assert_eq!(fs::read(place.root.join("out")).unwrap(), b"output");
    }
}

#[test]
fn a_second_name_of_the_input_is_published_as_any_output() {
    let place = Fixture::new();
    let path = place.root.join("input");
    for existing in [false, true] {
        let existing = if existing { place.replace("out") } else { Existing::Keep };
        let name = OsStr::new("t");
        let sealed = Sealed::link(&place.temps, name, &path, &place.input).unwrap();
        let to = Destination::open(&place.root.join("out")).unwrap();
        let input = Identity::of(&place.input).unwrap();
        let stat = sealed.publish(&to, &input, &existing).unwrap();
        assert_eq!(StatData::at(&place.root.join("out")).unwrap(), stat);
        assert_eq!(stat.ino, input.ino);
        assert_eq!(place.temps.names().unwrap(), [""; 0]);
    }
    fs::write(place.root.join("other"), b"other").unwrap();
    let other = place.root.join("other");
    let error = Sealed::link(&place.temps, OsStr::new("t"), &other, &place.input);
    assert!(matches!(error, Err(PublishError::Dir(DirError::Swapped { .. }))));
    drop(error);
    assert_eq!(place.temps.names().unwrap(), [""; 0]);
}

#[test]
fn the_input_links_and_directories_are_never_replaced() {
    let place = Fixture::new();
    fs::hard_link(place.root.join("input"), place.root.join("same")).unwrap();
    symlink(place.root.join("input"), place.root.join("link")).unwrap();
    fs::create_dir(place.root.join("dir")).unwrap();
    for name in ["input", "same"] {
        let error = place.publish(name, &Existing::Keep);
        assert!(matches!(error, Err(PublishError::IsInput { .. })), "{name}: {error:?}");
    }
    for name in ["link", "dir"] {
        let error = place.publish(name, &place.replace(name));
        assert!(matches!(error, Err(PublishError::NotReplaceable { .. })), "{name}");
        assert!(Existing::now_at(&place.root.join(name)).is_err());
    }
    assert_eq!(fs::read(place.root.join("input")).unwrap(), b"input");
    let error = Destination::open(&place.root.join("dir/..")).unwrap_err();
    assert!(matches!(error, PublishError::NoName { .. }));
}

#[test]
fn links_below_the_output_directory_are_refused() {
    let place = Fixture::new();
    symlink("/tmp", place.root.join("link")).unwrap();
    let root = Dir::open(&place.root).unwrap();
    let error = Destination::below(&root, Path::new("link/out"));
    assert!(matches!(error, Err(PublishError::Dir(DirError::Link { .. }))));
    let error = Destination::below(&root, Path::new("../out"));
    assert!(matches!(error, Err(PublishError::Dir(DirError::Escapes { .. }))));
    let to = Destination::below(&root, Path::new("new/sub/out")).unwrap();
    let input = Identity::of(&place.input).unwrap();
    place.sealed().publish(&to, &input, &Existing::Keep).unwrap();
    assert_eq!(fs::read(place.root.join("new/sub/out")).unwrap(), b"output");
}

#[test]
fn what_was_put_in_the_place_of_a_file_is_not_published() {
    let place = Fixture::new();
    fs::write(place.root.join("out"), b"before").unwrap();
    let to = Destination::open(&place.root.join("out")).unwrap();
    let input = Identity::of(&place.input).unwrap();
    let quarantine = Dir::open(&place.root).unwrap();
    for existing in [Some(place.replace("out")), Some(Existing::Keep), None] {
        let sealed = place.sealed();
        fs::rename(sealed.path(), place.root.join("moved")).unwrap();
        fs::write(sealed.path(), b"trap").unwrap();
        let path = sealed.path();
        let error = match existing {
            Some(Existing::Keep) => {
                fs::remove_file(place.root.join("out")).unwrap();
                sealed.publish(&to, &input, &Existing::Keep).unwrap_err()
            }
            Some(existing) => sealed.publish(&to, &input, &existing).unwrap_err(),
            None => sealed.quarantine(&quarantine, OsStr::new("bad")).unwrap_err(),
        };
        assert!(matches!(error, PublishError::Dir(DirError::Swapped { .. })), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"trap", "it is not ours to remove");
        fs::remove_file(path).unwrap();
        assert!(!place.root.join("bad").exists());
    }
    assert!(!place.root.join("out").exists());
}

#[test]
fn our_own_directory_is_ours_alone_and_no_link() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Fixture::new();
    let to = Destination::open(&place.root.join("out")).unwrap();
    let temps = place.root.join(".jldconv/tmp");
    assert!(to.own(&temps, Missing::Fail).is_err(), "it is not there");
    to.own(&temps, Missing::Create).unwrap();
    to.own(&temps, Missing::Fail).unwrap();
    fs::set_permissions(&temps, fs::Permissions::from_mode(0o777)).unwrap();
    let error = to.own(&temps, Missing::Fail).unwrap_err();
    assert!(matches!(error, PublishError::Dir(DirError::Shared { .. })), "{error}");
    fs::remove_dir(&temps).unwrap();
    symlink(place.root.join("tmp"), &temps).unwrap();
    let error = to.own(&temps, Missing::Create).unwrap_err();
    assert!(matches!(error, PublishError::Dir(DirError::Link { .. })), "{error}");
    // One that lies elsewhere is the user's own choice.
    let elsewhere = tempfile::tempdir().unwrap();
    to.own(&elsewhere.path().join("a/b"), Missing::Create).unwrap();
}

#[test]
fn dropped_files_are_removed_and_bad_ones_kept_on_request() {
    let place = Fixture::new();
    drop(TempFile::create(&place.temps, OsStr::new("t")).unwrap());
    drop(place.sealed());
    assert_eq!(place.temps.names().unwrap(), [""; 0]);
    let root = Dir::open(&place.root).unwrap();
    let dir = root.below(Path::new("quarantine"), Missing::Create).unwrap();
    let kept = place.sealed().quarantine(&dir, OsStr::new("bad")).unwrap();
    assert_eq!(fs::read(kept).unwrap(), b"output");
}

#[test]
fn a_full_disk_is_told_from_other_errors() {
    let failure = |code| {
        let source = io::Error::from_raw_os_error(code);
        Failure::from(PublishError::Io { what: "sync", path: PathBuf::from("x"), source })
    };
    assert_eq!(failure(libc::ENOSPC).fault, FailureKind::Full);
    assert_eq!(failure(libc::EDQUOT).fault, FailureKind::Full);
    assert_eq!(failure(libc::EIO).fault, FailureKind::Output);
}
