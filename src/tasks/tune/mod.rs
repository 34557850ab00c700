//! Finds out how many workers and threads suit an archive on this machine, by converting a sample of
//! it with each.

mod judge;
mod run;
mod setting;
mod show;

pub use judge::{Advice, Trial, advise};
pub use run::{TuneError, Tuned, Tuning, settings, tune};
pub use setting::Setting;
pub use show::{page, table};
