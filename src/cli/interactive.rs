//! Asks a person at a terminal: what to convert, where to, which of it, how; and whether to go.
//!
//! Every question has a default that Enter takes, except the archive. An answer that makes no sense is
//! asked for again; the end of the input (Ctrl-D) is a "no" to everything. What the answers come to is
//! shown as a command line that does the same.

use super::flags::Layer;
use super::places::{Places, places};
use super::resolve::selection;
use super::typed::{as_path, command_line};
use super::value;
use crate::archive::{Below, Ranges, Selection, below, discover};
use crate::cli::raw_settings::Said;
use crate::convert::{Mode, Options};
use crate::report::{Overview, wrapped};
use crate::supervisor::Plan;
use crate::tasks::convert::look_at_some;
use crate::text;
use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// Files above which a person is told that a range makes a shorter run.
const MANY: u64 = 100;

/// Somebody who answers.
#[derive(Debug)]
pub struct Dialogue<In, Out> {
    /// Where answers come from.
    pub input: In,
    /// Where questions go.
    pub output: Out,
    /// How wide that is; none where lines may be of any length.
    pub columns: Option<usize>,
}

/// Ends a talk early: no more input, or nothing to convert.
struct Over;

/// What a question comes to: an answer, the end of the talk, or an error of the terminal.
type Asked<T> = io::Result<Result<T, Over>>;

/// Takes an answer, or ends the talk.
macro_rules! given {
    ($asked:expr) => {
        match $asked? {
            Ok(answer) => answer,
            Err(Over) => return Ok(Err(Over)),
        }
    };
}

impl<In: BufRead, Out: Write> Dialogue<In, Out> {
    /// Asks for what a run needs, with what `said` says already as defaults; `about` is what is told of
    /// the machine first. `None` if there is no more input, or nothing to convert.
    ///
    /// # Errors
    /// Where the terminal fails.
    pub fn ask(&mut self, said: Said, about: &str) -> io::Result<Option<Said>> {
        self.tell(about)?;
        self.tell("Which archive is to be converted? (Ctrl-C or Ctrl-D to leave)\n")?;
        let Ok(said) = self.talk(said)? else { return Ok(None) };
        self.tell(&format!("The same without questions:\n  {}\n", command_line(&said)))?;
        Ok(Some(said))
    }

    /// Asks whether to go; only `y` or `yes` is a yes.
    ///
    /// # Errors
    /// Where the terminal fails.
    pub fn confirm(&mut self, question: &str) -> io::Result<bool> {
        let answer = self.text(&format!("{question} [y/N] "))?.unwrap_or_default();
        Ok(["y", "yes"].contains(&answer.to_ascii_lowercase().as_str()))
    }

    fn talk(&mut self, mut said: Said) -> Asked<Said> {
        let layer = said.layer().map_err(io::Error::other)?;
        let input = given!(self.archive(layer.input_dir.as_deref()));
        said.set("input-dir", &input);
        said.unset("more-paths");
        let span = given!(self.files(&mut said, &input));
        let kept = layer.conversion.mode.unwrap_or_default();
        let mode =
            given!(self.choice("Mode: auto, patch, rewrite or in-place", kept.name(), |text| {
                <Mode as clap::ValueEnum>::from_str(text, true)
                    .map_err(|_| "write auto, patch, rewrite or in-place".to_owned())
            },));
        set_unless(&mut said, "mode", mode.name(), Mode::Auto.name());
        if mode == Mode::InPlace {
            said.unset("output-dir");
        } else {
            let suggested = layer.output_dir.clone().unwrap_or_else(|| beside(&input));
            let output = given!(self.outputs(&input, &suggested, mode));
            said.set("output-dir", output);
        }
        if let Some((first, last)) = span {
            given!(self.range(&mut said, first, last));
        }
        if mode != Mode::InPlace && mode != Mode::Patch {
            let known = layer.conversion.compress.is_some().then(|| said.first("compress"));
            let known = known.flatten().unwrap_or_else(|| "keep".to_owned());
            let question = "Codec: keep, lz4, zstd[:N], deflate[:N] or none";
            let codec = given!(self.choice(question, &known, |text| {
                value::compress(text).map(|_| text.trim().to_owned())
            }));
            set_unless(&mut said, "compress", &codec, "keep");
        }
        let known = said.first("workers").unwrap_or_else(|| "auto".to_owned());
        let workers = given!(self.choice("Workers, auto or a number", &known, |text| {
            value::count(text).map(|_| text.trim().to_owned())
        }));
        set_unless(&mut said, "workers", &workers, "auto");
        Ok(Ok(said))
    }

