//! Holds lists of texts that many records have alike: a copy costs nothing.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// Texts that are read and not changed any more.
#[derive(Clone, Default, Eq)]
pub struct Texts(Option<Arc<[String]>>);

impl Texts {
    /// Whether both are one and the same list in memory, or empty: then they need not be compared.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl PartialEq for Texts {
    fn eq(&self, other: &Self) -> bool {
        // What is shared, as most lists are, is not compared text by text.
        self.is_same(other) || **self == **other
    }
}

impl Hash for Texts {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl From<Vec<String>> for Texts {
    fn from(texts: Vec<String>) -> Self {
        Self((!texts.is_empty()).then(|| texts.into()))
    }
}

impl Deref for Texts {
    type Target = [String];

    fn deref(&self) -> &[String] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl Serialize for Texts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_goes_through_json_as_one_and_copies_are_the_same() {
        let texts = Texts::from(vec!["a".to_owned(), "b".to_owned()]);
        let json = serde_json::to_string(&texts).unwrap();
        assert_eq!(json, r#"["a","b"]"#);
        let back: Texts = serde_json::from_str(&json).unwrap();
        assert!(back == texts && !back.is_same(&texts) && texts.clone().is_same(&texts));
        let empty: Texts = serde_json::from_str("[]").unwrap();
        assert!(empty.is_empty() && empty.is_same(&Texts::default()) && !empty.is_same(&texts));
    }
}
