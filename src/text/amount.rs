//! Writes numbers as people read them. Always the same width of meaning: one decimal, binary units
//! of memory and disk as `GiB`, lengths of time as `1:02:03` or `4.2 s`.

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// A number of bytes: `312 B`, `897.3 KiB`, `1.5 GiB`.
pub fn bytes(count: u64) -> String {
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = float(count) / 1024.0;
    let mut unit = UNITS.iter();
    let mut name = unit.next();
    // What would be shown as 1024.0 is 1.0 of the next unit.
    while value >= 1023.95
        && let Some(next) = unit.next()
    {
        value /= 1024.0;
        name = Some(next);
    }
    format!("{value:.1} {}", name.copied().unwrap_or_default())
}

/// Bytes in a time, as `1.2 GiB/s`; empty where no time passed.
pub fn rate(count: u64, seconds: f64) -> String {
    if seconds < 1e-3 {
        return String::new();
    }
    pace(float(count) / seconds)
}

/// Bytes a second, as `1.2 GiB/s`.
pub fn pace(rate: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float that is cast saturates, which is what a display wants"
    )]
    let rate = rate as u64;
    format!("{}/s", bytes(rate))
}

/// A length of time: `4.2 s` below a minute, `12:34` below an hour, `1:02:03`, `2 d 01:02:03`.
pub fn seconds(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "-".to_owned();
    }
    if seconds < 59.95 {
        // The sum of no times is -0.0.
        return format!("{:.1} s", seconds.abs());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float that is cast saturates, which is what a display wants"
    )]
    let whole = seconds.round() as u64;
    let (minutes, second) = (whole / 60, whole % 60);
    let (hours, minute) = (minutes / 60, minutes % 60);
    let (days, hour) = (hours / 24, hours % 24);
    match (days, hours) {
        (0, 0) => format!("{minute}:{second:02}"),
        (0, _) => format!("{hour}:{minute:02}:{second:02}"),
        _ => format!("{days} d {hour:02}:{minute:02}:{second:02}"),
    }
}

/// A count with its noun: `1 file`, `2 files`, `3 directories`.
pub fn count(number: u64, noun: &str) -> String {
    let stem = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']));
    match stem {
        _ if number == 1 => format!("{number} {noun}"),
        Some(stem) => format!("{number} {stem}ies"),
        None => format!("{number} {noun}s"),
    }
}

/// A share as `81.3 %`.
pub fn percent(part: f64, whole: f64) -> String {
    if whole > 0.0 { format!("{:.1} %", part / whole * 100.0) } else { "-".to_owned() }
}

/// A count as a float; exact up to 2^53, and near enough for display above.
#[expect(clippy::cast_precision_loss, reason = "for display")]
pub fn float(count: u64) -> f64 {
    count as f64
}

/// `is` or `are`, for so many.
pub fn is_are(number: u64) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

/// How often: `once`, `2 times`.
pub fn times(number: u64) -> String {
    if number == 1 { "once".to_owned() } else { format!("{number} times") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_are_read_at_a_glance() {
        let shown: Vec<String> = [
            0,
            1023,
            1024,
            897_294,
            1_048_524,
            1_048_525,
            1 << 20,
            3 << 29,
            2_317_444_737,
            u64::MAX,
        ]
        .map(bytes)
        .to_vec();
        let expected = [
            "0 B",
            "1023 B",
            "1.0 KiB",
            "876.3 KiB",
            "1023.9 KiB",
            "1.0 MiB",
            "1.0 MiB",
            "1.5 GiB",
            "2.2 GiB",
            "16.0 EiB",
        ];
        assert_eq!(shown, expected);
        assert_eq!(rate(3 << 30, 2.0), "1.5 GiB/s");
        assert_eq!(rate(1, 0.0), "");
    }

    #[test]
    fn times_are_read_at_a_glance() {
        let shown =
            [0.0, 4.234, 59.94, 59.96, 754.0, 3723.4, 176_523.0, f64::NAN, -1.0].map(seconds);
        let expected =
            ["0.0 s", "4.2 s", "59.9 s", "1:00", "12:34", "1:02:03", "2 d 01:02:03", "-", "-"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn counts_have_their_noun_and_verb() {
        assert_eq!([count(0, "file"), count(1, "file")], ["0 files", "1 file"]);
        let of = |noun| [1, 2].map(|number| count(number, noun));
        assert_eq!(of("directory"), ["1 directory", "2 directories"]);
        assert_eq!(of("array"), ["1 array", "2 arrays"]);
        assert_eq!([0, 1, 2].map(is_are), ["are", "is", "are"]);
        assert_eq!([1, 3].map(times), ["once", "3 times"]);
        assert_eq!(percent(1.0, 3.0), "33.3 %");
        assert_eq!(percent(1.0, 0.0), "-");
    }

    proptest! {
        #[test]
        fn bytes_never_show_a_thousand_of_a_unit(count: u64) {
            let text = bytes(count);
            let number: f64 = text.split(' ').next().unwrap().parse().unwrap();
            prop_assert!(number < 1024.0, "{}", text);
        }
    }
}
