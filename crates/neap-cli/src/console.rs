//! The world outside: two streams, one source of answers, and what surrounds them.
//!
//! Decides when there is colour, how a question is asked, and that a reader who leaves early ends nothing in the
//! middle. Everything is handed in, so that a command runs the same in a test and at a desk.

use std::collections::BTreeMap;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::args::Color;

/// What a command is handed to speak and to listen with.
pub struct Console {
    /// Takes results.
    pub stdout: Box<dyn Write + Send>,
    /// Takes progress, questions, warnings and errors.
    pub stderr: Box<dyn Write + Send>,
    /// Gives answers.
    pub stdin: Box<dyn BufRead + Send>,
    /// Whether someone reads stdout at a terminal.
    pub stdout_is_terminal: bool,
    /// Whether someone reads stderr at a terminal.
    pub stderr_is_terminal: bool,
    /// Whether someone can answer.
    pub stdin_is_terminal: bool,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// The folder that relative paths start from.
    pub folder: PathBuf,
    /// The name of this host.
    pub host: String,
    /// The folder where processes of this host show each other that they live.
    pub temporary: PathBuf,
}

impl Console {
    /// The console of this process.
    pub fn of_process() -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            stdout: Box::new(anstream::AutoStream::always(io::stdout())),
            stderr: Box::new(anstream::AutoStream::always(io::stderr())),
            stdin: Box::new(io::BufReader::new(io::stdin())),
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
            stdin_is_terminal: io::stdin().is_terminal(),
            environment,
            folder: PathBuf::new(),
            host: gethostname::gethostname().to_string_lossy().into_owned(),
            temporary: std::env::temp_dir(),
        }
    }

    /// A console without terminals in `folder` that answers with `stdin`, and what it was told on stdout and stderr.
    pub fn captured(folder: PathBuf, stdin: &str) -> (Self, Captured, Captured) {
        let (stdout, stderr) = (Captured::default(), Captured::default());
        let console = Self {
            stdout: Box::new(stdout.clone()),
            stderr: Box::new(stderr.clone()),
            stdin: Box::new(io::Cursor::new(stdin.as_bytes().to_vec())),
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            stdin_is_terminal: false,
            environment: BTreeMap::new(),
            host: "desk".to_owned(),
            temporary: folder.clone(),
            folder,
        };
        (console, stdout, stderr)
    }
}

/// What was written to one of the streams of [`Console::captured`].
#[derive(Debug, Clone, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    /// All of it so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0)).into_owned()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream that says nothing more once its reader has left.
struct Stream {
    writer: Box<dyn Write + Send>,
    color: bool,
    failure: Option<io::Error>,
}

impl Stream {
    fn write(&mut self, text: &str) {
        if self.failure.is_some() {
            return;
        }
        let written = if self.color {
            self.writer.write_all(text.as_bytes())
        } else {
            write!(self.writer, "{}", anstream::adapter::strip_str(text))
        };
        self.failure = written.and_then(|()| self.writer.flush()).err();
    }
}

/// The console as commands use it.
pub(crate) struct Ui {
    stdout: Stream,
    stderr: ErrorStream,
    /// Nobody's while a question is open.
    stdin: Option<Box<dyn BufRead + Send>>,
    /// Whether someone can answer.
    pub(crate) can_ask: bool,
    /// Whether someone watches stderr at a terminal.
    pub(crate) is_watched: bool,
}

/// Stderr, shared with what traces.
#[derive(Clone)]
pub(crate) struct ErrorStream(Arc<Mutex<Stream>>);

impl ErrorStream {
    /// Writes `text` as it is.
    pub(crate) fn write_text(&self, text: &str) {
        lock(&self.0).write(text);
    }
}

