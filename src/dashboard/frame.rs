//! Holds the latest frame of a page for the threads that send it, and what each browser lacks of it.

use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a page shows at a moment: its parts, and the lines that its table has gained.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// HTML by the parts' names.
    pub(super) parts: BTreeMap<&'static str, String>,
    /// Lines of the table behind those of earlier frames.
    pub(super) rows: String,
}

#[derive(Debug, Default)]
struct State {
    version: u64,
    /// Each part with the version in which it changed last.
    parts: BTreeMap<&'static str, (u64, Arc<str>)>,
    rows: Vec<(u64, Arc<str>)>,
    over: bool,
}

/// The latest frame, and who looks at it.
#[derive(Debug, Default)]
pub(super) struct Board {
    state: Mutex<State>,
    changed: Condvar,
    watchers: AtomicUsize,
}

/// What a browser lacks.
#[derive(Debug, Serialize)]
pub(super) struct News {
    /// What it has then.
    pub(super) version: u64,
    #[serde(serialize_with = "texts")]
    parts: BTreeMap<&'static str, Arc<str>>,
    rows: String,
    /// Nothing comes after this.
    pub(super) over: bool,
}

fn texts<S: Serializer>(
    parts: &BTreeMap<&'static str, Arc<str>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(parts.iter().map(|(name, html)| (name, &**html)))
}

/// Somebody looks, as long as it lives.
pub(super) struct Watcher(Arc<Board>);

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.watchers.fetch_sub(1, Ordering::AcqRel);
        self.0.changed.notify_all();
    }
}

impl Board {
    /// Shows `frame` from now on; gives how many bytes each browser gets for it.
    pub(super) fn show(&self, frame: Frame) -> usize {
        let mut state = self.state();
        let version = state.version + 1;
        let mut changed = frame.rows.len();
        for (name, html) in frame.parts {
            if state.parts.get(name).is_none_or(|(_, known)| **known != *html) {
                changed = changed.saturating_add(html.len());
                state.parts.insert(name, (version, html.into()));
            }
        }
        if !frame.rows.is_empty() {
            state.rows.push((version, frame.rows.into()));
        }
        if changed > 0 {
            state.version = version;
            self.changed.notify_all();
        }
        changed
    }

    /// Nothing comes any more.
    pub(super) fn close(&self) {
        self.state().over = true;
        self.changed.notify_all();
    }

    /// What is lacking to who has `version`; waits for it, but not for longer than `patience`.
    pub(super) fn news(&self, version: u64, patience: Duration) -> Option<News> {
        let nothing = |state: &mut State| state.version <= version && !state.over;
        let state = self.changed.wait_timeout_while(self.state(), patience, nothing);
        let (state, _) = state.unwrap_or_else(PoisonError::into_inner);
        if state.version <= version && !state.over {
            return None;
        }
        let parts = state.parts.iter().filter(|(_, (at, _))| *at > version);
        let rows = state.rows.iter().filter(|(at, _)| *at > version);
        Some(News {
            version: state.version,
            parts: parts.map(|(name, (_, html))| (*name, Arc::clone(html))).collect(),
            rows: rows.map(|(_, rows)| &**rows).collect(),
            over: state.over,
        })
    }

    /// Somebody looks, unless `most` do already.
    pub(super) fn watch(self: &Arc<Self>, most: usize) -> Option<Watcher> {
        let more = |now: usize| (now < most).then_some(now + 1);
        let counted = self.watchers.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        counted.ok().map(|_| Watcher(Arc::clone(self)))
    }

    /// Whether somebody looks.
    pub(super) fn is_watched(&self) -> bool {
        self.watchers.load(Ordering::Acquire) > 0
    }

    /// Waits until nobody looks any more, or until then.
    pub(super) fn wait_until_left(&self, until: Instant) {
        let patience = until.saturating_duration_since(Instant::now());
        let _ = self.changed.wait_timeout_while(self.state(), patience, |_| self.is_watched());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panicked with it left a frame that can still be shown.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(cards: &str, rows: &str) -> Frame {
        let parts = [("cards", cards.to_owned()), ("head", "h".to_owned())].into();
        Frame { parts, rows: rows.to_owned() }
    }

    #[test]
    fn a_browser_gets_what_it_lacks_and_no_more() {
        let board = Arc::new(Board::default());
        assert!(board.news(0, Duration::ZERO).is_none());
        let sizes = [("1", "a"), ("2", "b"), ("2", "")].map(|it| board.show(frame(it.0, it.1)));
        assert_eq!(sizes, [3, 2, 0]);
        let all = board.news(0, Duration::ZERO).unwrap();
        assert_eq!((all.version, all.rows.as_str(), all.parts.len()), (2, "ab", 2));
        let later = board.news(1, Duration::ZERO).unwrap();
        assert_eq!(later.parts, [("cards", Arc::from("2"))].into());
        assert_eq!((later.rows.as_str(), later.over), ("b", false));
        assert!(board.news(2, Duration::ZERO).is_none());
        board.close();
        assert!(board.news(2, Duration::from_mins(1)).unwrap().over);
    }

    #[test]
    fn only_so_many_look_and_those_who_leave_make_room() {
        let board = Arc::new(Board::default());
        let one = board.watch(1).unwrap();
        assert!(board.watch(1).is_none() && board.is_watched());
        drop(one);
        assert!(!board.is_watched() && board.watch(1).is_some());
        board.wait_until_left(Instant::now() + Duration::from_mins(1));
    }
}
