//! Works values out from the stored fields of an object: what a rule makes of them.
//!
//! Whoever writes the new object and whoever says what must be read of it ask here, so that both
//! mean the same; each is bounded by the caller, since what comes out can be as long as a column.

use super::number_type::{NumberBytes, NumberType};
use super::walk::with_low_byte_first;
use super::{Column, Committed, Element, Field, JuliaType, Number, NumberKind, TypeTable};
use crate::h5::{Class, Cursor, Error, Extent, Object, RelAddr, Result};
use std::sync::Arc;

/// Arrays that are made have no more elements than this.
const MAX_MADE: u64 = 1 << 27;
/// As [`MAX_MADE`], by arrays without data: a forged one can claim any number.
const MAX_MADE_OF_NOTHING: u64 = 1 << 22;
/// A stored byte holds no more elements than this, however well it was compressed, or they count as
/// none.
const MAX_MADE_OF_A_BYTE: u64 = 1 << 12;
/// Leftovers are wrapped in one another no more often than this.
const MAX_WRAPPED: u32 = 64;

/// How a field of a changed value comes from those of the stored one, which are told by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Derived {
    /// A number as one of another type, or the array of numbers that the field refers to.
    Converted {
        /// The field.
        field: usize,
        /// The type of each number.
        to: NumberType,
    },
    /// A string as a symbol, or a symbol as a string.
    Text {
        /// The field.
        field: usize,
        /// Whether it becomes a symbol.
        symbol: bool,
    },
    /// An `Int64`: how many elements the array has that the field refers to.
    Length {
        /// The field.
        field: usize,
    },
    /// A vector of the indices of the array that the field refers to: 1 to its length.
    Indices {
        /// The field.
        field: usize,
        /// The type of each index.
        of: NumberType,
    },
    /// A vector of `Bool`, one for each element of the array `keys`: false where `slots` has the
    /// negated index, as an `OrderedDict` marks what was deleted.
    Live {
        /// The field with the indices.
        slots: usize,
        /// The field with the elements.
        keys: usize,
    },
    /// A `UInt64`: the state by which a `Xoshiro` of Julia 1.10 seeds those of new tasks, as that Julia
    /// makes it where only the first four words are told: `s0 + 3 s1 + 5 s2 + 7 s3` modulo 2^64
    /// (`initstate!` in its stdlib/Random/src/Xoshiro.jl).
    SplitState {
        /// The fields with the four words.
        words: [usize; 4],
    },
    /// A field of the record that the field holds.
    Part {
        /// The field.
        field: usize,
        /// The field of the record.
        part: usize,
    },
    /// What an element of the vector of references refers to that the field refers to.
    Element {
        /// The field.
        field: usize,
        /// Number of the element, from 0.
        index: usize,
        /// How many there are.
        count: usize,
    },
}

/// What a value comes to.
#[derive(Debug)]
pub enum Worked {
    /// There is none: the field refers to nothing.
    Undefined,
    /// A number.
    Number(NumberType, NumberBytes),
    /// The object that the field refers to is so already.
    Object(RelAddr),
    /// An array whose numbers are converted one by one.
    Converted(RelAddr, Arc<Object>, NumberType),
    /// A new vector of numbers, little-endian.
    Made(NumberType, Vec<u8>),
    /// A reference, which stands at an offset.
    Reference(RelAddr, u64),
}

impl Derived {
    /// Works it out for the value `bytes` of the type `c`, which stands at the absolute offset `at`.
    ///
    /// # Errors
    /// If what the fields lead to is damaged, or is not what the way asks for.
    pub fn work_out(
        self,
        types: &TypeTable<'_>,
        c: &Committed,
        bytes: &[u8],
        at: u64,
    ) -> Result<Worked> {
        let fields = Fields { types, c, bytes, at };
        match self {
            Self::Converted { field, to } => fields.converted(field, to),
            Self::Length { field } => {
                let Some(length) = fields.length(field)? else { return Ok(Worked::Undefined) };
                let length = i64::try_from(length).map_err(|_| fields.wrong(field, "shorter"))?;
                Ok(Worked::Number(NumberType::Int64, length.to_le_bytes()))
            }
            Self::Indices { field, of } => fields.indices(field, of),
            Self::Live { slots, keys } => fields.live(slots, keys),
            Self::SplitState { words } => fields.split_state(words),
            Self::Element { field, index, count } => fields.element(field, index, count),
            Self::Text { field, .. } | Self::Part { field, .. } => {
                Err(fields.wrong(field, "a value to be worked out"))
            }
        }
    }
}

impl Committed {
    /// The field that a [`Derived::Part`] is, as one of this type.
    ///
    /// # Errors
    /// If the type of the record cannot be read.
    pub fn part(&self, types: &TypeTable<'_>, field: usize, part: usize) -> Result<Option<Field>> {
        let Some(outer) = self.fields.get(field) else { return Ok(None) };
        let Some(addr) = outer.committed else { return Ok(None) };
        let inner = types.committed(addr)?;
        let Some(found) = inner.fields.get(part) else { return Ok(None) };
        let offset = match (outer.offset, found.offset) {
            (Some(outer), Some(inner)) => outer.checked_add(inner),
            _ => None,
        };
        Ok(Some(Field { offset, ..found.clone() }))
    }
}

