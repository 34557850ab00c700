//! Gives an output what it takes over from its input beside the bytes.

use super::file::FileTime;
use crate::sys::failpoint::{self, Step};
use rustix::fs::{Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

/// Name under which Linux keeps the access control list of a file.
const ACL: &str = "system.posix_acl_access";
/// No access control list is longer than an extended attribute can be.
const ACL_MAX: usize = 64 << 10;

/// Owner, permissions and times of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    uid: u32,
    gid: u32,
    mode: u32,
    acl: Option<Vec<u8>>,
    atime: FileTime,
    mtime: FileTime,
}

impl Origin {
    /// Reads them from an open file.
    ///
    /// # Errors
    /// What the system says.
    pub fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            uid: metadata.uid(),
            gid: metadata.gid(),
            // No set-uid or sticky bit: those are for programs.
            mode: metadata.mode() & 0o777,
            acl: read_acl(file)?,
            atime: FileTime { seconds: metadata.atime(), nanos: metadata.atime_nsec() },
            mtime: FileTime { seconds: metadata.mtime(), nanos: metadata.mtime_nsec() },
        })
    }

    /// Gives owner, permissions and times to another file, in the order in which none undoes
    /// another. The owner and the group stay as they are where we may not change them.
    ///
    /// # Errors
    /// What the system says.
    pub fn give_to(&self, file: &File) -> io::Result<()> {
        failpoint::before(Step::Metadata);
        self.give_permissions_to(file)?;
        set_times(file, Some(self.atime), self.mtime)?;
        failpoint::after(Step::Metadata);
        Ok(())
    }

    /// Gives owner and permissions only.
    ///
    /// # Errors
    /// What the system says.
    pub fn give_permissions_to(&self, file: &File) -> io::Result<()> {
        let now = file.metadata()?;
        if now.uid() != self.uid || now.gid() != self.gid {
            let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
            // Only root may give a file away, but many may hand it to another of their groups.
            if rustix::fs::fchown(file, Some(uid), Some(gid)).is_err() {
                let _ = rustix::fs::fchown(file, None, Some(gid));
            }
        }
        if let Some(acl) = &self.acl {
            match rustix::fs::fsetxattr(file, ACL, acl, XattrFlags::empty()) {
                Ok(()) | Err(Errno::OPNOTSUPP | Errno::PERM | Errno::INVAL) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if file.metadata()?.mode() & 0o7777 != self.mode {
            rustix::fs::fchmod(file, Mode::from_raw_mode(self.mode))?;
        }
        Ok(())
    }
}

impl Origin {
    /// Gives owner and permissions, but nobody gets a right that the original does not give: where
    /// the group cannot be given, or the access control list, what is left is what all have in
    /// common. The owner can always read and write.
    ///
    /// # Errors
    /// What the system says.
    pub fn protect(&self, file: &File) -> io::Result<()> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        let now = file.metadata()?;
        if (now.uid(), now.gid()) != (self.uid, self.gid)
            && rustix::fs::fchown(file, Some(uid), Some(gid)).is_err()
        {
            let _ = rustix::fs::fchown(file, None, Some(gid));
        }
        let same_group = file.metadata()?.gid() == self.gid;
        let listed = match &self.acl {
            Some(acl) if same_group => {
                match rustix::fs::fsetxattr(file, ACL, acl, XattrFlags::empty()) {
                    Ok(()) => true,
                    Err(Errno::OPNOTSUPP) => false,
                    Err(error) => return Err(error.into()),
                }
            }
            // A new file may have one from its directory.
            _ => match rustix::fs::fremovexattr(file, ACL) {
                Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) => false,
                Err(error) => return Err(error.into()),
            },
        };
        let (owner, group, others) = (self.mode & 0o700, self.mode & 0o070, self.mode & 0o007);
        let (group, others) = match (&self.acl, same_group) {
            // The group's bits are the list's mask: without the list they mean somebody else.
            (Some(_), _) if !listed => (0, 0),
            (_, true) => (group, others),
            // Members of the original's group are others here, and the other way round.
            (_, false) => (group & (others << 3), others & (group >> 3)),
        };
        let mode = owner | 0o600 | group | others;
        rustix::fs::fchmod(file, Mode::from_raw_mode(mode))?;
        Ok(())
    }
}

