//! Warns of files in the middle of a change in place, on standard error and in JSON.

use crate::convert::inplace::{self, InPlace};
use crate::text;
use serde_json::Value;
use std::io::{self, Write};
use std::path::Path;

/// The field of JSON objects that names the undo file of a change that is not complete.
pub const FIELD: &str = "unfinished_change";

/// Warns where a file may be half changed. Gives the path of the undo file then.
pub fn warn(path: &Path, backup_dir: Option<&Path>) -> Option<String> {
    let options = InPlace { backup_dir: backup_dir.map(Path::to_owned), ..InPlace::default() };
    let (undo, message) = match inplace::unfinished(path, &options) {
        Ok(None) => return None,
        Ok(Some(change)) => (Some(change.undo.display().to_string()), change.warning()?),
        // Whether there is a change cannot be known.
        Err(error) => (None, error.to_string()),
    };
    let _ = writeln!(io::stderr(), "warning: {}", text::tame_lines(&message));
    undo
}

/// `json` with the field, if there is an undo file to name.
pub fn noted(mut json: Value, undo: Option<String>) -> Value {
    if let (Some(fields), Some(undo)) = (json.as_object_mut(), undo) {
        fields.insert(FIELD.to_owned(), undo.into());
    }
    json
}
