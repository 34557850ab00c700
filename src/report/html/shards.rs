//! Lists the shards of an array that is not over: which are at work, wait or were interrupted.

use super::super::shards::word;
use super::super::under_way::told;
use super::Shown;
use super::escape::escaped;
use crate::supervisor::PartUnderWay;
use crate::text;
use std::io::{self, Write};

/// Most shards that get a line.
const MOST: usize = 1000;

/// How far the runs are, and the table where there are several.
pub(super) fn shards(shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Some(under) = &shown.summary.under_way else { return Ok(()) };
    writeln!(
        out,
        "<p id=\"under-way\">{}. <span class=\"note\">As of {} (UTC); this page does not follow: \
         make it again, or run with --dashboard.</span></p>",
        escaped(&told(under)),
        escaped(&under.at)
    )?;
    if under.is_whole() {
        return Ok(());
    }
    writeln!(
        out,
        "<h2>Shards</h2>\n<div class=\"wide\"><table class=\"slots\"><thead><tr><th>shard</th>\
         <th>state</th><th>files done</th><th>failed</th><th>at work</th><th>ETA</th><th>on</th>\
         <th></th></tr></thead><tbody>"
    )?;
    for shard in under.shards.iter().take(MOST) {
        line(shard, out)?;
    }
    writeln!(out, "</tbody></table></div>")?;
    match under.shards.len().checked_sub(MOST) {
        Some(more @ 1..) => writeln!(out, "<p class=\"note\">and {more} more.</p>"),
        _ => Ok(()),
    }
}

fn line(shard: &PartUnderWay, out: &mut dyn Write) -> io::Result<()> {
    let number = |it: Option<u64>| it.map_or_else(String::new, |it| it.to_string());
    let files = match (shard.done, shard.files) {
        (Some(done), Some(files)) => format!("{done} of {files}"),
        _ => String::new(),
    };
    let eta = shard.eta_seconds.map_or_else(String::new, text::seconds);
    let bar = shard.percent.map_or_else(String::new, |percent| {
        let percent = percent.clamp(0.0, 100.0);
        format!("<i style=\"width:{percent:.1}%\"></i>{percent:.0} %")
    });
    writeln!(
        out,
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>\
         <td class=\"bar\">{bar}</td></tr>",
        shard.number,
        word(shard.state),
        files,
        number(shard.failed),
        number(shard.busy),
        escaped(&eta),
        escaped(shard.host.as_deref().unwrap_or_default()),
    )
}
