//! Writes a scan as a table for spreadsheets (RFC 4180).

use super::kept::Kept;
use super::list::{ScanFile, ScanFiles};
use super::task::{Found, Seen, problem};
use crate::report::csv_line;
use std::io::{self, Write};

/// The columns, in order; most are named as in the JSON.
const COLUMNS: [&str; 18] = [
    "path",
    "number",
    "bytes",
    "result",
    "kind",
    "era",
    "format",
    "writer",
    "output",
    "datasets",
    "bytes_data",
    "codecs",
    "case",
    "warnings",
    "failures",
    "to_do",
    "hdf5",
    "problem",
];

/// Writes a head and one line for each file.
///
/// # Errors
/// The writer's own.
pub fn csv(kept: &Kept, files: &ScanFiles, out: &mut dyn Write) -> io::Result<()> {
    csv_line(out, &COLUMNS.map(str::to_owned))?;
    for (file, found) in kept.table(files) {
        csv_line(out, &cells(&file, &found))?;
    }
    Ok(())
}

fn cells(file: &ScanFile, found: &Found) -> [String; COLUMNS.len()] {
    let number = |number: Option<u64>| number.map_or_else(String::new, |it| it.to_string());
    let mut cells = COLUMNS.map(|_| String::new());
    let mut put = |column: &str, text: String| {
        if let Some(at) = COLUMNS.iter().position(|it| *it == column)
            && let Some(cell) = cells.get_mut(at)
        {
            *cell = text;
        }
    };
    put("path", file.path.display().to_string());
    put("number", number(file.number));
    put("bytes", file.bytes.to_string());
    put("problem", problem(found).unwrap_or_default());
    match found {
        Ok(scan) => match &scan.seen {
            Seen::Read(glance) => {
                let codecs: Vec<_> = glance.codecs.keys().map(String::as_str).collect();
                put("result", "read".to_owned());
                put("kind", word(&glance.kind));
                put("era", glance.era());
                put("format", glance.format.clone().unwrap_or_default());
                put("writer", glance.writer.clone().unwrap_or_default());
                put("output", glance.output.map_or_else(String::new, |it| it.to_string()));
                put("datasets", glance.datasets.to_string());
                put("bytes_data", glance.bytes_data.to_string());
                put("codecs", codecs.join("+"));
                put("case", word(&glance.verdict.case));
                put("warnings", number(glance.verdict.warnings));
                put("failures", glance.verdict.failures.to_string());
                put("to_do", todo(&glance.action));
                put("hdf5", glance.readers.told(false).join("; "));
            }
            Seen::Refused(refusal) => {
                put("result", "refused".to_owned());
                put("kind", word(&refusal.kind));
                put("case", word(&refusal.outlook("").case));
            }
        },
        Err(_) => put("result", "crashed".to_owned()),
    }
    cells
}

fn todo(action: &crate::inspect::Action) -> String {
    let json = serde_json::to_value(action).unwrap_or_default();
    json.get("do").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

/// The word that the JSON has for a value.
fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
