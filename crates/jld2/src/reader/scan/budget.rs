//! Shares out the memory that decoders of a scan may take at once.
//!
//! A stream that stays open from one piece of its column to the next keeps its decoder: windows, and the
//! planes of a chunk that was shuffled. Of many columns side by side that is much. What is left for those
//! that do not stay open, and for chunks that are decoded as wholes, is taken for one piece at a time.

use super::feed::Feed;

/// Bytes of all decoders together, about.
const DECODERS: u64 = 24 << 20;
/// Bytes for those that do not stay open, where there are any.
const PASSING: u64 = 8 << 20;

/// Decides which streams stay open. Gives the bytes that are left for decoders that do not.
///
/// A column that is one piece cannot be decoded from its middle: its stream stays open whatever it takes.
pub(super) fn share_out(feeds: &mut [Feed<'_>]) -> u64 {
    let may_close = |feed: &Feed<'_>| feed.is_stream() && feed.chunk.is_some();
    let open = |feeds: &[Feed<'_>], which: &dyn Fn(&Feed<'_>) -> bool| {
        let costs = feeds.iter().filter(|feed| feed.is_stream() && which(feed));
        costs.fold(0_u64, |sum, feed| sum.saturating_add(feed.cost))
    };
    let mut taken = open(feeds, &|feed| !may_close(feed));
    let passing = feeds.iter().any(|feed| !feed.is_stream() && feed.cost > 0);
    let all = taken.saturating_add(open(feeds, &may_close));
    let most = if all <= DECODERS && !passing { DECODERS } else { DECODERS - PASSING };
    let (mut closed, mut room) = (0_u64, 0);
    for feed in feeds.iter_mut().filter(|feed| may_close(feed)) {
        let with = taken.saturating_add(feed.cost);
        feed.stays_open = with <= most;
        if feed.stays_open {
            taken = with;
        } else {
            closed = closed.saturating_add(feed.chunk.unwrap_or(0));
            room = feed.cache_room();
        }
    }
    // With what the cache needs to find them.
    let is_cached = closed.saturating_add(closed / 4) <= room;
    feeds.iter_mut().for_each(|feed| feed.is_cached = is_cached);
    DECODERS.saturating_sub(taken).max(PASSING)
}
