//! Writes the lines of the log in a thread of its own, so that nobody who tells something waits for
//! a disk or a terminal.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

/// Lines that may wait for the thread; what comes beyond is left out and counted.
const WAITING_MAX: usize = 1 << 14;
/// How long the end of a program waits for the last lines.
const LAST_LINES: Duration = Duration::from_secs(2);

/// How the thread says what it has to say itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Json,
}

/// Puts a line where it belongs.
pub(super) type Sink = Box<dyn FnMut(&[u8]) -> io::Result<()> + Send>;
/// Hears, once, that a line could not be put there.
pub(super) type Complain = Box<dyn FnOnce(&io::Error) + Send>;

enum Order {
    Line(Vec<u8>),
    /// Answer when all that came before is written.
    Flush(SyncSender<()>),
}

#[derive(Debug, Default)]
struct Counts {
    /// Lines that were sent and not written.
    waiting: AtomicUsize,
    /// Lines that were not sent, and of which nothing was said yet.
    left_out: AtomicU64,
}

/// The sending end; each write to it is one line, and none ever waits.
#[derive(Debug, Clone)]
pub(super) struct LineSender {
    orders: Sender<Order>,
    counts: Arc<Counts>,
}

impl Write for LineSender {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.counts.waiting.load(Ordering::Relaxed) >= WAITING_MAX {
            self.counts.left_out.fetch_add(1, Ordering::Relaxed);
        } else {
            self.counts.waiting.fetch_add(1, Ordering::Relaxed);
            // Without the thread nobody writes, which must not disturb what is told of.
            let _ = self.orders.send(Order::Line(line.to_vec()));
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl LineSender {
    /// Waits, for a bounded time, until all lines that were sent are written.
    pub(super) fn flush(&self) {
        let (done, written) = sync_channel(1);
        if self.orders.send(Order::Flush(done)).is_ok() {
            let _ = written.recv_timeout(LAST_LINES);
        }
    }
}

/// The receiving end.
pub(super) struct LogWriter {
    orders: Receiver<Order>,
    counts: Arc<Counts>,
    form: Form,
    sink: Sink,
    complain: Option<Complain>,
    /// A write failed, so that the last line may not have its end.
    ragged: bool,
}

impl LogWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// There is no thread left.
    pub(super) fn start(form: Form, sink: Sink, complain: Complain) -> io::Result<LineSender> {
        let (sender, orders) = channel();
        let counts = Arc::new(Counts::default());
        let writer = Self {
            orders,
            counts: Arc::clone(&counts),
            form,
            sink,
            complain: Some(complain),
            ragged: false,
        };
        std::thread::Builder::new().name("log".into()).spawn(move || writer.work())?;
        Ok(LineSender { orders: sender, counts })
    }

    fn work(mut self) {
        while let Ok(order) = self.orders.recv() {
            match order {
                Order::Line(line) => {
                    self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
                    self.put(line);
                }
                Order::Flush(done) => {
                    self.own_up();
                    let _ = done.send(());
                }
            }
            if self.counts.waiting.load(Ordering::Relaxed) < WAITING_MAX / 2 {
                self.own_up();
            }
        }
    }

    fn put(&mut self, mut line: Vec<u8>) {
        if self.ragged && self.form == Form::Json {
            line.insert(0, b'\n');
        }
        let written = (self.sink)(&line);
        self.ragged = written.is_err();
        if let Err(error) = written
            && let Some(complain) = self.complain.take()
        {
            complain(&error);
        }
    }

    /// Says how many lines were left out.
    fn own_up(&mut self) {
        let lines = self.counts.left_out.swap(0, Ordering::Relaxed);
        if lines == 0 {
            return;
        }
        let line = match self.form {
            Form::Text => format!(
                "{} left out of the log: it could not keep up\n",
                crate::text::count(lines, "line")
            ),
            Form::Json => {
                let what = "lines were left out of the log: it could not keep up";
                let line = serde_json::json!({"level": "WARN", "message": what, "lines": lines});
                format!("{line}\n")
            }
        };
        self.put(line.into_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn a_slow_sink_holds_nobody_up_and_what_is_left_out_is_counted() {
        let (go, wait) = channel::<()>();
        let paper = Arc::new(Mutex::new(Vec::new()));
        let ours = Arc::clone(&paper);
        let sink: Sink = Box::new(move |line| {
            // Ends waiting for ever when the test lets go of its end.
            let _ = wait.recv();
            ours.lock().unwrap().push(String::from_utf8(line.to_vec()).unwrap());
            Ok(())
        });
        let mut lines = LogWriter::start(Form::Json, sink, Box::new(|_| {})).unwrap();
        let all = WAITING_MAX + 100;
        for number in 0..all {
            lines.write_all(format!("{{\"number\":{number}}}\n").as_bytes()).unwrap();
        }
        drop(go);
        lines.flush();
        let told = paper.lock().unwrap();
        let told: Vec<serde_json::Value> =
            told.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let left_out: u64 = told.iter().filter_map(|line| line["lines"].as_u64()).sum();
        let numbers = told.iter().filter(|line| line["number"].is_u64()).count();
        assert!(left_out >= 90, "{left_out}");
        assert_eq!(numbers as u64 + left_out, all as u64);
    }

    #[test]
    fn a_full_disk_is_told_once_and_the_next_line_begins_a_line() {
        let paper = Arc::new(Mutex::new(Vec::new()));
        let ours = Arc::clone(&paper);
        let mut full = 2;
        let sink: Sink = Box::new(move |line| {
            if full > 0 {
                full -= 1;
                ours.lock().unwrap().extend_from_slice(&line[..3]);
                return Err(io::ErrorKind::StorageFull.into());
            }
            ours.lock().unwrap().extend_from_slice(line);
            Ok(())
        });
        let (complained, complaints) = channel();
        let complain: Complain = Box::new(move |error| complained.send(error.kind()).unwrap());
        let mut lines = LogWriter::start(Form::Json, sink, complain).unwrap();
        for line in ["first\n", "second\n", "third\n"] {
            lines.write_all(line.as_bytes()).unwrap();
        }
        lines.flush();
        assert_eq!(paper.lock().unwrap().as_slice(), b"fir\nse\nthird\n");
        assert_eq!(complaints.iter().collect::<Vec<_>>(), [io::ErrorKind::StorageFull]);
    }
}
