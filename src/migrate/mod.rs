//! Findings, rules and targets; what they give is an edit list.
