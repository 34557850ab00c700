//! Lists an archive's directory, and those below it where that is asked for.
//!
//! Nothing is opened here but directories: opening a pipe would block, and the worker that converts a
//! file meets whatever is wrong inside. Symbolic links to directories are not followed, and no
//! directory is entered twice, so that there is an end to every tree.

use super::discover::{Archive, ArchiveError, Found, Ignored, Obstacle, Unlisted, Why, dir_of};
use super::earlier::made_from;
use super::name::{Name, Numbered, classify, is_jld2, joined};
use super::selection::Selection;
use crate::sys::dir::OWN;
use crate::sys::file::{may_pass, patiently};
use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::fs::{self, DirEntry, FileType, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

/// How long is looked for what nobody asked for.
const LOOK: Duration = Duration::from_secs(1);

/// Lists what `selection` takes of `directory`. Hidden files and directories are left out, and so is
/// `outputs`, the directory of the outputs, where it lies below; and, where they lie below, those of
/// earlier runs whose inputs are in `directory`, too. Directories below that cannot be listed are told
/// with the rest.
///
/// # Errors
/// Where the directory itself cannot be listed to its end.
pub fn discover(
    directory: &Path,
    selection: &Selection,
    outputs: Option<&Path>,
) -> Result<Archive, ArchiveError> {
    list(directory, selection, outputs, false)
}

/// As [`discover`], with the names of all other files.
///
/// # Errors
/// As [`discover`].
pub fn discover_all(
    directory: &Path,
    selection: &Selection,
    outputs: Option<&Path>,
) -> Result<Archive, ArchiveError> {
    list(directory, selection, outputs, true)
}

/// What lies below an archive's directory that nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Below {
    /// Directories that hold files of the archive, as far as was looked.
    pub dirs: u64,
    /// How many.
    pub files: u64,
    /// The first of these directories, by its path below the archive's.
    pub first: String,
    /// Whether there may be more, for looking took too long.
    pub more: bool,
}

/// Looks, for a second at most, whether directories below `directory` hold what `selection` takes.
pub fn below(directory: &Path, selection: &Selection, outputs: Option<&Path>) -> Option<Below> {
    let selection = Selection { recursive: true, named: Vec::new(), ..selection.clone() };
    let mut walk = Walk::new(directory, &selection, outputs, false);
    walk.waiting.push((directory.to_owned(), String::new()));
    let until = Instant::now() + LOOK;
    while let Some((path, relative)) = walk.waiting.pop() {
        // What cannot be listed holds nothing, as far as anybody knows.
        let _ = walk.enter(&path, &relative);
        if Instant::now() >= until {
            break;
        }
    }
    let more = !walk.waiting.is_empty();
    let mut files = walk.archive.files;
    files.retain(|file| !file.dir().is_empty());
    let dirs: BTreeSet<&str> = files.iter().map(Found::dir).collect();
    let first = (*dirs.first()?).to_owned();
    Some(Below { dirs: dirs.len() as u64, files: files.len() as u64, first, more })
}

/// The directory itself and all below it, sorted; hidden ones and links are left out. Those that cannot
/// be listed come beside them, with their whole paths.
///
/// # Errors
/// Where the directory itself cannot be listed to its end.
pub fn directories(directory: &Path) -> Result<(Vec<PathBuf>, Vec<ArchiveError>), ArchiveError> {
    let selection = Selection { recursive: true, ..Selection::prefix("") };
    let mut walk = Walk::new(directory, &selection, None, false);
    // Whoever looks for undo files looks everywhere.
    walk.all = true;
    walk.waiting.push((directory.to_owned(), String::new()));
    let (mut found, mut unlisted) = (Vec::new(), Vec::new());
    while let Some((path, relative)) = walk.waiting.pop() {
        match walk.enter(&path, &relative) {
            Ok(()) => found.push(path),
            Err(error) if relative.is_empty() => return Err(error),
            Err(error) => unlisted.push(error),
        }
    }
    found.sort();
    unlisted.sort_by(|a, b| a.path.cmp(&b.path));
    Ok((found, unlisted))
}

