//! Reads what control groups, of version 1 and 2, allow and count.

use std::fs;
use std::path::{Path, PathBuf};

/// Limits at and above this are what the kernel shows for "none".
const NONE: u64 = 1 << 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// A group that limits memory, or may later.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Level {
    version: Version,
    dir: PathBuf,
}

/// Memory of one group in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMemory {
    /// The group's directory.
    pub dir: PathBuf,
    /// The most it may use.
    pub limit: u64,
    /// What it uses, file pages that the kernel can drop left out.
    pub used: u64,
}

/// The memory groups that this process is in, innermost first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryGroups {
    levels: Vec<Level>,
}

impl MemoryGroups {
    /// Finds the groups of this process. Empty where there are none, or none can be seen.
    pub fn of_self() -> Self {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        Self::find(&groups, &mounts)
    }

    fn find(groups: &str, mounts: &str) -> Self {
        let mut levels = Vec::new();
        for mount in mounts.lines().filter_map(Mount::parse) {
            let Some(path) = groups.lines().find_map(|line| group_path(line, mount.version)) else {
                continue;
            };
            let Some(inner) = mount.locate(path) else { continue };
            for dir in inner.ancestors() {
                levels.push(Level { version: mount.version, dir: dir.to_owned() });
                if dir == mount.point {
                    break;
                }
            }
        }
        Self { levels }
    }

    /// The groups that have a limit now.
    pub fn limited(&self) -> Vec<GroupMemory> {
        self.levels.iter().filter_map(Level::memory).collect()
    }

    /// How often the kernel killed a process of this one's own group (or below it) for memory.
    pub fn oom_kills(&self) -> Option<u64> {
        let mut total = None;
        for version in [Version::One, Version::Two] {
            let own = self.levels.iter().find(|level| level.version == version);
            if let Some(count) = own.and_then(Level::oom_kills) {
                total = Some(total.unwrap_or(0_u64).saturating_add(count));
            }
        }
        total
    }
}

/// How often the kernel of this machine killed a process for memory, in whatever group.
pub fn machine_oom_kills() -> Option<u64> {
    keyed(&fs::read_to_string("/proc/vmstat").ok()?, "oom_kill")
}

impl Level {
    fn number(&self, file: &str) -> Option<u64> {
        fs::read_to_string(self.dir.join(file)).ok()?.trim().parse().ok()
    }

    fn memory(&self) -> Option<GroupMemory> {
        let (limit, usage, prefix) = match self.version {
            Version::One => ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
            Version::Two => ("memory.max", "memory.current", ""),
        };
        let limit = self.number(limit).filter(|limit| *limit < NONE)?;
        let usage = self.number(usage)?;
        let stat = fs::read_to_string(self.dir.join("memory.stat")).unwrap_or_default();
        let file = |which: &str| keyed(&stat, &format!("{prefix}{which}_file")).unwrap_or(0);
        let used = usage.saturating_sub(file("inactive")).saturating_sub(file("active"));
        Some(GroupMemory { dir: self.dir.clone(), limit, used })
    }

    fn oom_kills(&self) -> Option<u64> {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        keyed(&fs::read_to_string(self.dir.join(file)).ok()?, "oom_kill")
    }
}

/// The number behind `key` in lines of `key number`.
fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// This process's path in the hierarchy that rules memory: `4:memory:/a/b` or `0::/a/b`.
fn group_path(line: &str, version: Version) -> Option<&str> {
    let mut parts = line.splitn(3, ':');
    let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    let fits = match version {
        Version::One => controllers.split(',').any(|controller| controller == "memory"),
        Version::Two => number == "0" && controllers.is_empty(),
    };
    fits.then_some(path)
}

/// A mounted hierarchy.
#[derive(Debug)]
struct Mount {
    version: Version,
    root: PathBuf,
    point: PathBuf,
}

