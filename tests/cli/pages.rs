//! Reports for people: a page that needs nothing else, and a table for spreadsheets.

use super::world::World;
use std::fs;

/// A run of four files, of which one fails and one has a name that a page must not believe.
fn world(report: &str) -> World {
    let world = World::new(&[1, 2, 3]);
    world.put("old/<b>&\"_00004.jld2", "no JLD2 at all, <script>alert(1)</script>");
    world.put("old/<b>&\"_00005.jld2", super::world::sample(super::world::OLD));
    world.supervisor(&["old", "new", "--workers", "2", "--report", report]).ends(0);
    let args = ["old", "new", "--workers", "2", "--prefix", "<b>&\"_", "--report", report];
    world.supervisor(&args).ends(1);
    world
}

/// What holds of every page.
fn checked(page: &str) {
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    // Nothing from elsewhere, and nothing of a file's that is not text.
    for foreign in ["http://", "https://", "src=", "href=", "@import", "url(", "<b>&\"_"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert_eq!(page.matches("<script>").count(), 1, "our own");
    for tag in ["html", "head", "body", "table", "tbody", "tr", "td", "svg", "dl", "h2"] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn a_page_of_a_run() {
    let world = world("run.html");
    let page = fs::read_to_string(world.at("run.html")).unwrap();
    checked(&page);
    assert!(page.contains("1 converted, 0 unchanged, 0 skipped, 1 failed"), "{page}");
    assert!(page.contains("&lt;b&gt;&amp;&quot;_00004.jld2"), "{page}");
    assert!(page.contains("not a JLD2 file"), "{page}");
    assert!(page.matches("<rect class=\"converted\"").count() == 1, "its bar in the timeline");
    assert!(page.matches("<rect class=\"failed\"").count() == 1, "the failed one's, too");
    // The same of all runs, from the journal.
    let ended = world.supervisor(&["report", "new", "--html", "all.html", "--csv", "all.csv"]);
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert!(ended.out.contains("failed"), "the summary is printed as ever: {ended:#?}");
    let page = fs::read_to_string(world.at("all.html")).unwrap();
    checked(&page);
    assert!(page.contains("output_00003.jld2") && page.contains("_00005.jld2"), "{page}");
    let table = fs::read_to_string(world.at("all.csv")).unwrap();
    assert_eq!(table.lines().count(), 6, "{table}");
}

#[test]
fn a_table_of_a_run() {
    let world = world("run.csv");
    let table = fs::read_to_string(world.at("run.csv")).unwrap();
    let lines: Vec<&str> = table.split("\r\n").collect();
    assert!(lines[0].starts_with("name,number,outcome,fault,message,mode,bytes_in,"), "{table}");
    assert_eq!(lines.len(), 4, "a head, two files, an end: {table}");
    assert!(lines[1].starts_with("\"<b>&\"\"_00004.jld2\",4,failed,input,"), "{table}");
    assert!(lines[2].starts_with("\"<b>&\"\"_00005.jld2\",5,converted,,,patch,"), "{table}");
}

#[test]
fn a_page_that_cannot_be_written_is_told_before_the_run() {
    let world = World::new(&[1]);
    world.supervisor(&["old", "new", "--report", "nowhere/run.html"]).ends(2);
    assert!(!world.at("new").exists());
    world.supervisor(&["old", "new"]).ends(0);
    world.supervisor(&["report", "new", "--html", "nowhere/run.html"]).ends(2);
}
