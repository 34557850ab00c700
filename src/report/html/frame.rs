//! Writes the frame of a page that needs nothing else: styles, and the script that sorts and
//! searches a table called `files`.

use super::escape::escaped;
use std::io::{self, Write};

/// Writes a page with `title`; `body` writes what is in it.
///
/// # Errors
/// The writer's own.
pub fn frame(
    title: &str,
    out: &mut dyn Write,
    body: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n",
        escaped(title),
        include_str!("page.css")
    )?;
    body(out)?;
    write!(out, "<script>\n{}</script>\n</body>\n</html>\n", include_str!("page.js"))
}
