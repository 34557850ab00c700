//! Prints what a run is going to do to which place, before the question: the mode and what it leaves
//! behind, and whether there is room.

use crate::archive::nearest_dir;
use crate::convert::Mode;
use crate::sys::file_system::FileSystem;
use crate::text;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// What is known before a run begins.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        Self { mode, bytes, files, place, same_device }
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
        let mut block = format!("  mode        {}\n", self.mode_told());
        let Some(place) = &self.place else { return block };
        let kind = if place.shared { " (a network or shared file system)" } else { "" };
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
        let _ =
            writeln!(block, "  space       {free}{files} free on {}{kind}; {needed}", place.kind);
        block
    }

    fn mode_told(&self) -> &'static str {
        match self.mode {
            Mode::Patch => "patch: a copy, with some hundred bytes of metadata replaced",
            Mode::Rewrite => "rewrite: every object laid out again in a new file",
            Mode::InPlace => {
                "in-place: the files themselves change, some hundred bytes each. An undo file beside \
                 each\n              brings the old bytes back (jldconv undo FILE) until you remove \
                 it (jldconv commit DIR)"
            }
            Mode::Auto => "auto: patched copies; rewritten where the target cannot read a codec",
        }
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
        Preflight { mode: Mode::Auto, bytes: 5 << 30, files: 12, place, same_device: true }
    }

    #[test]
    fn room_and_none() {
        let roomy = copies("ext4", 6 << 30);
        assert_eq!(roomy.warning(), None);
        insta::assert_snapshot!(roomy.block(), @r"
        mode        auto: patched copies; rewritten where the target cannot read a codec
        space       6.0 GiB free on ext4; about 5.0 GiB are needed
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
        assert!(in_place.block().contains("jldconv undo FILE"), "{}", in_place.block());
    }

    #[test]
    fn files_can_be_used_up() {
        let mut few = copies("ext4", 6 << 30);
        few.place = Some(FileSystem { files_free: Some(11), ..place("ext4", 6 << 30) });
        insta::assert_snapshot!(few.warning().unwrap(), @"12 files are to be made, and the file system takes 11 more files");
        assert!(few.block().contains("6.0 GiB and 11 files free"), "{}", few.block());
    }
}
