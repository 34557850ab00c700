//! Tells whether a directory of our own is ours alone.
//!
//! What lies in it is believed: journals say which outputs are complete, and what has a temporary
//! file's name gets an output's. So nobody but this user may have been able to put something there.
//! That holds for root, too: where a user's directory would do, so would a trap in it.

use super::error::DirError;
use crate::sys::random;
use rustix::fs::{AtFlags, Mode, OFlags, Stat};
use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// Write permission of the group and of all others.
const OTHERS_WRITE: u32 = 0o022;

/// Refuses a directory of another user, and one in which others may write.
///
/// # Errors
/// [`DirError::Foreign`], [`DirError::Shared`]; what the system says.
pub(super) fn check(dir: impl AsFd, path: &Path) -> Result<(), DirError> {
    let dir = dir.as_fd();
    let found = rustix::fs::fstat(dir).map_err(|e| DirError::Io {
        what: "look at",
        path: path.to_owned(),
        source: e.into(),
    })?;
    let me = rustix::process::geteuid().as_raw();
    if found.st_uid == me && found.st_mode & OTHERS_WRITE == 0 {
        return Ok(());
    }
    // File systems may give all files another owner (squashed by an NFS server, as mounted by
    // FUSE and SMB) or know no permissions (FAT): what a new file of ours gets there is ours.
    let (owner, loose) = probe(dir).map_or((me, 0), |it| (it.st_uid, it.st_mode & OTHERS_WRITE));
    if found.st_uid != owner {
        return Err(DirError::Foreign { path: path.to_owned(), owner: name(found.st_uid) });
    }
    if found.st_mode & OTHERS_WRITE & !loose != 0 {
        let mode = found.st_mode & 0o7777;
        return Err(DirError::Shared { path: path.to_owned(), mode });
    }
    Ok(())
}

/// What becomes of a new file there that only its owner may read and write; nothing if none can be
/// made.
fn probe(dir: BorrowedFd<'_>) -> Option<Stat> {
    let random: [u8; 8] = random::bytes().ok()?;
    let name = format!(".jldconv-probe-{:016x}", u64::from_ne_bytes(random));
    let name = Path::new(&name);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(dir, name, flags, Mode::RUSR | Mode::WUSR).ok()?;
    let stat = rustix::fs::fstat(&file).ok();
    let _ = rustix::fs::unlinkat(dir, name, AtFlags::empty());
    stat
}

/// The user's name as far as this machine's own list has it. The C library would ask network
/// directories with libraries that a static program must not load.
fn name(uid: u32) -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    named(&users, uid).map_or_else(|| format!("user {uid}"), |name| format!("user {name} ({uid})"))
}

fn named(users: &str, uid: u32) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        (id.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Dir, Missing};
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn ours_is_made_so_whatever_the_umask_and_stays_so() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Dir::open(temp.path()).unwrap();
        let ours = Path::new("own/tmp");
        dir.private(ours, Missing::Create).unwrap();
        let mode =
            |name: &str| fs::metadata(temp.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("own") & 0o022, mode("own/tmp") & 0o022), (0, 0));
        for (name, bits) in [("own", 0o775), ("own/tmp", 0o757), ("own/tmp", 0o1777)] {
            let path = temp.path().join(name);
            fs::set_permissions(&path, Permissions::from_mode(bits)).unwrap();
            let error = dir.private(ours, Missing::Create).unwrap_err();
            assert!(matches!(&error, DirError::Shared { path: p, .. } if *p == path), "{error}");
            assert!(error.to_string().contains("chmod go-w"), "{error}");
            assert!(dir.below(ours, Missing::Fail).is_ok(), "only private ones are held to it");
            fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        }
        // What is opened below a private directory is held to it, too.
        let own = dir.private(Path::new("own"), Missing::Fail).unwrap();
        fs::set_permissions(temp.path().join("own/tmp"), Permissions::from_mode(0o777)).unwrap();
        assert!(own.below(Path::new("tmp"), Missing::Fail).is_err());
        assert_eq!(fs::read_dir(temp.path().join("own/tmp")).unwrap().count(), 0, "no probe stays");
    }

    #[test]
    fn users_are_named_by_the_list_of_this_machine() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\n# nobody:x:7\nshort\neve:x:1001:100::/:/bin/sh\n";
        assert_eq!(named(users, 0), Some("root"));
        assert_eq!(named(users, 1001), Some("eve"));
        assert_eq!(named(users, 100), None);
        assert!(name(0).ends_with("(0)") || name(0) == "user 0", "{}", name(0));
    }

    #[test]
    fn what_belongs_to_somebody_else_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Dir::open(temp.path()).unwrap();
        dir.private(Path::new("own"), Missing::Create).unwrap();
        if std::os::unix::fs::chown(temp.path().join("own"), Some(12345), None).is_err() {
            eprintln!("only root can give a directory away: not tested");
            return;
        }
        let error = dir.private(Path::new("own"), Missing::Create).unwrap_err();
        assert!(error.to_string().contains("belongs to user 12345"), "{error}");
    }
}
