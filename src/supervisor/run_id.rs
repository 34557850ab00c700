//! Makes the name of a run.

use crate::sys::random;
use crate::text::rfc3339;
use std::io;
use std::time::SystemTime;

/// A name for the run that begins at `time`: letters, digits and hyphens.
///
/// # Errors
/// The system has no random numbers.
pub fn run_id(time: SystemTime) -> io::Result<String> {
    let text = rfc3339(time);
    let digits: String = text.chars().take(19).filter(char::is_ascii_digit).collect();
    let (date, clock) = digits.split_at_checked(8).unwrap_or((&digits, ""));
    Ok(format!("{date}-{clock}-{:08x}", u32::from_le_bytes(random::bytes()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn runs_have_names_of_their_own() {
        let time = UNIX_EPOCH + Duration::from_secs(1_709_164_801);
        let id = run_id(time).unwrap();
        assert!(id.starts_with("20240229-000001-") && id.len() == 24, "{id}");
        assert_ne!(run_id(time).unwrap(), id);
    }
}
