//! Tests where undo files lie: long names, directories that archives share, names of earlier
//! versions, and undo files that are not what they seem.

use super::record::{Found, encode_mark};
use super::tests::Case;
use super::*;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

/// A case whose file has another name.
fn named(name: &str) -> Case {
    let mut case = Case::new();
    let path = case.dir.path().join(name);
    fs::rename(&case.path, &path).unwrap();
    case.path = path;
    case
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn assert_old(case: &Case) {
    assert!(fs::read(&case.path).unwrap() == case.old);
}

#[test]
fn names_may_be_as_long_as_the_file_system_allows() {
    for name in ["x".repeat(237), "x".repeat(238), "x".repeat(255), "ä€".repeat(51)] {
        let case = named(&name);
        case.apply().unwrap();
        assert_eq!(names(case.dir.path()).len(), 2, "{name}");
        let change = change_of(&case.path, &case.options).unwrap().unwrap();
        assert_eq!((change.state, change.path), (ChangeState::Complete, case.path.clone()));
        assert_eq!(undoable(case.dir.path(), &case.options).unwrap(), vec![case.path.clone()]);
        undo(&case.path, &case.options).unwrap();
        assert_old(&case);
        assert_eq!(names(case.dir.path()), [name]);
    }
}

#[test]
fn another_files_undo_file_under_a_long_name_is_refused() {
    let (case, other) = (named(&"x".repeat(255)), named(&format!("{}y", "x".repeat(254))));
    case.apply().unwrap();
    let change = change_of(&case.path, &case.options).unwrap().unwrap();
    let theirs = names::beside(other.path.file_name().unwrap());
    fs::copy(&change.undo, other.dir.path().join(theirs)).unwrap();
    let error = undo(&other.path, &other.options).unwrap_err();
    assert!(
        matches!(&error, InPlaceError::Foreign { owner, .. } if owner.ends_with(case.path.file_name().unwrap()))
    );
    assert_old(&other);
}

#[test]
fn archives_share_a_backup_directory() {
    let backup = tempfile::tempdir().unwrap();
    let mut cases = [Case::new(), Case::new(), named(&"y".repeat(250))];
    for case in &mut cases {
        case.options.backup_dir = Some(backup.path().to_owned());
        case.apply().unwrap();
        assert_eq!(names(case.dir.path()).len(), 1);
    }
    assert_eq!(names(backup.path()).len(), 3);
    for case in &cases {
        assert_eq!(undoable(case.dir.path(), &case.options).unwrap(), vec![case.path.clone()]);
    }
    // One is taken back, one made final, the third stays.
    undo(&cases[1].path, &cases[1].options).unwrap();
    assert_old(&cases[1]);
    commit(&cases[0].path, &cases[0].options, &mut |_| Ok(())).unwrap();
    assert!(fs::read(&cases[0].path).unwrap() == cases[0].new);
    assert_eq!(names(backup.path()).len(), 1);
    // A backup directory that is the file's own is none.
    let case = &mut cases[1];
    case.options.backup_dir = Some(case.dir.path().to_owned());
    case.apply().unwrap();
    assert!(case.dir.path().join("a.jld2.jldconv-undo").is_file());
    undo(&case.path, &InPlace::default()).unwrap();
    assert_old(case);
}

#[test]
fn an_archive_may_move_away_from_its_backup_directory() {
    let (backup, top) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut case = Case::new();
    case.options.backup_dir = Some(backup.path().to_owned());
    case.apply().unwrap();
    let moved = top.path().join("moved");
    fs::rename(case.dir.path(), &moved).unwrap();
    case.path = moved.join("a.jld2");
    assert_eq!(undoable(&moved, &case.options).unwrap(), vec![case.path.clone()]);
    // Another archive with the same names, in the place where the first was.
    let twin = Case::new();
    let twin_options = case.options.clone();
    assert_eq!(undoable(twin.dir.path(), &twin_options).unwrap(), Vec::<PathBuf>::new());
    undo(&case.path, &case.options).unwrap();
    assert_old(&case);
    fs::create_dir(case.dir.path()).unwrap();
}

#[test]
fn what_others_have_in_a_backup_directory_is_no_obstacle() {
    let backup = tempfile::tempdir().unwrap();
    let mut case = Case::new();
    case.options.backup_dir = Some(backup.path().to_owned());
    // An undo file of an earlier version that is not ours and cannot be read, a link, a directory.
    let plain = backup.path().join("a.jld2.jldconv-undo");
    for obstacle in ["secret", "link", "directory", "locked"] {
        let mut held = None;
        match obstacle {
            "secret" => {
                fs::write(&plain, "secret").unwrap();
                fs::set_permissions(&plain, fs::Permissions::from_mode(0o000)).unwrap();
            }
            "link" => symlink("nowhere", &plain).unwrap(),
            "directory" => fs::create_dir(&plain).unwrap(),
            _ => {
                let other = Case::new();
                other.apply().unwrap();
                fs::copy(other.dir.path().join("a.jld2.jldconv-undo"), &plain).unwrap();
                let file = File::open(&plain).unwrap();
                rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
                held = Some(file);
            }
        }
        case.apply().unwrap();
        assert_eq!(undoable(case.dir.path(), &case.options).unwrap(), vec![case.path.clone()]);
        undo(&case.path, &case.options).unwrap();
        assert_old(&case);
        assert_eq!(recover(&case.path, &case.options).unwrap(), Recovered::Untouched);
        drop(held);
        fs::remove_file(&plain).or_else(|_| fs::remove_dir(&plain)).unwrap();
    }
}

#[test]
fn undo_files_of_earlier_versions_are_found() {
    let backup = tempfile::tempdir().unwrap();
    let mut case = Case::new();
    case.apply().unwrap();
    let plain = backup.path().join("a.jld2.jldconv-undo");
    let beside = case.dir.path().join("a.jld2.jldconv-undo");
    let found = Found::read(&File::open(&beside).unwrap()).unwrap().unwrap();
    let bytes = [found.record.encode_version_1(), encode_mark(found.progress)].concat();
    // Beside its file it is known by its name.
    fs::write(&beside, &bytes).unwrap();
    undo(&case.path, &case.options).unwrap();
    assert_old(&case);
    case.apply().unwrap();
    fs::remove_file(&beside).unwrap();
    fs::write(&plain, &bytes).unwrap();
    case.options.backup_dir = Some(backup.path().to_owned());
    // Another archive with a file of this name knows that it is not its own.
    let mut other = Case::new();
    other.options = case.options.clone();
    assert_eq!(recover(&other.path, &other.options).unwrap(), Recovered::Untouched);
    other.apply().unwrap();
    assert_eq!(undoable(case.dir.path(), &case.options).unwrap(), vec![case.path.clone()]);
    undo(&case.path, &case.options).unwrap();
    assert_old(&case);
    assert!(!plain.exists());
    undo(&other.path, &other.options).unwrap();
    assert_old(&other);
}

#[test]
fn a_file_that_is_gone_is_told() {
    let case = Case::new();
    case.apply().unwrap();
    fs::remove_file(&case.path).unwrap();
    assert_eq!(undoable(case.dir.path(), &case.options).unwrap(), vec![case.path.clone()]);
    let error = undo(&case.path, &case.options).unwrap_err();
    assert!(matches!(error, InPlaceError::Gone { .. }), "{error}");
    let error = commit(&case.path, &case.options, &mut |_| Ok(())).unwrap_err();
    assert!(matches!(error, InPlaceError::Gone { .. }), "{error}");
}

#[test]
fn links_are_no_undo_files() {
    let case = Case::new();
    case.apply().unwrap();
    let beside = case.dir.path().join("a.jld2.jldconv-undo");
    let elsewhere = case.dir.path().join("elsewhere");
    fs::rename(&beside, &elsewhere).unwrap();
    symlink(&elsewhere, &beside).unwrap();
    for error in [
        undo(&case.path, &case.options),
        recover(&case.path, &case.options).map(|_| ()),
        change_of(&case.path, &case.options).map(|_| ()),
    ] {
        assert!(matches!(error, Err(InPlaceError::Dir(_))), "{error:?}");
    }
    assert!(fs::read(&case.path).unwrap() == case.new);
}

#[test]
fn nobody_reads_an_undo_file_who_may_not_read_the_file() {
    for mode in [0o600, 0o640, 0o644] {
        let case = Case::new();
        fs::set_permissions(&case.path, fs::Permissions::from_mode(mode)).unwrap();
        case.apply().unwrap();
        let undo = fs::metadata(case.dir.path().join("a.jld2.jldconv-undo")).unwrap();
        assert_eq!(undo.mode() & 0o7777, mode);
    }
}

#[test]
fn an_undo_file_of_somebody_who_may_not_write_the_file_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return; // only root can make one
    }
    let case = Case::new();
    fs::set_permissions(&case.path, fs::Permissions::from_mode(0o644)).unwrap();
    case.apply().unwrap();
    let path = case.dir.path().join("a.jld2.jldconv-undo");
    std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
    let error = undo(&case.path, &case.options).unwrap_err();
    assert!(matches!(error, InPlaceError::Planted { maker: 65534, .. }), "{error}");
    assert!(fs::read(&case.path).unwrap() == case.new);
    // Whoever may write the file may have been asked to convert it.
    fs::set_permissions(&case.path, fs::Permissions::from_mode(0o666)).unwrap();
    undo(&case.path, &case.options).unwrap();
}

#[test]
fn who_is_at_work_is_not_disturbed() {
    let case = Case::new();
    let mut seen = Vec::new();
    apply(&case.path, &case.planned, &case.edits, &case.options, &mut |_| {
        seen.push(change_of(&case.path, &case.options).unwrap().unwrap().state);
        assert!(matches!(
            recover(&case.path, &case.options),
            Err(InPlaceError::Busy { .. } | InPlaceError::Locked { .. })
        ));
        assert!(matches!(undo(&case.path, &case.options), Err(InPlaceError::Busy { .. })));
        Ok(())
    })
    .unwrap();
    assert_eq!(seen, [ChangeState::UnderWay]);
    assert!(fs::read(&case.path).unwrap() == case.new);
    // Whoever looks at it holds nobody up.
    let undo_file = File::open(case.dir.path().join("a.jld2.jldconv-undo")).unwrap();
    rustix::fs::flock(&undo_file, rustix::fs::FlockOperation::LockShared).unwrap();
    let free = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(30));
        drop(undo_file);
    });
    undo(&case.path, &case.options).unwrap();
    free.join().unwrap();
    assert_old(&case);
}
