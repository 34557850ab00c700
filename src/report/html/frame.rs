//! Writes the frame of a page with a table to sort and to search.

use super::{SCRIPT, begin};
use std::io::{self, Write};

/// Writes a page with `title`; `body` writes what is in it, with one [table].
///
/// # Errors
/// The writer's own.
///
/// [table]: table_head
pub fn frame(
    title: &str,
    out: &mut dyn Write,
    body: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    begin(title, "", out)?;
    body(out)?;
    write!(out, "<script>\n{SCRIPT}</script>\n</body>\n</html>\n")
}

/// A column of a page's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// Of texts.
    Text(&'static str),
    /// Of numbers, whose cells say theirs in `data-v`.
    Number(&'static str),
}

/// The beginning of the page's table of `rows`: what it is searched with, if it is worth that, and its
/// heads. Rows follow, and `</tbody></table></div>`.
///
/// # Errors
/// The writer's own.
pub fn table_begin(
    rows: &str,
    searched: Option<&str>,
    columns: &[Head],
    out: &mut dyn Write,
) -> io::Result<()> {
    let hidden = if searched.is_none() { " hidden" } else { "" };
    let searched = searched.unwrap_or_default();
    writeln!(
        out,
        "<p class=\"tools\"{hidden}><input id=\"search\" type=\"search\" \
         placeholder=\"{searched}\" aria-label=\"search\"> <select id=\"only\" hidden><option \
         value=\"\">all</option></select> <span id=\"shown\"></span></p>\n<div class=\"wide\"><table \
         id=\"files\" data-rows=\"{rows}\"><thead><tr>"
    )?;
    heads(columns, out)
}

/// The heads of a table's columns, with what sorts by them; rows follow.
pub(super) fn heads(columns: &[Head], out: &mut dyn Write) -> io::Result<()> {
    for column in columns {
        let (class, name) = match column {
            Head::Text(name) => ("", name),
            Head::Number(name) => (" class=\"number\"", name),
        };
        writeln!(out, "<th{class}><button type=\"button\">{name}</button></th>")?;
    }
    writeln!(out, "</tr></thead><tbody>")
}
