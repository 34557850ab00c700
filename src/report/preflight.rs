//! Prints what a run is going to do to which place, before the question: the mode and what it leaves
//! behind, and whether there is room.

use super::header::means_told;
use super::seen::Seen;
use crate::archive::nearest_dir;
use crate::convert::Mode;
use crate::supervisor::Means;
use crate::sys::file_system::FileSystem;
use crate::text;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Seconds that a file takes beside its bytes: syncs, and a worker's attention.
const EACH: f64 = 0.02;

/// What is known before a run begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Preflight {
    /// How files are converted.
    pub mode: Mode,
    /// Bytes of the files that will be converted.
    pub bytes: u64,
    /// How many files that are.
    pub files: u64,
    /// Where outputs go, as far as the system tells.
    pub place: Option<FileSystem>,
    /// Whether inputs and outputs are on the same file system, which may share their blocks.
    pub same_device: bool,
    /// What the machine gives, where it was asked.
    pub means: Option<Means>,
    /// What some of the files are, where they were looked into.
    pub seen: Option<Seen>,
    /// Bytes of input per second of earlier runs into this directory.
    pub earlier_rate: Option<f64>,
    /// Where undo files go in place, if that is not beside each file.
    pub backup_dir: Option<PathBuf>,
    /// Whether files of directories below are among them.
    pub recursive: bool,
}

impl Preflight {
    /// Looks at the place of outputs in `output`, which need not be there yet, of so many `files` of
    /// `input` with so many `bytes`.
    pub fn of(input: &Path, output: &Path, mode: Mode, (files, bytes): (u64, u64)) -> Self {
        let device = |path: &Path| fs::metadata(path).ok().map(|it| it.dev());
        let there = nearest_dir(output);
        let there = there.as_deref().unwrap_or(Path::new("."));
        let place = FileSystem::of(there).ok();
        let same_device = device(input).is_some_and(|it| Some(it) == device(there));
        let (means, seen, earlier_rate, backup_dir) = (None, None, None, None);
        Self {
            mode,
            bytes,
            files,
            place,
            same_device,
            means,
            seen,
            earlier_rate,
            backup_dir,
            recursive: false,
        }
    }

    /// Whether copies of all files find no room. Where blocks are shared they need little.
    pub fn too_full(&self) -> bool {
        let copies = self.mode != Mode::InPlace && !self.may_share();
        copies && self.place.as_ref().is_some_and(|place| place.free < self.bytes)
    }

    /// Whether there are fewer files to be made than the file system has room for.
    fn too_many(&self) -> bool {
        let free = self.place.as_ref().and_then(|place| place.files_free);
        free.is_some_and(|free| free < self.files)
    }

    fn may_share(&self) -> bool {
        self.same_device && self.place.as_ref().is_some_and(FileSystem::may_share_blocks)
    }

    /// The block of text.
    pub fn block(&self) -> String {
        let mut block = self.means.as_ref().map_or_else(String::new, means_told);
        block.push_str(&self.seen.as_ref().map_or_else(String::new, Seen::block));
        let _ = writeln!(block, "  mode        {}", self.mode_told());
        if self.mode == Mode::InPlace {
            let _ = writeln!(block, "  undo files  {}", self.undo_told());
        }
        if let Some(place) = &self.place {
            let _ = writeln!(block, "  space       {}", self.space_told(place));
        }
        if let Some(time) = self.time_told() {
            let _ = writeln!(block, "  time        {time}");
        }
        block
    }

    fn mode_told(&self) -> String {
        let told = match self.mode {
            Mode::Patch => "patch: a copy, with some hundred bytes of metadata replaced",
            Mode::Rewrite => "rewrite: every object laid out again in a new file",
            Mode::InPlace => {
                let mut more = String::new();
                more.push_str(if self.recursive { " -r" } else { "" });
                let backup = self.backup_dir.as_deref().map(text::shell_path);
                more.extend(backup.map(|dir| format!(" --backup-dir {dir}")));
                return format!(
                    "in-place: the files themselves change, some hundred bytes each. An undo file of \
                     each brings the old bytes back (jldconv undo FILE|DIR{more}) until \
                     you remove it (jldconv commit FILE|DIR{more})"
                );
            }
            Mode::Auto => "auto: patched copies; rewritten where the target cannot read a codec",
        };
        told.to_owned()
    }

    fn space_told(&self, place: &FileSystem) -> String {
        let kind = match (place.shared, self.same_device, self.mode) {
            (true, ..) => " (a network or shared file system)",
            (_, false, _) | (.., Mode::InPlace) => "",
            (..) if place.may_share_blocks() => " (copies may share their blocks with the inputs)",
            (..) => " (which shares no blocks between files)",
        };
        let files = place.files_free.filter(|free| *free < self.files.saturating_mul(100));
        let files =
            files.map_or_else(String::new, |free| format!(" and {}", text::count(free, "file")));
        let needed = match self.mode {
            Mode::InPlace => "little is needed".to_owned(),
            _ if self.may_share() => {
                format!(
                    "up to {} are needed, little where blocks are shared",
                    text::bytes(self.bytes)
                )
            }
            _ => format!("about {} are needed", text::bytes(self.bytes)),
        };
        let free = text::bytes(place.free);
        format!("{free}{files} free on {}{kind}; {needed}", place.kind)
    }

    fn undo_told(&self) -> String {
        let place = match &self.backup_dir {
            Some(dir) => format!("in {}", text::path(dir)),
            None => "beside each file".to_owned(),
        };
        let much = self.seen.as_ref().and_then(|seen| seen.undo_of(self.files));
        match much {
            Some(bytes) => format!("{place}, about {} in all (an estimate)", text::bytes(bytes)),
            None => format!("{place}, a few KiB each"),
        }
    }

