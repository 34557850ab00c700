//! Writes Arrow's file of record batches ("Feather version 2"): not compressed, so that it can be
//! mapped into memory.

use super::batches::batches;
use super::columnar::{batch_rows, of_arrow, record_batch, schema};
use super::{About, ExportError, Sheet, Watch};
use arrow_ipc::writer::FileWriter;
use jld2::NumberType;
use std::io::Write;

pub(super) fn write(
    sheet: &Sheet<'_>,
    about: &About,
    watch: &Watch<'_>,
    out: &mut (dyn Write + Send),
) -> Result<(), ExportError> {
    let schema = schema(sheet, about);
    let numbers: Vec<NumberType> = sheet.heads.iter().map(|head| head.number).collect();
    let mut writer = FileWriter::try_new(&mut *out, &schema)?;
    batches(&sheet.all()?, batch_rows(sheet), watch, |columns, _| {
        Ok(writer.write(&record_batch(&schema, &numbers, columns)?).map_err(of_arrow)?)
    })?;
    writer.finish()?;
    drop(writer);
    Ok(out.flush()?)
}