/// Sets the modification time, and the access time unless `None`.
///
/// # Errors
/// What the system says.
pub fn set_times(file: &File, atime: Option<FileTime>, mtime: FileTime) -> io::Result<()> {
    let raw = |time: FileTime| Timespec { tv_sec: time.seconds, tv_nsec: time.nanos };
    let times = Timestamps {
        last_access: atime.map_or(Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }, raw),
        last_modification: raw(mtime),
    };
    rustix::fs::futimens(file, &times).map_err(io::Error::from)
}

fn read_acl(file: &File) -> io::Result<Option<Vec<u8>>> {
    let len = match rustix::fs::fgetxattr_query(file, ACL) {
        Ok(len) if len <= ACL_MAX => len,
        Ok(_) | Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut acl = vec![0; len];
    match rustix::fs::fgetxattr(file, ACL, acl.as_mut_slice()) {
        Ok(len) => {
            acl.truncate(len);
            Ok(Some(acl))
        }
        // It changed between the two calls: whoever did that comes too late for this copy.
        Err(Errno::NODATA | Errno::RANGE) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn permissions_times_and_acl_go_over() {
        let dir = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        std::fs::write(&from, b"x").unwrap();
        std::fs::write(&to, b"y").unwrap();
        let from = File::open(&from).unwrap();
        let to = File::options().write(true).open(&to).unwrap();
        from.set_permissions(std::fs::Permissions::from_mode(0o640)).unwrap();
        // user::rw-, user:1234:r--, group::r--, mask::r--, other::---
        let entry = |tag: u16, perm: u16, id: u32| {
            [&tag.to_le_bytes()[..], &perm.to_le_bytes(), &id.to_le_bytes()].concat()
        };
        let none = u32::MAX;
        let acl = [
            2_u32.to_le_bytes().to_vec(),
            entry(1, 6, none),
            entry(2, 4, 1234),
            entry(4, 4, none),
            entry(16, 4, none),
            entry(32, 0, none),
        ]
        .concat();
        let has_acl = rustix::fs::fsetxattr(&from, ACL, &acl, XattrFlags::empty()).is_ok();
        let time = |seconds, nanos| FileTime { seconds, nanos };
        set_times(&from, Some(time(1_500_000_000, 7)), time(1_400_000_000, 123_456_789)).unwrap();

        let origin = Origin::of(&from).unwrap();
        origin.give_to(&to).unwrap();
        assert_eq!(Origin::of(&to).unwrap(), origin);
        assert_eq!(origin.mtime, time(1_400_000_000, 123_456_789));
        assert_eq!(origin.mode, 0o640);
        assert_eq!(origin.acl.is_some(), has_acl);
    }

    #[test]
    fn nobody_gets_more_than_the_original_gives() {
        let (file, copy) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let chmod = |mode| file.set_permissions(std::fs::Permissions::from_mode(mode)).unwrap();
        let mode = || copy.metadata().unwrap().permissions().mode() & 0o7777;
        for original in [0o600, 0o640, 0o664, 0o444, 0o604, 0o755] {
            chmod(original);
            Origin::of(&file).unwrap().protect(&copy).unwrap();
            assert_eq!(mode(), original | 0o600);
        }
        // A group that nobody but root can give.
        for (original, left) in [(0o640, 0o600), (0o664, 0o644), (0o604, 0o600), (0o644, 0o644)] {
            chmod(original);
            let origin = Origin::of(&file).unwrap();
            if rustix::process::geteuid().is_root() {
                continue;
            }
            Origin { gid: 0, ..origin }.protect(&copy).unwrap();
            assert_eq!(mode(), left, "{original:o}");
        }
    }
}
