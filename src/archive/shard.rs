//! Picks one task's part of an archive.
//!
//! Every task lists the same directory and comes to the same division: it depends on the files'
//! numbers, names and sizes only, not on who computes it, nor on what is done already. Where
//! files change size while tasks run (in-place), they are counted instead of weighed.

use super::Found;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::str::FromStr;

/// Most parts that an archive is divided into.
const MOST: u32 = 1_000_000;

/// Part `index` of `count` parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard {
    /// From 1 to `count`.
    pub index: u32,
    /// Number of parts, at least 1.
    pub count: u32,
}

/// What makes parts equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weigh {
    /// The same number of bytes.
    Bytes,
    /// The same number of files; for runs that change the files they divide.
    Files,
}

/// Why there is no such part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// Not of the form `I/N`.
    #[error("\"{0}\" is not a part: write I/N, for instance 3/20")]
    Form(String),
    /// Outside 1 to N.
    #[error("part {index} of {count}: parts are counted from 1 to {count}")]
    Index {
        /// Which part.
        index: u64,
        /// Of how many.
        count: u64,
    },
    /// No parts, or too many.
    #[error("{0} parts: an archive is divided into 1 to {MOST}")]
    Count(u64),
    /// A variable of a SLURM job array does not hold a number.
    #[error("{name}=\"{value}\" is not a number")]
    Variable {
        /// The variable's name.
        name: &'static str,
        /// What it holds.
        value: String,
    },
    /// Some variables of a SLURM job array are set, and others are missing.
    #[error("SLURM_ARRAY_TASK_ID is set but {0} is not: say --shard I/N")]
    Incomplete(&'static str),
    /// A job array whose task ids are not evenly spaced.
    #[error(
        "the job array's {count} task ids between {min} and {max} are not evenly spaced, so a \
         task cannot know which part is its own: say --shard I/N"
    )]
    Uneven {
        /// Smallest id.
        min: u64,
        /// Largest id.
        max: u64,
        /// How many.
        count: u64,
    },
}

impl Default for Shard {
    /// The only part of what is not divided.
    fn default() -> Self {
        Self { index: 1, count: 1 }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let form = || ShardError::Form(text.to_owned());
        let number = |part: &str| -> Result<u64, ShardError> {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if digits { part.parse().map_err(|_| form()) } else { Err(form()) }
        };
        let (index, count) = text.split_once('/').ok_or_else(form)?;
        Self::new(number(index)?, number(count)?)
    }
}

/// The variables that SLURM sets in a task of a job array.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArrayVars {
    /// `SLURM_ARRAY_TASK_ID`
    pub id: Option<String>,
    /// `SLURM_ARRAY_TASK_MIN`
    pub min: Option<String>,
    /// `SLURM_ARRAY_TASK_MAX`
    pub max: Option<String>,
    /// `SLURM_ARRAY_TASK_COUNT`
    pub count: Option<String>,
    /// `SLURM_ARRAY_TASK_STEP`
    pub step: Option<String>,
}

impl ArrayVars {
    /// Reads them from the environment.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            id: var("SLURM_ARRAY_TASK_ID"),
            min: var("SLURM_ARRAY_TASK_MIN"),
            max: var("SLURM_ARRAY_TASK_MAX"),
            count: var("SLURM_ARRAY_TASK_COUNT"),
            step: var("SLURM_ARRAY_TASK_STEP"),
        }
    }
}

impl Shard {
    /// Part `index` of `count`.
    ///
    /// # Errors
    /// Where there is no such part.
    pub fn new(index: u64, count: u64) -> Result<Self, ShardError> {
        let parts = u32::try_from(count).ok().filter(|parts| (1..=MOST).contains(parts));
        let Some(parts) = parts else { return Err(ShardError::Count(count)) };
        match u32::try_from(index) {
            Ok(index) if (1..=parts).contains(&index) => Ok(Self { index, count: parts }),
            _ => Err(ShardError::Index { index, count }),
        }
    }

