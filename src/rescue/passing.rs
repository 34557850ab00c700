//! Which errors are about one object, and which end a rescue.

use crate::h5::{Error, ErrorKind, Result};

/// Errors of the disk end everything; others are about the object.
pub(super) fn passing(error: Error) -> Result<Error> {
    match error.kind() {
        ErrorKind::Io(_) | ErrorKind::Scratch { .. } | ErrorKind::Cancelled => Err(error),
        ErrorKind::Payload(inner) => {
            // The system's word, wherever it was wrapped.
            let mut next: Option<&(dyn std::error::Error + 'static)> = Some(inner.as_ref());
            while let Some(it) = next {
                let io = it.downcast_ref::<std::io::Error>();
                if let Some(code) = io.and_then(std::io::Error::raw_os_error) {
                    let at = error.offset().unwrap_or(0);
                    return Err(Error::io(at, std::io::Error::from_raw_os_error(code)));
                }
                next = it.source();
            }
            Ok(error)
        }
        _ => Ok(error),
    }
}
