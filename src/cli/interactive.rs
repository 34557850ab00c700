//! Asks a person at a terminal: directories, range, workers, and whether to go.
//!
//! Every question has a default that Enter takes, except the two directories. An answer that makes
//! no sense is asked for again; the end of the input (Ctrl-D) is a "no" to everything.

use super::flags::Layer;
use super::resolve::selection;
use super::value;
use crate::archive::{Ranges, discover};
use crate::cli::raw_settings::Said;
use crate::convert::Mode;
use crate::report::Overview;
use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::os::unix::ffi::OsStringExt;
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
}

impl<In: BufRead, Out: Write> Dialogue<In, Out> {
    /// Asks for what a run needs and what `said` leaves open; `None` if there is no more input, or
    /// nothing to convert.
    ///
    /// # Errors
    /// Where the terminal fails.
    pub fn ask(&mut self, mut said: Said) -> io::Result<Option<Said>> {
        let layer = said.layer().map_err(io::Error::other)?;
        self.tell("Which archive is to be converted? (Ctrl-C or Ctrl-D to leave)\n")?;
        let Some(input_dir) = self.directory(layer.input_dir.as_deref())? else { return Ok(None) };
        said.set("input-dir", &input_dir);
        if layer.conversion.mode != Some(Mode::InPlace) {
            let suggested = layer.output_dir.clone().unwrap_or_else(|| beside(&input_dir));
            let question = format!("Directory for the outputs [{}]: ", suggested.display());
            let Some(answer) = self.answer(&question)? else { return Ok(None) };
            said.set("output-dir", if answer.is_empty() { suggested.into() } else { answer });
        }
        if !self.range(&mut said, &layer, &input_dir)? {
            return Ok(None);
        }
        let workers = loop {
            let Some(answer) = self.text("Workers, auto or a number [auto]: ")? else {
                return Ok(None);
            };
            let answer = if answer.is_empty() { "auto".to_owned() } else { answer };
            match value::count(&answer) {
                Ok(_) => break answer,
                Err(message) => self.tell(&format!("  {message}\n"))?,
            }
        };
        said.set("workers", workers);
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

    fn range(&mut self, said: &mut Said, layer: &Layer, input_dir: &Path) -> io::Result<bool> {
        let selection = selection(&layer.batch);
        let archive = discover(input_dir, &selection, None).map_err(io::Error::other)?;
        let overview = Overview::new(&archive, &selection, &Ranges::all());
        self.tell(&overview.block())?;
        let Some((first, last)) = overview.span else {
            self.tell(&format!("There are no {} here: nothing to do.\n", selection.shown()))?;
            return Ok(false);
        };
        if overview.found > MANY {
            self.tell("Many files: a part of them makes a shorter run; the next goes on there.\n")?;
        }
        let Some(from) = self.number("First output", first)? else { return Ok(false) };
        let to = loop {
            let Some(to) = self.number("Last output", last.max(from))? else { return Ok(false) };
            if to >= from {
                break to;
            }
            self.tell(&format!("  it must not be less than {from}\n"))?;
        };
        if (from, to) != (first, last) {
            said.set("range", format!("{from}-{to}"));
        }
        Ok(true)
    }

    fn directory(&mut self, suggested: Option<&Path>) -> io::Result<Option<PathBuf>> {
        let question = match suggested {
            Some(path) => format!("Archive directory [{}]: ", path.display()),
            None => "Archive directory: ".to_owned(),
        };
        loop {
            let Some(answer) = self.answer(&question)? else { return Ok(None) };
            let path = match suggested {
                Some(path) if answer.is_empty() => path.to_owned(),
                _ => PathBuf::from(answer),
            };
            match std::fs::metadata(&path) {
                Ok(meta) if meta.is_dir() => return Ok(Some(path)),
                Ok(_) => self.tell("  that is not a directory\n")?,
                Err(error) => self.tell(&format!("  {error}\n"))?,
            }
        }
    }

    fn number(&mut self, what: &str, default: u64) -> io::Result<Option<u64>> {
        loop {
            let Some(answer) = self.text(&format!("{what} [{default}]: "))? else {
                return Ok(None);
            };
            if answer.is_empty() {
                return Ok(Some(default));
            }
            match answer.parse() {
                Ok(number) => return Ok(Some(number)),
                Err(_) => self.tell("  write a number\n")?,
            }
        }
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
        self.output.write_all(text.as_bytes())?;
        self.output.flush()
    }
}

/// What is suggested for the outputs of an archive: its name with `-converted`.
fn beside(input_dir: &Path) -> PathBuf {
    let absolute = std::path::absolute(input_dir).unwrap_or_else(|_| input_dir.to_owned());
    let mut name = absolute.file_name().unwrap_or_default().to_owned();
    name.push("-converted");
    absolute.with_file_name(name)
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
        let mut dialogue = Dialogue { input: answers.as_bytes(), output: Vec::new() };
        let said = dialogue.ask(said).unwrap();
        (said, String::from_utf8(dialogue.output).unwrap().replace(text, "DIR"))
    }

