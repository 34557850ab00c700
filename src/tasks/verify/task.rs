//! Compares the two files of a pair, in a worker.

use crate::convert::{Failure, FailureKind, Job, Observer, Phase};
use crate::h5::Checksums;
use crate::inspect::{Difference, FilePair, PairOutcome, Verdict};
use crate::julia::DEEP_STACK;
use crate::protocol::WirePath;
use crate::supervisor::{JobOutcome, JobRecord};
use crate::tasks::in_worker::{Errand, amount_read};
use crate::tasks::reading::ReadingTask;
use crate::tasks::rules::KeptTarget;
use crate::worker::Task;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest JSON of a result in bytes, so that it fits into a frame with much else.
const JSON_MAX: usize = 768 << 10;

/// Anonymous memory that a comparison is taken to need at first, in bytes: what is compared is read
/// in blocks, two files and an edit list are held open.
const FIRST_GUESS: u64 = 64 << 20;

/// What may explain differences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyOptions {
    /// Name of the target; none is the default one.
    pub(super) target: Option<String>,
    /// Files of further rules.
    pub(super) rules: Vec<WirePath>,
    /// Digest of the target's rules and those of the files.
    pub(super) digest: String,
    /// Nothing is to explain anything.
    pub(super) strict: bool,
    /// Wrong checksums of metadata are let pass.
    #[serde(default)]
    pub(super) let_pass: bool,
}

impl VerifyOptions {
    /// With checksums that decide or not.
    #[must_use]
    pub fn with_checksums(mut self, checksums: Checksums) -> Self {
        self.let_pass = checksums == Checksums::Ignored;
        self
    }

    fn checksums(&self) -> Checksums {
        if self.let_pass { Checksums::Ignored } else { Checksums::Trusted }
    }
}

/// What became of a pair. In a frame it travels as JSON, since its parts leave fields out.
#[derive(Debug)]
pub struct PairResult(pub PairOutcome);

impl Serialize for PairResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return self.0.serialize(serializer);
        }
        let json = serde_json::to_string(&self.0).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&json)
    }
}

impl<'de> Deserialize<'de> for PairResult {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return PairOutcome::deserialize(deserializer).map(Self);
        }
        let json = String::deserialize(deserializer)?;
        serde_json::from_str(&json).map(Self).map_err(D::Error::custom)
    }
}

/// Compares pairs. Keeps the target for the next pair, whose options are mostly the same.
#[derive(Debug, Default)]
pub struct VerifyTask(KeptTarget<VerifyOptions>);

impl Task for VerifyTask {
    type Options = Errand<VerifyOptions>;
    type Output = PairResult;
    const NAME: &'static str = "verify";

    fn run(
        &self,
        job: &Job,
        Errand { options, .. }: Errand<VerifyOptions>,
        observer: &dyn Observer,
    ) -> Result<PairResult, Failure> {
        let target = if options.strict {
            None
        } else {
            Some(self.0.of(&options, options.target.as_deref(), &options.rules)?)
        };
        let pair = FilePair {
            number: None,
            name: job.input.file_name().unwrap_or_default().to_owned(),
            old: Some(job.input.clone()),
            new: Some(job.output.clone()),
        };
        let sizes = [&job.input, &job.output].map(|path| path.metadata().map_or(0, |it| it.len()));
        let total = sizes.into_iter().fold(0, u64::saturating_add);
        let progress = amount_read(observer, total);
        observer.progress(Phase::Plan, 0, total);
        let threads = observer.threads().unwrap_or(1);
        let outcome = pair.verify(threads, target.as_deref(), options.checksums(), &progress);
        if observer.cancelled() {
            return Err(Failure::new(FailureKind::Cancelled, "stopped"));
        }
        Ok(PairResult(trim(outcome)))
    }
}

impl ReadingTask for VerifyTask {
    type Request = VerifyOptions;

    fn first_guess(_: &VerifyOptions) -> u64 {
        FIRST_GUESS
    }

    // A comparison runs on one deep stack; long values are held together from two more.
    const RESERVED: u64 = 3 * DEEP_STACK as u64;

    fn tell(result: &PairResult, record: &mut JobRecord) {
        let PairResult(outcome) = result;
        record.message = Some(outcome.line());
        record.outcome = match outcome {
            PairOutcome::Compared(it) if it.verdict == Verdict::Equal => JobOutcome::Unchanged,
            PairOutcome::Compared(it) if it.equal => JobOutcome::Converted,
            _ => JobOutcome::Failed,
        };
    }
}

/// Counts differences instead of naming them until the result fits into a frame.
fn trim(mut outcome: PairOutcome) -> PairOutcome {
    let too_long = |outcome: &PairOutcome| {
        serde_json::to_string(outcome).is_ok_and(|json| json.len() > JSON_MAX)
    };
    while too_long(&outcome) {
        let PairOutcome::Compared(comparison) = &mut outcome else { return outcome };
        let halve = |named: &mut Vec<Difference>| {
            let count = named.len();
            named.truncate(count / 2);
            (count - named.len()) as u64
        };
        let mut fewer = halve(&mut comparison.differences);
        comparison.more = comparison.more.saturating_add(fewer);
        let unread = comparison.unread.len();
        comparison.unread.truncate(unread / 2);
        let unread = (unread - comparison.unread.len()) as u64;
        comparison.unread_more = comparison.unread_more.saturating_add(unread);
        fewer = fewer.saturating_add(unread);
        // How many changes there are is counted beside them.
        if fewer + halve(&mut comparison.changes) == 0 {
            return outcome;
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{Comparison, What};
    use crate::protocol::{Ended, FromWorker, Measured, WireBytes, decode, encode, encode_payload};
    use std::path::Path;

    fn comparison() -> Comparison {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera/real-mera-1.9");
        let [a, b] = ["output_00001.jld2", "output_00002.jld2"].map(|name| data.join(name));
        crate::julia::on_deep_stack(|| crate::inspect::compare(&a, &b)).unwrap().unwrap()
    }

    #[test]
    fn a_result_comes_over_and_comes_back_from_a_journal() {
        let result = PairResult(PairOutcome::Compared(Box::new(comparison())));
        let json = serde_json::to_value(&result).unwrap();
        let over: PairResult = decode(&encode_payload(&result).unwrap()).unwrap();
        assert_eq!(serde_json::to_value(&over).unwrap(), json);
        let back: PairResult = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&back).unwrap(), json);
    }

    #[test]
    fn however_much_differs_it_fits_into_a_frame() {
        let mut comparison = comparison();
        let difference = Difference {
            path: "p".repeat(10_000),
            at: String::new(),
            what: What::Value,
            a: None,
            b: None,
        };
        comparison.differences = vec![difference; 1000];
        let result = PairResult(trim(PairOutcome::Compared(Box::new(comparison))));
        let PairOutcome::Compared(comparison) = &result.0 else { panic!() };
        let named = comparison.differences.len() as u64;
        assert!(named > 10 && named + comparison.more >= 1000);
        let ended = Ended {
            job: u32::MAX,
            attempt: u32::MAX,
            result: Ok(WireBytes(encode_payload(&result).unwrap())),
            measured: Measured::default(),
            time: (0, 0),
            gives_back: false,
        };
        encode(&FromWorker::Outcome(Box::new(ended))).unwrap();
    }
}