fn list(
    directory: &Path,
    selection: &Selection,
    outputs: Option<&Path>,
    others: bool,
) -> Result<Archive, ArchiveError> {
    let mut walk = Walk::new(directory, selection, outputs, others);
    if selection.named.is_empty() {
        walk.waiting.push((directory.to_owned(), String::new()));
    } else {
        walk.named(directory)?;
    }
    while let Some((path, relative)) = walk.waiting.pop() {
        match walk.enter(&path, &relative) {
            Ok(()) => {}
            Err(error) if relative.is_empty() => return Err(error),
            // It costs what is in it, and is told.
            Err(ArchiveError { source, .. }) => walk.archive.unlisted.push(Unlisted {
                name: relative.trim_end_matches('/').to_owned(),
                error: source.to_string(),
            }),
        }
    }
    let mut archive = walk.archive;
    archive.unlisted.sort_by(|a, b| a.name.cmp(&b.name));
    archive.files.sort_by(|a, b| order(a).cmp(&order(b)));
    archive.files.dedup_by(|a, b| a.name == b.name);
    archive.ignored.sort_by(|a, b| (a.why, &a.name).cmp(&(b.why, &b.name)));
    archive.others.sort();
    Ok(archive)
}

/// What files are sorted by: directory, number, name.
fn order(file: &Found) -> (&str, bool, Option<u64>, &str) {
    (dir_of(&file.name), file.number.is_none(), file.number, &file.name)
}

struct Walk<'a> {
    selection: &'a Selection,
    /// The archive's directory, as the system knows it, where that can be told.
    root: Option<PathBuf>,
    /// Whether outputs of earlier runs are entered, too.
    all: bool,
    /// Device and inode of the directory of the outputs, if it is there.
    outputs: Option<(u64, u64)>,
    /// Whether the names of other files are wanted.
    others: bool,
    /// Device and inode of each directory that was entered.
    entered: HashSet<(u64, u64)>,
    /// Directories to enter: where they are, and the relative path, with a slash at its end.
    waiting: Vec<(PathBuf, String)>,
    archive: Archive,
}

impl<'a> Walk<'a> {
    fn new(
        directory: &Path,
        selection: &'a Selection,
        outputs: Option<&Path>,
        others: bool,
    ) -> Self {
        let identity = |path: &Path| fs::metadata(path).ok().map(|it| (it.dev(), it.ino()));
        Self {
            selection,
            root: fs::canonicalize(directory).ok(),
            all: false,
            outputs: outputs.and_then(identity),
            others,
            entered: identity(directory).into_iter().collect(),
            waiting: Vec::new(),
            archive: Archive::default(),
        }
    }

    /// Takes what is named one by one. What is gone since is not there.
    fn named(&mut self, directory: &Path) -> Result<(), ArchiveError> {
        for relative in &self.selection.named {
            let parts = || Path::new(relative).components();
            if parts().next().is_none() || !parts().all(|it| matches!(it, Component::Normal(_))) {
                continue;
            }
            let path = directory.join(relative);
            match patiently(|| fs::metadata(&path)) {
                Ok(meta) if meta.is_dir() => self.waiting.push((path, format!("{relative}/"))),
                Ok(_) => self.take(path, relative.clone(), number_of(relative), None),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(ArchiveError { path, source }),
            }
        }
        Ok(())
    }

    fn enter(&mut self, directory: &Path, relative: &str) -> Result<(), ArchiveError> {
        let error = |source| ArchiveError { path: directory.to_owned(), source };
        // A listing that broke off half-way begins anew: file servers lose their place.
        let list = || fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>();
        for entry in patiently(list).map_err(error)? {
            self.entry(&entry, directory, relative);
        }
        Ok(())
    }

    fn entry(&mut self, entry: &DirEntry, directory: &Path, relative: &str) {
        let name = entry.file_name();
        let kind = entry.file_type().ok();
        let mut whole = OsString::from(relative);
        whole.push(&name);
        let asked_for = !self.selection.named.is_empty();
        if !asked_for && is_hidden(relative) && !kind.is_some_and(|it| it.is_dir()) {
            return self.other(whole);
        }
        let taken = classify(&name, relative, self.selection);
        // A pattern is about files: it takes a directory only where its name says that it is meant.
        if matches!(&taken, Name::Taken(number) if number.as_ref().is_none_or(|it| it.head.is_none()))
            && !is_jld2(name.as_encoded_bytes())
            && is_directory(entry, kind)
        {
            if !self.directory(entry, &whole, kind) {
                self.other(whole);
            }
            return;
        }
        let why = match (taken, name.to_str()) {
            (Name::Taken(number), Some(text)) => {
                let number = number.map(|it| it.below(relative));
                self.take(joined(directory, &name), format!("{relative}{text}"), number, kind);
                return;
            }
            (Name::Own, _) => return,
            (Name::Taken(_), None) => Why::NotText,
            _ if self.directory(entry, &whole, kind) => return,
            (Name::TooLarge, _) => Why::TooLarge,
            (Name::NotText, _) => Why::NotText,
            (Name::Foreign, _) => Why::Foreign,
            (Name::Other, _) => return self.other(whole),
        };
        self.archive.ignored.push(Ignored { name: whole, why });
    }

