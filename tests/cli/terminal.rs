//! The supervisor at a terminal: questions, bars, Ctrl-C.

use crate::pty::Pty;
use crate::world::{Ended, World, binary};
use indicatif::{InMemoryTerm, TermLike as _};
use std::io::Write as _;
use std::time::Duration;

/// A supervisor whose input, output and errors are one terminal.
struct Terminal {
    pty: Pty,
    screen: String,
}

impl Terminal {
    fn open(world: &World, args: &[&str]) -> Self {
        Self::open_sized(world, args, (40, 100))
    }

    /// Of so many rows and columns.
    fn open_sized(world: &World, args: &[&str], size: (u16, u16)) -> Self {
        let mut command = world.plain(binary("jldconv-supervisor"));
        command.args(args).env("NO_COLOR", "1");
        Self { pty: Pty::start(command, size), screen: String::new() }
    }

    /// Waits for `question` and types `answer`.
    fn answer(&mut self, question: &str, answer: &str) {
        let seen = self.screen.len();
        while !self.screen[seen..].contains(question) {
            let piece = self.pty.pieces.recv_timeout(Duration::from_mins(1));
            let Ok(piece) = piece else { panic!("no {question:?} in {:#?}", self.screen) };
            self.screen.push_str(&String::from_utf8_lossy(&piece));
        }
        self.pty.keys.write_all(answer.as_bytes()).unwrap();
    }

    /// Waits for the end; gives the exit code and all that was on the screen.
    fn end(mut self) -> (Option<i32>, String) {
        let code = self.pty.child.wait().unwrap().code();
        while let Ok(piece) = self.pty.pieces.recv_timeout(Duration::from_millis(500)) {
            self.screen.push_str(&String::from_utf8_lossy(&piece));
        }
        assert!(!self.screen.contains("\x1b[?25l"), "the cursor is never hidden");
        (code, self.screen)
    }
}

#[test]
fn no_is_no() {
    let world = World::new(&[1, 2]);
    for answer in ["n\n", "\n", "\x04"] {
        let mut terminal = Terminal::open(&world, &["old", "new"]);
        terminal.answer("Convert 2 files (712.7 KiB) into ", answer);
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(0), "{screen}");
        assert!(screen.contains("nothing was done"));
        assert!(!world.at("new").exists());
    }
}

#[test]
fn yes_draws_bars() {
    let world = World::new(&[1, 2, 3]);
    world.put("old/output_00004.jld2", "no JLD2 at all");
    let mut terminal = Terminal::open(&world, &["old", "new"]);
    terminal.answer("? [y/N] ", "y\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(1), "{screen}");
    assert!(screen.contains("[########################] "), "{screen}");
    assert!(screen.contains("failed     output_00004.jld2  input: "), "{screen}");
    assert!(screen.contains("3 converted, 0 unchanged, 0 skipped, 1 failed"), "{screen}");
    assert_eq!(world.names("new").len(), 3);
}

/// What was left on the screen in the end, line by line.
fn picture(screen: &str, (rows, columns): (u16, u16)) -> String {
    let term = InMemoryTerm::new(rows, columns);
    term.write_str(screen).unwrap();
    term.contents()
}

#[test]
fn the_log_stands_above_the_bars_and_never_in_them() {
    let world = World::new(&[1, 2, 3, 4, 5, 6, 7, 8]);
    let size = (2000, 1000);
    let args = ["old", "new", "--yes", "-vvv", "--workers", "3"];
    let terminal = Terminal::open_sized(&world, &args, size);
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("[########################] "), "there are bars: {screen}");
    let picture = picture(&screen, size);
    let levels = [" INFO ", "DEBUG ", "TRACE "];
    for line in picture.lines() {
        if !levels.iter().any(|level| line.contains(level)) {
            continue;
        }
        assert!(line.starts_with("20") && line.get(10..11) == Some("T"), "{line}");
        let bar = line.contains("...]") || line.contains("###") || line.contains(" % of ");
        assert!(!bar, "a bar is in {line}");
        assert_eq!(line.matches("Z ").count(), 1, "two lines in {line}");
    }
    let told = |message: &str| picture.lines().filter(|line| line.contains(message)).count();
    assert_eq!([told("attempt started"), told("file finished")], [8, 8], "{picture}");
    assert_eq!([told("run started"), told("run finished")], [1, 1], "{picture}");
    assert_eq!(told("log: it could not keep up"), 0);
}

#[test]
fn files_in_the_way_are_told_before_the_question() {
    let world = World::new(&[1, 2]);
    std::fs::create_dir(world.at("new")).unwrap();
    world.put("new/output_00001.jld2", "theirs");
    let (code, screen) = Terminal::open(&world, &["old", "new"]).end();
    assert_eq!(code, Some(2), "{screen}");
    assert!(screen.contains("--on-conflict skip") && !screen.contains("[y/N]"), "{screen}");
    assert_eq!(world.names("new"), ["output_00001.jld2"]);
    assert!(!world.at("new/.jldconv").exists());
}

