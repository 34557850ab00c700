//! Decides which jobs of a plan are left to do, and what may be replaced for them.

mod fate;
mod model;
mod sort;
mod standing;

pub(super) use model::{Answer, Inquiry, Order, Sorted, Todo};
pub(super) use sort::sort_out;

#[cfg(test)]
mod tests;
