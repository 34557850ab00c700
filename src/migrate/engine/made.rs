//! Makes the bytes of arrays that are turned when they are asked for, in windows of the arrays that they
//! are made of, so that an edit list does not hold them.

use super::converting::Converting;
use super::spilled::Spilled;
use crate::h5::{Checksums, EachPiece, Error, File, Made, RelAddr, Result, Source};
use crate::julia::{Column, Committed, Lanes, Structs, TypeTable};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// Bytes that are read, and made, at once.
const WINDOW: usize = 1 << 20;

/// What has to stand in the place of references, by where they stand in the file.
pub(super) type Fixes = Arc<BTreeMap<u64, Vec<u8>>>;

/// What arrays are made of.
#[derive(Debug)]
pub(super) enum Recipe {
    /// Of the array of structs at this address.
    Columns(RelAddr),
    /// Of the arrays that the fields of this value refer to, which stands at this offset.
    Rows(Vec<u8>, u64),
    /// Of the array of structs at this address, each of which is laid out in another way.
    Relaid(RelAddr, Same),
}

/// What is the same in all new structs, whatever they have of the old ones.
#[derive(Debug)]
pub(super) struct Same {
    /// Bytes of one.
    pub(super) size: u64,
    /// Bytes, by where they stand in one.
    pub(super) constants: Vec<(usize, Vec<u8>)>,
}

/// One field of the structs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// Where the first one stands among the new bytes.
    pub(super) at: u64,
    /// How far the next one is from it.
    pub(super) step: u64,
    /// Where it stands in a struct that is read.
    pub(super) start: usize,
    pub(super) size: usize,
    /// Whether its bytes lead to others.
    pub(super) leads: bool,
}

/// Arrays that are made of others.
#[derive(Debug)]
pub(super) struct Turning {
    source: Arc<Source>,
    checksums: Checksums,
    recipe: Recipe,
    /// The type of the structs.
    of: RelAddr,
    parts: Vec<Part>,
    /// How many structs there are.
    count: u64,
    len: u64,
    fixes: OnceLock<Fixes>,
    plain: OnceLock<Option<Plain>>,
    /// All of it, where it cannot be read from anywhere.
    spilled: Spilled,
}

/// What is made when it is written.
#[derive(Debug)]
pub(super) enum Later {
    Turned(Arc<Turning>),
    Converted(Arc<Converting>),
}

impl Later {
    /// Whether some of its bytes lead to others.
    pub(super) fn leads(&self) -> bool {
        matches!(self, Self::Turned(turning) if turning.leads())
    }

    /// Says where its bytes have to lead.
    pub(super) fn fix(&self, fixes: &Fixes) {
        if let Self::Turned(turning) = self {
            turning.fix(fixes);
        }
    }

    pub(super) fn made(self) -> Arc<dyn Made> {
        match self {
            Self::Turned(turning) => turning,
            Self::Converted(converting) => converting,
        }
    }
}

/// Where what is read stands in the file, if it stands there as it is.
#[derive(Debug)]
struct Plain {
    /// Of each part: the first one's offset, and how far the next one is from it.
    parts: Vec<(u64, u64)>,
}

impl Turning {
    /// `count` structs of the type `of`.
    pub(super) fn new(
        source: Arc<Source>,
        checksums: Checksums,
        (recipe, of): (Recipe, RelAddr),
        parts: Vec<Part>,
        count: u64,
    ) -> Self {
        let end = |part: &Part| {
            let last = count.saturating_sub(1).saturating_mul(part.step);
            part.at.saturating_add(last).saturating_add(part.size as u64)
        };
        let len = match &recipe {
            Recipe::Relaid(_, same) => count.saturating_mul(same.size),
            _ if count == 0 => 0,
            _ => parts.iter().map(end).max().unwrap_or(0),
        };
        let (fixes, plain, spilled) = (OnceLock::new(), OnceLock::new(), Spilled::default());
        Self { source, checksums, recipe, of, parts, count, len, fixes, plain, spilled }
    }

    fn leads(&self) -> bool {
        self.parts.iter().any(|part| part.leads)
    }

    fn fix(&self, fixes: &Fixes) {
        let _ = self.fixes.set(Arc::clone(fixes));
    }

    fn open(&self) -> Result<File> {
        let Some(source) = self.source.same()? else {
            return Err(Error::foreign(0, "a source that cannot be read again"));
        };
        File::with_checksums(source, self.checksums)
    }

    /// Lets bytes that stood at `at` in the file lead where they have to.
    fn lead(&self, out: &mut [u8], at: u64) {
        let Some(fixes) = self.fixes.get() else { return };
        for (place, fix) in fixes.range(at..at.saturating_add(out.len() as u64)) {
            let from = usize::try_from(place - at).unwrap_or(usize::MAX);
            if let Some(to) = out.get_mut(from..).and_then(|o| o.get_mut(..fix.len())) {
                to.copy_from_slice(fix);
            }
        }
    }