/// The fields of one value.
struct Fields<'v, 'a> {
    types: &'v TypeTable<'a>,
    c: &'v Committed,
    bytes: &'v [u8],
    at: u64,
}

/// An array that a field refers to.
struct Found {
    addr: RelAddr,
    object: Arc<Object>,
    element: Element,
    dims: Vec<u64>,
}

impl Found {
    fn count(&self) -> Option<u64> {
        self.dims.iter().try_fold(1_u64, |n, d| n.checked_mul(*d))
    }
}

impl Fields<'_, '_> {
    fn wrong(&self, field: usize, want: &str) -> Error {
        let name = self.c.fields.get(field).map_or("", |f| f.name.as_str());
        let what = format!("field {name} of {}", self.c.julia_type);
        Error::corrupt(self.at, what, want, "something else")
    }

    /// The field, its bytes, and where they stand.
    fn stored(&self, field: usize) -> Result<(&Field, &[u8], u64)> {
        let found = self.c.fields.get(field).and_then(|f| {
            let start = f.offset?;
            let rest = self.bytes.get(usize::try_from(start).ok()?..)?;
            let size = usize::try_from(f.datatype.as_ref()?.size).ok()?;
            Some((f, rest.get(..size)?, self.at.saturating_add(u64::from(start))))
        });
        found.ok_or_else(|| self.wrong(field, "a field with content"))
    }

    /// The object that a field refers to.
    fn referred(&self, field: usize) -> Result<Option<RelAddr>> {
        let (f, bytes, at) = self.stored(field)?;
        let class = f.datatype.as_ref().map(|d| &d.class);
        if !matches!(class, Some(Class::Reference)) || f.committed.is_some() {
            return Err(self.wrong(field, "a reference to an array"));
        }
        let addr = Cursor::new(bytes, at, "reference").addr()?;
        Ok((!addr.is_null()).then_some(addr))
    }

    fn array(&self, field: usize) -> Result<Option<Found>> {
        let Some(addr) = self.referred(field)? else { return Ok(None) };
        self.array_at(field, addr).map(Some)
    }

    fn array_at(&self, field: usize, addr: RelAddr) -> Result<Found> {
        let object = self.types.file().object(addr)?;
        let found = match object.dataset() {
            Some(dataset) => {
                let element = self.types.element(&dataset.datatype)?;
                let dims = self.types.julia_dims(&object, dataset)?;
                dims.map(|dims| (element, dims))
            }
            None => None,
        };
        let Some((element, dims)) = found else { return Err(self.wrong(field, "an array")) };
        Ok(Found { addr, object, element, dims })
    }

    fn length(&self, field: usize) -> Result<Option<u64>> {
        let Some(found) = self.array(field)? else { return Ok(None) };
        found.count().map(Some).ok_or_else(|| self.wrong(field, "a shorter array"))
    }

    fn converted(&self, field: usize, to: NumberType) -> Result<Worked> {
        let (f, bytes, _) = self.stored(field)?;
        if let (Some(datatype), None) = (&f.datatype, f.committed)
            && let Some(kind) = NumberKind::of(datatype)
            && !matches!(kind, NumberKind::Bits | NumberKind::Char)
        {
            let made = with_low_byte_first(datatype, bytes, |bytes| {
                let number = Number { kind, bytes };
                to.convert(number).ok_or_else(|| number.told())
            });
            let made = made.map_err(|found| {
                let what = format!("field {} of {}", f.name, self.c.julia_type);
                Error::corrupt(self.at, what, format!("a number that {} holds", to.name()), found)
            })?;
            return Ok(Worked::Number(to, made));
        }
        let Some(found) = self.array(field)? else { return Ok(Worked::Undefined) };
        match NumberType::of(found.element.datatype()).filter(|_| found.element.is_number()) {
            Some(from) if from == to => Ok(Worked::Object(found.addr)),
            Some(_) => Ok(Worked::Converted(found.addr, found.object, to)),
            None => Err(self.wrong(field, "a number, or an array of numbers")),
        }
    }

    /// The length of what is made.
    fn made(&self, field: usize) -> Result<Option<usize>> {
        let Some(found) = self.array(field)? else { return Ok(None) };
        let stored = match found.object.dataset() {
            Some(dataset) if dataset.dataspace.extent != Extent::Null => {
                let file = self.types.file();
                file.stored_len(dataset)?.min(file.source().len())
            }
            _ => 0,
        };
        let most = stored.saturating_mul(MAX_MADE_OF_A_BYTE);
        let most = most.clamp(MAX_MADE_OF_NOTHING, MAX_MADE);
        let count = found.count().filter(|count| *count <= most);
        self.types.file().spend(count.unwrap_or(0));
        let count = count.and_then(|count| usize::try_from(count).ok());
        count.map(Some).ok_or_else(|| self.wrong(field, &format!("at most {most} elements")))
    }

