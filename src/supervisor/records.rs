//! Keeps the records of many files in little memory: what many files have in common is held once,
//! and the rest of a file takes some 150 bytes.

use super::fault::Fault;
use super::record::{JobOutcome, JobRecord};
use super::texts::Texts;
use crate::convert::{Mode, VerifyLevel};
use crate::migrate::Readers;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

/// What a record says that many others say, too.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Common {
    outcome: JobOutcome,
    fault: Option<Fault>,
    message: Option<String>,
    mode: Option<Mode>,
    findings: Texts,
    verify: Option<VerifyLevel>,
    faults: Vec<Fault>,
    stale: Option<String>,
    conflict: Option<String>,
    readers: Readers,
}

/// One record.
#[derive(Debug, Clone, PartialEq)]
struct Packed {
    common: Arc<Common>,
    name: Box<str>,
    digest: Option<Box<str>>,
    number: Option<u64>,
    bytes_in: u64,
    bytes_out: u64,
    bytes_appended: u64,
    bytes_replaced: u64,
    seconds: f64,
    ended: Option<f64>,
    peak_rss: u64,
    peak_anon: u64,
    cpu_seconds: f32,
    queued_seconds: f32,
    slot: Option<u32>,
    attempts: u32,
}

/// To six figures or so, which is what is kept of it, without the digits that are not.
fn wide(seconds: f32) -> f64 {
    (f64::from(seconds) * 1e6).round() / 1e6
}

#[expect(clippy::cast_possible_truncation, reason = "six figures of a processor time are enough")]
fn narrow(seconds: f64) -> f32 {
    seconds as f32
}

impl Packed {
    fn unpack(&self) -> JobRecord {
        let Common {
            outcome,
            fault,
            message,
            mode,
            findings,
            verify,
            faults,
            stale,
            conflict,
            readers,
        } = (*self.common).clone();
        JobRecord {
            name: self.name.to_string(),
            number: self.number,
            outcome,
            fault,
            message,
            mode,
            findings,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            bytes_appended: self.bytes_appended,
            bytes_replaced: self.bytes_replaced,
            seconds: self.seconds,
            ended: self.ended,
            peak_rss: self.peak_rss,
            peak_anon: self.peak_anon,
            cpu_seconds: wide(self.cpu_seconds),
            queued_seconds: wide(self.queued_seconds),
            attempts: self.attempts,
            verify,
            digest: self.digest.as_deref().map(str::to_owned),
            faults,
            slot: self.slot,
            stale,
            conflict,
            readers,
        }
    }
}

/// What was met in common so far.
#[derive(Debug, Clone, Default)]
struct Packer {
    known: HashSet<Arc<Common>>,
    /// What the last record had: mostly the next one has the same, which shows sooner than its hash.
    last: Option<Arc<Common>>,
}

impl Common {
    fn of(record: &JobRecord) -> Self {
        Self {
            outcome: record.outcome,
            fault: record.fault,
            message: record.message.clone(),
            mode: record.mode,
            findings: record.findings.clone(),
            verify: record.verify,
            faults: record.faults.clone(),
            stale: record.stale.clone(),
            conflict: record.conflict.clone(),
            readers: record.readers,
        }
    }

    /// Whether `record` says the same.
    fn is_of(&self, record: &JobRecord) -> bool {
        let Self {
            outcome,
            fault,
            message,
            mode,
            findings,
            verify,
            faults,
            stale,
            conflict,
            readers,
        } = self;
        (outcome, fault, mode, verify, readers)
            == (&record.outcome, &record.fault, &record.mode, &record.verify, &record.readers)
            && (message, stale, conflict) == (&record.message, &record.stale, &record.conflict)
            && *faults == record.faults
            && *findings == record.findings
    }
}

impl Packer {
    fn pack(&mut self, record: &JobRecord) -> Packed {
        Packed {
            common: self.intern(record),
            name: record.name.as_str().into(),
            digest: record.digest.as_deref().map(Into::into),
            number: record.number,
            bytes_in: record.bytes_in,
            bytes_out: record.bytes_out,
            bytes_appended: record.bytes_appended,
            bytes_replaced: record.bytes_replaced,
            seconds: record.seconds,
            ended: record.ended,
            peak_rss: record.peak_rss,
            peak_anon: record.peak_anon,
            cpu_seconds: narrow(record.cpu_seconds),
            queued_seconds: narrow(record.queued_seconds),
            slot: record.slot,
            attempts: record.attempts,
        }
    }