    /// Asks for what is to be converted until it is there.
    fn archive(&mut self, suggested: Option<&Path>) -> Asked<PathBuf> {
        let question = match suggested {
            Some(path) => format!("Archive directory [{}]: ", text::path(path)),
            None => "Archive directory: ".to_owned(),
        };
        loop {
            let Some(answer) = self.answer(&question)? else { return Ok(Err(Over)) };
            let path = match suggested {
                Some(path) if answer.is_empty() => path.to_owned(),
                _ => as_path(&answer),
            };
            match std::fs::metadata(&path) {
                Ok(meta) if meta.is_dir() || meta.is_file() => return Ok(Ok(path)),
                Ok(_) => self.tell("  that is neither a directory nor a file\n")?,
                Err(error) => {
                    let pattern =
                        places(Some(path.clone()), Some("/".into()), Vec::new(), Mode::Auto);
                    if path.as_os_str().as_encoded_bytes().contains(&b'*') && pattern.is_ok() {
                        return Ok(Ok(path));
                    }
                    self.tell(&format!("  {}: {error}\n", text::path(&path)))?;
                }
            }
        }
    }

    /// Asks which names are an archive's, and shows what there is; gives the first and the last number,
    /// where files have numbers.
    fn files(&mut self, said: &mut Said, input: &Path) -> Asked<Option<(u64, u64)>> {
        let named = !input.is_dir();
        if !named {
            let layer = said.layer().map_err(io::Error::other)?;
            let known = selection(&layer.batch);
            if is_empty(input) {
                self.tell(&format!("There are no {} here: nothing to do.\n", known.shown()))?;
                return Ok(Err(Over));
            }
            if known.globs.is_empty() {
                let default = match layer.batch.prefix.as_slice() {
                    [one] => one.clone(),
                    _ => crate::archive::DEFAULT_PREFIX.to_owned(),
                };
                let question = "Names of its files begin with, before the number";
                let prefix = given!(self.choice(question, &default, value::prefix));
                if prefix != default {
                    said.set("prefix", prefix);
                }
            }
        }
        let mut layer = said.layer().map_err(io::Error::other)?;
        let (input_dir, mut selection) = whole(&layer, input).map_err(io::Error::other)?;
        loop {
            let archive = discover(&input_dir, &selection, None).map_err(io::Error::other)?;
            let overview = Overview::new(&archive, &selection, &Ranges::all());
            self.tell(&overview.block())?;
            if overview.found > 0 {
                let plan = Plan::of(archive.files, Path::new(""));
                let target = layer.conversion.target.clone();
                let target = target.unwrap_or_else(|| Options::default().target);
                let rules = layer.conversion.rules.clone();
                let options = Options { target, rules, ..Options::default() };
                self.tell(&look_at_some(&plan, &options).block())?;
                if overview.found > MANY {
                    self.tell(
                        "Many files: a part of them makes a shorter run; the next goes on there.\n",
                    )?;
                }
                return Ok(Ok(overview.span));
            }
            let deeper = if named || selection.recursive {
                None
            } else {
                below(&input_dir, &selection, None)
            };
            if let Some(Below { dirs, files, .. }) = deeper {
                let (files, dirs) = (text::count(files, "file"), text::count(dirs, "directory"));
                if given!(self.yes(&format!("{files} below, in {dirs}: take them?"))) {
                    said.set("recursive", "true");
                }
            } else if !overview.foreign.is_empty()
                && selection.globs.is_empty()
                && given!(self.yes("Take all JLD2 files, whatever their names are?"))
            {
                said.set("match", "*.jld2");
                said.unset("prefix");
            }
            layer = said.layer().map_err(io::Error::other)?;
            let (_, now) = whole(&layer, input).map_err(io::Error::other)?;
            if now == selection {
                self.tell(&format!("There are no {} here: nothing to do.\n", selection.shown()))?;
                return Ok(Err(Over));
            }
            selection = now;
        }
    }

