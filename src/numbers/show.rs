//! Overviews and statistics as people read them.

use super::condition::Number;
use super::histogram::Spacing;
use super::overview::{Overview, TableOverview};
use super::statistics::{Statistics, Told};
use crate::text;
use std::fmt::Write as _;

/// Characters of the longest bar.
const BAR: u64 = 50;
/// Parts of a character that a bar can end with.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// A number in about six digits.
pub fn short(x: f64) -> String {
    let size = x.abs();
    if x.to_bits() << 1 == 0 {
        return "0".to_owned();
    }
    if !(1e-4..1e7).contains(&size) || !x.is_finite() {
        return if x.is_finite() { trimmed(&format!("{x:.5e}")) } else { x.to_string() };
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number is between 1e-4 and 1e7"
    )]
    let digits = (5.0 - size.log10().floor()).clamp(0.0, 9.0) as usize;
    trimmed(&format!("{x:.digits$}"))
}

/// Without zeros at the end of the fraction.
fn trimmed(text: &str) -> String {
    let (digits, exponent) = match text.split_once('e') {
        Some((digits, exponent)) => (digits, format!("e{exponent}")),
        None => (text, String::new()),
    };
    if !digits.contains('.') {
        return text.to_owned();
    }
    format!("{}{exponent}", digits.trim_end_matches('0').trim_end_matches('.'))
}

fn told(number: Told) -> String {
    match number.0 {
        Number::Integer(i) => i.to_string(),
        Number::Float(x) => short(x),
    }
}

impl Overview {
    /// The redshift in words; none of a box that does not expand.
    fn redshift_told(&self) -> Option<String> {
        self.cosmological.then(|| match self.redshift {
            Some(z) => format!("redshift {}", short(z)),
            None => "redshift unknown: no expansion factor is stored".to_owned(),
        })
    }

    /// All of it, in lines.
    pub fn text(&self) -> String {
        let mut out = text::tame(&self.path);
        let info = &self.info;
        if let Some(output) = info.output {
            let _ = write!(out, ": output {output}");
        }
        if let Some(code) = &info.simcode {
            let _ = write!(out, " of {}", text::tame(code));
        }
        let _ = writeln!(out, ", {}", text::bytes(self.bytes));
        let myr = self.time_myr.map_or("unknown".to_owned(), |myr| format!("{} Myr", short(myr)));
        let _ = write!(out, "  time    {myr} ({} in code units)", short(self.time));
        if let Some(redshift) = self.redshift_told() {
            let _ = write!(out, ", {redshift}");
        }
        let _ = writeln!(
            out,
            "\n  box     {} kpc ({} in code units), levels {} to {}",
            short(self.box_kpc),
            short(info.boxlen),
            info.levelmin,
            info.levelmax
        );
        for table in &self.tables {
            table.show(&mut out);
        }
        if self.tables.iter().all(|table| table.columns.iter().all(|column| column.min.is_none())) {
            out.push_str("\nSmallest and largest numbers, masses and cells by level: --scan\n");
        }
        out
    }

    /// The heads of [`line`](Self::line)'s columns, with names of files of up to `width` characters.
    pub fn line_head(width: usize) -> String {
        format!(
            "{:<width$}  {:>6}  {:>12}  {:>9}  {:>7}  {:>12}  {:>11}  {:>10}\n",
            "file", "output", "time (Myr)", "redshift", "levels", "cells", "particles", "size"
        )
    }

    /// One line of a list of files.
    pub fn line(&self, name: &str, width: usize) -> String {
        let rows = |wanted: &str| {
            let table = self.tables.iter().find(|table| table.name == wanted);
            table.map_or("-".to_owned(), |table| table.rows.to_string())
        };
        let dash = || "-".to_owned();
        format!(
            "{:<width$}  {:>6}  {:>12}  {:>9}  {:>7}  {:>12}  {:>11}  {:>10}\n",
            text::tame(name),
            self.info.output.map_or_else(dash, |output| output.to_string()),
            self.time_myr.map_or_else(dash, short),
            self.redshift.map_or_else(dash, short),
            format!("{}-{}", self.info.levelmin, self.info.levelmax),
            rows("hydro"),
            rows("particles"),
            text::bytes(self.bytes),
        )
    }
}