    fn intern(&mut self, record: &JobRecord) -> Arc<Common> {
        if let Some(last) = self.last.as_ref().filter(|last| last.is_of(record)) {
            return Arc::clone(last);
        }
        let common = Common::of(record);
        let found = if let Some(known) = self.known.get(&common) {
            Arc::clone(known)
        } else {
            let new = Arc::new(common);
            self.known.insert(Arc::clone(&new));
            new
        };
        self.last = Some(Arc::clone(&found));
        found
    }
}

/// Records in an order of their own; given out one by one, by value.
#[derive(Clone, Default)]
pub struct Records {
    rows: Arc<Vec<Packed>>,
    packer: Packer,
}

impl Records {
    /// Adds one behind the others.
    pub fn push(&mut self, record: &JobRecord) {
        let packed = self.packer.pack(record);
        Arc::make_mut(&mut self.rows).push(packed);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The one at `place`, counted from 0.
    pub fn get(&self, place: usize) -> Option<JobRecord> {
        self.rows.get(place).map(Packed::unpack)
    }

    /// All of them, in their order.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.rows.iter())
    }

    /// Those of files that failed for `cause`, in their order; the others cost nothing.
    pub fn of_fault(&self, cause: Fault) -> impl Iterator<Item = JobRecord> {
        let of_it = move |row: &&Packed| row.common.fault == Some(cause);
        self.rows.iter().filter(of_it).map(Packed::unpack)
    }
}

/// Goes through [`Records`].
#[derive(Debug)]
pub struct Iter<'a>(std::slice::Iter<'a, Packed>);

