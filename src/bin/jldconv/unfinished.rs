//! Warns of files in the middle of a change in place: a field in front of JSON that is passed on.

pub(crate) use jldconv::report::unfinished::{FIELD, noted, warn};
use serde_json::Value;
use std::io::{self, Write};

/// Passes a JSON object on, with one more field in front of all others.
pub(crate) struct Noted<W> {
    out: W,
    /// What is still to be written.
    field: Option<String>,
    /// Whether the next thing follows the field.
    follows: bool,
}

impl<W: Write> Noted<W> {
    /// The field's name has an underscore in front, as all that is not the path of a dataset.
    pub(crate) fn new(out: W, undo: Option<String>) -> Self {
        let field = undo.map(|undo| format!("\"_{FIELD}\":{}", Value::from(undo)));
        Self { out, field, follows: false }
    }
}

impl<W: Write> Write for Noted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(first) = bytes.first() else { return Ok(0) };
        if self.field.is_none() && !self.follows {
            return self.out.write(bytes);
        }
        if let (b'{', Some(field)) = (first, self.field.take()) {
            self.out.write_all(b"{\n")?;
            self.out.write_all(field.as_bytes())?;
            self.follows = true;
            return Ok(1);
        }
        let skipped = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if skipped > 0 {
            self.out.write_all(bytes.get(..skipped).unwrap_or_default())?;
            return Ok(skipped);
        }
        self.follows = false;
        if *first != b'}' {
            self.out.write_all(b",")?;
        }
        self.out.write_all(&[*first])?;
        Ok(1)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(json: &str, undo: Option<&str>) -> Value {
        let mut noted = Noted::new(Vec::new(), undo.map(str::to_owned));
        // In pieces of every size the result is the same.
        for piece in json.as_bytes().chunks(3) {
            noted.write_all(piece).unwrap();
        }
        serde_json::from_slice(&noted.out).unwrap()
    }

    #[test]
    fn objects_get_one_more_field() {
        for json in ["{\n}\n", "{}", "{\"/a\":{\"v\":1},\n\"/b\":{}}\n"] {
            let before: Value = serde_json::from_str(json).unwrap();
            assert_eq!(through(json, None), before);
            let mut after = through(json, Some("x\"y"));
            assert_eq!(after["_unfinished_change"], "x\"y");
            after.as_object_mut().unwrap().shift_remove("_unfinished_change");
            assert_eq!(after, before);
        }
    }
}
