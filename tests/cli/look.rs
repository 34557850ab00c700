//! `jldconv look` at a terminal: what it asks, what it makes of the answer, and that it never waits
//! for one that does not come.

use crate::pty::Pty;
use crate::world::{World, binary, sample};
use std::io::Write as _;
use std::time::Duration;

/// What it asks a terminal.
const QUESTION: &str = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[c";

/// What is on the terminal after all, where it answers the question with this.
fn shown(args: &[&str], answer: Option<&str>, env: &[(&str, &str)]) -> (Option<i32>, String) {
    let world = World::new(&[]);
    world.put("output_00400.jld2", sample("e8-lz4filter/output_00400.jld2"));
    let mut command = world.plain(binary("jldconv"));
    command.args(["look", "output_00400.jld2", "--pixels", "64"]).args(args);
    for name in ["NO_COLOR", "COLORTERM"] {
        command.env_remove(name);
    }
    command.envs(env.iter().copied());
    let mut pty = Pty::start(command, (30, 80));
    let mut screen = String::new();
    let mut answered = answer.is_none();
    loop {
        match pty.pieces.recv_timeout(Duration::from_mins(2)) {
            Ok(piece) => screen.push_str(&String::from_utf8_lossy(&piece)),
            // All is written that is ever written.
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
            Err(error) => panic!("{error}: {}", start(&screen)),
        }
        if let Some(answer) = answer.filter(|_| !answered && screen.contains(QUESTION)) {
            pty.keys.write_all(answer.as_bytes()).unwrap();
            answered = true;
        }
    }
    (pty.child.wait().unwrap().code(), screen)
}

/// The first of it, for messages.
fn start(screen: &str) -> String {
    screen.chars().take(300).collect::<String>().escape_debug().to_string()
}

/// What a terminal of 30 lines and 80 columns makes of it.
fn drawn(screen: &str) -> vt100::Parser {
    let mut parser = vt100::Parser::new(30, 80, 100);
    parser.process(screen.as_bytes());
    parser
}

#[test]
fn a_terminal_without_pictures_gets_half_blocks_in_colours() {
    let (code, screen) = shown(&[], Some("\x1b[?62;22c"), &[("COLORTERM", "truecolor")]);
    assert_eq!(code, Some(0), "{}", start(&screen));
    assert!(screen.contains(QUESTION), "{}", start(&screen));
    let parser = drawn(&screen);
    let text = parser.screen().contents();
    assert!(text.contains("output_00400.jld2  594.515 Myr\n▀▀▀"), "{text}");
    assert!(text.contains("x 0 to 48 kpc, y 0 to 48 kpc\nsd [Msol_pc2]: "), "{text}");
    assert!(text.contains(", logarithmic"), "{text}");
    let cells: Vec<_> =
        (0..24).filter_map(|row| parser.screen().cell(row, 24)).map(vt100::Cell::fgcolor).collect();
    // The first colour is that of nothing, others are in the middle.
    assert!(cells.contains(&vt100::Color::Rgb(68, 1, 84)), "{cells:?}");
    let kinds: std::collections::BTreeSet<_> =
        cells.iter().map(|colour| format!("{colour:?}")).collect();
    assert!(kinds.len() > 5, "{kinds:?}");
    let widest = text.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{text}");
    // Fewer colours, and none.
    let (_, screen) = shown(&[], Some("\x1b[?62c"), &[]);
    assert!(screen.contains("\x1b[38;5;53m") && !screen.contains("[38;2;"), "{}", start(&screen));
    let (_, screen) = shown(&[], None, &[("NO_COLOR", "1")]);
    let plain = !screen.contains(QUESTION) && !screen.contains("\x1b[38");
    assert!(plain, "neither asked nor coloured: {}", start(&screen));
    assert!(screen.contains("%%"), "{screen}");
}

#[test]
fn a_terminal_gets_the_pictures_that_it_says_it_can_show() {
    let (code, screen) = shown(&[], Some("\x1b[?62;4;22c"), &[]);
    assert_eq!(code, Some(0), "{}", start(&screen));
    assert!(
        screen.contains("\x1bP0;1q\"1;1;") && screen.ends_with("\x1b\\\r\n"),
        "{}",
        start(&screen)
    );
    let answer = "\x1b_Gi=31;OK\x1b\\\x1b[?62;4c";
    let (code, screen) = shown(&[], Some(answer), &[]);
    assert_eq!(code, Some(0), "{}", start(&screen));
    assert!(screen.contains("\x1b_Ga=T,f=100,m=1;iVBORw0KGgo"), "{}", start(&screen));
    assert!(screen.contains("\x1b_Gm=0;"), "{}", start(&screen));
}

#[test]
fn one_that_does_not_answer_is_not_waited_for_long() {
    let (code, screen) = shown(&[], None, &[]);
    assert_eq!(code, Some(0), "{}", start(&screen));
    assert!(screen.contains(QUESTION) && screen.contains('▀'), "{}", start(&screen));
    // Ctrl-C meanwhile ends it.
    let (code, screen) = shown(&[], Some("\x03"), &[]);
    assert_eq!(code, Some(3), "{}", start(&screen));
    assert!(!screen.contains('▀'), "{}", start(&screen));
    // Who is told how does not ask.
    let (code, screen) = shown(&["--terminal", "blocks"], None, &[]);
    assert_eq!(code, Some(0), "{}", start(&screen));
    assert!(!screen.contains(QUESTION) && screen.contains('▀'), "{}", start(&screen));
}

#[test]
fn a_pipe_is_told_what_to_do_and_asked_nothing() {
    let world = World::new(&[1]);
    let done = world.program("jldconv", &["look", "old/output_00001.jld2"]).output().unwrap();
    assert_eq!(done.status.code(), Some(2));
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(said.contains("standard output is not a terminal: -o x.png makes"), "{said}");
    assert!(done.stdout.is_empty());
    let args = ["look", "old/output_00001.jld2", "--terminal", "blocks", "--pixels", "16"];
    let done = world.program("jldconv", &args).output().unwrap();
    assert_eq!(done.status.code(), Some(0));
    assert!(String::from_utf8(done.stdout).unwrap().contains('▀'));
    let done = world.program("jldconv", &["look", "old", "-o", "x.png"]).output().unwrap();
    assert_eq!(done.status.code(), Some(2));
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(said.contains("jldconv-supervisor look IN OUT --movie"), "{said}");
}
