//! Breaks lines between words where a terminal would break them anywhere.

use std::io::IsTerminal;
use std::os::fd::AsFd;

/// Where the values of a block begin.
const VALUES: usize = 14;

/// `text` with no line wider than `columns`, if its words allow it. What goes on stands below the
/// value in a block of names and values, else two columns in.
pub fn wrapped(text: &str, columns: usize) -> String {
    let mut wrapped = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        one(line, columns, &mut wrapped);
    }
    wrapped
}

/// The same where standard output is a terminal, which breaks longer lines anywhere; else as it is.
pub fn fitted(text: &str) -> String {
    match columns(&std::io::stdout()) {
        Some(columns) => wrapped(text, columns),
        None => text.to_owned(),
    }
}

/// How wide the terminal is that this leads to; none where it is no terminal.
pub fn columns<S: IsTerminal + AsFd>(stream: &S) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    (stream.is_terminal() && size.ws_col > 0).then_some(size.ws_col.into())
}

fn one(line: &str, columns: usize, wrapped: &mut String) {
    let said = line.get(VALUES..).map_or("", str::trim_start);
    let command = [line.trim_start(), said].iter().any(|it| it.starts_with("jldconv"));
    // A command is copied as a whole: the terminal breaks it without a line's end.
    if command || line.trim_end().chars().count() <= columns {
        return wrapped.push_str(line);
    }
    let before = line.len() - line.trim_start().len();
    let value = line.get(..VALUES).is_some_and(|it| it.starts_with("  ") && it.ends_with("  "));
    let indent = if value || before >= VALUES { VALUES } else { before + 2 };
    let mut at = 0;
    for (place, word) in line.split_inclusive(' ').enumerate() {
        let width = word.chars().count();
        let bare = word.trim_end().chars().count();
        if place > 0 && bare > 0 && at > indent && at + bare > columns {
            let kept = wrapped.trim_end_matches(' ').len();
            wrapped.truncate(kept);
            wrapped.push('\n');
            wrapped.extend(std::iter::repeat_n(' ', indent));
            at = indent;
        }
        wrapped.push_str(word);
        at += width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_stay_whole() {
        let line = format!("  run         jldconv-supervisor {} OUT --recursive\n", "x".repeat(60));
        assert_eq!(wrapped(&line, 40), line);
        let line = "    jldconv-supervisor /data/old /data/new --workers=3\n";
        assert_eq!(wrapped(line, 40), line);
    }

    #[test]
    fn values_go_on_below_values() {
        let text = "  mode        auto: patched copies; rewritten where the target cannot\n  to do       6\n";
        insta::assert_snapshot!(wrapped(text, 40), @r"
          mode        auto: patched copies;
                      rewritten where the target
                      cannot
          to do       6
        ");
        let line = "[1/6] failed     output_00006.jld2  input: its writer was killed";
        insta::assert_snapshot!(wrapped(line, 50), @r"
        [1/6] failed     output_00006.jld2  input: its
          writer was killed
        ");
    }

    proptest! {
        #[test]
        fn no_word_is_lost_and_none_is_cut(text in "[ a-zé\n]{0,300}", columns in 20_usize..100) {
            let broken = wrapped(&text, columns);
            let words = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
            prop_assert_eq!(words(&broken), words(&text));
            for line in broken.lines() {
                let fits = line.trim_end().chars().count() <= columns;
                prop_assert!(fits || line.split_whitespace().count() <= 1, "{}", line);
            }
        }
    }
}
