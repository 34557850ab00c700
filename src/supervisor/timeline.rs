//! Keeps how a run went over time, in bounded space: memory, bytes and files that are through, busy
//! slots. Where there are too many points, each two become one, and later ones come half as often.

use serde::{Deserialize, Serialize};

/// Most points that are kept, however long a run is.
const MOST: usize = 1024;
/// The shortest time between two points, in seconds.
const LEAST: f64 = 0.1;

/// A run at one time, or over the time since the point before.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// Since the run began.
    pub seconds: f64,
    /// Most memory in use against the limit, in bytes.
    pub used: u64,
    /// Most anonymous memory that the workers held, in bytes.
    pub held: u64,
    /// The share of the limit that may be used, in bytes.
    pub budget: u64,
    /// The limit itself, in bytes.
    pub limit: u64,
    /// Bytes of inputs that are through, those of files under way among them.
    pub bytes: u64,
    /// Files that ended.
    pub files: u64,
    /// Most slots that were busy.
    pub busy: u32,
}

impl Point {
    /// Both in one: the later one's place, the highest of what has peaks, the least of what bounds.
    fn with(self, later: Self) -> Self {
        Self {
            used: self.used.max(later.used),
            held: self.held.max(later.held),
            budget: self.budget.min(later.budget),
            limit: self.limit.min(later.limit),
            bytes: self.bytes.max(later.bytes),
            busy: self.busy.max(later.busy),
            ..later
        }
    }
}

/// Points in their order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Columns", into = "Columns")]
pub struct Timeline {
    points: Vec<Point>,
    /// The least time between two points, in seconds.
    every: f64,
    /// What came since the last point.
    open: Option<Point>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { points: Vec::new(), every: LEAST, open: None }
    }
}

impl Timeline {
    /// Takes note of `point`, which is not before those that came before.
    pub fn add(&mut self, point: Point) {
        let point = self.open.take().map_or(point, |open| open.with(point));
        let last = self.points.last().map(|last| last.seconds);
        if last.is_some_and(|last| point.seconds - last < self.every) {
            self.open = Some(point);
            return;
        }
        self.points.push(point);
        if self.points.len() >= MOST {
            self.thin();
        }
    }

    /// All points; what came last is among them.
    pub fn points(&self) -> impl Iterator<Item = Point> + Clone {
        self.points.iter().copied().chain(self.open)
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty() && self.open.is_none()
    }

    /// Leaves at most `most` points.
    pub fn thin_to(&mut self, most: usize) {
        self.points.extend(self.open.take());
        while self.points.len() > most.max(2) {
            self.thin();
        }
    }

    /// Makes one point of each two.
    fn thin(&mut self) {
        let pairs = self.points.chunks(2).filter_map(|pair| match *pair {
            [one, two] => Some(one.with(two)),
            [one] => Some(one),
            _ => None,
        });
        self.points = pairs.collect();
        self.every *= 2.0;
    }
}

/// A timeline as it is written: a list for each quantity.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Columns {
    seconds: Vec<f64>,
    used: Vec<u64>,
    held: Vec<u64>,
    budget: Vec<u64>,
    limit: Vec<u64>,
    bytes: Vec<u64>,
    files: Vec<u64>,
    busy: Vec<u32>,
}

impl From<Timeline> for Columns {
    fn from(timeline: Timeline) -> Self {
        let mut columns = Self::default();
        for point in timeline.points() {
            columns.seconds.push((point.seconds * 1000.0).round() / 1000.0);
            columns.used.push(point.used);
            columns.held.push(point.held);
            columns.budget.push(point.budget);
            columns.limit.push(point.limit);
            columns.bytes.push(point.bytes);
            columns.files.push(point.files);
            columns.busy.push(point.busy);
        }
        columns
    }
}

impl From<Columns> for Timeline {
    fn from(columns: Columns) -> Self {
        let points = columns.seconds.iter().take(MOST).enumerate();
        let at = |list: &[u64], place: usize| list.get(place).copied().unwrap_or(0);
        let points = points.map(|(place, seconds)| Point {
            seconds: *seconds,
            used: at(&columns.used, place),
            held: at(&columns.held, place),
            budget: at(&columns.budget, place),
            limit: at(&columns.limit, place),
            bytes: at(&columns.bytes, place),
            files: at(&columns.files, place),
            busy: columns.busy.get(place).copied().unwrap_or(0),
        });
        Self { points: points.collect(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at: u32) -> Point {
        Point {
            seconds: f64::from(at),
            used: 100,
            held: 10,
            budget: 800,
            limit: 1000,
            bytes: u64::from(at) * 10,
            files: at.into(),
            busy: 2,
        }
    }

    #[test]
    fn a_long_run_keeps_its_peaks_in_few_points() {
        let mut timeline = Timeline::default();
        for at in 0..1_000_000 {
            let mut point = point(at);
            if at == 123_456 {
                point.used = 999;
            }
            timeline.add(point);
        }
        let points: Vec<Point> = timeline.points().collect();
        assert!((MOST / 2..=MOST + 1).contains(&points.len()), "{}", points.len());
        assert!(points.is_sorted_by(|a, b| a.seconds < b.seconds && a.bytes <= b.bytes));
        let last = points.last().unwrap();
        assert_eq!((last.seconds, last.files, last.bytes), (999_999.0, 999_999, 9_999_990));
        let peak = points.iter().find(|point| point.used == 999).unwrap();
        assert!((123_456.0..126_000.0).contains(&peak.seconds), "{peak:?}");
        let text = serde_json::to_string(&timeline).unwrap();
        assert!(text.len() < 64 << 10, "{}", text.len());
    }

    #[test]
    fn it_comes_back_and_forged_ones_are_no_harm() {
        let mut timeline = Timeline::default();
        (0..9).for_each(|at| timeline.add(point(at)));
        let text = serde_json::to_string(&timeline).unwrap();
        let back: Timeline = serde_json::from_str(&text).unwrap();
        assert!(back.points().eq(timeline.points()));
        let many = format!("{{\"seconds\":[{}1]}}", "1,".repeat(90_000));
        let forged: Timeline = serde_json::from_str(&many).unwrap();
        assert_eq!(forged.points().count(), MOST);
        let empty: Timeline = serde_json::from_str("{}").unwrap();
        assert!(empty.is_empty());
        timeline.thin_to(3);
        assert!(timeline.points().count() <= 3);
    }
}
