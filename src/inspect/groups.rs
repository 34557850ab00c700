//! Tells the data types of a Mera file: what each group holds, and which Mera wrote it.

use super::columns::columns;
use super::model::{DataGroup, EraGuess, Kind};
use super::plain_json::{ELEMENTS, natural, plain};
use super::unread::is_one_objects;
use super::value_builder::abridged;
use crate::h5::{Error, Link, ObjectKind, RelAddr, Result};
use crate::julia::{Element, Record, TypeTable};
use crate::mera::era::{Codec, Fingerprint, candidates};
use crate::mera::quantity::TableKind;
use crate::mera::time::{Clock, UNSAID};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What of the root group tells what a file is, beside the groups of Mera's tables.
const OTHERS: [&str; 5] =
    ["meramap", "meramovie", "meraclumps_version", "merareport_version", "convertstat"];
/// A comment that takes more is not shown, nor are the notes of a conversion.
const MAX_NOTE: usize = 1 << 20;

/// The links of the group at `addr` that are wanted; none if it is not a group.
fn links(
    types: &TypeTable<'_>,
    addr: RelAddr,
    wanted: impl Fn(&Link) -> bool,
) -> Result<Vec<Link>> {
    let file = types.file();
    Ok(match &file.object(addr)?.kind {
        ObjectKind::Group(group) => {
            let links = group.links(file).filter(|link| link.as_ref().map_or(true, |l| wanted(l)));
            links.map(|link| link.map(Cow::into_owned)).collect::<Result<_>>()?
        }
        ObjectKind::Dataset(_) | ObjectKind::Datatype(_) => Vec::new(),
    })
}

/// Those of them that have one of these names: there may be very many others.
fn some(types: &TypeTable<'_>, addr: RelAddr, names: &[&str]) -> Result<Vec<Link>> {
    links(types, addr, |link| names.contains(&link.name.as_str()))
}

fn link(links: &[Link], name: &str) -> Option<RelAddr> {
    links.iter().find(|l| l.name == name).map(|l| l.target)
}

/// What Mera left in a file.
pub(super) struct MeraFile {
    /// What the file is, by the names in its root.
    pub(super) kind: Kind,
    pub(super) data: Vec<DataGroup>,
    /// What its conversion noted.
    pub(super) benchmark: Option<Map<String, Value>>,
    /// What of it cannot be read, by path, and why.
    pub(super) unread: Unread,
}

/// Objects that cannot be read, by path, and why.
#[derive(Default)]
pub(super) struct Unread(pub(super) BTreeMap<String, Error>);

impl Unread {
    /// What was read of the object at `path`. One that JLD2 does not read costs only itself: it is
    /// noted, and `T`'s default stands in its place.
    fn or_note<T: Default>(&mut self, path: String, read: Result<T>) -> Result<T> {
        match read {
            Err(error) if is_one_objects(&error) => {
                self.0.insert(path, error);
                Ok(T::default())
            }
            read => read,
        }
    }
}

impl MeraFile {
    /// Nothing of Mera's was found.
    pub(super) fn unknown() -> Self {
        Self { kind: Kind::Jld2, data: Vec::new(), benchmark: None, unread: Unread::default() }
    }
}

/// How much is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Which groups there are, their eras and output numbers.
    Eras,
    /// Their columns, comments and versions, too.
    All,
}

/// What Mera left in the file of `types`.
pub(super) fn mera(types: &TypeTable<'_>) -> Result<MeraFile> {
    look(types, Depth::All)
}

/// The same without columns, comments, versions and what its conversion noted.
pub(super) fn mera_eras(types: &TypeTable<'_>) -> Result<MeraFile> {
    look(types, Depth::Eras)
}

