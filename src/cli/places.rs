//! Reads which files a run takes and where its outputs go.
//!
//! A run has one directory, or files, directories and patterns that no shell has expanded. The last
//! of several paths is the directory for the outputs, unless files are changed in place. What is named
//! is known by its path below the deepest directory that holds all of it, so that two files of one
//! name from two directories have two outputs.

use super::typed::as_path;
use super::usage_error::UsageError;
use crate::archive::{Placement, same_place};
use crate::convert::Mode;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where a run's files are, and where they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) input_dir: PathBuf,
    pub(super) output_dir: PathBuf,
    /// What of the input directory is taken, by paths below it; empty where that was named itself.
    pub(super) named: Vec<String>,
}

/// Reads the paths of a command line, in their order.
///
/// # Errors
/// Where one is missing, does not exist, or cannot be what its place asks for.
pub(super) fn places(
    input: Option<PathBuf>,
    output: Option<PathBuf>,
    more: Vec<PathBuf>,
    mode: Mode,
) -> Result<Places, UsageError> {
    let input = input.ok_or(UsageError::NoInput)?;
    let in_place = mode == Mode::InPlace;
    if more.is_empty() && input.is_dir() {
        let input_dir = std::path::absolute(&input).map_err(directory(&input))?;
        let output_dir = for_outputs(&input_dir, output, mode)?;
        return Ok(Places { input_dir, output_dir, named: Vec::new() });
    }
    let mut inputs: Vec<PathBuf> =
        [Some(input), output].into_iter().flatten().chain(more).collect();
    let output = if in_place { None } else { inputs.pop() };
    if inputs.is_empty() {
        let Some(only) = output else { return Err(UsageError::NoInput) };
        // What is wrong with it is to be told first.
        expand(&only)?;
        return Err(UsageError::NoOutput);
    }
    if let Some(last) = output.as_ref().filter(|last| names_files(last)) {
        return Err(UsageError::LastIsFile(last.clone()));
    }
    let named = inputs.len() > 1;
    let mut found = Vec::new();
    for input in &inputs {
        found.extend(expand(input)?);
    }
    // As if a shell had expanded it.
    if let ([only], false) = (found.as_slice(), named)
        && only.is_dir()
    {
        return places(Some(only.clone()), output, Vec::new(), mode);
    }
    if let Some(dir) = found.iter().rfind(|path| in_place && path.is_dir()) {
        return Err(UsageError::OutputInPlace(dir.clone()));
    }
    let (input_dir, named) = below_one(&found)?;
    let output_dir = for_outputs(&input_dir, output, mode)?;
    Ok(Places { input_dir, output_dir, named })
}

/// Whether a path cannot be the directory for the outputs: it is a file, a pattern, or is named as a
/// JLD2 file and not there.
fn names_files(path: &Path) -> bool {
    if let Ok(meta) = fs::metadata(path) {
        return !meta.is_dir();
    }
    path.extension().is_some_and(|it| it.eq_ignore_ascii_case("jld2")) || is_pattern(path)
}

/// Whether it has characters that a shell would expand.
fn is_pattern(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().iter().any(|byte| b"*?[".contains(byte))
}

/// The paths that one stands for: itself, or what a pattern matches, sorted.
fn expand(path: &Path) -> Result<Vec<PathBuf>, UsageError> {
    match fs::symlink_metadata(path) {
        Ok(_) => return Ok(vec![path.to_owned()]),
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_pattern(path) => {}
        Err(error) => return Err(directory(path)(error)),
    }
    let wrong = |message: String| UsageError::Pattern { pattern: path.to_owned(), message };
    let Some(text) = path.to_str() else {
        return Err(wrong("a pattern must be UTF-8".to_owned()));
    };
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let paths = glob::glob_with(text, options).map_err(|error| wrong(error.to_string()))?;
    let found: Result<Vec<PathBuf>, _> = paths.collect();
    let found = found.map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() { Err(wrong("no file matches".to_owned())) } else { Ok(found) }
}

/// The deepest directory that holds all paths, and their paths below it.
fn below_one(paths: &[PathBuf]) -> Result<(PathBuf, Vec<String>), UsageError> {
    let mut real = Vec::new();
    for path in paths {
        let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
        real.push(match path.file_name() {
            Some(name) => {
                let dir = fs::canonicalize(parent.unwrap_or(Path::new(".")));
                dir.map_err(directory(path))?.join(name)
            }
            // `.` and `..` end in no name.
            None => fs::canonicalize(path).map_err(directory(path))?,
        });
    }
    let parent = |path: &PathBuf| path.parent().unwrap_or(path).to_owned();
    let mut root = real.first().map(parent).ok_or(UsageError::NoInput)?;
    for path in &real {
        while !parent(path).starts_with(&root) {
            root.pop();
        }
    }
    let mut named = Vec::new();
    for path in &real {
        let below = path.strip_prefix(&root).ok().and_then(Path::to_str);
        let wrong = || UsageError::NotText(path.clone());
        named.push(below.filter(|it| !it.is_empty()).ok_or_else(wrong)?.to_owned());
    }
    named.sort();
    named.dedup();
    Ok((root, named))
}

fn directory(path: &Path) -> impl Fn(io::Error) -> UsageError {
    move |source| UsageError::Directory { path: path.to_owned(), source }
}