    fn other(&mut self, name: OsString) {
        self.archive.other_files += 1;
        if self.others {
            self.archive.others.push(name);
        }
    }

    /// Deals with an entry that is a directory, or a link to one; `false` if it is neither.
    fn directory(&mut self, entry: &DirEntry, whole: &OsString, kind: Option<FileType>) -> bool {
        let link = kind.is_some_and(|it| it.is_symlink());
        if !link && !kind.is_some_and(|it| it.is_dir()) {
            return false;
        }
        let path = entry.path();
        let Some(meta) = fs::metadata(&path).ok().filter(Metadata::is_dir) else { return false };
        let hidden = entry.file_name().as_encoded_bytes().first() == Some(&b'.');
        // Hidden directories hold nothing of the archive, but other files. Links to them are such.
        if entry.file_name() == OWN || hidden && !link && !self.others {
            return true;
        }
        if hidden && link {
            return false;
        }
        let identity = (meta.dev(), meta.ino());
        let why = match whole.to_str() {
            _ if !self.selection.recursive => {
                self.archive.dirs += 1;
                return !link;
            }
            _ if self.outputs == Some(identity) => Why::Outputs,
            _ if link => Why::DirLink,
            None => Why::DirNotText,
            Some(_) if self.is_made_from_here(&path) => Why::EarlierOutputs,
            Some(_) if !self.entered.insert(identity) => Why::DirTwice,
            Some(relative) => {
                self.waiting.push((path, format!("{relative}/")));
                return true;
            }
        };
        self.archive.ignored.push(Ignored { name: whole.clone(), why });
        true
    }

    /// Whether an earlier run made what is in `directory` from other files of this archive: taken as
    /// input, each of these would come twice.
    fn is_made_from_here(&self, directory: &Path) -> bool {
        let Some(root) = self.root.as_ref().filter(|_| !self.all) else { return false };
        let Ok(directory) = fs::canonicalize(directory) else { return false };
        made_from(&directory).is_some_and(|from| from.starts_with(root) && from != directory)
    }

    fn take(
        &mut self,
        path: PathBuf,
        name: String,
        number: Option<Numbered>,
        kind: Option<FileType>,
    ) {
        let link = match kind {
            Some(kind) => kind.is_symlink(),
            None => path.is_symlink(),
        };
        let (number, head) = (number.map(|it| it.number), number.and_then(|it| it.head));
        let mut found =
            Found { name, number, head, bytes: 0, modified: None, obstacle: None, path };
        match patiently(|| fs::metadata(&found.path)) {
            Ok(meta) if meta.is_file() => {
                found.bytes = meta.len();
                found.modified = meta.modified().ok();
            }
            Ok(meta) => {
                let what = kind_of(meta.file_type());
                found.obstacle =
                    Some(if link { Obstacle::LinkTo(what) } else { Obstacle::NotAFile(what) });
            }
            Err(error) if link && error.kind() == io::ErrorKind::NotFound => {
                found.obstacle = Some(Obstacle::Dangling);
            }
            // Whoever converts it tries again, and says what is wrong.
            Err(error) if may_pass(&error) => {}
            Err(error) => found.obstacle = Some(Obstacle::Unknown(error.to_string())),
        }
        self.archive.files.push(found);
    }
}

/// Whether an entry is a directory, or a link to one.
fn is_directory(entry: &DirEntry, kind: Option<FileType>) -> bool {
    match kind {
        Some(kind) if !kind.is_symlink() => kind.is_dir(),
        _ => fs::metadata(entry.path()).is_ok_and(|it| it.is_dir()),
    }
}

/// The number of a file that was named itself.
fn number_of(relative: &str) -> Option<Numbered> {
    let (dir, name) = relative.split_at(relative.rfind('/').map_or(0, |slash| slash + 1));
    match classify(name.as_ref(), "", &Selection::default()) {
        Name::Taken(number) => number.map(|it| it.below(dir)),
        _ => None,
    }
}

/// Whether a relative path with a slash at its end leads through a hidden directory.
fn is_hidden(relative: &str) -> bool {
    relative.split('/').any(|part| part.starts_with('.'))
}

