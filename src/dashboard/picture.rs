//! Gathers what a page shows of a run that goes on, and makes frames of it.

use super::frame::Frame;
use super::now::now;
use super::page::{NOW, written};
use crate::report::html::{PARTS, Shown, TAKING_ALONG, row};
use crate::report::{Circumstances, advice, title};
use crate::supervisor::{
    Layout, Live, LiveHandle, LiveState, Records, RunEvent, RunStart, RunSummary, Stretch, Timeline,
};

/// Most lines of the table; a browser is slow with more.
const MOST_ROWS: usize = 20_000;

/// A run as a page shows it.
pub(super) struct Picture {
    live: LiveHandle,
    about: Circumstances,
    start: RunStart,
    records: Records,
    /// Records whose lines were given to a frame.
    rows: usize,
    timeline: Timeline,
    /// The run as it ended.
    over: Option<Box<RunSummary>>,
}

impl Picture {
    /// Of the run that `live` knows.
    pub(super) fn new(live: LiveHandle, about: Circumstances) -> Self {
        Self {
            live,
            about,
            start: RunStart::default(),
            records: Records::default(),
            rows: 0,
            timeline: Timeline::default(),
            over: None,
        }
    }

    /// Takes note of what happened.
    pub(super) fn note(&mut self, event: RunEvent) {
        match event {
            RunEvent::RunStarted(start) => self.start = start,
            RunEvent::JobFinished(record) => self.records.push(&record),
            RunEvent::RunFinished(run) => self.over = Some(run),
            _ => {}
        }
    }

    /// Takes down how far the run is now.
    pub(super) fn look(&mut self) {
        let live = self.live.now();
        let works = !matches!(
            live.state,
            LiveState::Starting | LiveState::TakingAlong | LiveState::Finished
        );
        if !works {
            return;
        }
        let mut point = live.memory.point(live.elapsed);
        (point.bytes, point.files, point.busy) = (live.bytes_done, live.ended, live.workers.busy);
        point.held = live.slots.iter().map(|slot| slot.anon).fold(0, u64::saturating_add);
        self.timeline.add(point);
    }

    /// What is to be seen now, and the lines of files that ended since the last frame.
    pub(super) fn frame(&mut self) -> Frame {
        let live = self.live.now();
        let (summary, verdict) = match &self.over {
            Some(run) => ((**run).clone(), title(run)),
            None => (self.so_far(&live), verdict(live.state)),
        };
        let layout = if self.over.is_some() {
            Layout::of_run(&summary)
        } else {
            let slots = u32::try_from(summary.slots.len()).unwrap_or(u32::MAX);
            let timeline = self.timeline.clone();
            let run = Stretch { seconds: live.elapsed, slots, timeline, ..Stretch::default() };
            let mut layout = Layout::default();
            layout.stretches.push(run);
            layout
        };
        let advised = if self.over.is_some() { advice(&summary, self.about) } else { Vec::new() };
        let shown = Shown { summary: &summary, layout: &layout, advice: &advised, verdict };
        let mut frame = Frame::default();
        for (name, make) in PARTS {
            frame.parts.insert(name, written(|out| make(&shown, out)));
        }
        let now = if self.over.is_some() { String::new() } else { now(&live) };
        frame.parts.insert(NOW, now);
        frame.rows = self.new_rows();
        frame
    }

    fn new_rows(&mut self) -> String {
        let end = self.records.len().min(MOST_ROWS);
        let mut new = (self.rows..end).filter_map(|place| self.records.get(place));
        let rows = written(|out| new.try_for_each(|record| row(&record, out)));
        self.rows = end;
        rows
    }

    /// The report of the run as if it ended now.
    fn so_far(&self, live: &Live) -> RunSummary {
        let (mut summary, slots) = RunSummary::of_live(live);
        let points = || self.timeline.points();
        summary.memory_peak = points().map(|point| point.used).max().unwrap_or(0);
        summary.workers_used = points().map(|point| u64::from(point.busy)).max().unwrap_or(0);
        summary.cores = self.start.machine.cores;
        summary.add_up(&self.records, slots);
        summary
    }
}

/// What a run that goes on is doing, in a word.
fn verdict(state: LiveState) -> &'static str {
    match state {
        LiveState::Starting => "Starting",
        LiveState::Running => "Running",
        LiveState::Paused => "Paused",
        LiveState::Draining => "Finishing",
        LiveState::Stopping => "Stopping",
        LiveState::TakingAlong => TAKING_ALONG,
        LiveState::Finished => "Ending",
    }
}