    fn indices(&self, field: usize, of: NumberType) -> Result<Worked> {
        let Some(count) = self.made(field)? else { return Ok(Worked::Undefined) };
        let mut out = Vec::with_capacity(count.saturating_mul(of.size()));
        for index in 1..=count as u64 {
            let number = Number { kind: NumberKind::Unsigned, bytes: &index.to_le_bytes() };
            let made = of.convert(number);
            let made =
                made.ok_or_else(|| self.wrong(field, "fewer elements than the type counts"))?;
            out.extend(made.iter().take(of.size()));
        }
        Ok(Worked::Made(of, out))
    }

    fn live(&self, slots: usize, keys: usize) -> Result<Worked> {
        let (Some(found), Some(count)) = (self.array(slots)?, self.made(keys)?) else {
            return Ok(Worked::Undefined);
        };
        let integers = NumberKind::of(found.element.datatype()) == Some(NumberKind::Signed);
        let Some(dataset) = found.object.dataset().filter(|_| integers) else {
            return Err(self.wrong(slots, "an array of integers"));
        };
        let mut live = vec![1; count];
        let datatype = found.element.datatype();
        let column = Column::new(self.types.file(), dataset, datatype)?;
        let size = found.element.size();
        let elements = dataset.dataspace.elements().unwrap_or(0);
        super::array::each_element(&column, size, elements, None, 64 << 10, |_, bytes, _| {
            let kind = NumberKind::Signed;
            let slot = with_low_byte_first(datatype, bytes, |bytes| {
                Number { kind, bytes }.as_i128().unwrap_or(0)
            });
            let gone = slot.checked_neg().and_then(|i| usize::try_from(i).ok());
            let gone = gone.and_then(|i| i.checked_sub(1));
            if let Some(to) = gone.and_then(|i| live.get_mut(i)) {
                *to = 0;
            }
            Ok(())
        })?;
        Ok(Worked::Made(NumberType::Bool, live))
    }

    fn split_state(&self, words: [usize; 4]) -> Result<Worked> {
        let mut state = 0_u64;
        for (field, factor) in words.into_iter().zip([1_u64, 3, 5, 7]) {
            let (f, bytes, _) = self.stored(field)?;
            let unsigned = f.datatype.as_ref().filter(|datatype| {
                f.committed.is_none() && NumberType::of(datatype) == Some(NumberType::UInt64)
            });
            let word = unsigned.and_then(|datatype| {
                with_low_byte_first(datatype, bytes, |bytes| {
                    bytes.first_chunk::<8>().map(|word| u64::from_le_bytes(*word))
                })
            });
            let word = word.ok_or_else(|| self.wrong(field, "a UInt64"))?;
            state = state.wrapping_add(word.wrapping_mul(factor));
        }
        Ok(Worked::Number(NumberType::UInt64, state.to_le_bytes()))
    }

    fn element(&self, field: usize, index: usize, count: usize) -> Result<Worked> {
        let Some(mut addr) = self.referred(field)? else { return Ok(Worked::Undefined) };
        // JLD2 wraps what it has made up once more each time that it loads and saves it.
        for _ in 0..MAX_WRAPPED {
            let found = self.array_at(field, addr)?;
            let plain = matches!(found.element, Element::Plain(_));
            let references = matches!(found.element.datatype().class, Class::Reference);
            let Some(dataset) = found.object.dataset().filter(|_| plain && references) else {
                return Err(self.wrong(field, "a vector of references"));
            };
            let place = match dataset.layout.chunked() {
                None => self.types.file().stored_offset(dataset)?,
                Some(_) => None,
            };
            let wanted = if found.dims == [count as u64] {
                index
            } else if found.dims == [1] {
                0
            } else {
                return Err(self.wrong(field, &format!("a vector of {count} values")));
            };
            let place = place.and_then(|place| place.checked_add(8 * wanted as u64));
            let Some(place) = place else {
                return Err(self.wrong(field, "a vector that is stored as it is"));
            };
            let mut bytes = [0; 8];
            self.types.file().source().read_into(place, &mut bytes, "reference")?;
            let to = Cursor::new(&bytes, place, "reference").addr()?;
            if found.dims == [count as u64] {
                return Ok(match to {
                    to if to.is_null() => Worked::Undefined,
                    to => Worked::Reference(to, place),
                });
            }
            addr = to;
        }
        Err(self.wrong(field, "a vector that is wrapped fewer times"))
    }
}

/// The type of a vector of numbers.
pub(super) fn vector_of(t: NumberType, rank: usize) -> JuliaType {
    JuliaType::array(JuliaType::plain(t.name()), rank)
}
