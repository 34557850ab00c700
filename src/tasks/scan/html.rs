//! Writes a scan as one page that needs nothing else.

use super::call::ScanCall;
use super::catalogue::Catalogue;
use super::kept::Kept;
use super::list::{ScanFile, ScanFiles};
use super::show::summary;
use super::task::{FileScan, Found, Seen, problem};
use crate::report::{Head, escaped, frame, table_begin, wrapped};
use crate::text::bytes;
use std::io::{self, Write};

/// Most files that get a line in the table; a browser is slow with more.
const MOST_ROWS: usize = 20_000;

/// Characters of a line of the summary.
const COLUMNS: usize = 118;

const HEADS: [Head; 9] = [
    Head::Text("file"),
    Head::Number("size"),
    Head::Text("era"),
    Head::Text("writer"),
    Head::Number("datasets"),
    Head::Text("codecs"),
    Head::Text("case"),
    Head::Number("warnings"),
    Head::Text("remark"),
];

/// Writes the page.
///
/// # Errors
/// The writer's own.
pub fn page(
    catalogue: &Catalogue,
    call: &ScanCall,
    (kept, files): (&Kept, &ScanFiles),
    out: &mut dyn Write,
) -> io::Result<()> {
    let title = format!("jldconv scan: {} files", catalogue.files);
    frame(&title, out, &mut |out| {
        writeln!(out, "<h1>{}</h1>", escaped(&title))?;
        writeln!(out, "<pre>{}</pre>", escaped(&wrapped(&summary(catalogue, call), COLUMNS)))?;
        writeln!(out, "<h2>Files</h2>")?;
        table_begin("files", Some("path, era, codec, problem"), &HEADS, out)?;
        for (file, found) in kept.table(files).take(MOST_ROWS) {
            row(&file, &found, out)?;
        }
        writeln!(out, "</tbody></table></div>")?;
        if kept.rows() > MOST_ROWS {
            writeln!(
                out,
                "<p class=\"note\">The first {MOST_ROWS} of {} files; all are in the table for \
                 spreadsheets (--csv) and in the JSON.</p>",
                kept.rows()
            )?;
        }
        Ok(())
    })
}

fn row(file: &ScanFile, found: &Found, out: &mut dyn Write) -> io::Result<()> {
    let path = file.path.display().to_string();
    let (path, size) = (escaped(&path), bytes(file.bytes));
    write!(out, "<tr><td>{path}</td><td data-v=\"{}\">{size}</td>", file.bytes)?;
    let problem = problem(found);
    let class = if problem.is_some() { "failed" } else { "unchanged" };
    if let Ok(FileScan { seen: Seen::Read(glance), .. }) = found {
        let codecs: Vec<_> = glance.codecs.keys().map(String::as_str).collect();
        // What fails is worse than any number of warnings.
        let (warnings, rank) = match glance.verdict.warnings {
            Some(n) => (n.to_string(), n),
            None => ("fails".to_owned(), u64::from(u32::MAX)),
        };
        let case = serde_json::to_value(glance.verdict.case).unwrap_or_default();
        write!(
            out,
            "<td>{}</td><td class=\"whole\">{}</td><td data-v=\"{}\">{}</td><td>{}</td><td>{}</td>\
             <td data-v=\"{rank}\">{warnings}</td>",
            escaped(&glance.era()),
            escaped(glance.writer.as_deref().unwrap_or("")),
            glance.datasets,
            glance.datasets,
            escaped(&codecs.join("+")),
            escaped(case.as_str().unwrap_or("")),
        )?;
        let remark = problem.unwrap_or_else(|| glance.verdict.text.clone());
        return writeln!(out, "<td class=\"{class}\">{}</td></tr>", escaped(&remark));
    }
    let remark = problem.unwrap_or_default();
    writeln!(
        out,
        "<td></td><td></td><td data-v=\"0\"></td><td></td><td></td><td data-v=\"0\"></td>\
         <td class=\"{class}\">{}</td></tr>",
        escaped(&remark)
    )
}
