//! Tells what kind of file system a directory is on, and what is free there.

use rustix::fs::{StatFs, StatVfs};
use std::fs::File;
use std::io;
use std::path::Path;

/// A file system, as it shows at one of its directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSystem {
    /// Its kind: `ext4`, `xfs`, `nfs` ...; the number that the kernel gives where it is not known.
    pub kind: String,
    /// Whether other machines serve it or have it, too.
    pub shared: bool,
    /// Whether its bytes are memory.
    pub memory: bool,
    /// Bytes that this user may still write.
    pub free: u64,
    /// Files that may still be made; nothing where the file system does not count them.
    pub files_free: Option<u64>,
}

/// Magic numbers of `statfs(2)` and Linux's `magic.h`; those of cluster file systems are from their
/// own sources.
const KINDS: &[(u64, &str, Where)] = &[
    (0xef53, "ext4", Where::Here),
    (0x5846_5342, "xfs", Where::Here),
    (0x9123_683e, "btrfs", Where::Here),
    (0x2fc1_2fc1, "zfs", Where::Here),
    (0xca45_1a4e, "bcachefs", Where::Here),
    (0xf2f5_2010, "f2fs", Where::Here),
    (0x794c_7630, "overlay", Where::Here),
    (0x4d44, "fat", Where::Here),
    (0x2011_bab0, "exfat", Where::Here),
    (0x7366_746e, "ntfs", Where::Here),
    (0x7371_7368, "squashfs", Where::Here),
    (0x0102_1994, "tmpfs", Where::Memory),
    (0x8584_58f6, "ramfs", Where::Memory),
    (0x6969, "nfs", Where::Shared),
    (0xff53_4d42, "cifs", Where::Shared),
    (0xfe53_4d42, "smb", Where::Shared),
    (0x0102_1997, "9p", Where::Shared),
    (0x00c3_6400, "ceph", Where::Shared),
    (0x0bd0_0bd0, "lustre", Where::Shared),
    (0x4750_4653, "gpfs", Where::Shared),
    (0x1983_0326, "beegfs", Where::Shared),
    (0x5346_414f, "afs", Where::Shared),
    (0x0116_1970, "gfs2", Where::Shared),
    (0x7461_636f, "ocfs2", Where::Shared),
    // Whatever a program serves: sshfs, mergerfs, GlusterFS.
    (0x6573_5546, "fuse", Where::Shared),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Here,
    Memory,
    Shared,
}

/// The kind that the kernel's number stands for, if it is known, and the number.
fn kind(found: &StatFs) -> (Option<&'static (u64, &'static str, Where)>, u64) {
    // The type of the field differs between architectures; its low 32 bits count.
    let magic = u64::try_from(i128::from(found.f_type) & 0xffff_ffff).unwrap_or(0);
    (KINDS.iter().find(|(number, ..)| *number == magic), magic)
}

fn free_of(counts: &StatVfs) -> u64 {
    counts.f_bavail.saturating_mul(counts.f_frsize)
}

/// Bytes that this user may still write where `path` is.
///
/// # Errors
/// The system does not tell, for instance since nothing is there.
pub fn free(path: &Path) -> io::Result<u64> {
    Ok(free_of(&rustix::fs::statvfs(path)?))
}

/// Whether `file` lies on a file server that may copy by itself.
pub fn is_served(file: &File) -> bool {
    rustix::fs::fstatfs(file).is_ok_and(|found| {
        let known = kind(&found).0.map(|(_, name, _)| *name);
        known.is_some_and(|name| matches!(name, "nfs" | "smb" | "cifs" | "ceph"))
    })
}

impl FileSystem {
    /// The one that holds `path`.
    ///
    /// # Errors
    /// The system does not tell, for instance since nothing is there.
    pub fn of(path: &Path) -> io::Result<Self> {
        let found = rustix::fs::statfs(path)?;
        let counts = rustix::fs::statvfs(path)?;
        let (known, magic) = kind(&found);
        let place = known.map_or(Where::Here, |(.., place)| *place);
        Ok(Self {
            kind: known
                .map_or_else(|| format!("type {magic:#x}"), |(_, name, _)| (*name).to_owned()),
            shared: place == Where::Shared,
            memory: place == Where::Memory,
            free: free_of(&counts),
            files_free: (counts.f_files > 0).then_some(counts.f_favail),
        })
    }

    /// Whether two files of it may be the same blocks until one is changed.
    pub fn may_share_blocks(&self) -> bool {
        matches!(self.kind.as_str(), "xfs" | "btrfs" | "bcachefs" | "ocfs2")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_the_table_of_mounts_says() {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        for mount in mounts.lines() {
            let mut words = mount.split(' ').skip(1);
            let (Some(place), Some(kind)) = (words.next(), words.next()) else { continue };
            let known = KINDS.iter().any(|(_, name, _)| *name == kind);
            // A later mount may cover an earlier one at the same place.
            let covered =
                mounts.lines().filter(|it| it.split(' ').nth(1) == Some(place)).count() > 1;
            let Ok(found) = FileSystem::of(Path::new(place)) else { continue };
            if known && !covered {
                assert_eq!(found.kind, kind, "{place}");
                assert_eq!(found.memory, kind == "tmpfs", "{place}");
            }
        }
    }

    #[test]
    fn nothing_is_not_on_any() {
        let error = FileSystem::of(Path::new("/nothing/is/here")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
