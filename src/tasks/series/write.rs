//! Writes a series in one of its forms.

#[cfg(feature = "arrow")]
use super::columnar;
use super::table::{Form, SeriesTable};
use std::io::{self, Write};

impl SeriesTable {
    /// Writes it.
    ///
    /// # Errors
    /// The writer's own.
    pub fn write(&self, form: Form, out: &mut dyn Write) -> io::Result<()> {
        match form {
            Form::Csv => self.csv(out),
            Form::Json => {
                serde_json::to_writer_pretty(&mut *out, &self.json())?;
                out.write_all(b"\n")
            }
            #[cfg(feature = "arrow")]
            Form::Parquet => columnar::write(self, out),
            #[cfg(not(feature = "arrow"))]
            Form::Parquet => Err(io::Error::other("built without parquet")),
        }
    }
}