    fn columns(&self, addr: RelAddr, visit: &mut EachPiece<'_>) -> Result<()> {
        let file = self.open()?;
        let types = TypeTable::new(&file);
        let object = file.object(addr)?;
        let c = types.committed(self.of)?;
        let structs = array_of(&types, &object, &c)?;
        let size = usize::try_from(c.datatype.size).unwrap_or(usize::MAX).max(1);
        let rows = (WINDOW / size).max(1) as u64;
        let mut buffers: Vec<Vec<u8>> = vec![Vec::new(); self.parts.len()];
        let (mut first, mut held) = (0, 0);
        let mut hand_on = |buffers: &mut [Vec<u8>], first: u64| {
            for (part, buffer) in self.parts.iter().zip(buffers) {
                if !buffer.is_empty() {
                    visit(part.at.saturating_add(first.saturating_mul(part.step)), buffer)?;
                    buffer.clear();
                }
            }
            Ok(())
        };
        structs.each(None, WINDOW, &mut |i, bytes, at| {
            for (part, buffer) in self.parts.iter().zip(&mut buffers) {
                let stored = bytes.get(part.start..).and_then(|b| b.get(..part.size));
                let begin = buffer.len();
                buffer.extend_from_slice(stored.unwrap_or_default());
                if part.leads {
                    let at = at.saturating_add(part.start as u64);
                    self.lead(buffer.get_mut(begin..).unwrap_or_default(), at);
                }
            }
            held += 1;
            if held == rows {
                hand_on(&mut buffers, first)?;
                (first, held) = (i.saturating_add(1), 0);
            }
            Ok(())
        })?;
        hand_on(&mut buffers, first)
    }

    fn rows(&self, value: &[u8], at: u64, visit: &mut EachPiece<'_>) -> Result<()> {
        let file = self.open()?;
        let types = TypeTable::new(&file);
        let c = types.committed(self.of)?;
        let lanes = Lanes::of(&types, &c, value, at)?;
        let (mut buffer, mut first) = (Vec::new(), 0_u64);
        lanes.each(&file, None, WINDOW, &mut |_, lane, bytes, at| {
            let begin = buffer.len();
            buffer.extend_from_slice(bytes);
            if self.parts.get(lane).is_some_and(|part| part.leads) {
                self.lead(buffer.get_mut(begin..).unwrap_or_default(), at);
            }
            if buffer.len() >= WINDOW {
                visit(first, &buffer)?;
                first = first.saturating_add(buffer.len() as u64);
                buffer.clear();
            }
            Ok(())
        })?;
        if buffer.is_empty() { Ok(()) } else { visit(first, &buffer) }
    }

    /// Structs that are laid out in another way.
    fn relaid(&self, addr: RelAddr, same: &Same, visit: &mut EachPiece<'_>) -> Result<()> {
        let file = self.open()?;
        let types = TypeTable::new(&file);
        let object = file.object(addr)?;
        let c = types.committed(self.of)?;
        let structs = array_of(&types, &object, &c)?;
        let mut row = vec![0; usize::try_from(same.size).unwrap_or(usize::MAX)];
        for (at, bytes) in &same.constants {
            if let Some(to) = row.get_mut(*at..).and_then(|row| row.get_mut(..bytes.len())) {
                to.copy_from_slice(bytes);
            }
        }
        let (mut buffer, mut first) = (Vec::with_capacity(WINDOW), 0_u64);
        structs.each(None, WINDOW, &mut |_, bytes, at| {
            let begin = buffer.len();
            buffer.extend_from_slice(&row);
            for part in &self.parts {
                let stored = bytes.get(part.start..).and_then(|b| b.get(..part.size));
                let place = usize::try_from(part.at).unwrap_or(usize::MAX).saturating_add(begin);
                let to = buffer.get_mut(place..).and_then(|b| b.get_mut(..part.size));
                let (Some(stored), Some(to)) = (stored, to) else { continue };
                to.copy_from_slice(stored);
                if part.leads {
                    self.lead(to, at.saturating_add(part.start as u64));
                }
            }
            if buffer.len() >= WINDOW {
                visit(first, &buffer)?;
                first = first.saturating_add(buffer.len() as u64);
                buffer.clear();
            }
            Ok(())
        })?;
        if buffer.is_empty() { Ok(()) } else { visit(first, &buffer) }
    }

    /// Puts the bytes into `out`, which begins at `at`, that are the same in all structs.
    fn repeat(same: &Same, at: u64, out: &mut [u8]) {
        let step = same.size.max(1);
        for (place, bytes) in &same.constants {
            let end = at.saturating_add(out.len() as u64);
            let mut row = (at / step).saturating_mul(step);
            while row < end {
                let from = row.saturating_add(*place as u64);
                for (byte, to) in bytes.iter().zip(from..) {
                    let to = to.checked_sub(at).and_then(|to| usize::try_from(to).ok());
                    if let Some(to) = to.and_then(|to| out.get_mut(to)) {
                        *to = *byte;
                    }
                }
                row = row.saturating_add(step);
            }
        }
    }

    /// Where what it is made of stands, if that can be told without reading the data.
    fn plain(&self) -> Result<Option<&Plain>> {
        if self.plain.get().is_none() {
            let found = self.find_plain()?;
            let _ = self.plain.set(found);
        }
        Ok(self.plain.get().and_then(Option::as_ref))
    }

