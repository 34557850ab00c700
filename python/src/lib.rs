//! The native half of the Python package `jldconv`: opens files, reads and converts, always without
//! the interpreter's lock. What people use is written in Python on top of it, in `python/jldconv`.

use pyo3::prelude::*;

mod errors;
mod file;
mod hyperslab;
mod layout;
mod query;
mod records;
mod run;
mod signals;
mod values;

/// What the package's Python half is built on. Nothing here is for people, or stays as it is.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::file::File;
    #[pymodule_export]
    use super::query::{
        by_level, center, count, mass, mera_overview, mera_scale, mera_tables, mera_time, query,
        statistics,
    };
    #[pymodule_export]
    use super::run::{convert, inspect_file, verify};
}
