//! One change in place and its way back, and all that is refused.

use super::*;
use crate::convert::{Failure, FailureKind};
use crate::migrate::edit::{EditBuilder, EditList};
use crate::sys::file::{FileTime, Identity};
use crate::sys::origin::set_times;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};

/// A file of 20,000 bytes with junk at the end, and edits of it in three stages.
pub(super) struct Case {
    pub(super) dir: tempfile::TempDir,
    pub(super) path: PathBuf,
    pub(super) old: Vec<u8>,
    pub(super) new: Vec<u8>,
    pub(super) edits: EditList,
    pub(super) planned: Identity,
    pub(super) options: InPlace,
}

impl Case {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jld2");
        let old: Vec<u8> = (0..20_000_u32).map(|i| u8::try_from(i * 7 % 251).unwrap()).collect();
        fs::write(&path, &old).unwrap();
        let time = FileTime { seconds: 1_600_000_000, nanos: 987_654_321 };
        set_times(&File::options().write(true).open(&path).unwrap(), Some(time), time).unwrap();
        let mut edits = EditBuilder::with_junk(20_000, 19_990);
        edits.append(&[0xaa; 3000]);
        let mut new = old[..19_990].to_vec();
        for (offset, len, stage) in [(12, 8, 0), (500, 40, 1), (9000, 700, 1), (19_980, 10, 2)] {
            let before = old[offset..offset + len].to_vec();
            let after: Vec<u8> = before.iter().map(|b| !b).collect();
            new[offset..offset + len].copy_from_slice(&after);
            edits.replace(offset as u64, before, after, stage, "a test");
        }
        new.extend([0xaa; 3000]);
        let planned = Identity::from_metadata(&fs::metadata(&path).unwrap());
        let edits = edits.finish().unwrap();
        Self { dir, path, old, new, edits, planned, options: InPlace::default() }
    }

    pub(super) fn apply(&self) -> Result<(), InPlaceError> {
        apply(&self.path, &self.planned, &self.edits, &self.options, &mut |_| Ok(()))
    }

    fn undo(&self) -> Result<(), InPlaceError> {
        undo(&self.path, &self.options)
    }

    fn assert_old(&self) {
        assert!(fs::read(&self.path).unwrap() == self.old);
        let now = Identity::from_metadata(&fs::metadata(&self.path).unwrap());
        assert_eq!(now, self.planned, "the modification time comes back, too");
        assert_eq!(fs::read_dir(self.dir.path()).unwrap().count(), 1, "no undo file is left");
    }

    fn assert_new(&self) {
        assert!(fs::read(&self.path).unwrap() == self.new);
    }
}

#[test]
fn forth_and_back() {
    let case = Case::new();
    case.apply().unwrap();
    case.assert_new();
    let earlier = Earlier { bytes_in: 20_000, bytes_appended: 3000, bytes_replaced: 758 };
    assert_eq!(recover(&case.path, &case.options).unwrap(), Recovered::Complete(earlier));
    assert_eq!(undoable(case.dir.path(), &case.options).unwrap(), vec![case.path.clone()]);
    assert!(matches!(case.apply(), Err(InPlaceError::UndoExists { .. })));
    case.assert_new();
    case.undo().unwrap();
    case.assert_old();
    assert!(matches!(case.undo(), Err(InPlaceError::NoUndo { .. })));
    assert_eq!(recover(&case.path, &case.options).unwrap(), Recovered::Untouched);
    case.apply().unwrap();
    case.assert_new();
}

#[test]
fn a_commit_is_final() {
    let case = Case::new();
    case.apply().unwrap();
    let refuse = &mut |_: &File| Err(Failure::new(FailureKind::Verify, "bad"));
    assert!(matches!(commit(&case.path, &case.options, refuse), Err(InPlaceError::Verify(_))));
    let committed = commit(&case.path, &case.options, &mut |_| Ok(())).unwrap();
    assert!(committed.undo_bytes > 3000 && committed.changed.is_none());
    case.assert_new();
    assert!(matches!(case.undo(), Err(InPlaceError::NoUndo { .. })));
    assert_eq!(fs::read_dir(case.dir.path()).unwrap().count(), 1);
}

#[test]
fn a_refused_result_is_taken_back() {
    let case = Case::new();
    let mut seen = Vec::new();
    let result = apply(&case.path, &case.planned, &case.edits, &case.options, &mut |file| {
        seen.resize(case.new.len(), 0);
        file.read_exact_at(&mut seen, 0).unwrap();
        Err(Failure::new(FailureKind::Verify, "does not please"))
    });
    assert_eq!(Failure::from(result.unwrap_err()).fault, FailureKind::Verify);
    assert!(seen == case.new);
    case.assert_old();
}

#[test]
fn no_edits_leave_no_trace() {
    let mut case = Case::new();
    case.edits = EditBuilder::new(20_000).finish().unwrap();
    case.apply().unwrap();
    case.assert_old();
}

