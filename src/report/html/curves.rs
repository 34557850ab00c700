//! Draws a run over time: memory in use against the margin, and bytes in each second.

use super::Shown;
use super::charts::{LEFT, WIDTH, ticks};
use super::escape::escaped;
use crate::supervisor::{Layout, Point, Stretch};
use crate::text;
use std::fmt::Write as _;
use std::io::{self, Write};

const HEIGHT: f64 = 200.0;
/// Where the axis of time is.
const FLOOR: f64 = HEIGHT - 20.0;
/// Room above the highest value, for its label.
const TOP: f64 = 20.0;
/// Most runs whose memory is drawn.
const MOST_RUNS: usize = 64;
/// The steps of the curve of bytes.
const STEPS: u32 = 120;

/// The place on the axis of a time.
fn x(seconds: f64, whole: f64) -> f64 {
    LEFT + (WIDTH - LEFT) * (seconds / whole).clamp(0.0, 1.0)
}

/// The height of a share of the highest value.
fn y(share: f64) -> f64 {
    FLOOR - (FLOOR - TOP) * share.clamp(0.0, 1.0)
}

/// A line through the values of a run's points, as the data of a path.
fn line(run: &Stretch, whole: f64, value: impl Fn(&Point) -> Option<f64>) -> String {
    let mut path = String::new();
    let values = run.timeline.points();
    let values = values.filter_map(|point| Some((run.begin + point.seconds, value(&point)?)));
    for (seconds, share) in values {
        let pen = if path.is_empty() { 'M' } else { 'L' };
        let _ = write!(path, "{pen}{:.1} {:.1}", x(seconds, whole), y(share));
    }
    path
}

/// The runs that have points.
fn known(layout: &Layout) -> impl Iterator<Item = &Stretch> {
    layout.stretches.iter().filter(|run| !run.timeline.is_empty()).take(MOST_RUNS)
}

/// Memory in use, that of the workers, and the margin.
pub(super) fn memory(shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    let layout = shown.layout;
    let whole = layout.seconds();
    let limits = || known(layout).flat_map(|run| run.timeline.points()).map(|point| point.limit);
    let (Some(most), Some(least)) = (limits().max(), limits().min()) else { return Ok(()) };
    if whole <= 0.0 || most == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "<h2>Memory against the margin</h2>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"memory over time\">"
    )?;
    let share = |part: u64, limit: u64| (limit > 0).then(|| text::float(part) / text::float(limit));
    for run in known(layout) {
        let used = line(run, whole, |point| share(point.used, point.limit));
        let (from, to) = (x(run.begin, whole), x(run.begin + run.seconds, whole));
        if let Some((_, rest)) = used.split_once('M') {
            let first = rest.split(' ').next().unwrap_or_default();
            let last = rest.rsplit('L').next().and_then(|it| it.split(' ').next());
            let last = last.unwrap_or(first);
            writeln!(
                out,
                "<path class=\"area\" d=\"{used}L{last} {FLOOR}L{first} {FLOOR}Z\"/>\
                 <path class=\"used\" d=\"{used}\"/>"
            )?;
        }
        let held = line(run, whole, |point| share(point.held, point.limit));
        writeln!(out, "<path class=\"held\" d=\"{held}\"/>")?;
        let margin = line(run, whole, |point| share(point.budget, point.limit));
        // Of a single point there is no line.
        let margin = match margin.split_once(' ') {
            Some((_, height)) if !margin.contains('L') => {
                format!("M{from:.1} {height}L{to:.1} {height}")
            }
            _ => margin,
        };
        writeln!(out, "<path class=\"margin\" d=\"{margin}\"/>")?;
    }
    let label = if most == least { text::bytes(most) } else { "100 % of each limit".to_owned() };
    writeln!(
        out,
        "<path class=\"axis\" d=\"M{LEFT} {TOP}V{FLOOR}H{WIDTH}\"/>\
         <text x=\"{LEFT}\" y=\"14\">&nbsp;{}</text>",
        escaped(&label)
    )?;
    ticks(whole, HEIGHT, out)?;
    writeln!(
        out,
        "</svg>\n<p class=\"note\"><span class=\"key used\">in use</span> <span class=\"key \
         held\">workers</span> <span class=\"key margin\">margin</span> At most {}, margin {}, \
         exceeded {}.</p>",
        text::bytes(shown.summary.memory_peak),
        text::bytes(shown.summary.budget),
        text::times(shown.summary.safety_violations)
    )
}

