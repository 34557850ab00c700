//! Peak memory of one run.

use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// No input of a fuzzer may take more: a worker's budget.
pub const MOST: usize = 64 << 20;

/// Runs `f` and panics if it took more than [`MOST`] bytes at once.
pub fn bounded<T>(f: impl FnOnce() -> T) -> T {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let result = f();
    let peak = HEAP.peak_usage().saturating_sub(before);
    assert!(peak <= MOST, "{peak} bytes of memory");
    result
}