fn look(types: &TypeTable<'_>, depth: Depth) -> Result<MeraFile> {
    // In the order in which Mera's converter writes them.
    let groups = TableKind::ALL.map(TableKind::name);
    let names: Vec<_> = groups.into_iter().chain(OTHERS).collect();
    let root = some(types, types.file().superblock().root, &names)?;
    let has = |name: &str| link(&root, name).is_some();
    let (mut data, mut unread) = (Vec::new(), Unread::default());
    for name in groups {
        if let Some(addr) = link(&root, name)
            && let Some(group) = data_group(types, name, addr, depth, &mut unread)?
        {
            data.push(group);
        }
    }
    let kind = if !data.is_empty() {
        Kind::Mera
    } else if has("meramap") {
        Kind::Meramap
    } else if has("meramovie") {
        Kind::Meramovie
    } else if has("meraclumps_version") {
        Kind::Meraclumps
    } else if has("merareport_version") {
        Kind::Merareport
    } else {
        Kind::Jld2
    };
    let benchmark = match link(&root, "convertstat") {
        Some(addr) if kind == Kind::Mera && depth == Depth::All => {
            unread.or_note("/convertstat".to_owned(), benchmark(types, addr))?
        }
        _ => None,
    };
    Ok(MeraFile { kind, data, benchmark, unread })
}

fn benchmark(types: &TypeTable<'_>, addr: RelAddr) -> Result<Option<Map<String, Value>>> {
    let Some(stat) = abridged(types, addr, ELEMENTS, MAX_NOTE)? else { return Ok(None) };
    Ok(match stat.entry("benchmark").map(plain) {
        Some(Value::Object(map)) => Some(map),
        _ => None,
    })
}

/// The group `name`, if it is one of Mera's: with `data` and `info`. Values in it that cannot be read
/// are left out, and noted in `unread`.
fn data_group(
    types: &TypeTable<'_>,
    name: &str,
    addr: RelAddr,
    depth: Depth,
    unread: &mut Unread,
) -> Result<Option<DataGroup>> {
    let group = some(types, addr, &["data", "info", "information"])?;
    let (Some(data), Some(info)) = (link(&group, "data"), link(&group, "info")) else {
        return Ok(None);
    };
    let path = |below: &str| format!("/{name}/{below}");
    let Some(data) = unread.or_note(path("data"), Record::at(types, data))? else {
        return Ok(None);
    };
    let wanted: &[&str] = match depth {
        Depth::All => &["compression", "comments", "versions"],
        Depth::Eras => &["compression"],
    };
    let information = match link(&group, "information") {
        Some(addr) => some(types, addr, wanted)?,
        None => Vec::new(),
    };
    let codec = match link(&information, "compression") {
        Some(addr) => unread.or_note(path("information/compression"), codec_object(types, addr))?,
        None => None,
    };
    let noted = comments(types, link(&information, "comments"));
    let mut out = DataGroup {
        name: name.to_owned(),
        julia_type: data.committed.julia_type.to_string(),
        era: None,
        codec_object: codec.as_ref().map(|(shown, _)| shown.clone()),
        rows: None,
        columns: Vec::new(),
        lmin: None,
        lmax: None,
        levelmin: None,
        levelmax: None,
        boxlen: None,
        ranges: Vec::new(),
        output: None,
        simcode: None,
        time: None,
        time_myr: None,
        comments: unread.or_note(path("information/comments"), noted)?,
        versions: match link(&information, "versions") {
            Some(addr) => versions(types, addr, &path("information/versions"), unread)?,
            None => BTreeMap::new(),
        },
    };
    let read = of_data(&data, depth, &mut out);
    unread.or_note(path("data"), read)?;
    let info = unread.or_note(path("info"), Record::at(types, info))?;
    if let Some(info) = info {
        let codec = codec.map_or(Codec::None, |(_, codec)| codec);
        let read = of_info(types, &info, codec, &mut out);
        unread.or_note(path("info"), read)?;
    }
    Ok(Some(out))
}

/// What the table of a group says.
fn of_data(data: &Record<'_>, depth: Depth, out: &mut DataGroup) -> Result<()> {
    (out.lmin, out.lmax) = (data.int("lmin")?, data.int("lmax")?);
    (out.boxlen, out.ranges) = (data.float("boxlen")?, data.floats("ranges", 6)?);
    if depth == Depth::All
        && let Some(table) = data.record("data")?
    {
        out.columns = columns(&table)?;
        out.rows = out.columns.first().map(|c| c.rows);
    }
    Ok(())
}

/// What the simulation's description says.
fn of_info(
    types: &TypeTable<'_>,
    info: &Record<'_>,
    codec: Codec,
    out: &mut DataGroup,
) -> Result<()> {
    (out.levelmin, out.levelmax) = (info.int("levelmin")?, info.int("levelmax")?);
    (out.output, out.simcode) = (info.int("output")?, info.text("simcode")?);
    out.time = info.float("time")?;
    // A box without a Hubble constant has no age.
    out.time_myr = clock(info)?.map(|clock| clock.myr()).filter(|myr| myr.is_finite());
    out.era = era(types, info, codec)?;
    Ok(())
}

