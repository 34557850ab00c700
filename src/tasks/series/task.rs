//! Reads one row of a series out of a file, in a worker.

use crate::convert::{Failure, FailureKind, Job, Observer, Phase, fault_of_read};
use crate::h5::ErrorKind;
use crate::julia::DEEP_STACK;
use crate::numbers::series::{Question, QuestionText, Row, row};
use crate::numbers::{MeraFile, NumbersError};
use crate::supervisor::{Fault, JobRecord};
use crate::tasks::in_worker::{Errand, amount_read};
use crate::tasks::reading::ReadingTask;
use crate::worker::Task;

/// Anonymous memory that a row is taken to need at first, in bytes: decoded pieces on their way, and
/// those that are kept for a second pass.
const FIRST_GUESS: u64 = 96 << 20;

/// What a file has to say, or why no worker could tell.
pub type Answered = std::result::Result<Row, (Fault, String)>;

/// Reads rows.
#[derive(Debug, Default)]
pub struct SeriesTask;

impl Task for SeriesTask {
    type Options = Errand<QuestionText>;
    type Output = Row;
    const NAME: &'static str = "series";
    const DEEP: bool = true;

    fn run(
        &self,
        job: &Job,
        Errand { options, .. }: Errand<QuestionText>,
        observer: &dyn Observer,
    ) -> Result<Row, Failure> {
        // It was read before the run.
        let question = options
            .read()
            .map_err(|error| Failure::new(FailureKind::Internal, error.to_string()))?;
        let total = job.input.metadata().map_or(0, |it| it.len());
        observer.progress(Phase::Plan, 0, total);
        let read = answer(job, &question, observer, total);
        if observer.cancelled() {
            return Err(Failure::new(FailureKind::Cancelled, "stopped"));
        }
        read.map_err(|error| failure(&error))
    }
}

impl ReadingTask for SeriesTask {
    type Request = QuestionText;

    fn first_guess(_: &QuestionText) -> u64 {
        FIRST_GUESS
    }

    const RESERVED: u64 = DEEP_STACK as u64;

    fn tell(_: &Row, _: &mut JobRecord) {}
}

fn answer(
    job: &Job,
    question: &Question,
    observer: &dyn Observer,
    total: u64,
) -> Result<Row, NumbersError> {
    let file = MeraFile::open(&job.input, question.checksums)?;
    // Rows are no bytes: what counts is that their number grows.
    let read = amount_read(observer, total);
    let watch = |more: u64| read(more).map_err(NumbersError::Inner);
    // Each file has a worker of its own: more threads would take cores from one another.
    row(&file, question, 1, &watch)
}

fn failure(error: &NumbersError) -> Failure {
    let kind = match error {
        NumbersError::Read { source, .. } | NumbersError::Inner(source) => match source.kind() {
            ErrorKind::Io(error) => FailureKind::of_read(error),
            ErrorKind::Scratch { .. } => fault_of_read(source),
            _ => FailureKind::Input,
        },
        _ => FailureKind::Input,
    };
    Failure::new(kind, error.to_string())
}
