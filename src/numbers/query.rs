//! Reads columns and quantities of the rows that are chosen, window by window.

use super::condition::{Condition, Number};
use super::{Ask, NumbersError, Relation, Selection};
use crate::mera::quantity::{Quantity, Setting, TableKind};
use crate::mera::region::{Center, Region, center_fractions};
use jld2::{ChunkCache, NumberSlice, NumberType, Rows, Scan};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// What is read of a relation, ready to be run, several times if need be.
#[derive(Debug)]
pub struct Query<'f> {
    scan: Scan<'f>,
    file: String,
    /// What is handed on.
    wanted: Vec<Source>,
    condition: Option<(Condition, Vec<Source>)>,
    region: Option<Inside>,
    rows: Range<u64>,
    watch: Option<Watch<'f>>,
}

/// Hears of rows that were gone through, chosen or not.
#[derive(Clone, Copy)]
struct Watch<'f>(&'f dyn Fn(u64) -> Result<(), NumbersError>);

impl fmt::Debug for Watch<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Watch")
    }
}

/// Where numbers come from.
#[derive(Debug)]
enum Source {
    /// A column of the scan, as it is.
    Stored(usize),
    /// A quantity of columns of the scan.
    Computed(Box<Quantity>, Vec<usize>),
}

/// Which rows are in a part of the box.
#[derive(Debug)]
struct Inside {
    region: Region,
    table: TableKind,
    place: [usize; 3],
    scale: Scale,
}

/// What a row's place is held against.
#[derive(Debug)]
enum Scale {
    /// Cells along the box, by the level in a column.
    Level(usize),
    Fixed(f64),
}

/// Chosen rows of a window.
#[derive(Debug)]
pub struct Batch<'b> {
    len: usize,
    values: Vec<Values<'b>>,
}

/// The numbers of one column or quantity in chosen rows.
#[derive(Debug, Clone, Copy)]
pub enum Values<'b> {
    /// A column as it is stored.
    Stored(NumberSlice<'b>),
    /// A quantity, or a column in a unit.
    Computed(&'b [f64]),
}

impl Values<'_> {
    /// The numbers as floats.
    pub fn floats_into(&self, out: &mut Vec<f64>) {
        match self {
            Self::Stored(slice) => slice.floats_into(out),
            Self::Computed(values) => {
                out.clear();
                out.extend_from_slice(values);
            }
        }
    }
}

impl<'b> Batch<'b> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The numbers of each column or quantity that was asked for, in this order.
    pub fn values(&self) -> &[Values<'b>] {
        &self.values
    }
}

/// Collects the columns that a scan must have.
struct Slots<'r, 'f> {
    relation: &'r Relation<'f>,
    setting: Option<Setting>,
    names: Vec<String>,
}

impl Slots<'_, '_> {
    fn slot(&mut self, column: &str) -> usize {
        if let Some(known) = self.names.iter().position(|name| name == column) {
            return known;
        }
        self.names.push(column.to_owned());
        self.names.len() - 1
    }

    fn source(&mut self, name: &str, unit: Option<&str>) -> Result<Source, NumbersError> {
        let Some(setting) = &self.setting else {
            if let Some(unit) = unit {
                let what =
                    format!("the unit {unit}: {} is not a table of Mera", self.relation.name);
                return Err(NumbersError::NotMera(what));
            }
            return Ok(Source::Stored(self.slot(name)));
        };
        let quantity = Quantity::new(name, unit, setting)?;
        if quantity.is_stored() {
            return Ok(Source::Stored(self.slot(quantity.name())));
        }
        let columns: Vec<String> = quantity.columns().map(str::to_owned).collect();
        let slots = columns.iter().map(|column| self.slot(column)).collect();
        Ok(Source::Computed(Box::new(quantity), slots))
    }