impl Write for ErrorStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_text(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ui {
    /// The console with colour where `choice`, the environment and the streams allow it.
    pub(crate) fn new(console: Console, choice: Color) -> Self {
        let color = |is_terminal| wants_color(choice, &console.environment, is_terminal);
        let stream = |writer, color| Stream { writer, color, failure: None };
        let (color_out, color_err) = (color(console.stdout_is_terminal), color(console.stderr_is_terminal));
        Self {
            stdout: stream(console.stdout, color_out),
            stderr: ErrorStream(Arc::new(Mutex::new(stream(console.stderr, color_err)))),
            stdin: Some(console.stdin),
            can_ask: console.stdin_is_terminal,
            is_watched: console.stderr_is_terminal,
        }
    }

    /// Writes a result.
    pub(crate) fn out(&mut self, text: &str) {
        self.stdout.write(text);
    }

    /// Writes progress, a warning or an error.
    pub(crate) fn err(&self, text: &str) {
        self.stderr.write_text(text);
    }

    /// The stream for progress, warnings and errors.
    pub(crate) fn error_stream(&self) -> ErrorStream {
        self.stderr.clone()
    }

    /// Whether stderr takes colour.
    pub(crate) fn has_color(&self) -> bool {
        lock(&self.stderr.0).color
    }

    /// Asks `question`; anything but `y` or `yes` is a no. Other work goes on until the answer comes, and a question that
    /// is dropped leaves nobody to answer the next.
    pub(crate) async fn ask(&mut self, question: &str) -> bool {
        let Some(mut stdin) = self.stdin.take() else { return false };
        self.err(&format!("{question} [y/N] "));
        let (tell, told) = oneshot::channel();
        std::thread::spawn(move || {
            let mut answer = String::new();
            let read = stdin.read_line(&mut answer);
            // Whoever asked may have gone.
            let _unheard = tell.send((read, answer, stdin)).is_err();
        });
        let Ok((read, answer, stdin)) = told.await else { return false };
        self.stdin = Some(stdin);
        if read.is_err() || !answer.ends_with('\n') {
            self.err("\n");
        }
        matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
    }

    /// Why stdout could not be written, unless its reader has simply left.
    pub(crate) fn failure(&self) -> Option<&io::Error> {
        self.stdout.failure.as_ref().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }
}

fn wants_color(choice: Color, environment: &BTreeMap<String, String>, is_terminal: bool) -> bool {
    let is_set = |name: &str| environment.get(name).is_some_and(|value| !value.is_empty());
    match choice {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let is_dumb = environment.get("TERM").is_some_and(|term| term == "dumb");
            is_terminal && !is_set("NO_COLOR") && !is_dumb
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(answer: &str) -> (bool, String) {
        let (console, _, stderr) = Console::captured(PathBuf::new(), answer);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let yes = runtime.block_on(Ui::new(console, Color::Auto).ask("Sure?"));
        (yes, stderr.text())
    }

    #[test]
    fn only_a_yes_is_a_yes() {
        for (answer, expected) in
            [("y\n", true), ("YES\n", true), ("n\n", false), ("\n", false), ("", false), ("yep\n", false)]
        {
            assert_eq!(ask(answer).0, expected, "{answer:?}");
        }
        assert_eq!(ask("y\n").1, "Sure? [y/N] ");
        assert_eq!(ask("").1, "Sure? [y/N] \n");
    }

    #[test]
    fn colour_is_for_terminals_whose_owner_wants_it() {
        let check = |choice, environment: &[(&str, &str)], is_terminal, expected| {
            let environment =
                environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            assert_eq!(
                wants_color(choice, &environment, is_terminal),
                expected,
                "{choice:?} {environment:?}"
            );
        };
        check(Color::Auto, &[], true, true);
        check(Color::Auto, &[], false, false);
        check(Color::Auto, &[("NO_COLOR", "1")], true, false);
        check(Color::Auto, &[("NO_COLOR", "")], true, true);
        check(Color::Auto, &[("TERM", "dumb")], true, false);
        check(Color::Always, &[("NO_COLOR", "1")], false, true);
        check(Color::Never, &[], true, false);
    }

    /// A pipe whose reader has left.
    struct Closed(io::ErrorKind);

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_who_leaves_is_no_failure_and_a_full_disk_is_one() {
        let failure = |kind| {
            let (mut console, _, _) = Console::captured(PathBuf::new(), "");
            console.stdout = Box::new(Closed(kind));
            let mut ui = Ui::new(console, Color::Auto);
            ui.out("text");
            ui.failure().map(io::Error::kind)
        };
        assert_eq!(failure(io::ErrorKind::BrokenPipe), None);
        assert_eq!(failure(io::ErrorKind::StorageFull), Some(io::ErrorKind::StorageFull));
    }
}
