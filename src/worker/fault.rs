//! Makes workers misbehave on command (`JLDCONV_FAULT`), in builds with the feature `fault` only.
//! Without it everything here is empty.

use crate::convert::{Job, Silent};

#[cfg(not(feature = "fault"))]
pub(super) use none::{Faults, INHERITED};
#[cfg(feature = "fault")]
pub(super) use real::{Faults, INHERITED};

/// Looks into a file outside a conversion; where the file is to make that misbehave, it does.
///
/// # Errors
/// Where what is asked for makes no sense.
pub fn around_a_look<T>(path: &std::path::Path, look: impl FnOnce() -> T) -> Result<T, String> {
    let job = Job {
        input: path.to_owned(),
        output: path.to_owned(),
        temp_dir: path.to_owned(),
        temp_name: String::new(),
    };
    let mischief = Faults::from_env()?.begin(&job, 1);
    mischief.around(&Silent, |_| Ok(look())).map_err(|failure| failure.message)
}

#[cfg(not(feature = "fault"))]
mod none {
    use crate::convert::{Failure, Job, Observer};

    pub(in super::super) const INHERITED: &[&str] = &[];

    pub(in super::super) struct Faults;

    pub(in super::super) struct Mischief;

    impl Faults {
        #[expect(clippy::unnecessary_wraps, reason = "the other build can fail")]
        pub(in super::super) fn from_env() -> Result<Self, String> {
            Ok(Self)
        }

        #[expect(clippy::unused_self, reason = "the other build uses it")]
        pub(in super::super) fn shake_hands(&self) {}

        #[expect(clippy::unused_self, reason = "the other build uses it")]
        pub(in super::super) fn begin(&self, _: &Job, _: u32) -> Mischief {
            Mischief
        }
    }

    impl Mischief {
        #[expect(clippy::unused_self, reason = "the other build uses it")]
        pub(in super::super) fn around<T>(
            &self,
            observer: &dyn Observer,
            convert: impl FnOnce(&dyn Observer) -> Result<T, Failure>,
        ) -> Result<T, Failure> {
            convert(observer)
        }
    }
}

#[cfg(feature = "fault")]
mod real {
    use crate::convert::scratch::BUDGET;
    use crate::convert::{Failure, Job, Observer, Phase};
    use crate::sys::process::die_of;
    use crate::sys::stat::StatData;
    use std::str::FromStr;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    /// The variable itself, those that name a step to die at (`sys::crash`), bits to flip (`sys::flip`)
    /// and how much memory lists may take (`convert::scratch`), and the loader's, by which system calls can be made to fail.
    pub(in super::super) const INHERITED: &[&str] =
        &["JLDCONV_FAULT", "JLDCONV_CRASH_AT", "JLDCONV_FLIP", BUDGET, "LD_PRELOAD"];

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Kind {
        /// Touch so many bytes of anonymous memory and keep them while converting.
        Alloc(usize),
        Abort,
        Segv,
        Bus,
        Exit(i32),
        Kill,
        /// Never come on again, whatever anybody says.
        Hang,
        /// Take so much longer, half of it before the conversion, half within.
        Slow(Duration),
        /// A panic in the conversion.
        Panic,
    }

    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Entry {
        kind: Kind,
        /// Part of the file's name; `*` is every file.
        pattern: String,
        /// On the first so many attempts only.
        attempts: Option<u32>,
    }

    /// Everything that `JLDCONV_FAULT` asks for.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub(in super::super) struct Faults(Vec<Entry>);

    /// What an attempt does wrong; keeps its memory until it is dropped.
    pub(in super::super) struct Mischief {
        kinds: Vec<Kind>,
        kept: Vec<Vec<u8>>,
    }

    impl FromStr for Faults {
        type Err = String;

        fn from_str(text: &str) -> Result<Self, String> {
            let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
            entries.map(str::parse).collect::<Result<_, _>>().map(Self)
        }
    }

    impl FromStr for Entry {
        type Err = String;

        fn from_str(text: &str) -> Result<Self, String> {
            let wrong = |what: &str| format!("{what} in {text:?}");
            let (kind, file) = text.split_once('@').ok_or_else(|| wrong("no @file"))?;
            let (pattern, attempts) = match file.rsplit_once('#') {
                Some((pattern, number)) => {
                    (pattern, Some(number.parse().map_err(|_| wrong("not a number of attempts"))?))
                }
                None => (file, None),
            };
            let (word, amount) = kind.split_once('=').unwrap_or((kind, ""));
            let kind = match word {
                "alloc" => Kind::Alloc(size(amount).ok_or_else(|| wrong("no size"))?),
                "abort" => Kind::Abort,
                "segv" => Kind::Segv,
                "bus" => Kind::Bus,
                "exit" => Kind::Exit(amount.parse().map_err(|_| wrong("not an exit code"))?),
                "kill" => Kind::Kill,
                "hang" => Kind::Hang,
                "slow" => Kind::Slow(time(amount).ok_or_else(|| wrong("no time"))?),
                "panic" => Kind::Panic,
                _ => return Err(wrong("not a kind of fault")),
            };
            Ok(Self { kind, pattern: pattern.to_owned(), attempts })
        }
    }

    fn size(text: &str) -> Option<usize> {
        let size: bytesize::ByteSize = text.parse().ok()?;
        usize::try_from(size.as_u64()).ok()
    }

    fn time(text: &str) -> Option<Duration> {
        let (number, unit) = match text.strip_suffix("ms") {
            Some(number) => (number, 0.001),
            None => (text.strip_suffix('s')?, 1.0),
        };
        Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()
    }