impl TableOverview {
    fn show(&self, out: &mut String) {
        let noun = match self.name {
            "particles" => "particle",
            "clumps" => "clump",
            _ => "cell",
        };
        let _ = write!(out, "\n{}: {}", self.name, text::count(self.rows, noun));
        if let (Some(lmin), Some(lmax)) = (self.lmin, self.lmax) {
            let _ = write!(out, ", levels {lmin} to {lmax}");
        }
        if self.part {
            let sides: Vec<_> = self
                .ranges
                .chunks_exact(2)
                .zip(["x", "y", "z"])
                .filter_map(|(range, axis)| match range {
                    [low, high] => Some(format!("{axis} {} to {}", short(*low), short(*high))),
                    _ => None,
                })
                .collect();
            let _ = write!(out, ", part of the box: {}", sides.join(", "));
        }
        out.push('\n');
        if let Some(mass) = self.mass_msol {
            let _ = write!(out, "  mass {} Msol", short(mass));
            if let Some(center) = self.center_of_mass_kpc {
                let [x, y, z] = center.map(short);
                let _ = write!(out, ", centre of mass at {x}, {y}, {z} kpc");
            }
            out.push('\n');
        }
        if let Some(levels) = &self.levels {
            let rows: Vec<_> =
                levels.iter().map(|(level, rows)| format!("{level}: {rows}")).collect();
            let _ = writeln!(out, "  {noun}s by level  {}", rows.join(", "));
        }
        self.show_columns(out);
    }

    fn show_columns(&self, out: &mut String) {
        let names = self.columns.iter().map(|column| text::tame(&column.name).chars().count());
        let width = names.max().unwrap_or(0).clamp(6, 24);
        let scanned = self.columns.iter().any(|column| column.min.is_some());
        let extremes =
            if scanned { format!("  {:>13}  {:>13}", "min", "max") } else { String::new() };
        let _ = writeln!(out, "  {:<width$}  {:<7}{extremes}  code unit", "column", "type");
        for column in &self.columns {
            let number = column.number.unwrap_or("other");
            let _ = write!(out, "  {:<width$}  {number:<7}", text::tame(&column.name));
            if scanned {
                let [min, max] = [column.min, column.max].map(|it| it.map_or("-".to_owned(), told));
                let _ = write!(out, "  {min:>13}  {max:>13}");
            }
            if let (Some(unit), Some(factor)) = (column.unit, column.factor) {
                let _ = write!(out, "  {} {unit}", short(factor));
            }
            while out.ends_with(' ') {
                out.pop();
            }
            out.push('\n');
        }
    }
}

impl Statistics {
    /// All of it, in lines, under a head.
    pub fn text(&self, label: &str) -> String {
        let mut out = format!("{}\n", text::tame(label));
        let mut line = |name: &str, value: String| {
            let _ = writeln!(out, "  {name:<7} {value}");
        };
        line("count", self.count.to_string());
        if self.nan > 0 {
            line("NaN", format!("{} (left out below)", self.nan));
        }
        if self.infinite > 0 {
            line("Inf", self.infinite.to_string());
        }
        if let (Some(min), Some(max), Some(mean)) = (self.min, self.max, self.mean) {
            line("min", told(min));
            line("max", told(max));
            line("mean", short(mean));
            line("sum", told(self.sum));
        }
        for (percentile, value) in &self.percentiles {
            line(&format!("{}%", short(*percentile)), short(*value));
        }
        out.push_str(&self.bars());
        out
    }

    /// The histogram as bars.
    fn bars(&self) -> String {
        let Some(histogram) = &self.histogram else { return String::new() };
        let spacing = match histogram.spacing {
            Spacing::Linear => "",
            Spacing::Log => ", logarithmic",
        };
        let most = histogram.most().max(1);
        let mut out = format!("  from here on, how many{spacing}\n");
        for (i, &count) in histogram.counts.iter().enumerate() {
            let eighths = u128::from(count) * u128::from(BAR) * 8 / u128::from(most);
            let eighths = usize::try_from(eighths).unwrap_or(0);
            let end = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
            // However small, what is there shows.
            let end = if eighths == 0 && count > 0 { "▏" } else { end };
            let bar = format!("{}{end}", "█".repeat(eighths / 8));
            let gap = if bar.is_empty() { "" } else { " " };
            let _ = writeln!(out, "  {:>12} {bar}{gap}{count}", short(histogram.edge(i)));
        }
        let _ = writeln!(out, "  {:>12}", short(histogram.high));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (x, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (445.894_123, "445.894"),
            (-0.001_234_567_8, "-0.00123457"),
            (1e-5, "1e-5"),
            (6.02e23, "6.02e23"),
            (9_999_999.4, "9999999"),
            (12_345_678.0, "1.23457e7"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(short(x), text);
        }
    }
}
