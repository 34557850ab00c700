//! One row of numbers for each snapshot: what a list of names (`time`, `msum[Msol]`, `max_rho[nH]`)
//! comes to in a Mera file.
//!
//! A list is read into [`Column`]s before any file is opened; with the rows that are chosen they are a
//! [`Question`], which [`row`] answers for a file. Each table is gone through once for all that is asked
//! of it, twice where moments are, and some times more for percentiles; memory does not grow with the
//! rows.

mod answers;
mod cell;
mod column;
mod gathered;
mod names;
mod question;
mod row;
mod stars;
mod table;
mod weighted_rank;
mod what;

pub use answers::{Missing, Row};
pub use cell::Cell;
pub use column::{Column, MOST_COLUMNS, WhatError, columns};
pub use names::item_names;
pub use question::{Question, QuestionError, QuestionText};
pub use row::row;
