//! Guesses what a conversion needs of memory before anything was measured.

use crate::convert::{Chunking, Compress, Mode};
use crate::supervisor::{self, Settings};

/// Anonymous memory of a worker that patches (docs/performance.md).
const PATCH: u64 = 32 << 20;
/// Of one that rewrites, beside its threads.
const REWRITE: u64 = 64 << 20;
/// For each thread of a rewrite.
const THREAD: u64 = 8 << 20;

/// Times what planning takes, an attempt that patches takes, and one that rewrites, of very many objects
/// (docs/performance.md has both: at most 1.7 and 3.6).
const AFTER_PATCH: u64 = 2;
const AFTER_REWRITE: u64 = 4;

/// Whether files are laid out again, as far as the settings tell.
pub(super) fn rewrites(settings: &Settings) -> bool {
    settings.options.mode == Mode::Rewrite
        || !matches!(settings.options.compress, Compress::Keep)
        || settings.options.chunk != Chunking::Auto
}

/// What an attempt needs that took `held` bytes up to the end of its planning.
pub(super) fn after_planning(settings: &Settings, held: u64) -> u64 {
    held.saturating_mul(if rewrites(settings) { AFTER_REWRITE } else { AFTER_PATCH })
}

/// First guess of the anonymous memory of one attempt in bytes.
pub(super) fn first_guess(settings: &Settings, threads: usize) -> u64 {
    if !rewrites(settings) {
        return PATCH;
    }
    // A thread holds a chunk decoded, in planes, and encoded.
    let chunks = match settings.options.chunk {
        Chunking::Of(bytes) => bytes.saturating_mul(3),
        Chunking::Auto | Chunking::One => 0,
    };
    REWRITE.saturating_add(THREAD.max(chunks).saturating_mul(threads as u64))
}

/// What one worker needs, and the least memory limit of which the safety margin leaves so much, in
/// bytes.
pub fn least_memory(settings: &Settings) -> (u64, u64) {
    supervisor::sizing::least_memory(settings, &|threads| first_guess(settings, threads))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_encodes_needs_more_and_for_each_thread() {
        let mut settings = Settings::new("/in", "/out");
        assert_eq!(first_guess(&settings, 4), 32 << 20);
        settings.options.compress = Compress::Zstd(3);
        assert_eq!(first_guess(&settings, 4), 96 << 20);
        settings.options.chunk = Chunking::Of(64 << 20);
        assert_eq!(first_guess(&settings, 4), (64 + 3 * 64 * 4) << 20);
        settings.options.chunk = Chunking::Auto;
        settings.options.compress = Compress::Keep;
        settings.options.mode = Mode::Rewrite;
        assert_eq!(first_guess(&settings, 4), 96 << 20);
    }
}
