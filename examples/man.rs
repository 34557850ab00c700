//! Writes the manual pages of both programs and their commands: `man OUT_DIR`.

use clap::CommandFactory as _;
use jldconv::cli::{JldconvCli, SupervisorCli};
use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let out = std::env::args_os().nth(1).ok_or("usage: man OUT_DIR")?;
    fs::create_dir_all(&out)?;
    for command in [JldconvCli::command(), SupervisorCli::command()] {
        clap_mangen::generate_to(command, Path::new(&out))?;
    }
    Ok(())
}