    fn inside(&mut self, selection: &Selection) -> Result<Option<Inside>, NumbersError> {
        if !selection.has_region() {
            return Ok(None);
        }
        let Some(setting) = self.setting.clone() else {
            let what = format!("a range of the box: {} is not a table of Mera", self.relation.name);
            return Err(NumbersError::NotMera(what));
        };
        let region = Region::of(&selection.region, setting.boxlen, &setting.units)?;
        let table = setting.table;
        let missing = |column: &str| {
            let (name, table) = ("a range of the box".to_owned(), table.name());
            let column = column.to_owned();
            crate::mera::quantity::QuantityError::MissingColumn { name, column, table }
        };
        let mut find = |column: &str| {
            let there = setting.columns.iter().any(|name| name == column);
            if there { Ok(self.slot(column)) } else { Err(missing(column)) }
        };
        let [x, y, z] = table.place();
        let place = [find(x)?, find(y)?, find(z)?];
        let scale = if !table.is_cells() {
            Scale::Fixed(setting.boxlen)
        } else if setting.is_amr() {
            Scale::Level(find("level")?)
        } else {
            #[expect(clippy::cast_precision_loss, reason = "levels are small")]
            Scale::Fixed((setting.lmax.unwrap_or(0) as f64).exp2())
        };
        Ok(Some(Inside { region, table, place, scale }))
    }
}

impl<'f> Query<'f> {
    /// What is to be read of a relation: these columns and quantities, of the chosen rows.
    ///
    /// # Errors
    /// If a name, unit, range or row is not there, or a column holds no numbers.
    pub fn new(
        file: &str,
        relation: &Relation<'f>,
        wanted: &[Ask],
        selection: &Selection,
    ) -> Result<Self, NumbersError> {
        Self::with_stored(file, relation, &[], wanted, selection)
    }

    /// The same with some columns as they are stored in front, wherever places are counted from.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_stored(
        file: &str,
        relation: &Relation<'f>,
        stored: &[&str],
        wanted: &[Ask],
        selection: &Selection,
    ) -> Result<Self, NumbersError> {
        let center = selection.center().unwrap_or([Center::At(0.0); 3]);
        Self::about(file, relation, (stored, wanted), selection, center)
    }

    /// The same with quantities from the box's corner, wherever the region is counted from.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_corner(
        file: &str,
        relation: &Relation<'f>,
        wanted: &[Ask],
        selection: &Selection,
    ) -> Result<Self, NumbersError> {
        Self::about(file, relation, (&[], wanted), selection, [Center::At(0.0); 3])
    }

    fn about(
        file: &str,
        relation: &Relation<'f>,
        (stored, wanted): (&[&str], &[Ask]),
        selection: &Selection,
        center: [Center; 3],
    ) -> Result<Self, NumbersError> {
        let about = |center| match relation.group() {
            Some(group) => {
                let (units, unit) = (group.info.units(), selection.region.unit.as_deref());
                let center = center_fractions(center, unit, group.boxlen, &units)?;
                Ok(Some(if selection.like_mera {
                    group.setting_of_mera(center)
                } else {
                    group.setting(center)
                }))
            }
            None if selection.center().is_some() => {
                let what = format!("a centre: {} is not a table of Mera", relation.name);
                Err(NumbersError::NotMera(what))
            }
            None => Ok(None),
        };
        let mut slots = Slots { relation, setting: about(center)?, names: Vec::new() };
        let mut sources: Vec<_> =
            stored.iter().map(|column| Source::Stored(slots.slot(column))).collect();
        for ask in wanted {
            sources.push(slots.source(&ask.name, ask.unit.as_deref())?);
        }
        // Rows are found with the centre that is said, whatever quantities are counted from.
        slots.setting = about(selection.center().unwrap_or([Center::At(0.0); 3]))?;
        let condition = match &selection.condition {
            Some(condition) => {
                let sources: Result<Vec<_>, _> = condition
                    .variables()
                    .iter()
                    .map(|variable| slots.source(&variable.name, variable.unit.as_deref()))
                    .collect();
                Some((condition.clone(), sources?))
            }
            None => None,
        };
        let region = slots.inside(selection)?;
        let failed = NumbersError::of(file);
        let columns: Result<Vec<_>, _> =
            slots.names.iter().map(|name| relation.column(name)).collect();
        let mut scan = columns.and_then(Scan::over).map_err(&failed)?;
        if slots.names.is_empty() {
            scan = Scan::counting(relation.rows().map_err(&failed)?);
        }
        let len = scan.len();
        let rows = selection.rows.clone().unwrap_or(0..len);
        if rows.start > rows.end || rows.end > len {
            let what = relation.name.clone();
            return Err(NumbersError::Rows { first: rows.start, last: rows.end, what, len });
        }
        let file = file.to_owned();
        Ok(Self { scan, file, wanted: sources, condition, region, rows, watch: None })
    }

    /// Lets so many decoded bytes wait, about, instead of 32 MiB.
    #[must_use]
    pub fn with_in_flight(mut self, bytes: usize) -> Self {
        self.scan = self.scan.with_in_flight(bytes);
        self
    }

    /// Decodes with so many threads, instead of one for each core.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.scan = self.scan.with_threads(threads);
        self
    }

    /// Keeps what was decoded in a cache.
    #[must_use]
    pub fn with_cache(mut self, cache: Arc<ChunkCache>) -> Self {
        self.scan = self.scan.with_cache(cache);
        self
    }

    /// Tells `watch` of each window's rows, whether any of them is chosen or not. Its error ends a
    /// run.
    #[must_use]
    pub fn watched(mut self, watch: &'f dyn Fn(u64) -> Result<(), NumbersError>) -> Self {
        self.watch = Some(Watch(watch));
        self
    }

    /// The types of the numbers that are handed on.
    pub fn number_types(&self) -> Vec<NumberType> {
        let of = |source: &Source| match source {
            Source::Stored(slot) => self.scan.number_type(*slot).unwrap_or(NumberType::Float64),
            Source::Computed(..) => NumberType::Float64,
        };
        self.wanted.iter().map(of).collect()
    }

    /// Hands on the chosen rows in order, window by window.
    ///
    /// # Errors
    /// If data are damaged, and those of `each`, which end it.
    pub fn run(
        &self,
        mut each: impl FnMut(&Batch<'_>) -> Result<(), NumbersError>,
    ) -> Result<(), NumbersError> {
        let mut work = Work::default();
        let ended = self.scan.run(self.rows.clone(), |rows| {
            if let Some(Watch(watch)) = self.watch {
                watch(rows.len() as u64)?;
            }
            let batch = work.window(self, rows);
            if batch.is_empty() { Ok(()) } else { each(&batch) }
        });
        ended.map_err(|error: NumbersError| error.in_file(&self.file))
    }
}

