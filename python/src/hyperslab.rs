//! Reads hyperslabs of arrays: so many elements along each dimension, from here on.

use crate::errors::Fail;
use crate::layout::Layout;
use crate::signals::Now;
use jld2::{ChunkCache, Dataset, Scan};
use jldconv::h5::Layout as Stored;
use jldconv::julia::Column;
use jldconv::sys;
use std::ops::Range;
use std::sync::Arc;

/// Bytes that are read at once where no scan does it.
const WINDOW: u64 = 1 << 20;
/// What is not filtered is passed over without reading where so many bytes are not wanted.
const WORTH_SKIPPING: u64 = 64 << 10;

/// Some elements along each dimension, in Julia's order, as runs of elements that follow one another.
#[derive(Debug)]
pub(crate) struct Hyperslab {
    /// Elements of a run.
    run: u64,
    /// How often, and over how many elements, each of the other dimensions steps; the fastest first.
    steps: Vec<(u64, u64)>,
    /// The first element.
    first: u64,
    /// All elements of it.
    len: u64,
}

impl Hyperslab {
    /// `counts` elements from `starts` on of an array of these dimensions; none if they are not there.
    pub(crate) fn new(dims: &[u64], starts: &[u64], counts: &[u64]) -> Option<Self> {
        if dims.len() != starts.len() || dims.len() != counts.len() {
            return None;
        }
        let mut out = Self { run: 1, steps: Vec::new(), first: 0, len: 1 };
        let (mut stride, mut whole) = (1_u64, true);
        for ((&dim, &start), &count) in dims.iter().zip(starts).zip(counts) {
            if start.checked_add(count)? > dim {
                return None;
            }
            out.first = out.first.checked_add(start.checked_mul(stride)?)?;
            out.len = out.len.checked_mul(count)?;
            if whole {
                out.run = out.run.checked_mul(count)?;
            } else {
                out.steps.push((count, stride));
            }
            whole &= count == dim;
            stride = stride.checked_mul(dim)?;
        }
        Some(out)
    }

    /// The elements from the first to the last.
    fn span(&self) -> Range<u64> {
        if self.len == 0 {
            return self.first..self.first;
        }
        let last = self.steps.iter().fold(self.first, |at, (count, stride)| {
            at.saturating_add(count.saturating_sub(1).saturating_mul(*stride))
        });
        self.first..last.saturating_add(self.run)
    }

    /// Elements between the first of one run and the first of the next.
    fn gap(&self) -> u64 {
        self.steps.first().map_or(0, |(_, stride)| stride.saturating_sub(self.run))
    }

    /// The runs in order.
    fn runs(&self) -> Runs<'_> {
        let at = vec![0; self.steps.len()];
        Runs { of: self, at, next: (self.len > 0).then_some(self.first) }
    }
}

/// The runs of a hyperslab in order.
struct Runs<'b> {
    of: &'b Hyperslab,
    /// Steps along each dimension that are done.
    at: Vec<u64>,
    next: Option<u64>,
}

impl Iterator for Runs<'_> {
    type Item = Range<u64>;

    fn next(&mut self) -> Option<Range<u64>> {
        let start = self.next?;
        let mut following = start;
        self.next = None;
        for (at, (count, stride)) in self.at.iter_mut().zip(&self.of.steps) {
            *at += 1;
            if *at < *count {
                self.next = following.checked_add(*stride);
                break;
            }
            following = following.saturating_sub((*at - 1).saturating_mul(*stride));
            *at = 0;
        }
        Some(start..start.saturating_add(self.of.run))
    }
}

/// Collects the runs out of windows that come in order.
struct Collector<'b> {
    runs: std::iter::Peekable<Runs<'b>>,
    size: u64,
    out: Vec<u8>,
}

impl Collector<'_> {
    /// Takes what is wanted of a window, whose first element is `first`.
    fn take(&mut self, first: u64, bytes: &[u8]) {
        let end = first.saturating_add(bytes.len() as u64 / self.size.max(1));
        while let Some(run) = self.runs.peek() {
            let wanted = run.start.max(first)..run.end.min(end);
            if wanted.start < wanted.end {
                let place = |element: u64| {
                    usize::try_from((element - first).saturating_mul(self.size))
                        .unwrap_or(usize::MAX)
                };
                let part = bytes.get(place(wanted.start)..place(wanted.end));
                self.out.extend_from_slice(part.unwrap_or_default());
            }
            if run.end > end {
                break;
            }
            self.runs.next();
        }
    }
}

