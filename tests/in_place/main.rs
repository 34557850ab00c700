//! In-place mode from outside: real programs on real files, killed at each of their calls; undo and
//! commit; undo files in shared directories and under long names; other commands beside a change
//! that is not complete.

#[cfg(test)]
mod beside;
#[cfg(test)]
#[path = "../common/clean.rs"]
mod clean;
#[cfg(test)]
mod commit;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod preloaded;
#[cfg(test)]
mod setting;
#[cfg(test)]
mod traced;
#[cfg(test)]
mod undo;
