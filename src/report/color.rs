//! Decides whether there are colours, and lays them on words. They are few: how something ended, and
//! what a user should look at.

use std::ffi::OsString;

/// When there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// What it comes to for a stream that is a terminal or not; `var` reads the environment: `NO_COLOR`
    /// (no-color.org) goes before `CLICOLOR_FORCE`, and that before `CLICOLOR` (bixense.com/clicolors)
    /// and `TERM`.
    #[must_use]
    pub fn settle(self, terminal: bool, var: impl Fn(&str) -> Option<OsString>) -> Paint {
        let said = |name: &str| var(name).filter(|value| !value.is_empty());
        Paint(match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if said("NO_COLOR").is_some() => false,
            Self::Auto if said("CLICOLOR_FORCE").is_some_and(|it| it != "0") => true,
            Self::Auto => {
                let off = said("CLICOLOR").is_some_and(|it| it == "0");
                terminal && !off && said("TERM").is_none_or(|term| term != "dumb")
            }
        })
    }
}

/// Colours words, or leaves them as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Paint(bool);

/// What a word is to be seen as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// It went well.
    Good,
    /// Look at it.
    Odd,
    /// It went wrong.
    Bad,
}

impl Paint {
    #[cfg(test)]
    pub(super) fn always() -> Self {
        Self(true)
    }

    /// `text` in the colour of `tone`.
    pub(super) fn on(self, text: &str, tone: Tone) -> String {
        let code = match tone {
            Tone::Good => 32,
            Tone::Odd => 33,
            Tone::Bad => 31,
        };
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// `line` with its first `word` coloured.
    pub(super) fn word(self, line: &str, word: &str, tone: Tone) -> String {
        match line.split_once(word) {
            Some((before, after)) if self.0 => {
                format!("{before}{}{after}", self.on(word, tone))
            }
            _ => line.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_goes_before_the_environment_and_that_before_the_terminal() {
        let on = |color: Color, terminal: bool, vars: &[(&str, &str)]| {
            let var = |name: &str| {
                let found = vars.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).into())
            };
            color.settle(terminal, var) == Paint(true)
        };
        assert!(on(Color::Auto, true, &[]) && !on(Color::Auto, false, &[]));
        assert!(on(Color::Always, false, &[("NO_COLOR", "1")]));
        assert!(!on(Color::Never, true, &[("CLICOLOR_FORCE", "1")]));
        assert!(!on(Color::Auto, true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
        assert!(on(Color::Auto, true, &[("NO_COLOR", "")]), "empty is as if not set");
        assert!(on(Color::Auto, false, &[("CLICOLOR_FORCE", "1")]));
        assert!(!on(Color::Auto, false, &[("CLICOLOR_FORCE", "0")]));
        assert!(!on(Color::Auto, true, &[("CLICOLOR", "0")]));
        assert!(!on(Color::Auto, true, &[("TERM", "dumb")]));
    }

    #[test]
    fn only_the_word_is_coloured() {
        assert_eq!(
            Paint(true).word("[1/2] failed x", "failed", Tone::Bad),
            "[1/2] \x1b[31mfailed\x1b[0m x"
        );
        assert_eq!(Paint(false).word("[1/2] failed x", "failed", Tone::Bad), "[1/2] failed x");
        assert_eq!(Paint(true).word("as it is", "failed", Tone::Bad), "as it is");
    }
}
