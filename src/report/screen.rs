//! Shows every event of a run on the screen in the way that was asked for.
//!
//! What belongs to the run's account (header, a line for each file, summary; JSON lines) goes to
//! standard output. Bars, and what is said beside them, go to standard error. A screen that cannot
//! be written to never disturbs the run.

use super::Progress;
use super::advice::{Circumstances, advice};
use super::bar_term::BarTerm;
use super::bars::{Bars, Measure};
use super::color::{Color, Paint, Tone};
use super::frame::Size;
use super::header::{header, plan};
use super::line::{Detail, colored, heartbeat, line};
use super::skips::Skips;
use super::stamp::{Told, stamp};
use super::summary::{summary, title};
use super::wrap::wrapped;
use crate::supervisor::{JobOutcome, Reporter, RunEvent, RunSummary, Tracker};
use indicatif::{MultiProgress, ProgressDrawTarget};
use std::io::{self, IsTerminal as _, Write};
use std::time::{Duration, Instant, SystemTime};

/// Lines that say how far a run is with other files are so many seconds apart.
const APART: f64 = 10.0;

/// A [`Reporter`] that shows a run to a person or a program.
pub struct Screen {
    way: Way,
    tracker: Tracker,
    begun: Instant,
    about: Circumstances,
    /// Whether somebody was told what the machine gives, and asked.
    asked: bool,
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    /// Colours on standard output and on standard error.
    paint: (Paint, Paint),
    skips: Skips,
    /// A line comes after so many seconds without one; none where there is never one.
    heartbeat: Option<f64>,
    /// When the last line was printed, in seconds since this screen began.
    printed: f64,
}

enum Way {
    Bars(Bars),
    Lines,
    Json,
    Silent,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Screen").field("tracker", &self.tracker).finish_non_exhaustive()
    }
}

impl Progress {
    /// What [`Progress::Auto`] comes to, and what is left of [`Progress::Bar`] without a terminal.
    #[must_use]
    pub fn settle(self, out_is_terminal: bool, err_is_terminal: bool) -> Self {
        match self {
            Self::Auto if out_is_terminal && err_is_terminal => Self::Bar,
            Self::Bar if err_is_terminal => Self::Bar,
            Self::Auto | Self::Bar | Self::Plain => Self::Plain,
            Self::Json => Self::Json,
            Self::None => Self::None,
        }
    }
}

