//! Splits a command into its words as a shell does, and does nothing else that a shell does.

use std::str::FromStr;

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandWords(pub Vec<String>);

impl FromStr for CommandWords {
    type Err = String;

    /// Words are apart by blanks; `'...'` keeps everything as it is, `"..."` everything but
    /// `\"`, `\\`, `\$` and `` \` ``, and `\` the next character.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = Vec::new();
        let mut word: Option<String> = None;
        let mut rest = text.chars();
        let open = |quote: char| format!("{quote} is opened and not closed");
        while let Some(c) = rest.next() {
            match c {
                '\'' => {
                    let word = word.get_or_insert_default();
                    loop {
                        match rest.next().ok_or_else(|| open('\''))? {
                            '\'' => break,
                            c => word.push(c),
                        }
                    }
                }
                '"' => {
                    let word = word.get_or_insert_default();
                    loop {
                        match rest.next().ok_or_else(|| open('"'))? {
                            '"' => break,
                            '\\' => match rest.next().ok_or_else(|| open('"'))? {
                                c @ ('"' | '\\' | '$' | '`') => word.push(c),
                                c => word.extend(['\\', c]),
                            },
                            c => word.push(c),
                        }
                    }
                }
                '\\' => match rest.next() {
                    Some(c) => word.get_or_insert_default().push(c),
                    None => return Err("\\ at the end".to_owned()),
                },
                c if c.is_ascii_whitespace() => words.extend(word.take()),
                c => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        if words.first().is_none_or(String::is_empty) {
            return Err("write a program and its arguments".to_owned());
        }
        if words.iter().any(|word| word.contains('\0')) {
            return Err("no argument can hold a zero byte".to_owned());
        }
        Ok(Self(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::quote;
    use proptest::prelude::*;
    use std::ffi::OsStr;

    fn words(text: &str) -> Vec<String> {
        text.parse::<CommandWords>().unwrap().0
    }

    #[test]
    fn words_are_those_of_a_shell() {
        assert_eq!(words(r#"mail -s "it's done" me"#), ["mail", "-s", "it's done", "me"]);
        assert_eq!(words(r#"  a'b c'd\ e "\"\\\$\x" ''  "#), ["ab cd e", "\"\\$\\x", ""]);
        // Nothing is expanded and nothing is run.
        assert_eq!(
            words("a $HOME `x` | b > c; d"),
            "a $HOME `x` | b > c; d".split(' ').collect::<Vec<_>>()
        );
        for bad in ["", "  ", "a 'b", "a \"b", "a \\", "'' b", "a \0"] {
            assert!(bad.parse::<CommandWords>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_quoted_is_one_word(text in "[ -~à-ÿ]{1,40}") {
            // What cannot be printed is quoted as `$'...'`, which is bash's own.
            let quoted = quote(OsStr::new(&text));
            prop_assert!(!quoted.starts_with('$'));
            prop_assert_eq!(words(&format!("run {quoted}")), ["run", &text]);
        }
    }
}
