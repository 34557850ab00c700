//! Has workers read the rows of a series.

use super::table::SeriesTable;
use super::task::{Answered, SeriesTask};
use crate::archive::Found;
use crate::numbers::series::{Question, QuestionText};
use crate::supervisor::{
    Hooks, Plan, PlannedJob, Reporter, RunError, RunEvent, RunSummary, Settings,
};
use crate::tasks::in_order::worth_a_word;
use crate::tasks::reading::{Reading, read};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the run is given beside its files.
pub struct Making<'a> {
    /// How the run goes. Its options of conversions do not matter.
    pub settings: &'a Settings,
    /// What is asked of each file.
    pub text: QuestionText,
    /// The same, read.
    pub question: &'a Question,
    /// Where rows are kept, and taken from if they still count; nothing is written without it.
    pub journal: Option<&'a Path>,
    /// How workers are started.
    pub hooks: &'a Hooks,
}

/// Hears how it goes.
pub trait SeriesListener {
    /// A file is through, well or not.
    fn ended(&mut self, file: &Found, answered: &Answered);

    /// Something that a user should know.
    fn warning(&mut self, message: &str);
}

/// Makes the series of `files`, which are in order. Files that the end of the run left undone are
/// counted in the summary and have no numbers.
///
/// # Errors
/// The run cannot begin.
pub fn series(
    files: &[Found],
    making: Making<'_>,
    listener: &mut dyn SeriesListener,
) -> Result<(RunSummary, SeriesTable), RunError> {
    let Making { settings, text, question, journal, hooks } = making;
    let plan = Plan { jobs: Arc::new(files.iter().map(job).collect()), ..Plan::default() };
    let mut answers: Vec<Option<Answered>> = files.iter().map(|_| None).collect();
    let listener = RefCell::new(listener);
    let each = &mut |place: usize, answered: Answered| {
        if let (Some(file), Some(slot)) = (files.get(place), answers.get_mut(place)) {
            listener.borrow_mut().ended(file, &answered);
            *slot = Some(answered);
        }
    };
    let reading = Reading::<SeriesTask> { settings, plan: &plan, options: text, journal, hooks };
    let summary = read(reading, &mut Warnings(&listener), each)?;
    Ok((summary, SeriesTable::of(question, files, answers)))
}

fn job(file: &Found) -> PlannedJob {
    PlannedJob {
        name: file.name.clone(),
        number: file.number,
        input: file.path.clone(),
        output: PathBuf::new(),
        bytes: file.bytes,
        mtime_ns: 0,
        obstacle: file.obstacle.as_ref().map(ToString::to_string),
    }
}

/// Hands on what a user should know.
struct Warnings<'a, 'l>(&'a RefCell<&'l mut dyn SeriesListener>);

impl Reporter for Warnings<'_, '_> {
    fn event(&mut self, event: &RunEvent) {
        if let Some(message) = worth_a_word(event) {
            self.0.borrow_mut().warning(&message);
        }
    }
}
