//! Makes the page that follows a run: that of the report, empty, with the script that fills it.

use crate::report::html::{PARTS, SCRIPT, begin, table_head};
use std::fmt::Write as _;

/// The name of the part above all others: what the run is doing now.
pub(super) const NOW: &str = "now";

/// The page.
pub(super) fn page() -> String {
    let mut page = Vec::new();
    // Nothing fails that is written to memory.
    let _ = begin("jldconv: a run", "; connect-src 'self'; img-src data:", &mut page);
    let mut page = String::from_utf8(page).unwrap_or_default();
    // Without it, browsers ask for a picture, and without the token.
    page = page.replacen("</head>", "<link rel=\"icon\" href=\"data:,\">\n</head>", 1);
    let [head, rest @ ..] = PARTS.map(|(name, _)| name);
    for name in [head, NOW].into_iter().chain(rest) {
        let _ = writeln!(page, "<section id=\"{name}\"></section>");
    }
    let mut table = Vec::new();
    let _ = table_head(&mut table);
    page.push_str(&String::from_utf8(table).unwrap_or_default());
    page.push_str(
        "</tbody></table></div>\n<p id=\"link\" role=\"status\">connecting</p>\n<script>\n",
    );
    page.push_str(SCRIPT);
    page.push_str(include_str!("follow.js"));
    page.push_str("</script>\n</body>\n</html>\n");
    page
}
