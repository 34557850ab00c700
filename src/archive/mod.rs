//! Archives: discovery, numbering, ranges, gaps, shards.
