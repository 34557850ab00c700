//! Findings, rules and targets; what they give is an edit list.

pub mod literal;
pub mod pattern;
pub mod rule;
pub mod target;
pub mod userrules;