    fn layer(said: Option<Said>) -> Layer {
        said.unwrap().layer().unwrap()
    }

    #[test]
    fn enter_takes_the_defaults() {
        let dir = archive(&[1, 2, 5]);
        let (said, screen) = talk(dir.path(), Said::default(), "DIR/old\n\n\n\n\n");
        insta::assert_snapshot!(screen, @r"
        Which archive is to be converted? (Ctrl-C or Ctrl-D to leave)
        Archive directory: Directory for the outputs [DIR/old-converted]:   found       3 files, outputs 1 to 5, 3 B
          gaps        2 numbers missing: 3-4
        First output [1]: Last output [5]: Workers, auto or a number [auto]:
        ");
        let layer = layer(said);
        assert_eq!(layer.input_dir, Some(dir.path().join("old")));
        assert_eq!(layer.output_dir, Some(dir.path().join("old-converted")));
        assert_eq!(layer.batch.range, None);
        assert_eq!(layer.batch.workers, Some(crate::supervisor::Count::Auto));
    }

    #[test]
    fn answers_that_make_no_sense_are_asked_for_again() {
        let dir = archive(&[1, 2, 5]);
        let answers = "\nDIR/none\nDIR/old/output_00001.jld2\nDIR/old\nDIR/new\nx\n2\n1\n4\n0\n2\n";
        let (said, screen) = talk(dir.path(), Said::default(), answers);
        insta::assert_snapshot!(screen, @r#"
        Which archive is to be converted? (Ctrl-C or Ctrl-D to leave)
        Archive directory:   No such file or directory (os error 2)
        Archive directory:   No such file or directory (os error 2)
        Archive directory:   that is not a directory
        Archive directory: Directory for the outputs [DIR/old-converted]:   found       3 files, outputs 1 to 5, 3 B
          gaps        2 numbers missing: 3-4
        First output [1]:   write a number
        First output [1]: Last output [5]:   it must not be less than 2
        Last output [5]: Workers, auto or a number [auto]:   write "auto" or a number from 1 to 4096
        Workers, auto or a number [auto]:
        "#);
        let layer = layer(said);
        assert_eq!(layer.output_dir, Some(dir.path().join("new")));
        assert_eq!(layer.batch.range.unwrap().to_string(), "2-4");
    }

    #[test]
    fn the_end_of_the_input_is_a_no() {
        let dir = archive(&[1]);
        for answers in ["", "DIR/old\n", "DIR/old\n\n", "DIR/old\n\n\n", "DIR/old\n\n\n\n"] {
            assert_eq!(talk(dir.path(), Said::default(), answers).0, None, "{answers:?}");
        }
    }

    #[test]
    fn an_empty_archive_ends_it() {
        let dir = archive(&[]);
        let (said, screen) = talk(dir.path(), Said::default(), "DIR/old\n\n");
        assert_eq!(said, None);
        assert!(screen.ends_with("There are no output_NNNNN.jld2 here: nothing to do.\n"));
    }

    #[test]
    fn in_place_needs_no_output_directory() {
        let dir = archive(&[1]);
        let mut said = Said::default();
        said.set("mode", "in-place");
        said.set("input-dir", dir.path().join("old"));
        let (said, screen) = talk(dir.path(), said, "\n\n\n\n");
        assert_eq!(layer(said).output_dir, None);
        assert!(screen.contains("Archive directory [DIR/old]: "), "{screen}");
    }

    #[test]
    fn only_yes_is_a_yes() {
        let cases =
            [("y", true), ("Y", true), (" yes ", true), ("", false), ("no", false), ("yy", false)];
        for (answer, yes) in cases {
            let answer = format!("{answer}\n");
            let mut dialogue = Dialogue { input: answer.as_bytes(), output: Vec::new() };
            assert_eq!(dialogue.confirm("Convert 3 files?").unwrap(), yes, "{answer}");
            assert_eq!(dialogue.output, b"Convert 3 files? [y/N] ");
        }
        let mut silent = Dialogue { input: io::empty(), output: Vec::new() };
        assert!(!silent.confirm("Convert 3 files?").unwrap());
    }
}
