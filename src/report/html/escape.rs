//! Makes foreign text harmless in a page.

use crate::text;

/// The text for an element or a quoted attribute: names and messages hold what files brought along.
pub fn escaped(text: &str) -> String {
    let tame = text::tame_lines(text);
    let mut out = String::with_capacity(tame.len());
    for c in tame.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_its_place() {
        assert_eq!(escaped("<script>&\"'"), "&lt;script&gt;&amp;&quot;&#39;");
        assert!(!escaped("\u{1b}[2J\u{202e}").contains('\u{1b}'));
    }
}