    /// The part of a SLURM job array's task; `None` outside of one.
    ///
    /// # Errors
    /// Where the variables contradict each other, or the array's ids are not evenly spaced: then a
    /// task cannot know its place among the others.
    pub fn from_slurm(vars: &ArrayVars) -> Result<Option<Self>, ShardError> {
        if vars.id.is_none() {
            return Ok(None);
        }
        let read = |name: &'static str, value: &Option<String>| -> Result<u64, ShardError> {
            let text = value.as_deref().ok_or(ShardError::Incomplete(name))?;
            text.trim().parse().map_err(|_| ShardError::Variable { name, value: text.to_owned() })
        };
        let id = read("SLURM_ARRAY_TASK_ID", &vars.id)?;
        let min = read("SLURM_ARRAY_TASK_MIN", &vars.min)?;
        let max = read("SLURM_ARRAY_TASK_MAX", &vars.max)?;
        let count = read("SLURM_ARRAY_TASK_COUNT", &vars.count)?;
        let uneven = ShardError::Uneven { min, max, count };
        // SLURM's own step is not looked at: for lists such as 1,3,7 it says nothing of use, and
        // the first, the last and the count say all where the ids are evenly spaced.
        let span = max.checked_sub(min).ok_or_else(|| uneven.clone())?;
        let step = match count.checked_sub(1) {
            Some(0) if span == 0 => 1,
            Some(pieces @ 1..) if span > 0 && span.is_multiple_of(pieces) => span / pieces,
            _ => return Err(uneven),
        };
        let off = id.checked_sub(min).filter(|off| off.is_multiple_of(step));
        let off = off.ok_or_else(|| uneven.clone())? / step;
        Self::new(off.saturating_add(1), count).map(Some)
    }

    /// How many parts there are.
    pub fn count(self) -> u32 {
        self.count
    }

    /// Whether this is all there is.
    pub fn is_whole(self) -> bool {
        self.count == 1
    }

    /// This part of `things` where they are dealt out, one to each part in turn.
    pub fn deal<T>(self, things: &[T]) -> impl ExactSizeIterator<Item = &T> {
        let (index, count) = (self.index as usize, self.count.max(1) as usize);
        things.iter().skip(index.saturating_sub(1)).step_by(count)
    }

    /// Keeps this part of `files`, which are in the order of [`discover`](super::discover).
    pub fn take(self, files: Vec<Found>, weigh: Weigh) -> Vec<Found> {
        if self.is_whole() {
            return files;
        }
        let parts = Self::divide(&files, self.count, weigh);
        files
            .into_iter()
            .zip(parts)
            .filter(|(_, part)| *part == self)
            .map(|(file, _)| file)
            .collect()
    }

    /// The part of `count` that each of `files` belongs to, which are in the order of
    /// [`discover`](super::discover).
    pub fn divide(files: &[Found], count: u32, weigh: Weigh) -> Vec<Self> {
        let owners = owners(files, count, weigh).into_iter();
        owners.map(|part| Self { index: part.saturating_add(1), count }).collect()
    }
}

