//! Stands for Parquet and Arrow in builds without the feature `arrow`.

use super::{ExportError, Format};

pub(super) fn refused(format: Format) -> ExportError {
    ExportError::Refused(format!(
        "this jldconv was built without {}: build it with the feature `arrow`, or export to npz",
        format.extension()
    ))
}