#[test]
fn nobody_is_asked_where_the_answer_is_known() {
    let world = World::new(&[1]);
    let (code, screen) = Terminal::open(&world, &["old", "new", "--yes"]).end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains("[y/N]"));
    let (code, _) = Terminal::open(&world, &["old", "new", "--progress", "json"]).end();
    assert_eq!(code, Some(0), "nor where a program reads");
}

#[test]
fn without_directories_it_asks() {
    let world = World::new(&[1, 2, 5, 6]);
    world.put("old/output_00006.jld2", crate::world::sample(crate::world::CURRENT));
    let mut terminal = Terminal::open(&world, &[]);
    terminal.answer("Archive directory: ", "'old'\n");
    terminal.answer("before the number [output_]: ", "\n");
    terminal.answer("Mode: auto, patch, rewrite or in-place [auto]: ", "\n");
    terminal.answer("Directory for the outputs [", "my new\n");
    terminal.answer("First output [1]: ", "2\n");
    terminal.answer("Last output [6]: ", "5\n");
    terminal.answer("Codec: keep, lz4, zstd[:N], deflate[:N] or none [keep]: ", "\n");
    terminal.answer("Workers, auto or a number [auto]: ", "\n");
    terminal.answer("Convert 2 files (712.7 KiB) into ", "y\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    let order = [
        "  machine     ",
        "  memory      ",
        "Archive directory: ",
        "2 numbers missing: 3-4",
        "  findings    1 current, 3 load today, of older types",
        "Mode: ",
        "The same without questions:",
        "  time        about ",
        "Convert 2 files",
    ];
    let places: Vec<_> = order.iter().map(|told| screen.find(told)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} {screen}");
    assert_eq!(world.names("my new"), ["output_00002.jld2", "output_00005.jld2"]);
    // The command line that is shown does the same.
    let line = screen.lines().find(|line| line.starts_with("  jldconv-supervisor ")).unwrap();
    let program = binary("jldconv-supervisor");
    let again = line.trim().replace("jldconv-supervisor ", &format!("{} ", program.display()));
    std::fs::rename(world.at("my new"), world.at("first")).unwrap();
    let ended = Ended::of(world.program_at("bash").args(["-c", &again]), &world).ends(0);
    assert!(ended.out.contains("2 files"), "{ended:#?}");
    assert_eq!(world.names("my new"), world.names("first"));
}

#[test]
fn an_empty_archive_ends_before_the_next_question() {
    let world = World::new(&[]);
    let mut terminal = Terminal::open(&world, &[]);
    terminal.answer("Archive directory: ", "old\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(4), "{screen}");
    assert!(screen.contains("nothing to do") && !screen.contains("for the outputs"), "{screen}");
}

#[test]
fn all_is_told_before_the_one_question() {
    let world = World::new(&[1, 2, 4]);
    world.put("old/output_00003.jld2", "no JLD2 at all");
    world.put("old/notes.txt", "x");
    let mut terminal = Terminal::open(&world, &["old", "new"]);
    terminal.answer("? [y/N] ", "n\n");
    let (_, screen) = terminal.end();
    for told in [
        "found       4 files, outputs 1 to 4",
        "others      1 other file stays behind",
        "machine     ",
        "the margin is 80.0 %",
        "workers     ",
        "findings    3 load today, of older types, 1 not JLD2",
        "mode        auto: patched copies",
        "space       ",
        "time        about ",
    ] {
        assert!(screen.contains(told), "{told}: {screen}");
    }
    assert_eq!(screen.matches("[y/N]").count(), 1, "{screen}");
    let mut terminal = Terminal::open(&world, &["old", "--mode", "in-place", "--backup-dir", "."]);
    terminal.answer("Convert 4 files (1.0 MiB) in place? [y/N] ", "n\n");
    let (_, screen) = terminal.end();
    for told in [
        "undo files  in ",
        " in all (an estimate)",
        "jldconv undo FILE|DIR --backup-dir .)",
        "jldconv commit FILE|DIR --backup-dir .)",
    ] {
        assert!(screen.contains(told), "{told}: {screen}");
    }
    // After a run, its rate is what a time is concluded from, and what is told is not told twice.
    let mut terminal = Terminal::open(&world, &["old", "new", "--range", "1-2"]);
    terminal.answer("? [y/N] ", "y\n");
    let (code, screen) = terminal.end();
    assert_eq!((code, screen.matches("machine     ").count()), (Some(0), 1), "{screen}");
    let mut terminal = Terminal::open(&world, &["old", "new"]);
    terminal.answer("? [y/N] ", "n\n");
    let (_, screen) = terminal.end();
    assert!(screen.contains("of earlier runs (an estimate)"), "{screen}");
    assert!(screen.contains("2 up to date, 0 to be made again"), "{screen}");
}

#[test]
fn the_end_of_the_input_ends_the_questions() {
    let world = World::new(&[1]);
    let mut terminal = Terminal::open(&world, &[]);
    terminal.answer("Archive directory: ", "\x04");
    assert_eq!(terminal.end().0, Some(4));
}
