//! A session with a file open in it: what it knows so far, and how far it may go.

use super::mended::Mended;
use super::reading::TypeReading;
use super::repr::Repr;
use super::resolved::{MadeUp, Resolved};
use crate::h5::{self, AddressHashMap, RelAddr};
use crate::julia::TypeTable;
use crate::migrate::target::Target;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

/// Types, objects and elements that are followed for a forecast: some tenths of a second, and 8 MB.
const MOST_STEPS: u32 = 1 << 16;

/// Types inside each other, and objects that lead to each other, are followed less deeply than this.
const MAX_DEPTH: u32 = 100;

/// A Julia session with the target's packages loaded, and a file open in it.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) types: &'a TypeTable<'a>,
    pub(super) target: &'a Target,
    /// Whether the types are there that the target does not name.
    pub(super) others: bool,
    /// What a conversion makes of types, where it is asked what is left after one.
    pub(super) mended: Option<&'a Mended>,
    /// Whether a type ends the loading of whatever is of it, or could not be followed.
    pub(super) ended: bool,
    /// Whether some type was asked for that the target does not name.
    pub(super) met_others: bool,
    /// How values of committed types are read.
    pub(super) known: AddressHashMap<Rc<Repr>>,
    /// Committed types that are not read as they are.
    pub(super) met: BTreeMap<RelAddr, Met>,
    /// Objects that were come to.
    pub(super) objects: AddressHashMap<Come>,
    /// Those that are being read.
    pub(super) within: Vec<RelAddr>,
    /// The linked dataset that is loaded.
    pub(super) place: Arc<str>,
    /// Types that were parsed from what a target declares.
    pub(super) declared: HashMap<String, Option<Rc<Resolved>>>,
    steps_left: u32,
    depth: u32,
}

/// A committed type that is not read as it is.
#[derive(Debug, Clone)]
pub(super) struct Met {
    pub(super) reading: TypeReading,
    /// How often JLD2 prints something of it.
    pub(super) printed: u64,
    /// The committed type for which it is made up, if it is.
    pub(super) root: Option<RelAddr>,
    /// The linked dataset with which it was met first.
    pub(super) place: Arc<str>,
}

/// How far an object is read.
#[derive(Debug, Clone)]
pub(super) enum Come {
    /// JLD2 would read it once more for who refers to it.
    Within,
    /// It is there for who refers to it.
    There(Value),
}

/// What an object is.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A value of this type.
    Of(Rc<Resolved>),
    /// This type itself.
    Type(Rc<Resolved>),
}

/// What ends the loading of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Death {
    /// What happens; none if the type for which it happens tells.
    pub(super) text: Option<String>,
    /// The committed type on which it depends.
    pub(super) root: Option<RelAddr>,
}

/// Why something is not read to its end.
pub(super) enum Stop {
    /// The file is damaged, or not one of JLD2.
    File(h5::Error),
    /// JLD2 ends with an error.
    Dies(Box<Death>),
    /// There is more than a forecast follows.
    Limit,
}

impl From<h5::Error> for Stop {
    fn from(error: h5::Error) -> Self {
        Self::File(error)
    }
}

/// What is read.
pub(super) type Loaded<T> = Result<T, Stop>;

impl<'a> Session<'a> {
    pub(super) fn new(types: &'a TypeTable<'a>, target: &'a Target, others: bool) -> Self {
        Self {
            types,
            target,
            others,
            mended: None,
            ended: false,
            met_others: false,
            known: AddressHashMap::default(),
            met: BTreeMap::new(),
            objects: AddressHashMap::default(),
            within: Vec::new(),
            place: Arc::from("/"),
            declared: HashMap::new(),
            steps_left: MOST_STEPS,
            depth: 0,
        }
    }

    /// Counts something that is followed.
    pub(super) fn step(&mut self) -> Loaded<()> {
        self.steps_left = self.steps_left.checked_sub(1).ok_or(Stop::Limit)?;
        Ok(())
    }

    /// Does `work` one level further down.
    pub(super) fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Loaded<T>) -> Loaded<T> {
        if self.depth >= MAX_DEPTH {
            return Err(Stop::Limit);
        }
        self.depth += 1;
        let out = work(self);
        self.depth -= 1;
        out
    }

    /// Is at the top again, wherever it stopped.
    pub(super) fn start_again(&mut self) {
        self.depth = 0;
    }

    /// May follow as much as in the beginning.
    pub(super) fn go_on(&mut self) {
        self.steps_left = MOST_STEPS;
    }

    /// Whether no more steps are left.
    pub(super) fn is_at_its_end(&self) -> bool {
        self.steps_left == 0
    }

    /// Takes down what the session says of a committed type.
    pub(super) fn says(&mut self, of: RelAddr, reading: &TypeReading, made_up: Option<MadeUp>) {
        if reading.text.is_none() {
            return;
        }
        let printed = u64::from(reading.said.is_some());
        let met = self.met.entry(of).or_insert_with(|| Met {
            reading: reading.clone(),
            printed: 0,
            root: None,
            place: Arc::clone(&self.place),
        });
        met.printed += printed;
        met.root = met.root.or(made_up.map(|made_up| made_up.root));
    }
}

/// JLD2 ends with a `MethodError`, since `holder` does not take what is stored or made up.
pub(super) fn takes_none(holder: &str, value: &str, made_up: Option<MadeUp>, help: &str) -> Stop {
    let what = match made_up {
        Some(_) => format!("no reconstructed object in the place of {value}"),
        None => format!("no {value}"),
    };
    let text = format!("JLD2.load ends with a MethodError here, since {holder} takes {what}{help}");
    Stop::Dies(Box::new(Death { text: Some(text), root: made_up.map(|made_up| made_up.root) }))
}