    fn find_plain(&self) -> Result<Option<Plain>> {
        let file = self.open()?;
        let types = TypeTable::new(&file);
        let c = types.committed(self.of)?;
        match &self.recipe {
            Recipe::Columns(addr) | Recipe::Relaid(addr, _) => {
                let object = file.object(*addr)?;
                let structs = array_of(&types, &object, &c)?;
                if structs.is_referred() {
                    return Ok(None);
                }
                let column = Column::new(&file, structs.dataset(), &c.datatype)?;
                let at = |part: &Part| column.offset().saturating_add(part.start as u64);
                let parts = self.parts.iter();
                let parts = parts.map(|part| (at(part), u64::from(c.datatype.size))).collect();
                Ok(column.is_plain().then_some(Plain { parts }))
            }
            Recipe::Rows(value, at) => {
                let lanes = Lanes::of(&types, &c, value, *at)?;
                let mut parts = Vec::with_capacity(lanes.lanes.len());
                for lane in &lanes.lanes {
                    let Some(dataset) = lane.object().dataset() else { return Ok(None) };
                    let column = Column::new(&file, dataset, lane.element.datatype())?;
                    if !column.is_plain() {
                        return Ok(None);
                    }
                    parts.push((column.offset(), lane.element.size() as u64));
                }
                Ok(Some(Plain { parts }))
            }
        }
    }

    /// Puts the elements of one part into `out`, which begins at `at`.
    fn gather(&self, part: &Part, (from, far): (u64, u64), at: u64, out: &mut [u8]) -> Result<()> {
        let (size, step) = (part.size as u64, part.step.max(1));
        let end = at.saturating_add(out.len() as u64);
        // The first element that ends behind `at`, and the first that begins at `end` or behind it.
        let mut i = match at.checked_sub(part.at.saturating_add(size).saturating_sub(1)) {
            None => 0,
            Some(behind) => behind.div_ceil(step),
        };
        let stop = end.saturating_sub(part.at).div_ceil(step).min(self.count);
        let at_once = (WINDOW as u64 / far.max(1)).max(1);
        let mut buffer = Vec::new();
        while i < stop {
            let n = (stop - i).min(at_once);
            let place = from.saturating_add(i.saturating_mul(far));
            let len = (n - 1).saturating_mul(far).saturating_add(size);
            buffer.resize(usize::try_from(len).unwrap_or(usize::MAX), 0);
            self.source.read_exact_at(place, &mut buffer).map_err(|e| Error::io(place, e))?;
            if part.leads {
                self.lead(&mut buffer, place);
            }
            for (k, element) in buffer.chunks(usize::try_from(far).unwrap_or(1).max(1)).enumerate()
            {
                let element = element.get(..part.size).unwrap_or_default();
                let to = part.at.saturating_add((i + k as u64).saturating_mul(step));
                let skip = usize::try_from(at.saturating_sub(to)).unwrap_or(usize::MAX);
                let place = usize::try_from(to.saturating_sub(at)).unwrap_or(usize::MAX);
                let element = element.get(skip..).unwrap_or_default();
                let Some(room) = out.get_mut(place..) else { break };
                let fits = element.len().min(room.len());
                if let (Some(room), Some(element)) = (room.get_mut(..fits), element.get(..fits)) {
                    room.copy_from_slice(element);
                }
            }
            i += n;
        }
        Ok(())
    }
}

impl Made for Turning {
    fn len(&self) -> u64 {
        self.len
    }

    fn each(&self, visit: &mut EachPiece<'_>) -> Result<()> {
        match &self.recipe {
            Recipe::Columns(addr) => {
                // Between the columns there are zeros.
                for (part, next) in self.parts.iter().zip(self.parts.iter().skip(1)) {
                    let end = part.at.saturating_add(self.count.saturating_mul(part.step));
                    let zeros = usize::try_from(next.at.saturating_sub(end)).unwrap_or(0);
                    if zeros > 0 {
                        visit(end, &vec![0; zeros.min(8)])?;
                    }
                }
                self.columns(*addr, visit)
            }
            Recipe::Rows(value, at) => self.rows(value, *at, visit),
            Recipe::Relaid(addr, same) => self.relaid(*addr, same, visit),
        }
    }

    fn read_into(&self, at: u64, out: &mut [u8]) -> Result<()> {
        if let Some(plain) = self.plain()? {
            out.fill(0);
            if let Recipe::Relaid(_, same) = &self.recipe {
                Self::repeat(same, at, out);
            }
            for (part, from) in self.parts.iter().zip(&plain.parts) {
                self.gather(part, *from, at, out)?;
            }
            return Ok(());
        }
        self.spilled.read(self, at, out)
    }
}

/// The array that `object` is, of structs of the type `c`.
fn array_of<'o>(
    types: &'o TypeTable<'o>,
    object: &'o crate::h5::Object,
    c: &Arc<Committed>,
) -> Result<Structs<'o>> {
    let structs = Structs::of(types, object, c)?;
    structs.ok_or_else(|| Error::foreign(c.addr.0, "an array that is no array any more"))
}