    impl Faults {
        pub(in super::super) fn from_env() -> Result<Self, String> {
            std::env::var("JLDCONV_FAULT").unwrap_or_default().parse()
        }

        /// `@hello` misbehaves before the worker introduces itself, whatever it would convert.
        pub(in super::super) fn shake_hands(&self) {
            for entry in self.0.iter().filter(|entry| entry.pattern == "hello") {
                misbehave(entry.kind);
            }
        }

        pub(in super::super) fn begin(&self, job: &Job, attempt: u32) -> Mischief {
            let name = job.input.file_name().unwrap_or_default().to_string_lossy();
            let hits = |entry: &&Entry| {
                (entry.pattern == "*" || name.contains(&entry.pattern))
                    && entry.attempts.is_none_or(|most| attempt <= most)
            };
            let kinds: Vec<Kind> = self.0.iter().filter(hits).map(|entry| entry.kind).collect();
            let kept = kinds
                .iter()
                .filter_map(|kind| match kind {
                    Kind::Alloc(bytes) => Some(std::hint::black_box(vec![0xa5; *bytes])),
                    _ => None,
                })
                .collect();
            Mischief { kinds, kept }
        }
    }

    /// Does what ends a process, or a conversion.
    #[expect(clippy::panic, reason = "that is what it is for")]
    fn misbehave(kind: Kind) {
        match kind {
            Kind::Alloc(_) | Kind::Slow(_) => {}
            Kind::Abort => std::process::abort(),
            Kind::Segv => die_of(libc::SIGSEGV),
            Kind::Bus => die_of(libc::SIGBUS),
            Kind::Exit(code) => std::process::exit(code),
            Kind::Kill => die_of(libc::SIGKILL),
            Kind::Hang => loop {
                std::thread::sleep(Duration::from_hours(1));
            },
            Kind::Panic => panic!("a panic on command"),
        }
    }

    impl Mischief {
        /// Runs `convert` and misbehaves in its midst: when it comes to write something.
        pub(in super::super) fn around<T>(
            &self,
            observer: &dyn Observer,
            convert: impl FnOnce(&dyn Observer) -> Result<T, Failure>,
        ) -> Result<T, Failure> {
            if self.kinds.is_empty() {
                return convert(observer);
            }
            let midst = Midst { observer, kinds: &self.kinds, reached: AtomicBool::new(false) };
            midst.linger();
            let result = convert(&midst);
            if result.is_ok() {
                midst.reach();
            }
            std::hint::black_box(&self.kept);
            result
        }
    }

    struct Midst<'a> {
        observer: &'a dyn Observer,
        kinds: &'a [Kind],
        reached: AtomicBool,
    }

    impl Midst<'_> {
        fn linger(&self) {
            for kind in self.kinds {
                if let Kind::Slow(time) = kind {
                    self.sleep(*time / 2);
                }
            }
        }

        fn sleep(&self, mut time: Duration) {
            while !time.is_zero() && !self.observer.cancelled() {
                let nap = time.min(Duration::from_millis(10));
                std::thread::sleep(nap);
                time -= nap;
            }
        }

        fn reach(&self) {
            if self.reached.swap(true, Ordering::Relaxed) {
                return;
            }
            self.linger();
            for kind in self.kinds {
                misbehave(*kind);
            }
        }
    }

    impl Observer for Midst<'_> {
        fn progress(&self, phase: Phase, done: u64, total: u64) {
            self.observer.progress(phase, done, total);
            if phase != Phase::Plan {
                self.reach();
            }
        }

        fn cancelled(&self) -> bool {
            self.observer.cancelled()
        }

        fn threads(&self) -> Option<usize> {
            self.observer.threads()
        }

        fn planned(&self) {
            self.observer.planned();
        }

        fn publishing(&self, file: &StatData) {
            self.observer.publishing(file);
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn kinds(text: &str, file: &str, attempt: u32) -> Vec<Kind> {
            let job = Job {
                input: format!("/a/{file}").into(),
                output: "/b".into(),
                temp_dir: "/c".into(),
                temp_name: "d".into(),
            };
            text.parse::<Faults>().unwrap().begin(&job, attempt).kinds
        }

        #[test]
        fn the_example_of_the_docs_is_understood() {
            let text = "alloc=1MiB@*,abort@00103#1";
            assert_eq!(kinds(text, "output_00001.jld2", 1), [Kind::Alloc(1 << 20)]);
            assert_eq!(kinds(text, "output_00103.jld2", 1), [Kind::Alloc(1 << 20), Kind::Abort]);
            assert_eq!(kinds(text, "output_00103.jld2", 2), [Kind::Alloc(1 << 20)]);
        }

        #[test]
        fn every_kind_is_known() {
            let text = "segv@a,bus@a,exit=7@a,kill@a,hang@a,slow=50ms@a,slow=1.5s@a,panic@a";
            let expected = [
                Kind::Segv,
                Kind::Bus,
                Kind::Exit(7),
                Kind::Kill,
                Kind::Hang,
                Kind::Slow(Duration::from_millis(50)),
                Kind::Slow(Duration::from_millis(1500)),
                Kind::Panic,
            ];
            assert_eq!(kinds(text, "a", 9), expected);
        }

        #[test]
        fn what_makes_no_sense_is_named() {
            for bad in
                ["kill", "alloc@x", "alloc=lots@x", "exit=x@y", "slow=5@x", "explode@x", "bus@x#y"]
            {
                let error = bad.parse::<Faults>().unwrap_err();
                assert!(error.contains(bad), "{error}");
            }
            assert_eq!("".parse::<Faults>().unwrap(), Faults::default());
        }
    }
}
