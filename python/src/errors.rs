//! Turns what went wrong into Python's exceptions.

use jld2::ErrorKind;
use jldconv::convert::{Failure, FailureKind, help, is_unsupported};
use jldconv::numbers::NumbersError;
use pyo3::exceptions::{PyKeyError, PyOSError, PyValueError};
use pyo3::prelude::*;
use std::io;

/// Why something could not be done, known before the interpreter is at hand again.
#[derive(Debug)]
pub(crate) enum Fail {
    /// Something in a file.
    Read(jld2::Error),
    /// Numbers of a table.
    Numbers(NumbersError),
    /// Already an exception of Python's, as after Ctrl-C.
    Python(PyErr),
    /// One of the package's own exceptions, by its name, and what to say.
    Own(&'static str, String),
}

impl From<jld2::Error> for Fail {
    fn from(error: jld2::Error) -> Self {
        Self::Read(error)
    }
}

impl From<NumbersError> for Fail {
    fn from(error: NumbersError) -> Self {
        Self::Numbers(error)
    }
}

impl From<PyErr> for Fail {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl Fail {
    /// The exception, for the file called `file`.
    pub(crate) fn raise(self, py: Python<'_>, file: &str) -> PyErr {
        match self {
            Self::Read(error) => of_read(py, file, &error),
            Self::Numbers(error) => of_numbers(py, file, &error),
            Self::Python(error) => error,
            Self::Own(name, text) => own(py, name, &text),
        }
    }
}

/// An exception that the package defines.
pub(crate) fn own(py: Python<'_>, name: &str, text: &str) -> PyErr {
    let made = py.import("jldconv._errors").and_then(|errors| errors.getattr(name)?.call1((text,)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// An error of the system, as Python has it: `FileNotFoundError`, `PermissionError` ...
fn of_system(py: Python<'_>, file: &str, error: &io::Error, text: &str) -> PyErr {
    match error.raw_os_error() {
        Some(number) => {
            let all = error.to_string();
            let said = all.split(" (os error").next().unwrap_or(&all).to_owned();
            PyOSError::new_err((number, said, file.to_owned()))
        }
        None => own(py, "Error", text),
    }
}

fn of_read(py: Python<'_>, file: &str, error: &jld2::Error) -> PyErr {
    let text = format!("{file}: {error}{}", help(error));
    match error.kind() {
        ErrorKind::Io(cause) | ErrorKind::Output(cause) => of_system(py, file, cause, &text),
        // The place for what was read, not the file.
        ErrorKind::Scratch { directory, error, .. } => match error.raw_os_error() {
            Some(number) => PyOSError::new_err((number, text, directory.clone())),
            None => own(py, "Error", &text),
        },
        ErrorKind::NotFound { .. } => PyKeyError::new_err(text),
        ErrorKind::NotJld2 { .. } => own(py, "NotJLD2Error", &text),
        ErrorKind::Payload(cause) if is_unsupported(&**cause) => own(py, "UnsupportedError", &text),
        ErrorKind::Corrupt { .. } | ErrorKind::Payload(_) | ErrorKind::Unclosed { .. } => {
            own(py, "DamagedError", &text)
        }
        ErrorKind::Foreign { .. } => own(py, "UnsupportedError", &text),
        ErrorKind::TooLarge { .. } => own(py, "TooLargeError", &text),
        _ => own(py, "Error", &text),
    }
}

fn of_numbers(py: Python<'_>, file: &str, error: &NumbersError) -> PyErr {
    match error {
        NumbersError::Read { source, .. } | NumbersError::Inner(source) => {
            of_read(py, file, source)
        }
        NumbersError::NotThere { .. } => PyKeyError::new_err(error.to_string()),
        error if error.is_usage() => own(py, "QueryError", &error.to_string()),
        error => own(py, "Error", &error.to_string()),
    }
}

/// A conversion that failed.
pub(crate) fn of_failure(py: Python<'_>, failure: &Failure) -> PyErr {
    let name = match failure.fault {
        FailureKind::Input => "DamagedError",
        FailureKind::Unsupported => "UnsupportedError",
        FailureKind::Conflict => "ConflictError",
        _ => "ConversionError",
    };
    own(py, name, &failure.message)
}

/// Something is wrong with what was asked for.
pub(crate) fn wrong(text: impl Into<String>) -> PyErr {
    PyValueError::new_err(text.into())
}
