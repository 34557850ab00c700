//! Writes a run as one page that needs nothing else: pictures are SVG, styles and the few lines of
//! script are in it, and it may load nothing. The parts of the page are those of the page that a run
//! shows of itself while it goes.

mod charts;
mod curves;
mod escape;
mod head;
mod slots;
mod table;

use super::advice::{Circumstances, advice};
use crate::supervisor::{Layout, Recommendation, RunSummary};
pub(super) use escape::escaped;
use std::io::{self, Write};
pub(super) use table::{row, table_head};

/// Most files that get a line in the table; a browser is slow with more.
const MOST_ROWS: usize = 20_000;

/// Styles of all pages, and the script of their tables.
pub(super) const STYLE: &str = include_str!("page.css");
pub(super) const SCRIPT: &str = include_str!("page.js");

/// What the parts of a page show.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) summary: &'a RunSummary,
    /// Where its runs are on the axis of time.
    pub(super) layout: &'a Layout,
    pub(super) advice: &'a [Recommendation],
}

/// Makes one part.
type Make = fn(&Shown<'_>, &mut dyn Write) -> io::Result<()>;

/// The parts of a page above its table, in their order, by the names of their elements.
pub(super) const PARTS: [(&str, Make); 9] = [
    ("head", head::head),
    ("cards", head::cards),
    ("advice", head::advice),
    ("timeline", charts::timeline),
    ("memory", curves::memory),
    ("throughput", curves::throughput),
    ("slots", slots::slots),
    ("sizes", charts::sizes),
    ("failures", table::failures),
];

/// What a page begins with; `connect` is where it may load from.
pub(super) fn begin(title: &str, connect: &str, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'{connect}\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        escaped(title),
    )
}

/// Writes the page.
pub(super) fn write(
    summary: &RunSummary,
    layout: &Layout,
    about: Circumstances,
    out: &mut dyn Write,
) -> io::Result<()> {
    begin(&format!("jldconv: {}", summary.output_dir), "", out)?;
    let advised = advice(summary, about);
    let shown = Shown { summary, layout, advice: &advised };
    for (name, make) in PARTS {
        writeln!(out, "<section id=\"{name}\">")?;
        make(&shown, out)?;
        writeln!(out, "</section>")?;
    }
    table::files(summary, MOST_ROWS, out)?;
    write!(out, "<script>\n{SCRIPT}</script>\n</body>\n</html>\n")
}
