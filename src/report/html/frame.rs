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

/// The beginning of the page's table: what it is searched with, and its heads. Rows follow, and
/// `</tbody></table>`.
///
/// # Errors
/// The writer's own.
pub fn table_begin(searched: &str, heads: &[&str], out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<p class=\"tools\"><input id=\"search\" type=\"search\" placeholder=\"{searched}\" \
         aria-label=\"search\"> <select id=\"only\" hidden><option value=\"\">all</option></select> \
         <span id=\"shown\"></span></p>\n<table id=\"files\"><thead><tr>"
    )?;
    for head in heads {
        writeln!(out, "<th><button type=\"button\">{head}</button></th>")?;
    }
    writeln!(out, "</tr></thead><tbody>")
}