fn clock(info: &Record<'_>) -> Result<Option<Clock>> {
    let (Some(time), Some(unit_t)) = (info.float("time")?, info.float("unit_t")?) else {
        return Ok(None);
    };
    let or = |name: &str, default| Ok::<_, crate::h5::Error>(info.float(name)?.unwrap_or(default));
    let (h0, aexp, [matter, vacuum, curvature]) = UNSAID;
    let omega = [or("omega_m", matter)?, or("omega_l", vacuum)?, or("omega_k", curvature)?];
    Ok(Some(Clock { time, unit_t, aexp: or("aexp", aexp)?, h0: or("H0", h0)?, omega }))
}

/// What stands in `information/compression`: as it is shown, and what it means.
fn codec_object(types: &TypeTable<'_>, addr: RelAddr) -> Result<Option<(String, Codec)>> {
    let object = types.file().object(addr)?;
    let ObjectKind::Dataset(dataset) = &object.kind else { return Ok(None) };
    let element = types.element(&dataset.datatype)?;
    let t = element.julia_type();
    let members: Vec<String> = match &element {
        Element::Committed(c) => {
            c.fields.iter().filter(|f| f.offset.is_some()).map(|f| f.name.clone()).collect()
        }
        Element::Plain(_) => Vec::new(),
    };
    let codec = Codec::of(t.name(), &members);
    let shown = match codec {
        Codec::None => natural(types, addr, 1 << 10)?.map_or("none".to_owned(), |v| v.to_string()),
        _ => t.name().to_owned(),
    };
    Ok(Some((shown, codec)))
}

fn era(types: &TypeTable<'_>, info: &Record<'_>, codec: Codec) -> Result<Option<EraGuess>> {
    let (Some(scales), Some(units)) = (info.record("scale")?, info.record("constants")?) else {
        return Ok(None);
    };
    let names =
        |record: &Record<'_>| -> Vec<String> { record.field_names().map(str::to_owned).collect() };
    let (scale_names, unit_names) = (names(&scales), names(&units));
    let scale_names: Vec<_> = scale_names.iter().map(String::as_str).collect();
    let unit_names: Vec<_> = unit_names.iter().map(String::as_str).collect();
    let header = types.file().superblock().text.as_ref().map_or("", |text| &text.version);
    let found = candidates(&Fingerprint {
        scales: (scales.committed.julia_type.name(), &scale_names),
        units: (units.committed.julia_type.name(), &unit_names),
        codec,
        header,
    });
    Ok(found.split_first().map(|(first, others)| EraGuess {
        id: first.id.clone(),
        text: first.to_string(),
        others: others.iter().map(|era| era.id.clone()).collect(),
    }))
}

fn comments(types: &TypeTable<'_>, addr: Option<RelAddr>) -> Result<Option<String>> {
    let Some(addr) = addr else { return Ok(None) };
    Ok(match natural(types, addr, MAX_NOTE)? {
        Some(Value::String(text)) => Some(text),
        _ => None,
    })
}

/// One version a package; a vector's first element, since behind it stands where it came from.
fn versions(
    types: &TypeTable<'_>,
    addr: RelAddr,
    path: &str,
    unread: &mut Unread,
) -> Result<BTreeMap<String, String>> {
    let mut out = BTreeMap::new();
    let listed = unread.or_note(path.to_owned(), links(types, addr, |_| true))?;
    for link in listed {
        // What JLD2 is compatible with is not a version of anything.
        if link.name == "JLD2compatible_versions" {
            continue;
        }
        let value = natural(types, link.target, 1 << 12);
        let value = unread.or_note(format!("{path}/{}", link.name), value)?;
        let first = match value {
            Some(Value::Array(items)) => items.into_iter().next(),
            other => other,
        };
        match first {
            Some(Value::String(text)) => out.insert(link.name.to_string(), text),
            Some(Value::Number(number)) => out.insert(link.name.to_string(), number.to_string()),
            _ => None,
        };
    }
    Ok(out)
}