    /// Asks where the outputs go until they can go there.
    fn outputs(&mut self, input: &Path, suggested: &Path, mode: Mode) -> Asked<PathBuf> {
        let question = format!("Directory for the outputs [{}]: ", text::path(suggested));
        loop {
            let Some(answer) = self.answer(&question)? else { return Ok(Err(Over)) };
            let path = if answer.is_empty() { suggested.to_owned() } else { as_path(&answer) };
            match places(Some(input.to_owned()), Some(path.clone()), Vec::new(), mode) {
                Ok(_) => return Ok(Ok(path)),
                Err(error) => self.tell(&format!("  {error}\n"))?,
            }
        }
    }

    fn range(&mut self, said: &mut Said, first: u64, last: u64) -> Asked<()> {
        let number = |text: &str| text.trim().parse().map_err(|_| "write a number".to_owned());
        let from: u64 = given!(self.choice("First output", &first.to_string(), number));
        let to: u64 = loop {
            let to = given!(self.choice("Last output", &last.max(from).to_string(), number));
            if to >= from {
                break to;
            }
            self.tell(&format!("  it must not be less than {from}\n"))?;
        };
        if (from, to) != (first, last) {
            said.set("range", format!("{from}-{to}"));
        }
        Ok(Ok(()))
    }

    /// Asks a question whose answer `read` understands; Enter takes `default`.
    fn choice<T>(
        &mut self,
        question: &str,
        default: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Asked<T> {
        self.choice_of(&format!("{question} [{default}]: "), |answer| {
            read(if answer.is_empty() { default } else { answer })
        })
    }

    /// Asks a question until `read` understands the answer.
    fn choice_of<T>(
        &mut self,
        question: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Asked<T> {
        loop {
            let Some(answer) = self.text(question)? else { return Ok(Err(Over)) };
            match read(&answer) {
                Ok(answer) => return Ok(Ok(answer)),
                Err(message) => self.tell(&format!("  {message}\n"))?,
            }
        }
    }

    /// Asks a question that Enter answers with yes.
    fn yes(&mut self, question: &str) -> Asked<bool> {
        self.choice_of(&format!("{question} [Y/n] "), |answer| {
            match answer.to_ascii_lowercase().as_str() {
                "" | "y" | "yes" => Ok(true),
                "n" | "no" => Ok(false),
                _ => Err("write y or n".to_owned()),
            }
        })
    }

    fn text(&mut self, question: &str) -> io::Result<Option<String>> {
        Ok(self.answer(question)?.map(|answer| answer.to_string_lossy().into_owned()))
    }

    /// One line of input, without the blanks around it; `None` at its end. Paths may hold any byte.
    fn answer(&mut self, question: &str) -> io::Result<Option<OsString>> {
        self.tell(question)?;
        let mut line = Vec::new();
        if self.input.read_until(b'\n', &mut line)? == 0 {
            self.tell("\n")?;
            return Ok(None);
        }
        Ok(Some(OsString::from_vec(line.trim_ascii().to_vec())))
    }

    fn tell(&mut self, text: &str) -> io::Result<()> {
        match self.columns {
            Some(columns) => self.output.write_all(wrapped(text, columns).as_bytes())?,
            None => self.output.write_all(text.as_bytes())?,
        }
        self.output.flush()
    }
}

/// The directory and what of it is taken, by what was said so far.
fn whole(layer: &Layer, input: &Path) -> Result<(PathBuf, Selection), super::UsageError> {
    let selection = selection(&layer.batch);
    if input.is_dir() {
        return Ok((input.to_owned(), selection));
    }
    // Where the outputs go is not known yet, and does not matter here.
    let Places { input_dir, named, .. } =
        places(Some(input.to_owned()), None, Vec::new(), Mode::InPlace)?;
    Ok((input_dir, Selection { named, ..selection }))
}

/// Says what was answered; nothing where that is what is done without a word.
fn set_unless(said: &mut Said, key: &str, answer: &str, default: &str) {
    if answer == default && !said.has(key) {
        return;
    }
    said.set(key, answer);
}

/// What is suggested for the outputs of an archive: its name with `-converted`.
fn beside(input: &Path) -> PathBuf {
    let absolute = std::path::absolute(input).unwrap_or_else(|_| input.to_owned());
    let dir = if absolute.is_dir() { &absolute } else { absolute.parent().unwrap_or(&absolute) };
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push("-converted");
    dir.with_file_name(name)
}

/// Whether nothing is in a directory that can be listed.
fn is_empty(directory: &Path) -> bool {
    std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn archive(numbers: &[u64]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("old")).unwrap();
        for number in numbers {
            fs::write(dir.path().join(format!("old/output_{number:05}.jld2")), "x").unwrap();
        }
        dir
    }

    /// Answers with `answers`, in which `DIR` is the temporary directory; gives what was said in
    /// the end, and the screen.
    fn talk(dir: &Path, said: Said, answers: &str) -> (Option<Said>, String) {
        let text = dir.to_str().unwrap();
        let answers = answers.replace("DIR", text);
        let mut dialogue =
            Dialogue { input: answers.as_bytes(), output: Vec::new(), columns: None };
        let said = dialogue.ask(said, "").unwrap();
        (said, String::from_utf8(dialogue.output).unwrap().replace(text, "DIR"))
    }

    fn layer(said: Option<Said>) -> Layer {
        said.unwrap().layer().unwrap()
    }

    #[test]
    fn enter_takes_the_defaults() {
        let dir = archive(&[1, 2, 5]);
        let (said, screen) = talk(dir.path(), Said::default(), "DIR/old\n\n\n\n\n\n\n\n");
        assert!(screen.contains("found       3 files, outputs 1 to 5, 3 B"), "{screen}");
        assert!(screen.contains("2 numbers missing: 3-4"), "{screen}");
        // Files are looked into by the program itself, which a unit test is not.
        assert!(screen.contains("  files       none could be looked into"), "{screen}");
        assert!(screen.ends_with("  jldconv-supervisor DIR/old DIR/old-converted\n"), "{screen}");
        let layer = layer(said);
        assert_eq!(layer.input_dir, Some(dir.path().join("old")));
        assert_eq!(layer.output_dir, Some(dir.path().join("old-converted")));
        assert_eq!((layer.batch.range, layer.batch.workers), (None, None));
    }

    #[test]
    fn answers_that_make_no_sense_are_asked_for_again() {
        let dir = archive(&[1, 2, 5]);
        let answers = "\nDIR/none\n'DIR/old'\n.x\noutput_\nfast\nrewrite\nDIR/old\nDIR/new\nx\n2\n1\n4\n\
                       zstd:99\nzstd:7\n0\n2\n";
        let (said, screen) = talk(dir.path(), Said::default(), answers);
        for told in [
            "No such file or directory",
            "hidden",
            "write auto, patch, rewrite or in-place",
            "would replace the archive",
            "write a number",
            "it must not be less than 2",
            "zstd has levels 1 to 22",
            "write \"auto\" or a number from 1 to 4096",
        ] {
            assert!(screen.contains(told), "{told}: {screen}");
        }
        let line = "jldconv-supervisor DIR/old DIR/new --compress=zstd:7 --mode=rewrite --range=2-4 --workers=2";
        assert!(screen.ends_with(&format!("  {line}\n")), "{screen}");
        let layer = layer(said);
        assert_eq!(layer.output_dir, Some(dir.path().join("new")));
        assert_eq!(layer.batch.range.unwrap().to_string(), "2-4");
    }

    #[test]
    fn the_end_of_the_input_is_a_no() {
        let dir = archive(&[1]);
        for enters in 0..7 {
            let answers = format!("DIR/old\n{}", "\n".repeat(enters));
            let (said, screen) = talk(dir.path(), Said::default(), &answers);
            assert_eq!(said, None, "{enters}: {screen}");
        }
        assert_eq!(talk(dir.path(), Said::default(), "").0, None);
    }

    #[test]
    fn an_empty_archive_ends_it_before_the_next_question() {
        let dir = archive(&[]);
        let (said, screen) = talk(dir.path(), Said::default(), "DIR/old\n\n");
        assert_eq!(said, None);
        assert!(screen.ends_with("There are no output_NNNNN.jld2 here: nothing to do.\n"));
        assert!(!screen.contains("Directory for the outputs"));
        assert!(!screen.contains("Names of its files"), "there are none: {screen}");
    }

    #[test]
    fn what_lies_deeper_or_has_another_name_is_offered() {
        let dir = archive(&[]);
        fs::create_dir(dir.path().join("old/sim")).unwrap();
        fs::write(dir.path().join("old/sim/output_00003.jld2"), "x").unwrap();
        let (said, screen) = talk(dir.path(), Said::default(), "DIR/old\n\n\n\n\n\n\n\n\n");
        assert!(screen.contains("1 file below, in 1 directory: take them? [Y/n]"), "{screen}");
        assert_eq!(layer(said).batch.recursive, Some(true), "{screen}");
        fs::write(dir.path().join("old/map.jld2"), "x").unwrap();
        fs::remove_dir_all(dir.path().join("old/sim")).unwrap();
        let (said, screen) = talk(dir.path(), Said::default(), "DIR/old\n\n\n\n\n\n\n");
        assert!(screen.ends_with("--match='*.jld2'\n"), "{screen}");
        assert_eq!(layer(said).batch.globs.len(), 1);
        let (said, screen) = talk(dir.path(), Said::default(), "DIR/old\n\nperhaps\nno\n");
        assert_eq!((said, screen.matches("  write y or n\n").count()), (None, 1), "{screen}");
    }

    #[test]
    fn in_place_needs_no_output_directory() {
        let dir = archive(&[1]);
        let mut said = Said::default();
        said.set("mode", "in-place");
        said.set("input-dir", dir.path().join("old"));
        let (said, screen) = talk(dir.path(), said, "\n\n\n\n\n\n");
        assert_eq!(layer(said).output_dir, None);
        assert!(screen.contains("Archive directory [DIR/old]: "), "{screen}");
        assert!(!screen.contains("Codec"), "{screen}");
    }

    #[test]
    fn only_yes_is_a_yes() {
        let cases =
            [("y", true), ("Y", true), (" yes ", true), ("", false), ("no", false), ("yy", false)];
        for (answer, yes) in cases {
            let answer = format!("{answer}\n");
            let mut dialogue =
                Dialogue { input: answer.as_bytes(), output: Vec::new(), columns: None };
            assert_eq!(dialogue.confirm("Convert 3 files?").unwrap(), yes, "{answer}");
            assert_eq!(dialogue.output, b"Convert 3 files? [y/N] ");
        }
        let mut silent = Dialogue { input: io::empty(), output: Vec::new(), columns: None };
        assert!(!silent.confirm("Convert 3 files?").unwrap());
    }
}
