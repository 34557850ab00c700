//! Filter payloads, streamed in bounded memory.