/// Bytes of inputs that are through at a time of the axis, in one run. Between points they are
/// taken to grow evenly; without points they are those of the files that ended.
struct Through(Vec<(f64, f64)>);

impl Through {
    /// By the points of a run.
    fn of_run(run: &Stretch) -> Self {
        let mut most = 0.0_f64;
        let mut steps = vec![(run.begin, 0.0)];
        for point in run.timeline.points() {
            // An attempt that failed takes back what it had done.
            most = most.max(text::float(point.bytes));
            steps.push((run.begin + point.seconds, most));
        }
        Self(steps)
    }

    /// By the ends of files and their sizes.
    fn of_files(mut ends: Vec<(f64, f64)>) -> Self {
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut sum = 0.0;
        for end in &mut ends {
            sum += end.1;
            end.1 = sum;
        }
        ends.insert(0, (0.0, 0.0));
        Self(ends)
    }

    fn at(&self, seconds: f64) -> f64 {
        let after = self.0.partition_point(|step| step.0 <= seconds);
        let before = after.checked_sub(1).and_then(|place| self.0.get(place)).copied();
        match (before, self.0.get(after).copied()) {
            (Some((from, low)), Some((to, high))) if to > from => {
                low + (high - low) * (seconds - from) / (to - from)
            }
            (Some((_, bytes)), _) => bytes,
            (None, _) => 0.0,
        }
    }
}

/// Bytes of inputs that went through in each step of the time.
pub(super) fn throughput(shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    let layout = shown.layout;
    let whole = layout.seconds();
    if whole <= 0.0 {
        return Ok(());
    }
    let mut curves: Vec<Through> = known(layout).map(Through::of_run).collect();
    let ends = shown.summary.files.iter().enumerate().filter_map(|(place, file)| {
        let run = layout.run_of(place).filter(|run| run.timeline.is_empty())?;
        Some((run.begin + file.ended?, text::float(file.bytes_in)))
    });
    let ends: Vec<(f64, f64)> = ends.collect();
    if !ends.is_empty() {
        curves.push(Through::of_files(ends));
    }
    let step = whole / f64::from(STEPS);
    let at = |place: u32| -> f64 {
        let seconds = step * f64::from(place);
        curves.iter().map(|curve| curve.at(seconds)).sum()
    };
    let rates: Vec<f64> =
        (0..STEPS).map(|place| (at(place + 1) - at(place)).max(0.0) / step).collect();
    let most = rates.iter().copied().fold(0.0, f64::max);
    if most <= 0.0 {
        return Ok(());
    }
    writeln!(
        out,
        "<h2>Throughput</h2>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"throughput over time\">"
    )?;
    let mut path = format!("M{LEFT} {FLOOR}");
    for (place, rate) in rates.iter().enumerate() {
        let from = x(step * text::float(place as u64), whole);
        let to = x(step * text::float(place as u64 + 1), whole);
        let height = y(rate / most);
        let _ = write!(path, "L{from:.1} {height:.1}L{to:.1} {height:.1}");
    }
    writeln!(
        out,
        "<path class=\"area\" d=\"{path}L{WIDTH} {FLOOR}Z\"/><path class=\"used\" d=\"{path}\"/>\
         <path class=\"axis\" d=\"M{LEFT} {TOP}V{FLOOR}H{WIDTH}\"/>\
         <text x=\"{LEFT}\" y=\"14\">&nbsp;{}</text>",
        escaped(&text::pace(most))
    )?;
    ticks(whole, HEIGHT, out)?;
    writeln!(out, "</svg>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::Timeline;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6
    }

    #[test]
    fn what_is_through_grows_between_points_and_never_falls() {
        let mut timeline = Timeline::default();
        for (seconds, bytes) in [(1.0, 100), (2.0, 50), (3.0, 300)] {
            timeline.add(Point { seconds, bytes, ..Point::default() });
        }
        let run = Stretch { begin: 10.0, seconds: 4.0, timeline, ..Stretch::default() };
        let through = Through::of_run(&run);
        for (seconds, bytes) in
            [(0.0, 0.0), (10.5, 50.0), (12.0, 100.0), (12.5, 200.0), (99.0, 300.0)]
        {
            assert!(close(through.at(seconds), bytes), "{seconds}: {}", through.at(seconds));
        }
        let through = Through::of_files(vec![(4.0, 10.0), (2.0, 30.0)]);
        assert!(close(through.at(3.0), 35.0) && close(through.at(9.0), 40.0));
    }
}
