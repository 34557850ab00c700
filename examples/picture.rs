//! Runs a command in a terminal of its own and draws what is on its screen: `scripts/picture`.
//!
//! `picture OUT.svg COLUMNSxROWS SECONDS[,SECONDS...] TITLE COMMAND...` draws the screen at each of
//! these moments and at the command's end, one below the other; rows that a screen has in common with
//! the one above it are left out at its top.

use nix::pty::{Winsize, openpty};
use std::error::Error;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use vt100::{Color, Parser, Screen};

/// Pixels of a character, and of the frame around a screen.
const WIDTH: f32 = 8.4;
const HEIGHT: u16 = 18;
const FRAME: u16 = 14;

/// The first eight colours and their bright forms, on a dark ground.
const COLORS: [&str; 16] = [
    "#3b4252", "#d9616b", "#8fbf7f", "#e2c275", "#6f9fd8", "#b48ead", "#7fc1c9", "#d8dee9",
    "#6b7689", "#e67e88", "#a9d69b", "#f0d492", "#8cb6e8", "#c9a4c4", "#9bd6dd", "#ffffff",
];
const GROUND: &str = "#22272f";
const TEXT: &str = "#d8dee9";

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [out, size, moments, title, command @ ..] = args.as_slice() else {
        return Err("usage: picture OUT.svg COLUMNSxROWS SECONDS,... TITLE COMMAND...".into());
    };
    let (columns, rows) = size.split_once('x').ok_or("the size is COLUMNSxROWS")?;
    let (columns, rows) = (columns.parse()?, rows.parse()?);
    let moments: Vec<f64> = moments.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let screens = screens(command, (rows, columns), &moments)?;
    std::fs::write(out, drawn(title, columns, &screens)?)?;
    Ok(())
}

/// The screen at the moments and at the end.
fn screens(
    command: &[String],
    (rows, columns): (u16, u16),
    moments: &[f64],
) -> Result<Vec<Screen>, Box<dyn Error>> {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(Some(&size), None)?;
    let (mut ours, theirs) = (File::from(pty.master), File::from(pty.slave));
    let (program, args) = command.split_first().ok_or("no command")?;
    let mut child = Command::new(program)
        .args(args)
        .env("TERM", "xterm-256color")
        .stdin(theirs.try_clone()?)
        .stdout(theirs.try_clone()?)
        .stderr(theirs)
        .spawn()?;
    let (told, pieces) = channel();
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = ours.read(&mut piece) {
            if told.send(piece.get(..count).unwrap_or_default().to_vec()).is_err() {
                return;
            }
        }
    });
    let (start, mut parser, mut screens) = (Instant::now(), Parser::new(rows, columns, 0), vec![]);
    let mut moments = moments.iter().map(|seconds| Duration::from_secs_f64(*seconds)).peekable();
    loop {
        let wait = moments.peek().map_or(Duration::MAX, |at| at.saturating_sub(start.elapsed()));
        match pieces.recv_timeout(wait) {
            Ok(piece) => parser.process(&piece),
            Err(RecvTimeoutError::Timeout) => {
                screens.push(parser.screen().clone());
                moments.next();
            }
            // The command and all that it started are gone.
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    screens.push(parser.screen().clone());
    let status = child.wait()?;
    if !status.success() {
        return Err(format!("{program}: {status}").into());
    }
    Ok(screens)
}

fn drawn(title: &str, columns: u16, screens: &[Screen]) -> Result<String, std::fmt::Error> {
    let filled: Vec<(u16, u16)> = (0..screens.len()).map(|at| shown(screens, at)).collect();
    let width = f32::from(columns) * WIDTH + 2.0 * f32::from(FRAME);
    let lines: u16 = filled.iter().map(|(from, to)| to - from).sum();
    let bars = u16::try_from(screens.len()).unwrap_or(1);
    let height = HEIGHT * (lines + 1) + FRAME * (2 * bars + 1);
    let mut svg = String::new();
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height}\" \
         width=\"{width:.0}\" height=\"{height}\" font-family=\"ui-monospace,SFMono-Regular,\
         Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"14\">\n<title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{GROUND}\"/>",
        escaped(title)
    )?;
    let mut y = FRAME + HEIGHT;
    writeln!(
        svg,
        "<text x=\"{FRAME}\" y=\"{y}\" fill=\"{}\" xml:space=\"preserve\">{}</text>",
        COLORS[2],
        escaped(title)
    )?;
    for (screen, (from, to)) in screens.iter().zip(filled) {
        y += FRAME;
        for row in from..to {
            y += HEIGHT;
            line(&mut svg, screen, row, columns, y)?;
        }
        if !std::ptr::eq(screen, screens.last().unwrap_or(screen)) {
            y += FRAME;
            let right = width - f32::from(FRAME);
            writeln!(
                svg,
                "<path d=\"M{FRAME} {y}H{right:.0}\" stroke=\"{}\" stroke-dasharray=\"4 4\"/>",
                COLORS[8]
            )?;
        }
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

/// The rows to draw of a screen: from the first that is new, down to the last that has something in it.
fn shown(screens: &[Screen], at: usize) -> (u16, u16) {
    let text = |screen: &Screen, row: u16| {
        let columns = screen.size().1;
        screen.contents_between(row, 0, row, columns).trim().to_owned()
    };
    let Some(screen) = screens.get(at) else { return (0, 0) };
    let rows = screen.size().0;
    let end = (0..rows).rev().find(|row| !text(screen, *row).is_empty()).map_or(0, |row| row + 1);
    let above = at.checked_sub(1).and_then(|above| screens.get(above));
    let new = |row: &u16| {
        above.is_none_or(|above| text(above, *row) != text(screen, *row))
            && !text(screen, *row).is_empty()
    };
    ((0..end).find(new).unwrap_or(end), end)
}

/// One row, in pieces of one look each. Each piece is as long as its characters, whatever the font.
fn line(
    svg: &mut String,
    screen: &Screen,
    row: u16,
    columns: u16,
    y: u16,
) -> Result<(), std::fmt::Error> {
    let mut column = 0;
    while column < columns {
        let start = column;
        let look = screen.cell(row, column).map(look);
        let mut text = String::new();
        while column < columns && screen.cell(row, column).map(self::look) == look {
            let cell = screen.cell(row, column).map(vt100::Cell::contents);
            text.push_str(cell.filter(|it| !it.is_empty()).unwrap_or(" "));
            column += 1;
        }
        let shown = text.trim_end();
        let Some((color, bold)) = look else { continue };
        if shown.is_empty() {
            continue;
        }
        let x = f32::from(start) * WIDTH + f32::from(FRAME);
        let cells = u16::try_from(shown.chars().count()).unwrap_or(columns);
        writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{y}\" fill=\"{color}\" textLength=\"{:.1}\" \
             xml:space=\"preserve\"{}>{}</text>",
            f32::from(cells) * WIDTH,
            if bold { " font-weight=\"bold\"" } else { "" },
            escaped(shown)
        )?;
    }
    Ok(())
}

fn look(cell: &vt100::Cell) -> (&'static str, bool) {
    let color = match cell.fgcolor() {
        Color::Idx(number) => COLORS.get(usize::from(number)).copied().unwrap_or(TEXT),
        _ if cell.dim() => COLORS[8],
        _ => TEXT,
    };
    (color, cell.bold())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