impl Mount {
    /// Reads a line of `/proc/self/mountinfo`, if it mounts what rules memory.
    fn parse(line: &str) -> Option<Self> {
        let (front, back) = line.split_once(" - ")?;
        let mut back = back.split(' ');
        let version = match (back.next()?, back.nth(1)?) {
            ("cgroup2", _) => Version::Two,
            ("cgroup", options) if options.split(',').any(|option| option == "memory") => {
                Version::One
            }
            _ => return None,
        };
        let mut front = front.split(' ').skip(3);
        let (root, point) = (unescape(front.next()?), unescape(front.next()?));
        Some(Self { version, root, point })
    }

    /// Where the group `path` can be seen. In a container only a part of the hierarchy may be
    /// mounted; what is mounted then stands for the group.
    fn locate(&self, path: &str) -> Option<PathBuf> {
        let path = Path::new(path);
        if path.components().any(|part| part == std::path::Component::ParentDir) {
            return Some(self.point.clone());
        }
        let below = path.strip_prefix(&self.root).or_else(|_| path.strip_prefix("/")).ok()?;
        let dir = self.point.join(below);
        Some(if dir.is_dir() { dir } else { self.point.clone() })
    }
}

/// Undoes the octal escapes of `mountinfo` (`\040` is a space).
fn unescape(text: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let octal = tail
            .get(..3)
            .filter(|_| byte == b'\\')
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        if let Some(value) = octal {
            bytes.push(value);
            rest = tail.get(3..).unwrap_or_default();
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(dir: &Path, name: &str, text: &str) {
        fs::create_dir_all(dir).unwrap();
        fs::write(dir.join(name), text).unwrap();
    }

    #[test]
    fn version_1_is_read_up_the_tree() {
        let root = tempfile::tempdir().unwrap();
        let point = root.path().join("memory");
        let (job, step) = (point.join("slurm/job_7"), point.join("slurm/job_7/step_0"));
        file(&point, "memory.limit_in_bytes", "9223372036854771712\n");
        file(&job, "memory.limit_in_bytes", "314572800\n");
        file(&job, "memory.usage_in_bytes", "200000000\n");
        file(&job, "memory.stat", "cache 9\ntotal_inactive_file 50000000\ntotal_active_file 7\n");
        file(&step, "memory.limit_in_bytes", "9223372036854771712\n");
        file(&step, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
        let mounts = format!(
            "30 24 0:26 / {} rw,nosuid shared:9 - cgroup cgroup rw,memory\n\
             31 24 0:27 / /x rw - cgroup cgroup rw,cpu\nnonsense\n",
            point.display()
        );
        let groups = MemoryGroups::find("5:cpu:/\n4:memory:/slurm/job_7/step_0\n", &mounts);
        assert_eq!(
            groups.limited(),
            [GroupMemory { dir: job, limit: 300 << 20, used: 149_999_993 }]
        );
        assert_eq!(groups.oom_kills(), Some(3));
    }

    #[test]
    fn version_2_is_read_from_within_a_container() {
        let root = tempfile::tempdir().unwrap();
        let point = root.path().join("cg roup");
        file(&point, "memory.max", "1073741824\n");
        file(&point, "memory.current", "1000\n");
        file(&point.join("a"), "memory.max", "max\n");
        file(&point.join("a"), "memory.events", "low 0\noom 4\noom_kill 2\noom_group_kill 0\n");
        let mounts = format!(
            "30 24 0:26 /docker/77 {} rw - cgroup2 cgroup2 rw\n",
            point.display().to_string().replace(' ', "\\040")
        );
        let groups = MemoryGroups::find("0::/docker/77/a\n", &mounts);
        assert_eq!(groups.limited(), [GroupMemory { dir: point, limit: 1 << 30, used: 1000 }]);
        assert_eq!(groups.oom_kills(), Some(2));
    }

    #[test]
    fn what_cannot_be_seen_does_not_limit() {
        let none = MemoryGroups::find("", "");
        assert_eq!((none.limited(), none.oom_kills()), (Vec::new(), None));
        let gone = "30 24 0:26 / /nowhere/at/all rw - cgroup2 cgroup2 rw\n";
        assert!(MemoryGroups::find("0::/a\n", gone).limited().is_empty());
    }

    #[test]
    fn this_machine_is_understood() {
        for group in MemoryGroups::of_self().limited() {
            assert!(group.limit > 0);
        }
        assert!(machine_oom_kills().is_some());
    }
}