impl Screen {
    /// A screen on this process's own standard output and error.
    pub fn standard(progress: Progress, about: Circumstances) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let progress = progress.settle(out.is_terminal(), err.is_terminal());
        let target = ProgressDrawTarget::term_like(Box::new(BarTerm::new(terminal_size)));
        let size = || {
            let (rows, columns) = terminal_size();
            Size { rows: rows.into(), columns: columns.into() }
        };
        Self::new(progress, about, (target, Box::new(size)), Box::new(out), Box::new(err))
    }

    fn new(
        progress: Progress,
        about: Circumstances,
        (target, size): (ProgressDrawTarget, Measure),
        out: Box<dyn Write>,
        err: Box<dyn Write>,
    ) -> Self {
        let way = match progress {
            Progress::Bar => Way::Bars(Bars::new(target, size)),
            Progress::Auto | Progress::Plain => Way::Lines,
            Progress::Json => Way::Json,
            Progress::None => Way::Silent,
        };
        Self {
            way,
            tracker: Tracker::default(),
            begun: Instant::now(),
            about,
            asked: false,
            out,
            err,
            paint: Default::default(),
            skips: Skips::default(),
            heartbeat: None,
            printed: 0.0,
        }
    }

    /// The same with colours, as `color` and the environment say.
    #[must_use]
    pub fn colored(mut self, color: Color) -> Self {
        let settle = |terminal| color.settle(terminal, |name| std::env::var_os(name));
        self.paint = (settle(io::stdout().is_terminal()), settle(io::stderr().is_terminal()));
        if let Way::Bars(bars) = &mut self.way {
            bars.paint(self.paint.1);
        }
        self
    }

    /// The same with a line after each such time in which none was printed; zero means never.
    #[must_use]
    pub fn heartbeat(mut self, time: Duration) -> Self {
        self.heartbeat = (!time.is_zero()).then_some(time.as_secs_f64());
        self
    }

    /// What other texts have to go around, where there are bars.
    pub fn bars(&self) -> Option<&MultiProgress> {
        match &self.way {
            Way::Bars(bars) => Some(bars.multi()),
            Way::Lines | Way::Json | Way::Silent => None,
        }
    }

    /// Says that what the machine gives has been told already.
    pub fn was_asked(&mut self) {
        self.asked = true;
    }

    /// Shows a block of text that belongs to the run's account; not where a program reads it.
    pub fn block(&mut self, text: &str) {
        match &self.way {
            Way::Bars(bars) => {
                let out = &mut self.out;
                let text = wrapped(text, bars.columns());
                bars.multi().suspend(|| put(out, &text));
            }
            Way::Lines => put(&mut self.out, text),
            Way::Json | Way::Silent => {}
        }
    }

    fn show(&mut self, event: &RunEvent) {
        let at = self.begun.elapsed().as_secs_f64();
        match &mut self.way {
            Way::Bars(bars) => {
                bars.show(event, &self.tracker, at);
                if matches!(event, RunEvent::TakingAlong(_)) {
                    return;
                }
                if let Some(line) = line(event, &self.tracker, Detail::Troubles) {
                    let line = wrapped(&line, bars.columns());
                    let _ = bars.multi().println(colored(&line, event, self.paint.1));
                }
            }
            Way::Lines => self.lines(event, at),
            Way::Json => {
                let advised = advised(event, self.about);
                let event = advised.as_ref().unwrap_or(event);
                let told = Told::new(event, &self.tracker, at, SystemTime::now());
                if let Ok(text) = serde_json::to_string(&told) {
                    put(&mut self.out, &format!("{text}\n"));
                }
            }
            Way::Silent => {
                let failed = matches!(event, RunEvent::JobFinished(_) | RunEvent::Warning { .. });
                if let (true, Some(line)) = (failed, line(event, &self.tracker, Detail::Troubles)) {
                    put(&mut self.err, &format!("{}\n", colored(&line, event, self.paint.1)));
                }
            }
        }
    }

    fn lines(&mut self, event: &RunEvent, at: f64) {
        if let RunEvent::JobFinished(record) = event
            && record.outcome == JobOutcome::Skipped
        {
            return self.skips.note(record);
        }
        let again = matches!(event, RunEvent::TakingAlong(taking) if taking.done > 0);
        if again && at - self.printed < APART {
            return;
        }
        if let Some(line) = line(event, &self.tracker, Detail::Files) {
            self.tell_skips(at);
            self.print(&colored(&line, event, self.paint.0), at);
        }
        let due = self.heartbeat.is_some_and(|time| at - self.printed >= time);
        if let (true, RunEvent::Memory(_)) = (due, event) {
            self.tell_skips(at);
            self.print(&heartbeat(&self.tracker, at), at);
        }
        if matches!(event, RunEvent::AttemptStarted { .. } | RunEvent::RunFinished(_)) {
            self.tell_skips(at);
        }
    }

    fn tell_skips(&mut self, at: f64) {
        for line in self.skips.take() {
            self.print(&line, at);
        }
    }

    /// Prints a line with its stamp.
    fn print(&mut self, line: &str, at: f64) {
        self.printed = at;
        let stamp = stamp(&self.tracker, at, SystemTime::now());
        put(&mut self.out, &format!("{stamp}{line}\n"));
    }
}

/// How the end of a run is seen.
fn tone(run: &RunSummary) -> Tone {
    let (failed, pending) = run.others.map_or((0, 0), |others| (others.failed, others.pending));
    if run.error.is_some() || run.failed > 0 || failed > 0 {
        Tone::Bad
    } else if run.interrupted || run.pending > 0 || pending > 0 {
        Tone::Odd
    } else {
        Tone::Good
    }
}

/// How many rows and columns the terminal of standard error has.
fn terminal_size() -> (u16, u16) {
    match rustix::termios::tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => (size.ws_row, size.ws_col),
        _ => (24, 80),
    }
}

/// The end of a run with what may be done next, which only the one who tells it knows.
fn advised(event: &RunEvent, about: Circumstances) -> Option<RunEvent> {
    let RunEvent::RunFinished(run) = event else { return None };
    let mut run = run.clone();
    run.recommendations = advice(&run, about);
    Some(RunEvent::RunFinished(run))
}

