//! Writes tables and arrays in the formats of others: NumPy, CSV, Parquet, Arrow, VTK.
//!
//! A [`Request`] says what is wanted, as it was asked for; a [`Sheet`] is that in an open file:
//! columns with their types and units, and how many rows there will be. Each format is a function
//! that goes through a sheet, once or once for each column, in windows: memory does not grow with the
//! rows. [`export`] makes a file of it, which appears under its name when it is whole and on the disk.

mod about;
#[cfg(feature = "arrow")]
mod arrow;
mod batches;
#[cfg(feature = "arrow")]
mod columnar;
mod csv;
mod error;
mod format;
#[cfg(not(feature = "arrow"))]
mod no_columnar;
mod npy;
mod npz;
mod out;
#[cfg(feature = "arrow")]
mod parquet;
#[cfg(feature = "arrow")]
mod parquet_file;
mod refs;
mod request;
mod sheet;
#[cfg(feature = "arrow")]
mod table;
mod to_file;
mod to_tree;
mod vtu;
mod write;
mod zip;

pub use about::About;
pub use batches::Watch;
pub use error::ExportError;
pub use format::Format;
pub use out::Out;
#[cfg(feature = "arrow")]
pub use refs::reference_set;
pub use refs::{RefsFile, RefsMade, RefsRequest, reference_path, references};
pub use request::{ColumnUnit, Request};
pub use sheet::{Head, Reading, Sheet};
#[cfg(feature = "arrow")]
pub use table::{TableColumn, TableNumbers, write_table};
pub use to_file::{Exported, ExportedColumn, Made, export, export_to, make};
pub use to_tree::make_tree;
