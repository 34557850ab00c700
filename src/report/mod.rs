//! Events become progress, summary and JSON.
