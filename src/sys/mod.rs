//! The operating system; the only home of `unsafe`.
