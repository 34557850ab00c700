//! Shows a map in the terminal, as well as that can.

use super::{Stop, failed};
use jldconv::cli::TerminalFlag;
use jldconv::numbers::map::{Map, Shade};
use jldconv::numbers::picture::{Colours, Depth, FRAME, Look, blocks, draw, kitty, sixel};
use jldconv::supervisor::ExitCode;
use jldconv::sys::terminal::{TerminalSize, graphics, size};
use std::io::{self, Write as _};
use std::time::Duration;

/// How long a terminal may take to say what it can.
const WAIT: Duration = Duration::from_secs(1);
/// What a terminal is taken to be that does not tell its size.
const USUAL: TerminalSize = TerminalSize { characters: [80, 40], pixels: None };
/// Pixels of a character.
const CHARACTER: [usize; 2] = [9, 18];
/// The least that a picture is worth drawing in.
const LEAST: usize = 64;

pub(super) fn show(
    how: TerminalFlag,
    map: &Map,
    shade: Shade,
    colours: Colours,
    title: &str,
) -> Result<(), Stop> {
    let said = |name: &str| std::env::var(name).unwrap_or_default();
    let how = match how {
        // Whoever wants no colours wants no picture, and a dumb terminal is not asked.
        TerminalFlag::Auto if depth() != Depth::None && said("TERM") != "dumb" => {
            let can = graphics(WAIT);
            if can.interrupted {
                return Err(Stop(ExitCode::Interrupted, String::new()));
            }
            match (can.kitty, can.sixel) {
                (true, _) => TerminalFlag::Kitty,
                (false, true) => TerminalFlag::Sixel,
                (false, false) => TerminalFlag::Blocks,
            }
        }
        TerminalFlag::Auto => TerminalFlag::Blocks,
        how => how,
    };
    let size = size().unwrap_or(USUAL);
    let text = match how {
        TerminalFlag::Kitty | TerminalFlag::Sixel => {
            let [width, height] = size.pixels.unwrap_or_else(|| {
                let [columns, rows] = size.characters;
                [columns * CHARACTER[0], rows * CHARACTER[1]]
            });
            let [around, above] = FRAME;
            // The prompt is to have its place, too.
            let height = height.saturating_sub(4 * CHARACTER[1]);
            let side = width.saturating_sub(around).min(height.saturating_sub(above)).max(LEAST);
            let look = Look { shade, colours, title: title.to_owned(), side };
            let canvas = draw(&map.reduced(side), &look);
            let text = if how == TerminalFlag::Kitty {
                kitty(&canvas).map_err(failed)?
            } else {
                sixel(&canvas)
            };
            format!("{text}\n")
        }
        _ => blocks(map, shade, colours, title, (size.characters, depth())),
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// The colours that the environment says the terminal has.
fn depth() -> Depth {
    let said = |name: &str| std::env::var(name).unwrap_or_default();
    if !said("NO_COLOR").is_empty() || said("TERM") == "dumb" {
        Depth::None
    } else if ["truecolor", "24bit"].contains(&said("COLORTERM").as_str()) {
        Depth::Full
    } else {
        Depth::Few
    }
}
