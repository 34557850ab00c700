//! Plans an edit list from rules.

use super::along::Along;
use super::carried::{Carried, carried};
use super::container;
use super::diagnose;
use super::edit::EditList;
use super::engine::Engine;
use super::error::PlanError;
use super::finding::{Finding, Findings};
use super::flat::{FlatTable, flat_tables};
use super::given;
use super::groups::{HeldBack, Unmet, groups, held_back, unmet};
use super::left;
use super::literal::Literal;
use super::names::new_names;
use super::never_held::{Made, NeverHeld, never_held};
use super::portable::Readers;
use super::references::References;
use super::survey::Survey;
use super::target::Target;
use super::turn::Turns;
use crate::h5::File;
use crate::julia::{Overrides, Renames, TypeTable};
use crate::migrate::session::Forecast;

/// What a migration to a target does to a file.
#[derive(Debug)]
pub struct Migration {
    /// What a reader of the target would meet in the file as it is.
    pub findings: Vec<Finding>,
    /// The bytes to append and replace; `None` if no rule concerns the file.
    pub edits: Option<EditList>,
    /// What changed objects must read as afterwards, by their old addresses.
    pub overrides: Overrides,
    /// Names of types and fields that go by others afterwards.
    pub renames: Renames,
    /// Why the payloads have to be encoded anew, if they have.
    pub rewrite: Option<String>,
    /// Paths of the links to columns that are added.
    pub links: Vec<String>,
    /// The user's rules for whose types there is nothing in the file.
    pub unmet: Vec<Unmet>,
    /// The user's rules for types that the file has, whose conditions hold for nothing.
    pub never_held: Vec<NeverHeld>,
    /// The user's rules that are for files which other versions wrote.
    pub held_back: Vec<HeldBack>,
    /// What rules make of the file's types.
    pub carried: Vec<Carried>,
    /// What there is in the file.
    pub survey: Survey,
    /// What readers that are built on HDF5 make of the file once the edits are made.
    pub readers: Readers,
}

/// What a conversion does beside following rules.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Columns are encoded again; rules that are for this case only apply too.
    pub rewriting: bool,
    /// The codec object that goes with the new encoding, in the place of all others.
    pub codec: Option<Literal>,
    /// Each table gets a group with links to its columns by name.
    pub flat_links: bool,
    /// What not every HDF5 opens is written so that it does, where metadata can do that.
    pub portable: bool,
}

/// Plans the migration of a file to a target. With `rewriting`, columns are encoded again, and rules
/// that are for this case only apply too.
///
/// # Errors
/// If the file cannot be read, or a rule cannot be carried out.
pub fn plan(file: &File, target: &Target, rewriting: bool) -> Result<Migration, PlanError> {
    plan_for(file, target, &Request { rewriting, ..Request::default() })
}

/// Plans the migration of a file to a target.
///
/// # Errors
/// If the file cannot be read, or a rule cannot be carried out.
pub fn plan_for(file: &File, target: &Target, request: &Request) -> Result<Migration, PlanError> {
    plan_along(&TypeTable::new(file), target, request, Along::default())
        .map(|(migration, _)| migration)
}

/// As [`plan_for`], for the file of `types`; `along` takes down what it asks for on the walk that the
/// plan is made from.
///
/// # Errors
/// If the file cannot be read, or a rule cannot be carried out.
pub fn plan_along<'f>(
    types: &TypeTable<'_>,
    target: &Target,
    request: &Request,
    along: Along<'f>,
) -> Result<(Migration, Along<'f>), PlanError> {
    let file = types.file();
    let (for_file, missed) = target.for_file(file.superblock().text.as_ref());
    let held_back = held_back(target, missed);
    let target = &*for_file;
    let with_codec;
    let target = match &request.codec {
        Some(value) => {
            with_codec = target.with_codec(value);
            &with_codec
        }
        None => target,
    };
    let rewriting = request.rewriting;
    let (mut survey, along) = Survey::walk(types, target, along)?;
    let mut findings = Findings::default();
    let rewrite = diagnose::filters(&survey, target, &mut findings);
    diagnose::structure(&survey, &mut findings);
    let superblock = file.superblock();
    container::user_block(superblock, &mut findings);
    container::merafile(file, &mut findings)?;
    container::unread(&survey.unread, &mut findings);
    survey.repairs.tell(superblock, &mut findings);
    survey.client_values.tell(&mut findings);
    let groups = groups(types, target, &survey, rewriting || rewrite.is_some())?;
    given::check(target, &groups, rewriting || rewrite.is_some())?;
    let turns = Turns::find(types, target, &survey, &groups, rewriting || rewrite.is_some())?;
    let forecast = Forecast::of(types, target, &survey, &left::mended(&groups))?;
    diagnose::types(types, &forecast, &survey, &groups, &mut findings)?;
    let ends = diagnose::ruled(&forecast, &survey, &groups, &mut findings);
    diagnose::left(&forecast, &survey, &groups, &mut findings);
    diagnose::ends(types, &forecast, &groups, &ends, &mut findings)?;
    diagnose::turned(types, &forecast, &turns, &mut findings)?;
    let rewritten = rewriting || rewrite.is_some();
    let names = new_names(types, target, &survey, &groups, &turns, rewritten)?;
    diagnose::names(&names, &mut findings);
    let unmet = unmet(types, target, &survey, &groups)?;
    diagnose::unmet(&unmet, &mut findings);
    let made = Made { groups: &groups, turns: &turns, names: &names, rewriting: rewritten };
    let never_held = never_held(types, target, &survey, &made)?;
    diagnose::never_held(&never_held, &mut findings);
    diagnose::held_back(&held_back, &mut findings);
    let carried = carried(types, &groups, &turns, &survey)?;
    let portable = if request.portable {
        let references = |wanted| Ok(References::find(types, &survey, wanted)?.edges);
        Some(survey.portable.repairs(types, &references, &mut findings)?)
    } else {
        None
    };
    let readers = portable.as_ref().map_or(survey.portable.readers, |repairs| repairs.readers);
    let ported = portable.as_ref().is_some_and(|repairs| !repairs.is_empty());
    let mut engine = Engine::new(types, &survey, &groups, &turns, portable.as_ref());
    let flags = match &request.codec {
        // A plain Bool has no type that a rule could name.
        Some(value) if !matches!(value, Literal::Bool(false)) => {
            survey.codec_flags.iter().map(|addr| (*addr, value)).collect()
        }
        _ => Vec::new(),
    };
    let tables = if request.flat_links { flat_tables(types)? } else { Vec::new() };
    tables.iter().for_each(|table| table.tell(&mut findings));
    let links: Vec<_> = tables.iter().flat_map(FlatTable::added).collect();
    let idle = groups.is_empty()
        && turns.is_idle()
        && names.is_empty()
        && flags.is_empty()
        && links.is_empty();
    let edits = if !idle {
        Some(engine.run(&flags, &names, &tables)?)
    } else if ported || !survey.repairs.is_empty(superblock) || !survey.client_values.is_empty() {
        Some(engine.repair()?)
    } else {
        None
    };
    diagnose::unfiltered(engine.unfiltered(), &mut findings);
    let (overrides, renames) = engine.expectations();
    let findings = findings.into_sorted();
    survey.forget_edges();
    let migration = Migration {
        findings,
        edits,
        overrides,
        renames,
        rewrite,
        links,
        unmet,
        never_held,
        held_back,
        carried,
        survey,
        readers,
    };
    Ok((migration, along))
}