#[test]
fn undo_files_can_lie_elsewhere() {
    let mut case = Case::new();
    let backup = tempfile::tempdir().unwrap();
    case.options.backup_dir = Some(backup.path().to_owned());
    case.apply().unwrap();
    assert_eq!(fs::read_dir(case.dir.path()).unwrap().count(), 1);
    let names = fs::read_dir(backup.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    let [name] = &names[..] else { panic!("{names:?}") };
    assert!(name.starts_with("a.jld2~") && name.ends_with(".jldconv-undo"), "{name}");
    fs::write(backup.path().join("other.jld2.jldconv-undo"), b"of another archive").unwrap();
    assert_eq!(undoable(case.dir.path(), &case.options).unwrap(), vec![case.path.clone()]);
    case.undo().unwrap();
    case.assert_old();
}

#[test]
fn what_others_have_in_hand_is_left_alone() {
    let case = Case::new();
    let reader = File::open(&case.path).unwrap();
    rustix::fs::flock(&reader, rustix::fs::FlockOperation::LockShared).unwrap();
    assert!(matches!(case.apply(), Err(InPlaceError::Locked { .. })));
    rustix::fs::flock(&reader, rustix::fs::FlockOperation::Unlock).unwrap();
    let writer = File::options().write(true).open(&case.path).unwrap();
    if crate::sys::lock::writers(&reader) != crate::sys::lock::Writers::Unknown {
        assert!(matches!(case.apply(), Err(InPlaceError::OpenForWriting { .. })));
    }
    drop(writer);
    case.assert_old();
    case.apply().unwrap();
}

#[test]
fn links_and_changed_files_are_refused() {
    let mut case = Case::new();
    let link = case.dir.path().join("link.jld2");
    symlink(&case.path, &link).unwrap();
    let error = apply(&link, &case.planned, &case.edits, &case.options, &mut |_| Ok(()));
    assert!(matches!(error, Err(InPlaceError::Dir(_))), "{error:?}");
    fs::remove_file(&link).unwrap();

    fs::hard_link(&case.path, &link).unwrap();
    assert!(matches!(case.apply(), Err(InPlaceError::HardLinked { links: 2, .. })));
    case.options.allow_hard_links = true;
    case.apply().unwrap();
    case.undo().unwrap();
    fs::remove_file(&link).unwrap();
    case.assert_old();

    let file = File::options().write(true).open(&case.path).unwrap();
    file.write_all_at(b"x", 15_000).unwrap();
    drop(file);
    assert!(matches!(case.apply(), Err(InPlaceError::ChangedSincePlan { .. })));
    assert_eq!(fs::read_dir(case.dir.path()).unwrap().count(), 1);
}

#[test]
fn what_others_changed_afterwards_is_not_undone() {
    for (offset, bytes) in [(30, "x"), (9100, "x"), (22_990, "appended")] {
        let case = Case::new();
        case.apply().unwrap();
        let file = File::options().write(true).open(&case.path).unwrap();
        file.write_all_at(bytes.as_bytes(), offset).unwrap();
        drop(file);
        let now = fs::read(&case.path).unwrap();
        let error = case.undo();
        assert!(matches!(error, Err(InPlaceError::ChangedSince { .. })), "{offset}: {error:?}");
        assert!(fs::read(&case.path).unwrap() == now);
        let committed = commit(&case.path, &case.options, &mut |_| Ok(())).unwrap();
        assert!(committed.changed.is_some(), "{offset}");
        assert!(fs::read(&case.path).unwrap() == now);
        assert_eq!(fs::read_dir(case.dir.path()).unwrap().count(), 1);
    }
}

#[test]
fn times_do_not_decide() {
    let case = Case::new();
    case.apply().unwrap();
    let time = FileTime { seconds: 1_700_000_000, nanos: 1 };
    set_times(&File::options().write(true).open(&case.path).unwrap(), Some(time), time).unwrap();
    case.undo().unwrap();
    case.assert_old();
}

#[test]
fn an_old_copy_put_back_ends_the_story() {
    let case = Case::new();
    case.apply().unwrap();
    fs::write(&case.path, &case.old).unwrap();
    case.undo().unwrap();
    case.assert_old();
    case.apply().unwrap();
    fs::write(&case.path, &case.old).unwrap();
    assert_eq!(recover(&case.path, &case.options).unwrap(), Recovered::TakenBack);
    assert!(fs::read(&case.path).unwrap() == case.old);
    assert_eq!(fs::read_dir(case.dir.path()).unwrap().count(), 1);
}

#[test]
fn a_damaged_undo_file_is_left_alone() {
    let case = Case::new();
    case.apply().unwrap();
    let undo_path = case.dir.path().join("a.jld2.jldconv-undo");
    let mut bytes = fs::read(&undo_path).unwrap();
    bytes[100] ^= 1;
    fs::write(&undo_path, &bytes).unwrap();
    for error in [
        case.undo(),
        recover(&case.path, &case.options).map(|_| ()),
        commit(&case.path, &case.options, &mut |_| Ok(())).map(|_| ()),
        case.apply(),
    ] {
        assert!(matches!(error, Err(InPlaceError::Damaged { .. })), "{error:?}");
    }
    case.assert_new();
    assert_eq!(fs::read(&undo_path).unwrap(), bytes);
}

#[test]
fn too_much_junk_is_refused_before_anything_is_written() {
    let mut case = Case::new();
    let len = 20 << 20;
    File::options().write(true).open(&case.path).unwrap().set_len(len).unwrap();
    case.planned = Identity::from_metadata(&fs::metadata(&case.path).unwrap());
    let mut edits = EditBuilder::with_junk(len, 20_000);
    edits.append(b"x");
    case.edits = edits.finish().unwrap();
    assert!(matches!(case.apply(), Err(InPlaceError::TooMuch { .. })));
    assert_eq!(fs::read_dir(case.dir.path()).unwrap().count(), 1);
}
