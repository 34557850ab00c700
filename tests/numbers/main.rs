//! Numbers of Mera files: what real Mera computed of them, and what the programs print.

mod commands;
mod truth;