impl Iterator for Iter<'_> {
    type Item = JobRecord;

    fn next(&mut self) -> Option<JobRecord> {
        self.0.next().map(Packed::unpack)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<'a> IntoIterator for &'a Records {
    type Item = JobRecord;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl Extend<JobRecord> for Records {
    fn extend<T: IntoIterator<Item = JobRecord>>(&mut self, records: T) {
        records.into_iter().for_each(|record| self.push(&record));
    }
}

impl FromIterator<JobRecord> for Records {
    fn from_iter<T: IntoIterator<Item = JobRecord>>(records: T) -> Self {
        let mut all = Self::default();
        all.extend(records);
        all
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl Serialize for Records {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl<'de> Deserialize<'de> for Records {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Records;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of files' records")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Records, A::Error> {
                let mut records = Records::default();
                while let Some(record) = list.next_element()? {
                    records.push(&record);
                }
                Ok(records)
            }
        }

        deserializer.deserialize_seq(Each)
    }
}

/// Records by their jobs' places in the plan, whatever the order in which they come.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    /// By place.
    rows: Vec<Option<Packed>>,
    count: usize,
    packer: Packer,
}

impl Ledger {
    /// Adds that of the job at `place`, or replaces it.
    pub(crate) fn insert(&mut self, place: usize, record: &JobRecord) {
        let packed = self.packer.pack(record);
        if place >= self.rows.len() {
            self.rows.resize(place.saturating_add(1), None);
        }
        if let Some(row) = self.rows.get_mut(place) {
            self.count += usize::from(row.is_none());
            *row = Some(packed);
        }
    }

    /// Makes room for the jobs of a plan of so many, and not for more, before the first is added.
    pub(crate) fn reserve(&mut self, jobs: usize) {
        self.rows.reserve_exact(jobs.saturating_sub(self.rows.len()));
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Whether there is one of the job at `place`.
    pub(crate) fn holds(&self, place: usize) -> bool {
        self.rows.get(place).is_some_and(Option::is_some)
    }

    /// That of the job at `place`.
    pub(crate) fn get(&self, place: usize) -> Option<JobRecord> {
        self.rows.get(place)?.as_ref().map(Packed::unpack)
    }

    /// All of them, by place.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, JobRecord)> {
        let rows = self.rows.iter().enumerate();
        rows.filter_map(|(place, row)| Some((place, row.as_ref()?.unpack())))
    }

    /// How many jobs ended in which way.
    pub(crate) fn outcomes(&self) -> BTreeMap<JobOutcome, u64> {
        let mut outcomes = BTreeMap::new();
        for packed in self.rows.iter().flatten() {
            *outcomes.entry(packed.common.outcome).or_default() += 1;
        }
        outcomes
    }

    /// All of them, in the plan's order. None of them is copied: they stay where they are.
    pub(crate) fn into_records(self) -> Records {
        #[expect(clippy::filter_map_identity, reason = "`flatten` would make a second list")]
        let rows = self.rows.into_iter().filter_map(|row| row).collect();
        Records { rows: Arc::new(rows), packer: self.packer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// One with something in each field, different for each number.
    fn record(number: u64) -> JobRecord {
        let mut record = JobRecord::bare("x", Some(number), JobOutcome::Converted, 7 + number);
        record.name = format!("output_{number:05}.jld2");
        record.fault = (number % 3 == 1).then_some(Fault::Input);
        record.message = number.is_multiple_of(2).then(|| "made again".to_owned());
        record.mode = Some(Mode::Patch);
        record.findings = vec!["one".into(), format!("{}", number % 4)].into();
        record.bytes_out = number + 1;
        record.bytes_appended = number + 2;
        record.bytes_replaced = number + 3;
        record.seconds = 0.25;
        record.peak_rss = number + 4;
        record.peak_anon = number + 5;
        record.cpu_seconds = 0.125;
        record.queued_seconds = 0.001;
        record.attempts = 2;
        record.verify = Some(VerifyLevel::Bytes);
        record.digest = number.is_multiple_of(5).then(|| format!("digest {number}"));
        record.faults = vec![Fault::Killed];
        record.slot = Some(3);
        record.stale = (number == 6).then(|| "the input changed".to_owned());
        record.conflict = (number == 7).then(|| "is a directory".to_owned());
        record.readers.hdf5_2 = number % 2;
        record
    }

    #[test]
    fn what_goes_in_comes_out() {
        let all: Vec<JobRecord> = (0..40).map(record).collect();
        let mut records: Records = all.iter().cloned().collect();
        assert_eq!(records.iter().collect::<Vec<_>>(), all);
        assert_eq!((records.len(), records.get(39), records.get(40)), (40, Some(record(39)), None));
        let copy = records.clone();
        records.push(&record(1));
        assert_eq!((records.len(), copy.len()), (41, 40), "a copy stays as it was");
    }

    #[test]
    fn its_json_is_that_of_a_list() {
        let all: Vec<JobRecord> = (0..9).map(record).collect();
        let records: Records = all.iter().cloned().collect();
        let text = serde_json::to_string(&records).unwrap();
        assert_eq!(text, serde_json::to_string(&all).unwrap());
        assert_eq!(serde_json::from_str::<Records>(&text).unwrap(), records);
        assert!(serde_json::from_value::<Records>(json!([1])).is_err());
    }

    #[test]
    fn a_ledger_is_in_the_plans_order() {
        let mut ledger = Ledger::default();
        for place in [5_usize, 1, 9, 5] {
            ledger.insert(place, &record(place as u64));
        }
        assert_eq!((ledger.len(), ledger.holds(9), ledger.holds(2)), (3, true, false));
        assert_eq!(ledger.outcomes(), [(JobOutcome::Converted, 3)].into());
        let at = ledger.rows.as_ptr().cast::<Packed>();
        let records = ledger.into_records();
        assert_eq!(records.rows.as_ptr(), at, "they are where they were");
        let numbers: Vec<_> = records.iter().filter_map(|it| it.number).collect();
        assert_eq!(numbers, [1, 5, 9]);
    }

    #[test]
    fn a_hundred_thousand_take_little() {
        let records: Records = (0..1000).map(record).collect();
        assert!(records.packer.known.len() < 30, "{}", records.packer.known.len());
        assert!(size_of::<Packed>() <= 152, "{}", size_of::<Packed>());
    }
}
