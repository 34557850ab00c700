//! The page that follows a run, and the report's page, in a real browser while a real run goes on.

use super::devtools::Browser;
use super::flaky::Flaky;
use super::world::{World, binary};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

/// A run that goes on, and its page.
struct Run {
    child: Child,
    url: String,
    /// What else it said on standard error.
    err: BufReader<std::process::ChildStderr>,
}

/// Starts the supervisor, whose files take so much longer each, and waits for its page.
fn run(world: &World, slow: &str, args: &[&str]) -> Run {
    run_with(world, slow, args, &[])
}

fn run_with(world: &World, slow: &str, args: &[&str], variables: &[(&str, &OsStr)]) -> Run {
    let mut command = world.plain(binary("jldconv-supervisor"));
    command.args(args).env("JLDCONV_FAULT", format!("slow={slow}@*"));
    command.envs(variables.iter().copied());
    // As for somebody who works on another machine.
    command.env("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22");
    let mut child =
        command.stdout(Stdio::null()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("http://") {
        line.clear();
        assert!(err.read_line(&mut line).unwrap() > 0, "it ended without a page");
    }
    let url = line.split_whitespace().last().unwrap().to_owned();
    Run { child, url, err }
}

impl Run {
    /// Address and token of the page.
    fn parts(&self) -> (String, String) {
        let rest = self.url.strip_prefix("http://").unwrap();
        let (address, token) = rest.split_once("/?token=").unwrap();
        (address.to_owned(), token.to_owned())
    }

    /// The first line of the answer to a request.
    fn answer(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.parts().0).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    /// Ends with this code; gives what it said after the page's address.
    fn ends(mut self, code: i32) -> String {
        let mut rest = String::new();
        self.err.read_to_string(&mut rest).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(code), "{rest}");
        rest
    }
}

/// Files beside the archive's.
const OTHERS: u64 = 600;