/// What a window is worked on with; kept from one to the next.
#[derive(Debug, Default)]
struct Work {
    /// Each column as floats, where somebody needs them.
    floats: Vec<Vec<f64>>,
    integers: Vec<Vec<i128>>,
    /// Which rows of the window are chosen.
    chosen: Vec<usize>,
    computed: Vec<Vec<f64>>,
    stored: Vec<Vec<u8>>,
}

impl Work {
    fn window<'b>(&'b mut self, query: &Query<'_>, rows: &'b Rows<'_>) -> Batch<'b> {
        self.choose(query, rows);
        let all = self.chosen.len() == rows.len();
        self.computed.resize_with(query.wanted.len(), Vec::new);
        self.stored.resize_with(query.wanted.len(), Vec::new);
        let places = self.computed.iter_mut().zip(&mut self.stored);
        for (source, (computed, stored)) in query.wanted.iter().zip(places) {
            computed.clear();
            stored.clear();
            match source {
                Source::Stored(slot) => {
                    if !all && let Some(slice) = rows.column(*slot) {
                        let size = slice.number_type().size();
                        let of = |&i: &usize| slice.bytes().get(i * size..(i + 1) * size);
                        self.chosen.iter().filter_map(of).for_each(|n| stored.extend_from_slice(n));
                    }
                }
                Source::Computed(quantity, slots) => {
                    let columns = columns(&self.floats, slots);
                    computed
                        .extend(self.chosen.iter().map(|&i| quantity_at(quantity, &columns, i)));
                }
            }
        }
        let kept = self.computed.iter().zip(&self.stored);
        let values =
            query.wanted.iter().zip(kept).map(|(source, (computed, stored))| match source {
                Source::Computed(..) => Values::Computed(computed),
                Source::Stored(slot) => match rows.column(*slot) {
                    Some(slice) if all => Values::Stored(slice),
                    Some(slice) => Values::Stored(NumberSlice::new(slice.number_type(), stored)),
                    None => Values::Computed(&[]),
                },
            });
        Batch { len: self.chosen.len(), values: values.collect() }
    }