/// The bytes of a hyperslab of an array, in Julia's order; Bools are 0 or 1.
pub(crate) fn read(
    dataset: &Dataset<'_>,
    file: &jld2::File,
    layout: &Layout,
    wanted: &Hyperslab,
    cache: &Arc<ChunkCache>,
) -> Result<Vec<u8>, Fail> {
    let size = layout.size();
    let mut out = Vec::new();
    reserve(&mut out, wanted.len.saturating_mul(size))?;
    let mut collector = Collector { runs: wanted.runs().peekable(), size, out };
    if wanted.len > 0 && size > 0 {
        let skips = is_plain(dataset) && wanted.gap().saturating_mul(size) >= WORTH_SKIPPING;
        match Scan::over(vec![dataset.clone()]) {
            Ok(scan) if !skips => {
                let mut now = Now::new();
                let scan = scan.with_cache(Arc::clone(cache));
                scan.run(wanted.span(), |rows| {
                    now.check()?;
                    if let Some(numbers) = rows.column(0) {
                        collector.take(rows.first, numbers.bytes());
                    }
                    Ok::<_, Fail>(())
                })?;
            }
            _ if skips => {
                for run in wanted.runs() {
                    stream(dataset, file, run, &mut collector)?;
                }
            }
            _ => stream(dataset, file, wanted.span(), &mut collector)?,
        }
    }
    let mut out = collector.out;
    layout.set_bools(&mut out);
    Ok(out)
}

/// Takes elements as they lie in the file, decoded.
fn stream(
    dataset: &Dataset<'_>,
    file: &jld2::File,
    elements: Range<u64>,
    collector: &mut Collector<'_>,
) -> Result<(), Fail> {
    let named = |error: jld2::Error| Fail::from(error.in_object(dataset.path()));
    let element = dataset.element()?;
    let Some(data) = dataset.object().dataset() else { return Ok(()) };
    let column = Column::new(file.container(), data, element.datatype()).map_err(named)?;
    let size = collector.size;
    let bytes = elements.start.saturating_mul(size)..elements.end.saturating_mul(size);
    let last = bytes.end == column.len();
    let mut stream = column.open_range(bytes).map_err(named)?;
    let (mut at, mut now) = (elements.start, Now::new());
    let elements_at_once = (WINDOW / size).max(1);
    let mut window = Vec::new();
    while at < elements.end {
        now.check()?;
        let count = elements_at_once.min(elements.end - at);
        let len = usize::try_from(count.saturating_mul(size)).unwrap_or(usize::MAX);
        if window.len() != len {
            window = Vec::new();
            reserve(&mut window, len as u64)?;
            window.resize(len, 0);
        }
        stream.fill(&mut window).map_err(named)?;
        collector.take(at, &window);
        at += count;
    }
    if last { stream.finish().map_err(named) } else { Ok(()) }
}

/// Whether the bytes stand in the file as they are, in one piece.
fn is_plain(dataset: &Dataset<'_>) -> bool {
    let Some(data) = dataset.object().dataset() else { return false };
    match &data.layout {
        Stored::Compact { .. } | Stored::Contiguous { .. } => !data.is_unwritten(),
        Stored::Chunked(_) => data.filters.is_empty() && data.is_in_one_piece(),
    }
}

/// Makes room for so many bytes. What a file says of its size may be more than there is in the machine.
pub(crate) fn reserve(out: &mut Vec<u8>, bytes: u64) -> Result<(), Fail> {
    let too_large = || {
        let text =
            format!("{} do not fit in memory; take a part of it", jldconv::text::bytes(bytes));
        Fail::Own("TooLargeError", text)
    };
    let memory = sys::machine::memory().map_or(u64::MAX, |memory| memory.total);
    if bytes > memory {
        return Err(too_large());
    }
    let bytes = usize::try_from(bytes).map_err(|_| too_large())?;
    out.try_reserve_exact(bytes).map_err(|_| too_large())
}
