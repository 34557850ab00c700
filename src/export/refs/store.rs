//! Where references are put, and how JSON holds them.

use super::super::{ExportError, Out};
use serde_json::{Value, json};

/// An array among references: what it is called, and how many chunks it has along each dimension.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) grid: Vec<u64>,
}

/// A piece of a file that holds a chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'p> {
    /// The number of the chunk in its array; the last dimension runs first.
    pub(super) number: u64,
    pub(super) path: &'p str,
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

/// Where references are put.
pub(super) trait Store {
    /// A document: `.zgroup`, `.zattrs`, `.zarray`.
    fn document(&mut self, key: &str, json: &Value) -> Result<(), ExportError>;

    /// A piece of an array. Those of one array come in the order of their numbers.
    fn piece(&mut self, array: &Place, piece: Piece<'_>) -> Result<(), ExportError>;

    /// The only chunk of an array, as its bytes.
    fn inline(&mut self, array: &Place, bytes: &[u8]) -> Result<(), ExportError>;

    /// There are no more pieces of an array.
    fn end(&mut self, array: &Place) -> Result<(), ExportError>;
}

/// References as JSON.
pub(super) struct JsonStore<'o> {
    out: &'o mut dyn Out,
    first: bool,
}

impl<'o> JsonStore<'o> {
    pub(super) fn begin(out: &'o mut dyn Out) -> Result<Self, ExportError> {
        out.write_all(b"{\"version\":1,\"refs\":{")?;
        Ok(Self { out, first: true })
    }

    pub(super) fn finish(self) -> Result<(), ExportError> {
        self.out.write_all(b"}}\n")?;
        Ok(self.out.flush()?)
    }

    /// Tells what a key stands for.
    fn put(&mut self, key: &str, value: &Value) -> Result<(), ExportError> {
        let comma = if std::mem::take(&mut self.first) { "" } else { "," };
        write!(self.out, "{comma}\n{}:{value}", Value::from(key))?;
        Ok(())
    }
}

impl Store for JsonStore<'_> {
    fn document(&mut self, key: &str, json: &Value) -> Result<(), ExportError> {
        self.put(key, &Value::from(json.to_string()))
    }

    fn piece(&mut self, array: &Place, piece: Piece<'_>) -> Result<(), ExportError> {
        let Piece { number, path, offset, bytes } = piece;
        self.put(&array.key(number), &json!([path, offset, bytes]))
    }

    fn inline(&mut self, array: &Place, bytes: &[u8]) -> Result<(), ExportError> {
        self.put(&array.key(0), &Value::from(format!("base64:{}", crate::text::base64(bytes))))
    }

    fn end(&mut self, _: &Place) -> Result<(), ExportError> {
        Ok(())
    }
}

impl Place {
    /// The key of a chunk.
    fn key(&self, number: u64) -> String {
        let mut rest = number;
        let mut steps: Vec<String> = Vec::with_capacity(self.grid.len());
        for &count in self.grid.iter().rev() {
            steps.push((rest % count.max(1)).to_string());
            rest /= count.max(1);
        }
        steps.reverse();
        // An array of no dimensions has one chunk.
        let key = if steps.is_empty() { "0".to_owned() } else { steps.join(".") };
        join(&self.name, &key)
    }

    /// How many chunks there can be.
    #[cfg(feature = "arrow")]
    pub(super) fn chunks(&self) -> u64 {
        self.grid.iter().copied().fold(1, u64::saturating_mul)
    }
}

/// The name of what is in a group; the root has none.
pub(super) fn join(group: &str, name: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{group}/{name}") }
}
