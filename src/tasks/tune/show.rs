//! Prints what was measured: a table, and a page with a picture.

use super::judge::{Advice, Trial};
use super::run::Tuned;
use crate::report::{Head, escaped, frame, table_begin};
use crate::text::{self, bytes, count, float, rate, seconds};
use std::fmt::Write as _;
use std::io::{self, Write};

const HEADS: [Head; 8] = [
    Head::Number("workers"),
    Head::Number("threads"),
    Head::Number("median"),
    Head::Number("shortest"),
    Head::Number("longest"),
    Head::Number("runs"),
    Head::Number("rate"),
    Head::Number("memory"),
];

/// The table, and what follows.
pub fn table(tuned: &Tuned) -> String {
    let mut out = format!("  sample      {}\n", sample(tuned));
    let _ = writeln!(
        out,
        "  {:>7}  {:>7}  {:>8}  {:>15}  {:>4}  {:>11}  {:>10}",
        "workers", "threads", "median", "range", "runs", "rate", "memory"
    );
    for trial in &tuned.trials {
        let _ = writeln!(
            out,
            "  {:>7}  {:>7}  {:>8}  {:>15}  {:>4}  {:>11}  {:>10}",
            trial.setting.workers,
            trial.setting.threads,
            seconds_of(trial.median()),
            range(trial),
            trial.seconds.len(),
            rate(tuned.bytes, trial.median()),
            bytes(trial.peak),
        );
    }
    if tuned.cut {
        out.push_str("  (time was over before all rounds were measured: --time)\n");
    }
    let _ = writeln!(out, "  advice      {}", advice(tuned));
    out
}

/// What was measured with.
fn sample(tuned: &Tuned) -> String {
    format!(
        "{}, {}; {}; outputs in {} ({})",
        count(tuned.files, "file"),
        bytes(tuned.bytes),
        count(tuned.cores as u64, "core"),
        text::tame(&tuned.place),
        tuned.file_system
    )
}

/// Hundredths count here.
fn seconds_of(time: f64) -> String {
    if time < 10.0 { format!("{time:.2} s") } else { seconds(time) }
}

fn range(trial: &Trial) -> String {
    let at = |time: Option<&f64>| time.copied().unwrap_or(f64::NAN);
    format!("{:.2}-{:.2} s", at(trial.seconds.first()), at(trial.seconds.last()))
}

fn advice(tuned: &Tuned) -> String {
    match &tuned.advice {
        Advice::Defaults => {
            "no flags: nothing was faster than the defaults by more than times differ by themselves"
                .to_owned()
        }
        Advice::Use { setting, faster } => {
            let threads = if tuned.rewritten {
                format!(" --threads-per-worker {}", setting.threads)
            } else {
                String::new()
            };
            format!(
                "--workers {}{threads}: {faster:.2} times as fast as the defaults",
                setting.workers
            )
        }
        Advice::Unknown { why } => format!("none: {why}"),
    }
}

/// Writes the page.
///
/// # Errors
/// The writer's own.
pub fn page(tuned: &Tuned, out: &mut dyn Write) -> io::Result<()> {
    frame("jldconv tune", out, &mut |out| {
        writeln!(out, "<h1>jldconv tune</h1>\n<p class=\"where\">{}</p>", escaped(&sample(tuned)))?;
        writeln!(out, "<p>Recommended: {}</p>", escaped(&advice(tuned)))?;
        writeln!(out, "<h2>Time of the sample</h2>")?;
        picture(tuned, out)?;
        writeln!(
            out,
            "<p class=\"note\">Bars are medians; the line goes from the shortest time to the \
             longest.</p>"
        )?;
        table_begin("settings", None, &HEADS, out)?;
        for trial in &tuned.trials {
            write!(
                out,
                "<tr><td data-v=\"{}\">{}</td><td data-v=\"{}\">{}</td>",
                trial.setting.workers,
                trial.setting.workers,
                trial.setting.threads,
                trial.setting.threads
            )?;
            let ends = [trial.seconds.first(), trial.seconds.last()];
            for time in [Some(trial.median())].into_iter().chain(ends.map(Option::<&f64>::copied)) {
                let time = time.unwrap_or(0.0);
                write!(out, "<td data-v=\"{time:.4}\">{}</td>", seconds_of(time))?;
            }
            writeln!(
                out,
                "<td data-v=\"{}\">{}</td><td data-v=\"{:.0}\">{}</td><td data-v=\"{}\">{}</td></tr>",
                trial.seconds.len(),
                trial.seconds.len(),
                float(tuned.bytes) / trial.median(),
                rate(tuned.bytes, trial.median()),
                trial.peak,
                bytes(trial.peak)
            )?;
        }
        writeln!(out, "</tbody></table></div>")
    })
}

/// A bar for each setting's median time, with a line from the shortest time to the longest.
fn picture(tuned: &Tuned, out: &mut dyn Write) -> io::Result<()> {
    let most = tuned.trials.iter().filter_map(|it| it.seconds.last()).fold(1e-9, |a, b| b.max(a));
    let (line, left, width) = (26, 170.0, 700.0);
    let height = line * tuned.trials.len() + 10;
    writeln!(out, "<svg viewBox=\"0 0 960 {height}\" role=\"img\" aria-label=\"times\">")?;
    for (i, trial) in tuned.trials.iter().enumerate() {
        let y = i * line + 8;
        let to = |time: f64| time / most * width;
        let at = |time: Option<&f64>| left + to(time.copied().unwrap_or(0.0));
        writeln!(
            out,
            "<text x=\"8\" y=\"{}\">{} \u{d7} {}</text>\
             <rect class=\"converted\" x=\"{left}\" y=\"{y}\" width=\"{:.1}\" height=\"16\"/>\
             <path class=\"whisker\" d=\"M{:.1} {} H{:.1}\"/><text x=\"{:.1}\" y=\"{}\">{}</text>",
            y + 13,
            count(trial.setting.workers as u64, "worker"),
            count(trial.setting.threads as u64, "thread"),
            to(trial.median()),
            at(trial.seconds.first()),
            y + 8,
            at(trial.seconds.last()),
            at(trial.seconds.last()) + 8.0,
            y + 13,
            seconds_of(trial.median()),
        )?;
    }
    writeln!(out, "</svg>")
}