    /// How long it may take, and what that is concluded from.
    fn time_told(&self) -> Option<String> {
        if self.files == 0 {
            return None;
        }
        let bytes = text::float(self.bytes);
        let about = |seconds: f64| text::seconds(seconds.max(1.0));
        if let Some(rate) = self.earlier_rate {
            let rate_told = text::pace(rate);
            let about = about(bytes / rate);
            return Some(format!("about {about} at the {rate_told} of earlier runs (an estimate)"));
        }
        let seen = self.seen.as_ref()?;
        let rate = seen.rate()?;
        let read = format!(
            "{} of the files were read at {}",
            text::bytes(seen.read_bytes),
            text::pace(rate)
        );
        let slots = f64::from(self.means.as_ref().map_or(1, |means| means.slots.max(1)));
        // Each file is synced, and so is its name.
        let overhead = text::float(self.files) * EACH / slots;
        let (times, how) = match self.mode {
            Mode::InPlace => (0.0, "in place little is read or written"),
            Mode::Rewrite => (3.0, "a rewrite reads, writes and checks, and encodes as asked"),
            _ if self.may_share() => (1.0, "blocks may be shared"),
            Mode::Auto | Mode::Patch => (3.0, "a copy is read, written and checked"),
        };
        let about = about(bytes * times / rate + overhead);
        Some(format!("about {about} (an estimate: {read}; {how})"))
    }

    /// What to say loudly where there is no room.
    pub fn warning(&self) -> Option<String> {
        let place = self.place.as_ref()?;
        if self.too_full() {
            return Some(format!(
                "the outputs take about {} and {} are free: the run would stop when the disk is \
                 full. --mode in-place needs no copies; --range converts a part",
                text::bytes(self.bytes),
                text::bytes(place.free)
            ));
        }
        (self.mode != Mode::InPlace && self.too_many()).then(|| {
            let free = text::count(place.files_free.unwrap_or(0), "more file");
            format!(
                "{} are to be made, and the file system takes {free}",
                text::count(self.files, "file")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(kind: &str, free: u64) -> FileSystem {
        FileSystem {
            kind: kind.to_owned(),
            shared: kind == "nfs",
            memory: false,
            free,
            files_free: Some(1 << 20),
        }
    }

    fn copies(kind: &str, free: u64) -> Preflight {
        let place = Some(place(kind, free));
        Preflight {
            mode: Mode::Auto,
            bytes: 5 << 30,
            files: 12,
            place,
            same_device: true,
            means: None,
            seen: None,
            earlier_rate: None,
            backup_dir: None,
            recursive: false,
        }
    }

    #[test]
    fn room_and_none() {
        let roomy = copies("ext4", 6 << 30);
        assert_eq!(roomy.warning(), None);
        insta::assert_snapshot!(roomy.block(), @r"
        mode        auto: patched copies; rewritten where the target cannot read a codec
        space       6.0 GiB free on ext4 (which shares no blocks between files); about 5.0 GiB are needed
        ");
        let full = copies("nfs", 4 << 30);
        insta::assert_snapshot!(full.warning().unwrap(), @"the outputs take about 5.0 GiB and 4.0 GiB are free: the run would stop when the disk is full. --mode in-place needs no copies; --range converts a part");
        insta::assert_snapshot!(full.block(), @r"
        mode        auto: patched copies; rewritten where the target cannot read a codec
        space       4.0 GiB free on nfs (a network or shared file system); about 5.0 GiB are needed
        ");
    }

    #[test]
    fn shared_blocks_and_files_in_place_need_little() {
        let shared = copies("xfs", 1 << 30);
        assert_eq!(shared.warning(), None);
        assert!(Preflight { same_device: false, ..shared }.too_full());
        let in_place = Preflight { mode: Mode::InPlace, ..copies("ext4", 1 << 20) };
        assert_eq!(in_place.warning(), None);
        let deep = Preflight { recursive: true, backup_dir: Some("/u".into()), ..in_place };
        let told = deep.block();
        assert!(told.contains("jldconv undo FILE|DIR -r --backup-dir /u)"), "{told}");
    }

    #[test]
    fn time_is_an_estimate_from_what_was_measured() {
        let mut before = copies("ext4", 6 << 30);
        assert!(!before.block().contains("time"));
        let seen = Seen {
            looked: 4,
            of: 12,
            undo_bytes: 4000,
            read_bytes: 16 << 20,
            read_seconds: 0.04,
            ..Seen::default()
        };
        before.seen = Some(seen);
        insta::assert_snapshot!(before.time_told().unwrap(), @"about 38.6 s (an estimate: 16.0 MiB of the files were read at 400.0 MiB/s; a copy is read, written and checked)");
        before.earlier_rate = Some(100e6);
        insta::assert_snapshot!(before.time_told().unwrap(), @"about 53.7 s at the 95.4 MiB/s of earlier runs (an estimate)");
        before.mode = Mode::InPlace;
        insta::assert_snapshot!(before.undo_told(), @"beside each file, about 11.7 KiB in all (an estimate)");
        before.backup_dir = Some("/undo".into());
        before.seen = None;
        insta::assert_snapshot!(before.undo_told(), @"in /undo, a few KiB each");
        before.files = 0;
        assert_eq!(before.time_told(), None);
    }

    #[test]
    fn files_can_be_used_up() {
        let mut few = copies("ext4", 6 << 30);
        few.place = Some(FileSystem { files_free: Some(11), ..place("ext4", 6 << 30) });
        insta::assert_snapshot!(few.warning().unwrap(), @"12 files are to be made, and the file system takes 11 more files");
        assert!(few.block().contains("6.0 GiB and 11 files free"), "{}", few.block());
    }
}
