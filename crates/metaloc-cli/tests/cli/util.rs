//! A folder to work in, and runs of the command in it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Three buildings of 48 points; the last is the new one.
const SCENARIO: &str = r#"
schema = 1
name = "offices"
seed = 7
[[environments]]
name = "old-a"
layout = { width_m = 20.0, depth_m = 15.0, access_points = 10 }
grid_m = 2.5
samples_per_point = 4
test_samples = 10
channel = { tx_power_dbm = 10.0, path_loss_exponent = 2.2, antenna_gain_dbi = 0.0, shadowing_std_db = 3.0 }
[[environments]]
name = "old-b"
layout = { width_m = 20.0, depth_m = 15.0, access_points = 10 }
grid_m = 2.5
samples_per_point = 4
test_samples = 10
channel = { tx_power_dbm = 12.0, path_loss_exponent = 2.6, antenna_gain_dbi = 2.0, shadowing_std_db = 4.0 }
[[environments]]
name = "new"
layout = { width_m = 20.0, depth_m = 15.0, access_points = 10 }
grid_m = 2.5
samples_per_point = 4
test_samples = 10
channel = { tx_power_dbm = 10.0, path_loss_exponent = 2.4, antenna_gain_dbi = 1.0, shadowing_std_db = 3.0 }
"#;

/// As little learning as makes a model.
const CONFIG: &str = "[network]\nhidden = [8]\n[training]\niterations = 20\n\
                      [training.validation]\nevery = 5\ntasks = 3\n";

/// `train` on the two old buildings, in a folder of [`Dir::with_survey`].
pub(crate) const TRAIN: &str =
    "train --survey offices --environments old-a,old-b --sets training --config config.toml";

/// `adapt` to the new building.
pub(crate) const ADAPT: &str =
    "adapt --model old.model --survey offices --environment new --sets training";

/// A temporary folder in which the command runs.
pub(crate) struct Dir(TempDir);

impl Dir {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With `offices.toml`, its survey `offices` and the settings `config.toml`.
    pub(crate) fn with_survey() -> Self {
        let dir = Self::new();
        dir.put("offices.toml", SCENARIO);
        dir.put("config.toml", CONFIG);
        dir.run("simulate offices.toml --out offices").ok();
        dir
    }

    /// As [`Dir::with_survey`], with `old.model`, trained.
    pub(crate) fn with_model() -> Self {
        let dir = Self::with_survey();
        dir.run(&format!("{TRAIN} --out old.model")).ok();
        dir
    }

    /// As [`Dir::with_model`], with `new.model`, adapted.
    pub(crate) fn with_adapted() -> Self {
        let dir = Self::with_model();
        dir.run(&format!("{ADAPT} --out new.model")).ok();
        dir
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn put(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// What the folder holds, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The command with these arguments, separated by spaces.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_metaloc"));
        command.args(arguments.split_whitespace()).current_dir(self.0.path());
        command.env_remove("METALOC_DATA");
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Run {
        Run::of(self.command(arguments).stdin(Stdio::null()))
    }

    pub(crate) fn run_with_stdin(&self, arguments: &str, input: &[u8]) -> Run {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut pipe, input) = (child.stdin.take().unwrap(), input.to_owned());
        let writer = std::thread::spawn(move || pipe.write_all(&input));
        let run = Run::from(child.wait_with_output().unwrap());
        writer.join().unwrap().unwrap();
        run
    }
}

/// How a run ended and what it said.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<std::process::Output> for Run {
    fn from(output: std::process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let run = Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        assert!(!run.stderr.contains("panicked"), "{run:?}");
        run
    }
}

impl Run {
    pub(crate) fn of(command: &mut Command) -> Self {
        command.output().unwrap().into()
    }

    /// Asserts success.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Asserts this exit code, nothing on stdout, and a message that holds all `parts`.
    pub(crate) fn fails(self, code: i32, parts: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "");
        for part in parts {
            assert!(self.stderr.contains(part), "`{part}` is not in: {}", self.stderr);
        }
        self
    }

    /// Stdout as JSON lines.
    pub(crate) fn rows(&self) -> Vec<serde_json::Value> {
        rows(&self.stdout)
    }
}

pub(crate) fn rows(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// `/dev/full`, where this machine has one.
pub(crate) fn full_disk() -> Option<&'static Path> {
    Some(Path::new("/dev/full")).filter(|path| path.exists())
}