/// The part, from 0, that each of `files` belongs to.
fn owners(files: &[Found], count: u32, weigh: Weigh) -> Vec<u32> {
    let parts = u32::try_from(files.len()).unwrap_or(u32::MAX).min(count);
    if weigh == Weigh::Files {
        return (0..parts).cycle().take(files.len()).collect();
    }
    // Largest first, each to the part with the fewest bytes so far: never further from even than
    // one file is large. Numbers and names break ties, so that every task agrees.
    let mut order: Vec<(usize, &Found)> = files.iter().enumerate().collect();
    order.sort_by(|(_, a), (_, b)| {
        let key = |file: &Found| (Reverse(file.bytes), file.number.unwrap_or(u64::MAX));
        (key(a), &a.name).cmp(&(key(b), &b.name))
    });
    let mut loads: BinaryHeap<Reverse<(u128, u64, u32)>> =
        (0..parts).map(|part| Reverse((0, 0, part))).collect();
    let mut owned = Vec::with_capacity(files.len());
    for (place, file) in order {
        let Some(Reverse((bytes, number, part))) = loads.pop() else { break };
        loads.push(Reverse((bytes + u128::from(file.bytes), number + 1, part)));
        owned.push((place, part));
    }
    owned.sort_unstable();
    owned.into_iter().map(|(_, part)| part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn vars(id: &str, min: &str, max: &str, count: &str, step: &str) -> ArrayVars {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        ArrayVars {
            id: some(id),
            min: some(min),
            max: some(max),
            count: some(count),
            step: some(step),
        }
    }

    #[test]
    fn reads_parts() {
        assert_eq!("3/20".parse(), Ok(Shard { index: 3, count: 20 }));
        let message = |text: &str| text.parse::<Shard>().unwrap_err().to_string();
        insta::assert_snapshot!(message("0/4"), @"part 0 of 4: parts are counted from 1 to 4");
        insta::assert_snapshot!(message("5/4"), @"part 5 of 4: parts are counted from 1 to 4");
        insta::assert_snapshot!(message("1/0"), @"0 parts: an archive is divided into 1 to 1000000");
        insta::assert_snapshot!(message("3"), @r#""3" is not a part: write I/N, for instance 3/20"#);
        insta::assert_snapshot!(message("+1/4"), @r#""+1/4" is not a part: write I/N, for instance 3/20"#);
    }

    #[test]
    fn a_task_of_an_array_knows_its_part() {
        let part = |id, min, max, count, step| {
            Shard::from_slurm(&vars(id, min, max, count, step)).unwrap().unwrap().to_string()
        };
        assert_eq!(part("0", "0", "3", "4", "1"), "1/4");
        assert_eq!(part("3", "0", "3", "4", "1"), "4/4");
        assert_eq!(part("20", "1", "20", "20", "1"), "20/20");
        assert_eq!(part("14", "10", "18", "5", "2"), "3/5");
        assert_eq!(part("7", "3", "7", "2", "1"), "2/2", "a list of two is even");
        assert_eq!(part("7", "7", "7", "1", "1"), "1/1");
        assert_eq!(Shard::from_slurm(&ArrayVars::default()), Ok(None));
    }

    #[test]
    fn a_task_that_cannot_know_its_part_says_so() {
        let message = |id, min, max, count| {
            Shard::from_slurm(&vars(id, min, max, count, "1")).unwrap_err().to_string()
        };
        insta::assert_snapshot!(message("3", "1", "7", "3"), @"the job array's 3 task ids between 1 and 7 are not evenly spaced, so a task cannot know which part is its own: say --shard I/N");
        insta::assert_snapshot!(message("3", "1", "8", "3"), @"the job array's 3 task ids between 1 and 8 are not evenly spaced, so a task cannot know which part is its own: say --shard I/N");
        insta::assert_snapshot!(message("3", "1", "7", ""), @"SLURM_ARRAY_TASK_ID is set but SLURM_ARRAY_TASK_COUNT is not: say --shard I/N");
        insta::assert_snapshot!(message("x", "1", "7", "7"), @r#"SLURM_ARRAY_TASK_ID="x" is not a number"#);
        assert!(Shard::from_slurm(&vars("9", "1", "4", "4", "1")).is_err(), "behind the last");
        assert!(Shard::from_slurm(&vars("0", "1", "4", "4", "1")).is_err(), "before the first");
        assert!(Shard::from_slurm(&vars("1", "4", "1", "4", "1")).is_err(), "upside down");
        assert!(Shard::from_slurm(&vars("1", "1", "1", "0", "1")).is_err(), "no tasks");
        assert!(Shard::from_slurm(&vars("1", "1", "1", "5", "1")).is_err(), "five tasks, one id");
    }

    fn files(sizes: &[u64]) -> Vec<Found> {
        sizes
            .iter()
            .zip(0_u64..)
            .map(|(bytes, number)| Found {
                name: format!("output_{number:05}.jld2"),
                number: Some(number),
                head: Some(7),
                path: format!("/in/output_{number:05}.jld2").into(),
                bytes: *bytes,
                modified: None,
                obstacle: None,
            })
            .collect()
    }

    fn parts(sizes: &[u64], count: u32, weigh: Weigh) -> Vec<Vec<Found>> {
        (1..=count).map(|index| Shard { index, count }.take(files(sizes), weigh)).collect()
    }

    #[test]
    fn bytes_are_balanced() {
        let sizes = [10, 1, 9, 2, 8, 3, 7, 4, 6, 5];
        let loads: Vec<u64> = parts(&sizes, 5, Weigh::Bytes)
            .iter()
            .map(|part| part.iter().map(|file| file.bytes).sum())
            .collect();
        assert_eq!(loads, [11; 5]);
    }

    #[test]
    fn files_without_bytes_are_dealt_out() {
        let counts: Vec<usize> = parts(&[0; 10], 4, Weigh::Bytes).iter().map(Vec::len).collect();
        assert_eq!(counts, [3, 3, 2, 2]);
    }

    #[test]
    fn what_in_place_appends_moves_no_file() {
        let before = parts(&[100; 9], 4, Weigh::Files);
        let mut grown = [100; 9];
        grown[3] += 24_000;
        let after = parts(&grown, 4, Weigh::Files);
        let names = |parts: &[Vec<Found>]| -> Vec<Vec<String>> {
            parts.iter().map(|p| p.iter().map(|f| f.name.clone()).collect()).collect()
        };
        assert_eq!(names(&before), names(&after));
    }

    #[test]
    fn sizes_at_the_end_of_u64_do_no_harm() {
        let sizes: Vec<usize> =
            parts(&[u64::MAX; 6], 3, Weigh::Bytes).iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 2, 2]);
    }

    proptest! {
        #[test]
        fn disjoint_covering_balanced_and_in_order(
            sizes in prop::collection::vec(0_u64..1_000, 0..80),
            count in 1_u32..12,
            by_bytes: bool,
        ) {
            let weigh = if by_bytes { Weigh::Bytes } else { Weigh::Files };
            let parts = parts(&sizes, count, weigh);
            let mut seen = BTreeSet::new();
            for part in &parts {
                prop_assert!(part.is_sorted_by_key(|file| file.number));
                for file in part {
                    prop_assert!(seen.insert(file.number), "{} twice", file.name);
                }
            }
            prop_assert_eq!(seen.len(), sizes.len());
            let weight = |part: &Vec<Found>| match weigh {
                Weigh::Bytes => part.iter().map(|file| file.bytes).sum(),
                Weigh::Files => part.len() as u64,
            };
            let most = parts.iter().map(weight).max().unwrap();
            let least = parts.iter().map(weight).min().unwrap();
            let largest = sizes.iter().copied().max().unwrap_or(0);
            let bound = if by_bytes { largest } else { 1 };
            prop_assert!(most - least <= bound);
        }

        #[test]
        fn every_task_of_an_even_array_has_its_own_part(
            min in 0_u64..1000, step in 1_u64..9, count in 1_u64..50,
        ) {
            let max = min + step * (count - 1);
            let parts: Vec<Shard> = (0..count)
                .map(|task| {
                    let text = |number: u64| number.to_string();
                    let id = text(min + task * step);
                    let vars = vars(&id, &text(min), &text(max), &text(count), &text(step));
                    Shard::from_slurm(&vars).unwrap().unwrap()
                })
                .collect();
            let expected: Vec<Shard> =
                (1..=count).map(|index| Shard::new(index, count).unwrap()).collect();
            prop_assert_eq!(parts, expected);
        }
    }
}
