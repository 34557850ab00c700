//! The manual: its commands run, its pages are linked, its reference is what the programs say.

use super::clean::clean;
use super::world::binary;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Code blocks of a page: first line, the words behind the fence, text.
fn blocks(page: &str) -> Vec<(usize, String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String, String)> = None;
    for (number, line) in (1..).zip(page.lines()) {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(words)) => open = Some((number, words.to_owned(), String::new())),
            (Some(_), Some("")) => blocks.extend(open.take()),
            (Some((_, _, text)), _) => writeln!(text, "{line}").unwrap(),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// What a page needs before its first command: `<!-- before: COMMANDS -->`.
fn before(page: &str) -> &str {
    let Some((_, rest)) = page.split_once("<!-- before: ") else { return "" };
    rest.split_once(" -->").unwrap().0
}

fn run(page: &Path, dir: &Path, line: usize, program: &str, text: &str) -> bool {
    let data = root().join("tests/data");
    let bin = binary("jldconv").parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(bin).chain(std::env::split_paths(&path));
    let mut command = Command::new(program);
    let args: &[&str] =
        if program == "bash" { &["-euo", "pipefail", "-c", text] } else { &["-c", text] };
    clean(&mut command);
    let ended = command
        .args(args)
        .current_dir(dir)
        .env("PATH", std::env::join_paths(paths).unwrap())
        .env("HOME", dir)
        .env("DATA", data)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    if !ended.status.success() {
        eprintln!(
            "{}:{line}: {}\n{text}\n{}{}",
            page.display(),
            ended.status,
            String::from_utf8_lossy(&ended.stdout),
            String::from_utf8_lossy(&ended.stderr)
        );
    }
    ended.status.success()
}

fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(root().join("docs")).unwrap();
    let mut pages: Vec<PathBuf> = docs
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .chain([root().join("README.md")])
        .collect();
    pages.sort();
    pages
}

/// Each page's commands run in one directory, in their order. `sh no_run` is not run: it installs,
/// takes minutes, or needs what a test has not got. `sh fails` must end with another code than 0.
#[test]
fn each_command_of_the_manual_runs() {
    let python = std::env::var("JLDCONV_PYTHON").ok();
    let (mut commands, mut failed) = (0, 0);
    for path in pages() {
        let page = fs::read_to_string(&path).unwrap();
        let dir = tempfile::tempdir().unwrap();
        assert!(run(&path, dir.path(), 1, "bash", before(&page)));
        let mut session = String::new();
        for (line, words, text) in blocks(&page) {
            let (program, wanted) = match (words.as_str(), &python) {
                ("sh", _) => ("bash", true),
                ("sh fails", _) => ("bash", false),
                ("python", Some(python)) => {
                    // A page is one session.
                    session.push_str(&text);
                    (python.as_str(), true)
                }
                ("python", None) => {
                    println!("skipped: {}:{line}, for there is no h5py", path.display());
                    continue;
                }
                _ => continue,
            };
            commands += 1;
            let text = if words == "python" { &session } else { &text };
            failed += usize::from(run(&path, dir.path(), line, program, text) != wanted);
        }
    }
    assert!(commands > 20, "only {commands} commands found");
    assert_eq!(failed, 0, "of {commands} commands");
}

/// Nothing is in the manual that its contents do not name, and no link of a page leads nowhere.
#[test]
fn each_page_is_reached_and_each_link_leads_somewhere() {
    let contents = fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    for path in pages() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let page = fs::read_to_string(&path).unwrap();
        assert!(
            ["SUMMARY.md", "README.md"].contains(&name) || contents.contains(&format!("({name})")),
            "docs/SUMMARY.md does not name {name}"
        );
        for part in page.split("](").skip(1) {
            let target = part.split([')', '#']).next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let at = path.parent().unwrap().join(target);
            assert!(at.exists(), "{name}: {target} is not there");
        }
    }
}

/// `docs/reference.md` is made from the programs: `cargo run --example reference -- docs/reference.md`.
#[test]
fn the_reference_is_what_the_programs_say() {
    let page = fs::read_to_string(root().join("docs/reference.md")).unwrap();
    assert!(
        page == jldconv::cli::reference(),
        "make it again: cargo run --example reference -- docs/reference.md"
    );
}
