//! Writes a run as one page that needs nothing else: pictures are SVG, styles and the few lines of
//! script are in it, and it may load nothing. The parts of the page are those of the page that a run
//! shows of itself while it goes.

mod charts;
mod curves;
mod escape;
mod frame;
mod head;
mod shards;
mod slots;
mod table;

use super::advice::{Circumstances, advice};
use super::summary::title;
use crate::supervisor::{Layout, Recommendation, RunSummary};
pub use escape::escaped;
pub use frame::{Head, frame, table_begin};
pub(crate) use head::TAKING_ALONG;
use std::io::{self, Write};
pub(crate) use table::{row, table_head};

/// Most files that get a line in the table; a browser is slow with more.
const MOST_ROWS: usize = 20_000;

/// Styles of all pages, and the script of their tables.
const STYLE: &str = include_str!("page.css");
pub(crate) const SCRIPT: &str = include_str!("page.js");

/// What the parts of a page show.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) summary: &'a RunSummary,
    /// Where its runs are on the axis of time.
    pub(crate) layout: &'a Layout,
    pub(crate) advice: &'a [Recommendation],
    /// How it ended, or what it is doing, in a word or two.
    pub(crate) verdict: &'a str,
}

/// Makes one part.
pub(crate) type Make = fn(&Shown<'_>, &mut dyn Write) -> io::Result<()>;

/// The parts of a page above its table, in their order, by the names of their elements.
pub(crate) const PARTS: [(&str, Make); 10] = [
    ("head", head::head),
    ("shards", shards::shards),
    ("cards", head::cards),
    ("advice", head::advice),
    ("timeline", charts::timeline),
    ("memory", curves::memory),
    ("throughput", curves::throughput),
    ("slots", slots::slots),
    ("sizes", charts::sizes),
    ("failures", table::failures),
];

/// What a page begins with; `policy` is what it may load beside what is in it.
pub(crate) fn begin(title: &str, policy: &str, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'{policy}\">\n\
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
    let advised = advice(summary, about);
    let shown = Shown { summary, layout, advice: &advised, verdict: title(summary) };
    frame(&format!("jldconv: {}", summary.output_dir), out, &mut |out| {
        for (name, make) in PARTS {
            writeln!(out, "<section id=\"{name}\">")?;
            make(&shown, out)?;
            writeln!(out, "</section>")?;
        }
        table::files(summary, MOST_ROWS, out)
    })
}