/// Writes and forgets: a reader that went away is not a reason to stop a run.
fn put(to: &mut dyn Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

impl Reporter for Screen {
    fn event(&mut self, event: &RunEvent) {
        self.tracker.note(event, self.begun.elapsed().as_secs_f64());
        if let RunEvent::RunStarted(start) = event {
            self.printed = self.begun.elapsed().as_secs_f64();
            // What the machine gives was told before the question.
            let head = if self.asked { plan(start) } else { header(start) };
            self.block(&format!("{head}\n"));
        }
        self.show(event);
        // Where no block is shown it need not be made.
        if let RunEvent::RunFinished(run) = event
            && matches!(self.way, Way::Bars(_) | Way::Lines)
        {
            let shown = summary(run, self.about);
            let title = title(run);
            self.block(&format!("\n{}", self.paint.0.word(&shown, title, tone(run))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::header::tests::start;
    use crate::report::line::tests::{begun, record};
    use crate::report::summary::tests::summary;
    use crate::supervisor::JobOutcome;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Paper {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn shown(progress: Progress) -> (String, String) {
        let (out, err) = (Paper::default(), Paper::default());
        let about = Circumstances { cores: 2, safety_margin: 0.8, portable: false };
        let size: Measure = Box::new(|| Size { rows: 24, columns: 80 });
        let target = (ProgressDrawTarget::hidden(), size);
        let mut screen =
            Screen::new(progress, about, target, Box::new(out.clone()), Box::new(err.clone()));
        screen.block("jldconv 0.1.0\n");
        screen.event(&RunEvent::RunStarted(start()));
        screen.event(&begun(100));
        screen.event(&RunEvent::JobFinished(record(100, JobOutcome::Converted)));
        screen.event(&begun(101));
        screen.event(&RunEvent::JobFinished(record(101, JobOutcome::Failed)));
        screen.event(&RunEvent::RunFinished(Box::new(summary())));
        (out.text(), err.text())
    }

    #[test]
    fn lines_tell_the_whole_account() {
        let (out, err) = shown(Progress::Plain);
        // What stands before a line has a test of its own.
        let line = |line: &str| match line.split_once("memory   2.0 GiB  [") {
            Some((_, rest)) => format!("STAMP  [{rest}\n"),
            None => format!("{line}\n"),
        };
        let out: String = out.lines().map(line).collect();
        insta::assert_snapshot!(out, @r"
        jldconv 0.1.0
          machine     node5: AMD EPYC 7B13, 2 cores, 24.0 GiB; Debian GNU/Linux 13, kernel 6.12.48
          input       /data/old
          output      /data/new
          to do       10 files, 8.6 MiB: output_00100.jld2, output_00101.jld2 and 8 more
          memory      22.0 GiB of 24.0 GiB free (physical memory); the margin is 80.0 %, 19.2 GiB
          workers     2 (2 cores), 1 thread each

        STAMP  [ 1/10] converted  output_00100.jld2  876.3 KiB to 899.4 KiB in 0.1 s, patch, 23.2 KiB appended, 312 B replaced, memory 9.0 MiB, checked by structure
        STAMP  [ 2/10] failed     output_00101.jld2  input: not a JLD2 file: no signature at byte 0

        Done: 10 converted, 2 unchanged, 1 skipped, 0 failed
          time        12.3 s, 1.0 files/s, 749.3 MiB/s read; 2.0 s a file on average
          bytes       9.0 GiB read, 9.0 GiB written; outputs are 300.0 MiB (3.3 %) larger
          mode        13 files by patch
          mended      36 findings for mera-1.9, 12 warnings among them
          checked     13 files by structure
          memory      a worker's peak 9.0 MiB (12.0 MiB with file pages); at most 5.0 GiB in use (20.8 %), 8.4 % of 24.0 GiB at the end
          violations  0
          workers     at most 2 of 2 slots busy; load balance 0.98, parallel efficiency 0.95
          attempts    12

          slot   files       bytes      busy      idle  computed  peak memory
             1       6     4.5 GiB    97.6 %     2.4 %    58.3 %      9.0 MiB
             2       6     4.5 GiB    97.6 %     2.4 %    58.3 %      9.0 MiB
        ");
        assert_eq!(err, "");
    }

    #[test]
    fn json_is_nothing_but_json() {
        let (out, err) = shown(Progress::Json);
        let events: Vec<serde_json::Value> =
            out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
        let file = ["attempt-started", "job-finished"];
        assert_eq!(names, [&["run-started"][..], &file, &file, &["run-finished"]].concat());
        assert_eq!(events[2]["name"], "output_00100.jld2");
        assert_eq!(events[5]["success"], 10);
        assert_eq!(err, "");
    }

    #[test]
    fn nothing_is_nothing_but_failures() {
        let (out, err) = shown(Progress::None);
        assert_eq!(out, "");
        insta::assert_snapshot!(err, @"[ 2/10] failed     output_00101.jld2  input: not a JLD2 file: no signature at byte 0");
    }

    #[test]
    fn beside_bars_the_blocks_still_come() {
        let (out, _) = shown(Progress::Bar);
        assert!(out.starts_with("jldconv 0.1.0\n  machine"), "{out}");
        assert!(out.contains("Done: 10 converted"), "{out}");
        assert!(!out.contains("[1/10]"), "{out}");
    }

    #[test]
    fn bars_need_a_terminal() {
        let cases = [
            (Progress::Auto, true, true, Progress::Bar),
            (Progress::Auto, false, true, Progress::Plain),
            (Progress::Auto, true, false, Progress::Plain),
            (Progress::Bar, false, true, Progress::Bar),
            (Progress::Bar, true, false, Progress::Plain),
            (Progress::Plain, true, true, Progress::Plain),
            (Progress::Json, true, true, Progress::Json),
            (Progress::None, true, true, Progress::None),
        ];
        for (asked, out, err, settled) in cases {
            assert_eq!(asked.settle(out, err), settled, "{asked:?} {out} {err}");
        }
    }
}
