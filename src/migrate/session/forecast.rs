//! What is foretold of a file.

use super::mended::Mended;
use super::reading::TypeReading;
use super::walk::{Death, Met, Session, Stop};
use crate::h5::{self, RelAddr};
use crate::julia::{TypeTable, linked};
use crate::migrate::survey::Survey;
use crate::migrate::target::Target;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a session of the target makes of a file.
#[derive(Debug, Default)]
pub(in crate::migrate) struct Forecast {
    /// What it makes of committed types, where that is not to read them as they are.
    pub(in crate::migrate) types: BTreeMap<RelAddr, Told>,
    /// Where loading ends with an error.
    pub(in crate::migrate) ends: Vec<End>,
}

/// What is foretold of a committed type.
#[derive(Debug)]
pub(in crate::migrate) struct Told {
    pub(in crate::migrate) reading: TypeReading,
    /// How often JLD2 prints something of it while it loads the whole file.
    pub(in crate::migrate) printed: u64,
    /// The committed type for which it is made up, if it is.
    pub(in crate::migrate) root: Option<RelAddr>,
    /// The dataset with which JLD2 comes to it, if it does.
    pub(in crate::migrate) place: Option<Arc<str>>,
    /// What is left of it after the conversion.
    pub(in crate::migrate) left: Option<TypeReading>,
}

/// A dataset whose loading ends with an error.
#[derive(Debug)]
pub(in crate::migrate) struct End {
    pub(in crate::migrate) place: Arc<str>,
    /// What happens.
    pub(in crate::migrate) text: String,
    /// The committed type on which it depends.
    pub(in crate::migrate) root: Option<RelAddr>,
    /// Whether it does so of the file as it is.
    pub(in crate::migrate) now: bool,
    /// Whether it does so after the conversion.
    pub(in crate::migrate) left: bool,
}

/// What is made of a file in one session.
#[derive(Default)]
struct World {
    types: BTreeMap<RelAddr, Met>,
    /// What of it is met while all datasets are loaded, one after the other.
    met: BTreeMap<RelAddr, Met>,
    ends: Vec<(Arc<str>, Death)>,
    /// Whether not all was followed to its end.
    cut: bool,
}

impl Forecast {
    /// What a session of `target` makes of the file of `types`, and of what a conversion makes of it.
    ///
    /// # Errors
    /// If a type or a group is damaged.
    pub(in crate::migrate) fn of(
        types: &TypeTable<'_>,
        target: &Target,
        survey: &Survey,
        mended: &Mended,
    ) -> h5::Result<Self> {
        let mut session = Session::new(types, target, false);
        let here = World::of(&mut session, survey)?;
        if here.types.is_empty() && here.ends.is_empty() {
            return Ok(Self::default());
        }
        let with_packages = if session.met_others {
            Some(World::of(&mut Session::new(types, target, true), survey)?)
        } else {
            None
        };
        let mut left = World::default();
        if !mended.is_empty() {
            let mut session = Session::new(types, target, true);
            session.mended = Some(mended);
            left = World::of(&mut session, survey)?;
        }
        let mut out = Self::default();
        for (addr, met) in &here.types {
            let known = here.met.get(addr);
            let used = survey.uses.contains_key(addr) || survey.embedded.contains_key(addr);
            // What no linked dataset leads to is not loaded.
            if known.is_none() && !(used && (here.cut || !here.ends.is_empty())) {
                continue;
            }
            let printed = match known {
                Some(known) => known.printed,
                None if here.cut => met.printed,
                None => 0,
            };
            // What remains of it when the user's packages are there.
            let (reading, root) = match with_packages.as_ref().map(|world| world.types.get(addr)) {
                None => (met.reading.clone(), met.root),
                Some(Some(other)) => (other.reading.clone(), other.root),
                Some(None) => (TypeReading { foreign: true, ..met.reading.clone() }, None),
            };
            let place = known.map(|known| Arc::clone(&known.place));
            let left = left.types.get(addr).map(|left| left.reading.clone());
            out.types.insert(*addr, Told { reading, printed, root, place, left });
        }
        out.ends = ends(&here, with_packages.as_ref(), &left);
        Ok(out)
    }

