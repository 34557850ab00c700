//! Filters: which the target decodes, with which client values, and which it writes.

use crate::codec::ids;
use serde::Deserialize;

/// A filter as it may stand in a dataset's pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Filter {
    /// HDF5's number of it.
    pub id: u16,
    /// What people call it.
    pub name: String,
    /// Whether the target decodes it.
    pub reads: bool,
    /// The least and the greatest number of client values with which it does.
    #[serde(default)]
    pub client_values: Option<(usize, usize)>,
    /// Why it does not.
    pub why: Option<String>,
    /// The client values that its session writes, in order; none: those that JLD2 0.6.5 writes.
    pub writes: Option<Vec<ClientValue>>,
}

/// A client value as a session of the target writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum ClientValue {
    /// Always this number.
    Number(u32),
    /// A setting of the encoder.
    Setting(Setting),
}

/// A setting of an encoder that stands among a filter's client values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Setting {
    /// Bytes of a block; LZ4 only.
    BlockSize,
    /// The level; 0, the encoder's own, for LZ4, which is written at one level only.
    Level,
}

impl Setting {
    /// Where it stands among the client values that JLD2 0.6.5 writes.
    fn place(self, id: u16) -> Option<usize> {
        match (self, id) {
            (Self::BlockSize, ids::LZ4) | (Self::Level, ids::DEFLATE | ids::ZSTD) => Some(0),
            _ => None,
        }
    }
}

impl Filter {
    /// Why the target does not read data with so many client values; none if it does.
    pub(super) fn misread(&self, values: usize) -> Option<String> {
        if !self.reads {
            let why = self.why.clone();
            return Some(why.unwrap_or_else(|| "the target cannot decode it".to_owned()));
        }
        self.client_values
            .filter(|(least, most)| !(*least..=*most).contains(&values))
            .map(|_| format!("the target fails on {values} client values"))
    }

    /// How many of these client values the target takes.
    pub(super) fn taken(&self, client: &[u32]) -> usize {
        let most = self.client_values.filter(|_| self.reads);
        most.map_or(client.len(), |(_, most)| most.min(client.len()))
    }

    /// The client values that the target writes, where JLD2 0.6.5 would write `client`.
    pub(super) fn written(&self, client: &[u32]) -> Vec<u32> {
        let Some(form) = &self.writes else { return client.to_vec() };
        let value = |form: &ClientValue| match form {
            ClientValue::Number(value) => *value,
            ClientValue::Setting(setting) => {
                setting.place(self.id).and_then(|at| client.get(at)).copied().unwrap_or(0)
            }
        };
        form.iter().map(value).collect()
    }

    /// The level that client values tell, if they tell any.
    pub(super) fn level_in(&self, client: &[u32]) -> Option<i64> {
        let level = ClientValue::Setting(Setting::Level);
        let at = match &self.writes {
            Some(form) => form.iter().position(|value| *value == level),
            None => Setting::Level.place(self.id),
        };
        at.and_then(|at| client.get(at)).map(|level| i64::from(level.cast_signed()))
    }

    /// What is wrong with it, if anything.
    pub(super) fn problem(&self) -> Option<String> {
        let Self { id, name, client_values, writes, .. } = self;
        if let Some((least, most)) = client_values
            && least > most
        {
            return Some(format!(
                "filter {name}: at least {least} and at most {most} client values"
            ));
        }
        let writes = writes.as_ref()?;
        if !matches!(*id, ids::DEFLATE | ids::LZ4 | ids::ZSTD) {
            return Some(format!(
                "filter {name}: no conversion writes it, so `writes` means nothing"
            ));
        }
        let block_size = ClientValue::Setting(Setting::BlockSize);
        if *id != ids::LZ4 && writes.contains(&block_size) {
            return Some(format!("filter {name}: it has no block-size"));
        }
        let (least, most) = (*client_values)?;
        (!(least..=most).contains(&writes.len())).then(|| {
            let n = writes.len();
            format!("filter {name}: `writes` gives {n} client values, which the target fails on")
        })
    }
}
