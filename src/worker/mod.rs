//! The child's side: take a job, measure itself, report.