    /// How loading a dataset ends, if it does.
    pub(in crate::migrate) fn end_at(&self, place: &str) -> Option<&End> {
        self.ends.iter().find(|end| *end.place == *place)
    }
}

/// Where loading ends: in a session of the target, in one with the user's packages, too, if that is
/// another, and after the conversion.
fn ends(here: &World, with_packages: Option<&World>, left: &World) -> Vec<End> {
    let mut out = Vec::new();
    let others = with_packages.map_or(&here.ends, |world| &world.ends);
    let mut add = |place: &Arc<str>, text: String, death: &Death, now, left| {
        let (place, root) = (Arc::clone(place), death.root);
        out.push(End { place, text, root, now, left });
    };
    for (place, death) in others {
        if let Some(text) = &death.text {
            let same = |(at, other): &(Arc<str>, Death)| at == place && other.text == death.text;
            add(place, text.clone(), death, true, left.ends.iter().any(same));
        }
    }
    for (place, death) in &left.ends {
        let told = others.iter().any(|(at, other)| at == place && other.text == death.text);
        if let (Some(text), false) = (&death.text, told) {
            add(place, format!("once converted, {text}"), death, false, true);
        }
    }
    for (place, death) in &here.ends {
        let always = others.iter().any(|(at, _)| at == place);
        if let (Some(text), false) = (&death.text, always) {
            let help = "with the packages loaded first that the file needs, it does not";
            add(place, format!("{text}; {help}"), death, true, false);
        }
    }
    out
}

impl World {
    /// What is made of the file in a new session.
    fn of(session: &mut Session<'_>, survey: &Survey) -> h5::Result<Self> {
        let (types, target) = (session.types, session.target);
        session.look_at(&survey.committed)?;
        let mut out = Self { types: std::mem::take(&mut session.met), ..Self::default() };
        if out.types.is_empty() && !session.ended && !helped(types, target, survey)? {
            return Ok(out);
        }
        let mut loading = Session::new(types, target, session.others);
        loading.mended = session.mended;
        out.load_all(&mut loading)?;
        Ok(out)
    }

    /// Loads one dataset after the other.
    fn load_all(&mut self, session: &mut Session<'_>) -> h5::Result<()> {
        let linked = linked(session.types.file())?;
        for listed in &linked.datasets {
            let listed = listed?;
            session.place = Arc::from(listed.path.as_str());
            match session.load(listed.addr) {
                Ok(_) => {}
                Err(Stop::Dies(death)) => self.ends.push((Arc::clone(&session.place), *death)),
                // What is amiss with the file is told by those who read it.
                Err(Stop::File(_)) => {}
                Err(Stop::Limit) => self.cut = true,
            }
            session.leave();
            if session.is_at_its_end() {
                self.cut = true;
                break;
            }
        }
        self.met = std::mem::take(&mut session.met);
        Ok(())
    }
}

/// Whether there is a type of which the target knows objects that cannot be read as they are, though
/// the type is there.
fn helped(types: &TypeTable<'_>, target: &Target, survey: &Survey) -> h5::Result<bool> {
    for addr in &survey.committed {
        let c = types.committed(*addr)?;
        let def = target.type_def(c.julia_type.name());
        if def.is_some_and(|def| def.help.is_some()) {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Session<'_> {
    /// Asks for each of these types.
    fn look_at(&mut self, committed: &BTreeSet<RelAddr>) -> h5::Result<()> {
        for addr in committed {
            match self.committed(*addr) {
                Ok(_) => {}
                Err(Stop::Dies(_) | Stop::Limit) => self.ended = true,
                Err(Stop::File(error)) => return Err(error),
            }
            self.leave();
        }
        Ok(())
    }

    /// Forgets what was not read to its end.
    pub(super) fn leave(&mut self) {
        self.start_again();
        for addr in std::mem::take(&mut self.within) {
            self.objects.remove(&addr);
        }
    }
}
