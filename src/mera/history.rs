//! Reads `history.toml`, which the program carries: how Mera's files looked, from its beginning.

use serde::de::DeserializeOwned;

/// The text.
pub(super) const TEXT: &str = include_str!("history.toml");

/// The part of the history that `T` describes. Tests hold that it parses; nothing else could be
/// wrong with it at run time.
pub(super) fn part<T: DeserializeOwned + Default>() -> T {
    toml::from_str(TEXT).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_history_has_the_parts_that_are_read() {
        let table: toml::Table = toml::from_str(super::TEXT).unwrap();
        assert_eq!(table.keys().collect::<Vec<_>>(), ["era", "scales", "units"]);
    }
}
