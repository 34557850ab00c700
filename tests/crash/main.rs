//! The process dies, by SIGKILL, before, in and after each call that changes the disk; afterwards
//! nothing is lost. This test starts itself again as the process that dies.
#![cfg(feature = "fault")]

#[cfg(test)]
mod cases;
#[path = "../../src/test_random.rs"]
mod test_random;
