//! Decides which jobs of a plan are left to do, and what may be replaced for them.

mod answers;
mod fate;
mod model;
mod orders;
mod packed_claim;
mod sort;
mod sorted;
mod standing;
mod unrecorded;

pub(super) use answers::Answers;
pub(super) use model::{Answer, Order, ToRecord};
pub(super) use orders::Orders;
pub(super) use sort::sort_out;
pub(super) use sorted::{Inquiry, Sorted};
pub(super) use unrecorded::Unrecorded;

#[cfg(test)]
mod tests;
