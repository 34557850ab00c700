//! Defines the flag that says whether wrong checksums decide.

use crate::h5::Checksums;
use clap::builder::BoolishValueParser;

/// Whether checksums decide, where a file is only read.
#[derive(Debug, Clone, clap::Args)]
pub struct TrustFlag {
    /// Whether a wrong checksum of metadata means that the file is damaged; with no, it is read all
    /// the same [default: yes]
    #[arg(long, value_name = "yes|no", value_parser = BoolishValueParser::new(),
          hide_possible_values = true)]
    pub trust_checksums: Option<bool>,
}

impl TrustFlag {
    /// What it says.
    pub fn checksums(&self) -> Checksums {
        if self.trust_checksums == Some(false) { Checksums::Ignored } else { Checksums::Trusted }
    }
}
