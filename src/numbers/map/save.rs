//! Maps as files of numbers: for NumPy, and as JSON.

use super::Map;
use crate::numbers::npy::{NpyLength, npy_header};
use serde_json::{Value, json};
use std::io::{self, Write};

impl Map {
    /// Writes the numbers as a file of NumPy, `a[i, j]` being the pixel `i` along the first axis and `j`
    /// along the second, counted from 0. Pixels without a number are as they are told: NaN, or 0 of gas.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_npy(&self, out: &mut dyn Write) -> io::Result<()> {
        let shape = self.pixels.map(|pixels| pixels as u64);
        out.write_all(&npy_header(NpyLength::Short, "'<f8'", &shape))?;
        for value in &self.values {
            out.write_all(&value.to_le_bytes())?;
        }
        Ok(())
    }

    /// What it shows, without the numbers of its pixels.
    pub fn json(&self) -> Value {
        let extremes = self.extremes();
        let mut sum = crate::numbers::Sum::default();
        sum.extend(self.numbers());
        let without = self.values.len() - self.numbers().count();
        json!({
            "quantity": self.label,
            "unit": self.unit,
            "pixels": self.pixels,
            "axes": self.axes,
            "extent": self.extent,
            "min": extremes.map(|it| it.low),
            "max": extremes.map(|it| it.high),
            "sum": sum.value(),
            "without_number": without,
            "rows": self.left_out,
        })
    }

    /// All of it, with the numbers of its pixels: the first axis runs fastest; `null` where there is
    /// none.
    pub fn whole_json(&self) -> Value {
        let mut json = self.json();
        if let Value::Object(fields) = &mut json {
            fields.insert("values".to_owned(), json!(self.values));
        }
        json
    }
}