fn kind_of(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device"
    } else {
        "something unknown"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    fn list(dir: &Path) -> Result<Archive, ArchiveError> {
        discover(dir, &Selection::default(), None)
    }

    fn found<'a>(archive: &'a Archive, name: &str) -> &'a Found {
        archive.files.iter().find(|file| file.name == name).unwrap()
    }

    #[test]
    fn lists_by_number() {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in
            [("output_00100.jld2", 3), ("output_00020.jld2", 5), ("output_3.jld2", 7)]
        {
            fs::write(dir.path().join(name), vec![0; bytes]).unwrap();
        }
        fs::write(dir.path().join("notes.txt"), "").unwrap();
        fs::write(dir.path().join(".output_00001.jld2"), "").unwrap();
        fs::create_dir(dir.path().join(".jldconv")).unwrap();
        let archive = list(dir.path()).unwrap();
        assert_eq!(archive.numbers(), [3, 20, 100]);
        assert_eq!(archive.bytes(), 15);
        assert_eq!(archive.files[1].path, dir.path().join("output_00020.jld2"));
        assert!(archive.files.iter().all(|file| file.modified.is_some()));
        assert_eq!(archive.ignored, []);
        assert_eq!(
            discover(dir.path(), &Selection::prefix("other_"), None).unwrap().ignored.len(),
            3
        );
    }

    #[test]
    fn two_names_of_one_number_are_both_kept() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["output_42.jld2", "output_00042.jld2", "output_00043.jld2"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        let archive = list(dir.path()).unwrap();
        assert_eq!(archive.numbers(), [42, 42, 43]);
        let twins = archive.twins();
        assert_eq!(twins.len(), 1);
        assert_eq!(twins[0][0].name, "output_00042.jld2");
        assert_eq!(twins[0][1].name, "output_42.jld2");
    }

    #[test]
    fn what_is_no_file_comes_with_its_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("output_00001.jld2")).unwrap();
        nix::unistd::mkfifo(&at("output_00002.jld2"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let _socket = UnixListener::bind(at("output_00003.jld2")).unwrap();
        symlink("nowhere", at("output_00004.jld2")).unwrap();
        symlink("output_00001.jld2", at("output_00005.jld2")).unwrap();
        symlink("output_00006.jld2", at("output_00006.jld2")).unwrap();
        symlink("/dev/null", at("output_00007.jld2")).unwrap();
        fs::write(at("elsewhere"), "four").unwrap();
        symlink("elsewhere", at("output_00008.jld2")).unwrap();
        let archive = list(dir.path()).unwrap();
        let obstacles: Vec<_> = archive
            .files
            .iter()
            .map(|file| file.obstacle.as_ref().map_or_else(String::new, ToString::to_string))
            .collect();
        insta::assert_debug_snapshot!(obstacles, @r#"
        [
            "it is a directory, not a file",
            "it is a pipe, not a file",
            "it is a socket, not a file",
            "it is a symbolic link to nothing",
            "it is a symbolic link to a directory, not to a file",
            "Too many levels of symbolic links (os error 40)",
            "it is a symbolic link to a device, not to a file",
            "",
        ]
        "#);
        assert_eq!(found(&archive, "output_00008.jld2").bytes, 4);
    }

    #[test]
    fn tells_what_it_leaves_out() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            b"output_0000\xff.jld2".as_slice(),
            b"output_99999999999999999999.jld2",
            b"clumps.jld2",
            b"output_00001.JLD2",
            b"output_00001.jld2.tmp",
        ] {
            fs::write(dir.path().join(OsStr::from_bytes(name)), "").unwrap();
        }
        let archive = list(dir.path()).unwrap();
        assert_eq!(archive.files, []);
        let ignored: Vec<_> =
            archive.ignored.iter().map(|it| (it.name.as_bytes(), it.why)).collect();
        assert_eq!(
            ignored,
            [
                (b"output_0000\xff.jld2".as_slice(), Why::NotText),
                (b"output_99999999999999999999.jld2", Why::TooLarge),
                (b"clumps.jld2", Why::Foreign),
                (b"output_00001.JLD2", Why::Foreign),
            ]
        );
    }

    #[test]
    fn a_directory_that_is_none_is_an_error_with_its_path() {
        let error = list(Path::new("/nowhere/at/all")).unwrap_err();
        assert_eq!(error.to_string(), "/nowhere/at/all: No such file or directory (os error 2)");
    }

    fn names(archive: &Archive) -> Vec<&str> {
        archive.files.iter().map(|file| file.name.as_str()).collect()
    }

    fn ignored(archive: &Archive) -> Vec<(&str, Why)> {
        archive.ignored.iter().map(|it| (it.name.to_str().unwrap(), it.why)).collect()
    }

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for sub in ["sim1/maps", "sim10", "sim2/.hidden", ".jldconv/replaced", "out/sim1"] {
            fs::create_dir_all(at(sub)).unwrap();
        }
        for name in [
            "output_00002.jld2",
            "sim1/output_00010.jld2",
            "sim1/output_00009.jld2",
            "sim1/maps/map_a.jld2",
            "sim1/namelist.txt",
            "sim10/b_output_1.jld2",
            "sim10/a_output_1.jld2",
            "sim2/.hidden/output_00001.jld2",
            ".jldconv/replaced/output_00001.jld2",
            "out/sim1/output_00009.jld2",
        ] {
            fs::write(at(name), "x").unwrap();
        }
        symlink("..", at("sim1/up")).unwrap();
        symlink("../sim1/output_00009.jld2", at("sim2/output_00003.jld2")).unwrap();
        dir
    }

    #[test]
    fn trees_are_listed_without_links_and_without_their_outputs() {
        let dir = tree();
        let recursive = Selection { recursive: true, ..Selection::default() };
        let archive = discover(dir.path(), &recursive, Some(&dir.path().join("out"))).unwrap();
        let found = [
            "output_00002.jld2",
            "sim1/output_00009.jld2",
            "sim1/output_00010.jld2",
            "sim10/a_output_1.jld2",
            "sim10/b_output_1.jld2",
            "sim2/output_00003.jld2",
        ];
        assert_eq!(names(&archive), found);
        assert_eq!(archive.twins(), Vec::<Vec<&Found>>::new(), "another head, another series");
        assert_eq!(archive.files[1].series(), Some("sim1/output_"));
        assert_eq!(archive.files[3].series(), Some("sim10/a_output_"));
        assert_eq!((archive.files[1].dir(), archive.files[0].dir()), ("sim1", ""));
        assert_eq!(archive.files[5].bytes, 1, "a link to a file is read through");
        let left = [
            ("sim1/up", Why::DirLink),
            ("out", Why::Outputs),
            ("sim1/maps/map_a.jld2", Why::Foreign),
        ];
        assert_eq!(ignored(&archive), left);
        assert_eq!((archive.other_files, archive.dirs), (1, 0));
        let flat = list(dir.path()).unwrap();
        assert_eq!((names(&flat).len(), flat.dirs), (1, 4));
        let all = discover_all(dir.path(), &recursive, None).unwrap();
        let others = ["sim1/namelist.txt", "sim2/.hidden/output_00001.jld2"];
        assert_eq!(all.others, others, "hidden directories hold nothing but other files");
        assert_eq!(all.files.len(), 7);
    }

    #[test]
    fn patterns_are_about_names_or_paths() {
        let dir = tree();
        let listed = |globs: &[&str]| {
            let globs = globs.iter().map(|glob| glob.parse().unwrap()).collect();
            let selection = Selection::of(Vec::new(), globs, true);
            let archive = discover(dir.path(), &selection, Some(&dir.path().join("out"))).unwrap();
            archive.files.into_iter().map(|file| (file.name, file.number)).collect::<Vec<_>>()
        };
        assert_eq!(listed(&["*.jld2"]).len(), 7);
        assert_eq!(listed(&["sim1/*.jld2"]).len(), 2);
        assert_eq!(listed(&["**/maps/*"]), [("sim1/maps/map_a.jld2".to_owned(), None)]);
        assert_eq!(listed(&["a_*", "map*"]).len(), 2);
    }

    #[test]
    fn what_is_named_is_taken_whatever_its_name_is() {
        let dir = tree();
        let named =
            ["sim1/maps/map_a.jld2", "sim10", "sim1/output_00010.jld2", "gone.jld2", "../x", ""];
        let named = named.map(str::to_owned).to_vec();
        let selection = Selection { named, ..Selection::default() };
        let archive = discover(dir.path(), &selection, None).unwrap();
        let found = [
            "sim1/output_00010.jld2",
            "sim1/maps/map_a.jld2",
            "sim10/a_output_1.jld2",
            "sim10/b_output_1.jld2",
        ];
        assert_eq!(names(&archive), found);
        assert_eq!(archive.files[0].number, Some(10));
    }

    #[test]
    fn the_same_directory_is_entered_once() {
        let dir = tree();
        let named = ["sim10", "sim10"].map(str::to_owned).to_vec();
        let selection = Selection { named, ..Selection::default() };
        assert_eq!(discover(dir.path(), &selection, None).unwrap().files.len(), 2);
    }
}