const NUMBERS: [u64; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

#[test]
fn only_who_has_the_address_sees_the_run_and_nobody_holds_it_up() {
    let world = World::new(&NUMBERS[..4]);
    let run = run(&world, "400ms", &["old", "new", "--yes", "--workers=1", "--dashboard"]);
    let (address, token) = run.parts();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let get = |path: &str| run.answer(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_eq!(get(&format!("/?token={token}")), "HTTP/1.1 200 OK");
    for wrong in ["/", "/events", "/?token=", &format!("/events?token={}", "0".repeat(64))] {
        assert_eq!(get(wrong), "HTTP/1.1 401 Unauthorized", "{wrong}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        let asked = format!("{method} /?token={token} HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(run.answer(&asked), "HTTP/1.1 405 Method Not Allowed");
    }
    // Some connect and say nothing, some look and never read: the run ends all the same.
    let open = || TcpStream::connect(&address).unwrap();
    let _silent: Vec<TcpStream> = (0..10).map(|_| open()).collect();
    let watch = || {
        let mut stream = open();
        write!(stream, "GET /events?token={token} HTTP/1.1\r\n\r\n").unwrap();
        stream
    };
    let mut watchers: Vec<TcpStream> = (0..9).map(|_| watch()).collect();
    let mut first = String::new();
    let mut answers = Vec::new();
    for watcher in &mut watchers {
        let mut line = String::new();
        BufReader::new(watcher).read_line(&mut line).unwrap();
        answers.push(line);
    }
    let refused = answers.iter().filter(|line| line.contains("503")).count();
    assert_eq!(refused, 1, "eight may follow: {answers:?}");
    let said = run.ends(0);
    let port = address.rsplit(':').next().unwrap();
    assert!(said.contains(&format!("ssh -L {port}:127.0.0.1:{port} ")), "{said}");
    assert_eq!(world.names("new").len(), 4);
    // Who reads gets the end.
    watchers.retain_mut(|watcher| {
        first.clear();
        watcher.read_to_string(&mut first).is_ok() && first.contains("\"over\":true")
    });
    assert!(!watchers.is_empty());
}

#[test]
fn an_address_that_is_taken_or_none_is_told_before_anything_is_done() {
    let world = World::new(&[1]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("--dashboard={}", taken.local_addr().unwrap());
    let ended = world.supervisor(&["old", "new", "--yes", &address]).ends(2);
    assert!(ended.err.contains("in use"), "{ended:#?}");
    assert!(!world.at("new").exists());
    world.supervisor(&["old", "new", "--dashboard=nowhere"]).ends(2);
    world.supervisor(&["old", "new", "--yes", "--dashboard=false"]).ends(0);
}

/// The texts of a column of the table, as they stand.
fn column(browser: &mut Browser, place: usize) -> Vec<String> {
    let texts = format!("[...files.body.rows].map((row) => row.cells[{place}].textContent)");
    serde_json::from_value(browser.value(&texts)).unwrap()
}

/// The HTML of each part of a page.
fn parts(browser: &mut Browser) -> Vec<(String, String)> {
    let parts = "[...document.querySelectorAll('section')].filter((it) => it.id !== 'now')\
                 .map((it) => [it.id, it.innerHTML.trim()])";
    serde_json::from_value(browser.value(parts)).unwrap()
}

fn sorts(browser: &mut Browser) {
    browser.click("#files th:nth-child(1) button");
    let up = column(browser, 0);
    assert!(up.is_sorted() && up.len() > 1, "{up:?}");
    browser.click("#files th:nth-child(1) button");
    let mut down = column(browser, 0);
    assert_ne!(down, up);
    down.reverse();
    assert!(down.is_sorted(), "{down:?}");
}

/// While other files are taken along, the page says so, and not that the run is done.
#[test]
fn a_browser_sees_other_files_being_taken_along() {
    let Some(mut browser) = Browser::start() else { return };
    let (world, flaky) = (World::new(&NUMBERS[..1]), Flaky::new());
    for number in 0..OTHERS {
        world.put(&format!("old/other{number:04}.txt"), "text");
    }
    // A tenth of a second for each.
    flaky.fail("stat", -100, 1_000_000, "old/other");
    let library = flaky.library.as_os_str();
    let args = ["old", "new", "--yes", "--others=copy", "--dashboard"];
    let run = run_with(&world, "1ms", &args, &[("LD_PRELOAD", library)]);
    browser.open(&run.url);
    browser.until(
        "/ [2-9] of 600 files taken along/.test(document.getElementById('others')?.textContent)",
    );
    let verdict = browser.value("document.getElementById('verdict').textContent");
    assert_eq!(verdict, "Taking other files along");
    browser.look(1200, false, "screen");
    browser.picture("live-others");
    world.supervisor(&["stop", "new"]).ends(0);
    browser.until("document.getElementById('verdict').textContent === 'Interrupted'");
    browser.until("document.getElementById('head').textContent.includes('left for the next run')");
    run.ends(3);
    assert_eq!(browser.errors, Vec::<String>::new());
}

#[test]
fn a_browser_follows_a_run_to_its_report() {
    let Some(mut browser) = Browser::start() else { return };
    let world = World::new(&NUMBERS);
    world.put("old/output_00011.jld2", "no JLD2 at all");
    let args = ["old", "new", "--yes", "--workers=2", "--dashboard", "--report=run.html"];
    let run = run(&world, "900ms", &args);
    browser.open(&run.url);
    browser.until("document.getElementById('verdict')?.textContent === 'Running'");
    browser.until("files.body.rows.length >= 2");
    let percent = "Number(document.getElementById('progress')?.value ?? 100)";
    let then = browser.value(percent).as_f64().unwrap();
    assert!(then < 100.0, "{then}");
    for (name, width, dark) in [("light", 1200, false), ("dark", 1200, true), ("narrow", 400, true)]
    {
        browser.look(width, dark, "screen");
        browser.picture(&format!("live-{name}"));
    }
    browser.look(1200, false, "screen");
    sorts(&mut browser);
    browser.until(&format!("{percent} > {then}"));
    browser.until("document.querySelector('#timeline rect.converted') !== null");
    browser.until("document.getElementById('verdict').textContent.startsWith('Done')");
    browser.until("document.getElementById('link').dataset.state === 'over'");
    let mut followed = (parts(&mut browser), column(&mut browser, 0));
    assert_eq!(browser.value("document.getElementById('now').textContent"), "");
    run.ends(1);
    browser.open(&format!("file://{}", world.at("run.html").display()));
    let mut report = (parts(&mut browser), column(&mut browser, 0));
    followed.1.sort();
    report.1.sort();
    assert_eq!(followed, report, "what was followed ends as what is reported");
    for part in ["head", "cards", "timeline", "memory", "throughput", "slots", "failures"] {
        assert!(report.0.iter().any(|(name, html)| name == part && !html.is_empty()), "{part}");
    }
    // The report's table sorts and is filtered, too.
    sorts(&mut browser);
    browser
        .value("(() => { search.value = '00011'; search.dispatchEvent(new Event('input')); })()");
    assert_eq!(browser.value("shown.textContent"), "1 of 11 files");
    browser.value("(() => { search.value = ''; search.dispatchEvent(new Event('input')); })()");
    let background = "getComputedStyle(document.body).backgroundColor";
    let mut looks = Vec::new();
    for (name, width, dark, media) in [
        ("light", 1200, false, "screen"),
        ("dark", 1200, true, "screen"),
        ("narrow", 400, false, "screen"),
        ("print", 800, true, "print"),
    ] {
        browser.look(width, dark, media);
        looks.push(browser.value(background).as_str().unwrap().to_owned());
        let wide = browser.value("document.documentElement.scrollWidth").as_u64().unwrap();
        assert!(wide <= width.into(), "{name}: {wide}");
        browser.picture(&format!("report-{name}"));
    }
    assert_ne!(looks[0], looks[1], "dark is dark");
    assert_eq!((&looks[0], &looks[0]), (&looks[2], &looks[3]), "on paper it is light");
    assert_eq!(browser.errors, Vec::<String>::new());
}
