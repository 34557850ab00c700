//! Writes the manual's page of all commands and flags: `reference docs/reference.md`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: reference FILE")?;
    Ok(std::fs::write(path, jldconv::cli::reference())?)
}
