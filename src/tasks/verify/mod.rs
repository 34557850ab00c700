//! Defines the task that compares the files of an archive with what became of them.

mod part;
mod run;
mod task;
mod tell;

pub use part::PairsPart;
pub use run::{Verification, VerifyError, verify};
pub use task::{PairResult, VerifyOptions, VerifyTask};
pub use tell::{Teller, nothing_to_compare, undo_files, unlisted_told};
