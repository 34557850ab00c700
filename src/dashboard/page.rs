//! Makes the page that follows a run: that of the report, empty, with the script that fills it.

use crate::report::html::{PARTS, SCRIPT, begin, table_head};
use std::fmt::Write as _;
use std::io;

/// The name of the part above all others: what the run is doing now.
pub(super) const NOW: &str = "now";

/// What `write` writes. Nothing fails that is written to memory.
pub(super) fn written(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> String {
    let mut html = Vec::new();
    let _ = write(&mut html);
    String::from_utf8(html).unwrap_or_default()
}

/// The page.
pub(super) fn page() -> String {
    let page = written(|out| begin("jldconv: a run", "; connect-src 'self'; img-src data:", out));
    // Without it, browsers ask for a picture, and without the token.
    let mut page = page.replacen("</head>", "<link rel=\"icon\" href=\"data:,\">\n</head>", 1);
    let [head, rest @ ..] = PARTS.map(|(name, _)| name);
    for name in [head, NOW].into_iter().chain(rest) {
        let _ = writeln!(page, "<section id=\"{name}\"></section>");
    }
    page.push_str(&written(table_head));
    page.push_str(
        "</tbody></table></div>\n<p id=\"link\" role=\"status\">connecting</p>\n<script>\n",
    );
    page.push_str(SCRIPT);
    page.push_str(include_str!("follow.js"));
    page.push_str("</script>\n</body>\n</html>\n");
    page
}