fn for_outputs(input: &Path, output: Option<PathBuf>, mode: Mode) -> Result<PathBuf, UsageError> {
    let Some(output) = output else {
        return match mode {
            Mode::InPlace => Ok(input.to_owned()),
            Mode::Auto | Mode::Patch | Mode::Rewrite => Err(UsageError::NoOutput),
        };
    };
    let path = output.clone();
    let error = directory(&path);
    let meant = as_path(output.as_os_str());
    if output.starts_with("~") && meant != output {
        return Err(UsageError::Tilde { path: output, meant });
    }
    if fs::metadata(&output).is_ok_and(|meta| !meta.is_dir()) {
        return Err(error(io::ErrorKind::NotADirectory.into()));
    }
    match (same_place(input, &output).map_err(&error)?, mode) {
        (Placement::Same, Mode::InPlace) => Ok(input.to_owned()),
        (Placement::Same, _) => Err(UsageError::SamePlace(output)),
        (Placement::Apart, Mode::InPlace) => Err(UsageError::OutputInPlace(output)),
        (Placement::Apart, _) => std::path::absolute(&output).map_err(error),
    }
}

/// Whether a command line that names `word` where a path is to be may have meant something else.
pub(super) fn is_missing(word: &OsStr) -> bool {
    fs::symlink_metadata(word).is_err() && !is_pattern(Path::new(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for sub in ["a/deep", "b", "out"] {
            fs::create_dir_all(dir.path().join(sub)).unwrap();
        }
        for name in ["a/1.jld2", "a/2.jld2", "a/deep/1.jld2", "b/1.jld2", "b/*.jld2"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        dir
    }

    /// The input directory and what is named in it, or what is wrong, of `paths` in a world.
    fn told(paths: &[&str], mode: Mode) -> String {
        let world = world();
        let root = fs::canonicalize(world.path()).unwrap();
        let mut paths = paths.iter().map(|path| root.join(path));
        let (input, output) = (paths.next(), paths.next());
        let told = match places(input, output, paths.collect(), mode) {
            Err(error) => error.to_string(),
            Ok(Places { input_dir, output_dir, named }) => {
                let [from, to] = [input_dir, output_dir].map(|it| it.display().to_string());
                format!("{from} {} -> {to}", named.join(" "))
            }
        };
        told.replace(root.to_str().unwrap(), "")
    }

    #[test]
    fn paths_are_read_by_their_order() {
        let copy = |paths: &[&str]| told(paths, Mode::Auto);
        assert_eq!(copy(&["a", "out"]), "/a  -> /out");
        assert_eq!(copy(&["a", "new"]), "/a  -> /new");
        assert_eq!(copy(&["a/1.jld2", "out"]), "/a 1.jld2 -> /out");
        assert_eq!(copy(&["a/1.jld2", "a/2.jld2", "new"]), "/a 1.jld2 2.jld2 -> /new");
        assert_eq!(copy(&["a/1.jld2", "b/1.jld2", "out"]), " a/1.jld2 b/1.jld2 -> /out");
        assert_eq!(copy(&["a/1.jld2", "a/deep/../1.jld2", "out"]), "/a 1.jld2 -> /out");
        assert_eq!(copy(&["a", "b", "out"]), " a b -> /out");
        assert_eq!(copy(&["a/*.jld2", "out"]), "/a 1.jld2 2.jld2 -> /out");
        assert_eq!(copy(&["*/1.jld2", "a/deep", "out"]), " a/1.jld2 a/deep b/1.jld2 -> /out");
        assert_eq!(copy(&["b/*.jld2", "out"]), "/b *.jld2 -> /out", "a file of that very name");
        assert_eq!(copy(&["[a]", "out"]), "/a  -> /out", "as if a shell had expanded it");
        let in_place = |paths: &[&str]| told(paths, Mode::InPlace);
        assert_eq!(in_place(&["a"]), "/a  -> /a");
        assert_eq!(in_place(&["a", "a/../a"]), "/a  -> /a");
        assert_eq!(in_place(&["a/1.jld2"]), "/a 1.jld2 -> /a");
        assert_eq!(in_place(&["a/?.jld2", "b/1.jld2"]), " a/1.jld2 a/2.jld2 b/1.jld2 -> ");
    }

    #[test]
    fn what_cannot_be_is_told() {
        let copy = |paths: &[&str]| told(paths, Mode::Auto);
        insta::assert_snapshot!(copy(&["a/1.jld2", "a/2.jld2"]), @"/a/2.jld2: the last path is the directory for the outputs: name one behind the files, or say --mode in-place");
        insta::assert_snapshot!(copy(&["a/1.jld2", "new.jld2"]), @"/new.jld2: the last path is the directory for the outputs: name one behind the files, or say --mode in-place");
        insta::assert_snapshot!(copy(&["a/*.jld2"]), @"where do the outputs go? Name a directory, or say --mode in-place");
        insta::assert_snapshot!(copy(&["a/x*", "out"]), @"/a/x*: no file matches");
        assert!(copy(&["a/[", "out"]).starts_with("/a/[: Pattern syntax error near position"));
        insta::assert_snapshot!(copy(&["a/1.jld2", "none", "out"]), @"/none: No such file or directory (os error 2)");
        insta::assert_snapshot!(copy(&["none"]), @"/none: No such file or directory (os error 2)");
        insta::assert_snapshot!(copy(&["a", "a"]), @"/a: the outputs would replace the archive; name another directory, or say --mode in-place");
        insta::assert_snapshot!(copy(&["a/1.jld2", "a"]), @"/a: the outputs would replace the archive; name another directory, or say --mode in-place");
        let in_place = |paths: &[&str]| told(paths, Mode::InPlace);
        insta::assert_snapshot!(in_place(&["a", "out"]), @"/out: --mode in-place changes the files of one directory and makes no others: leave this one out; two archives are changed one after the other, or from the directory above both with --recursive");
        insta::assert_snapshot!(in_place(&["a/1.jld2", "out"]), @"/out: --mode in-place changes the files of one directory and makes no others: leave this one out; two archives are changed one after the other, or from the directory above both with --recursive");
    }
}
