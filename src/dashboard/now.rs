//! Shows what a run is doing at the moment: how far it is, its workers, its memory.

use crate::report::html::escaped;
use crate::supervisor::{Live, LiveSlot};
use crate::text::{self, float};
use std::fmt::Write as _;

/// Most slots that get a line.
const MOST: usize = 64;
/// A slot in which nothing moved for so many seconds is marked.
const STILL: f64 = 10.0;

/// The part, as HTML.
pub(super) fn now(live: &Live) -> String {
    let mut html = String::new();
    let percent = live.percent.clamp(0.0, 100.0);
    let _ = write!(
        html,
        "<p><progress id=\"progress\" max=\"100\" value=\"{percent:.1}\"></progress></p>\n\
         <p><b id=\"percent\">{percent:.1} %</b> {} of {}, {} of {}",
        text::bytes(live.bytes_done),
        text::bytes(live.bytes),
        live.ended,
        text::count(live.jobs, "file")
    );
    if let Some(rate) = live.rate {
        let _ = write!(html, ", {}", text::pace(rate));
    }
    if let Some(left) = live.eta_seconds {
        let _ = write!(html, ", {} left", text::seconds(left));
    }
    let used = text::percent(float(live.memory.used), float(live.memory.limit));
    let _ = write!(
        html,
        "</p>\n<p>Memory: {} of {} in use ({used}), margin {}, exceeded {}.",
        text::bytes(live.memory.used),
        text::bytes(live.memory.limit),
        text::bytes(live.memory.budget),
        text::times(live.safety_violations)
    );
    let workers = &live.workers;
    let _ = write!(html, " Workers: {} of {} at work", workers.busy, workers.slots);
    if workers.allowed < workers.slots {
        let why = workers.fewer.map_or(String::new(), |reason| format!(": {}", reason.why()));
        let _ = write!(html, ", {} allowed{}", workers.allowed, escaped(&why));
    }
    html.push_str(".</p>\n");
    if let Some(taking) = &live.others {
        let (done, files) = (taking.done, text::count(taking.files, "file"));
        let bytes = text::bytes(taking.bytes);
        let _ = writeln!(
            html,
            "<p id=\"others\">Files that are not JLD2: {done} of {files} taken along, {bytes} copied.</p>"
        );
    }
    if let Some(why) = &live.why {
        let _ = writeln!(html, "<p class=\"warn\">{}</p>", escaped(why));
    }
    html.push_str(
        "<div class=\"wide\"><table class=\"slots\"><thead><tr><th>slot</th><th>file</th>\
         <th>step</th><th>size</th><th>memory</th><th>for</th><th></th></tr></thead><tbody>\n",
    );
    for slot in live.slots.iter().take(MOST) {
        line(slot, &mut html);
    }
    html.push_str("</tbody></table></div>\n");
    if live.slots.len() > MOST {
        let _ = writeln!(html, "<p class=\"note\">and {} more.</p>", live.slots.len() - MOST);
    }
    html
}

fn line(slot: &LiveSlot, html: &mut String) {
    let number = slot.slot.shown();
    let Some(name) = &slot.name else {
        let _ =
            writeln!(html, "<tr><td>{number}</td><td colspan=\"6\" class=\"note\">idle</td></tr>");
        return;
    };
    let again =
        if slot.attempt > 1 { format!(", attempt {}", slot.attempt) } else { String::new() };
    let still = if slot.still > STILL {
        format!(" <span class=\"warn\">nothing moved for {}</span>", text::seconds(slot.still))
    } else {
        String::new()
    };
    let _ = writeln!(
        html,
        "<tr><td>{number}</td><td>{}{again}</td><td>{}</td><td>{}</td><td>{}</td>\
         <td>{}{still}</td><td class=\"bar\"><i style=\"width:{:.1}%\"></i>{:.0} %</td></tr>",
        escaped(name),
        slot.phase.map_or("start", |phase| phase.name()),
        text::bytes(slot.bytes),
        text::bytes(slot.anon),
        text::seconds(slot.seconds),
        slot.percent,
        slot.percent,
    );
}