    /// Finds the rows that are in the region and for which the condition holds.
    fn choose(&mut self, query: &Query<'_>, rows: &Rows<'_>) {
        self.floats.resize_with(rows.columns().len(), Vec::new);
        self.integers.resize_with(rows.columns().len(), Vec::new);
        self.floats.iter_mut().for_each(Vec::clear);
        self.integers.iter_mut().for_each(Vec::clear);
        for source in &query.wanted {
            if let Source::Computed(_, slots) = source {
                self.convert(rows, slots);
            }
        }
        if let Some(inside) = &query.region {
            self.convert(rows, &inside.place);
            if let Scale::Level(slot) = inside.scale {
                self.convert(rows, &[slot]);
            }
        }
        for source in query.condition.iter().flat_map(|(_, sources)| sources) {
            match source {
                Source::Computed(_, slots) => self.convert(rows, slots),
                Source::Stored(slot) => {
                    let integers = self.integers.get_mut(*slot);
                    let exact = rows.column(*slot).zip(integers);
                    if !exact.is_some_and(|(slice, integers)| slice.integers_into(integers)) {
                        self.convert(rows, &[*slot]);
                    }
                }
            }
        }
        self.chosen.clear();
        self.chosen.extend(0..rows.len());
        if let Some(inside) = &query.region {
            let floats = &self.floats;
            self.chosen.retain(|&i| inside.holds(floats, i));
        }
        if let Some((condition, sources)) = &query.condition {
            let (floats, integers) = (&self.floats, &self.integers);
            let mut values = Vec::with_capacity(sources.len());
            self.chosen.retain(|&i| {
                values.clear();
                values.extend(sources.iter().map(|source| source.number(floats, integers, i)));
                condition.holds(&values)
            });
        }
    }

    fn convert(&mut self, rows: &Rows<'_>, slots: &[usize]) {
        for &slot in slots {
            if let (Some(floats), Some(slice)) = (self.floats.get_mut(slot), rows.column(slot))
                && floats.is_empty()
            {
                slice.floats_into(floats);
            }
        }
    }
}

fn columns<'b>(floats: &'b [Vec<f64>], slots: &[usize]) -> Vec<&'b [f64]> {
    slots.iter().map(|&slot| floats.get(slot).map_or(&[][..], Vec::as_slice)).collect()
}

fn quantity_at(quantity: &Quantity, columns: &[&[f64]], i: usize) -> f64 {
    quantity.value(columns.iter().map(|column| column.get(i).copied().unwrap_or(f64::NAN)))
}

fn at(floats: &[Vec<f64>], slot: usize, i: usize) -> f64 {
    floats.get(slot).and_then(|column| column.get(i)).copied().unwrap_or(f64::NAN)
}

impl Source {
    fn number(&self, floats: &[Vec<f64>], integers: &[Vec<i128>], i: usize) -> Number {
        match self {
            Self::Stored(slot) => match integers.get(*slot).and_then(|column| column.get(i)) {
                Some(integer) => Number::Integer(*integer),
                None => Number::Float(at(floats, *slot, i)),
            },
            Self::Computed(quantity, slots) => {
                let stored = slots.iter().map(|&slot| at(floats, slot, i));
                Number::Float(quantity.value(stored))
            }
        }
    }
}

impl Inside {
    fn holds(&self, floats: &[Vec<f64>], i: usize) -> bool {
        let place = self.place.map(|slot| at(floats, slot, i));
        let scale = match self.scale {
            Scale::Level(slot) => at(floats, slot, i).exp2(),
            Scale::Fixed(scale) => scale,
        };
        self.region.holds(self.table, place, scale)
    }
}
