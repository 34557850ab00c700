//! Manages the memory of a run: what bounds it, what uses it, and how many slots may be busy for
//! it.

pub(super) mod governor;
pub(super) mod limits;
pub(super) mod oom;
pub(super) mod predict;
pub(super) mod sampler;
