//! What was typed: commands and flags, with their help texts.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};
use metaloc::bench::Workload;
use metaloc::radio::capture::{CaptureOptions, Esp32Estimate};
use metaloc::radio::signal::{Chip, MacAddress};

/// Wi-Fi localization that learns from buildings surveyed before, so that a new one needs a
/// handful of samples.
#[derive(Debug, Parser)]
#[command(name = "metaloc", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// Say nothing but results and errors.
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Try it with nothing at hand: simulate, meta-train, adapt, locate, compare, report.
    #[command(after_help = "Example:\n  metaloc demo --out demo-report")]
    Demo(Demo),
    /// Turn a publisher's data into a survey folder.
    #[command(
        after_help = "Examples:\n  metaloc import --format uji-library data/uji_library_longterm \
                      --out uji\n  metaloc import --format ujiindoorloc data/ujiindoorloc --dry-run"
    )]
    Import(Import),
    /// Start a survey of your own.
    #[command(subcommand, after_help = "Example:\n  metaloc survey init my-building")]
    Survey(SurveyCommand),
    /// Say what is inside a survey folder or a model file.
    #[command(after_help = "Example:\n  metaloc inspect uji")]
    Inspect(Inspect),
    /// Say what is good and bad about captures of CSI, and what of them is worth keeping.
    #[command(after_help = "Examples:\n  metaloc doctor office.pcap\n  metaloc doctor --picture \
                      office.png *.pcap\n  cat /dev/ttyUSB0 | metaloc doctor -\n\nExit code: 0 if \
                      every capture holds frames, 1 if one holds none or can't be read.")]
    Doctor(Doctor),
    /// Draw CSI images of surveyed points (the paper's Fig. 1).
    #[command(after_help = "Example:\n  metaloc images room --environment monday --points a,b \
                            --out images.png")]
    Images(Images),
    /// Say how near an environment is to those surveyed before, and what error to expect.
    #[command(
        after_help = "Example:\n  metaloc similarity --survey uji --environment 13 --historical \
                      01,04,07 --sets trn01"
    )]
    Similarity(Similarity),
    /// Make a survey from a scenario file.
    #[command(after_help = "Example:\n  metaloc simulate office.toml --out office-survey")]
    Simulate(Simulate),
    /// Meta-train on environments that were surveyed before.
    #[command(
        after_help = "Example:\n  metaloc train --survey uji --environments 01,04,07,10,12 --sets \
                      trn01 --out uji.model\n\nA network in the settings file (--config), one of:\n  \
                      [network]\n  hidden = [64, 64]       # dense layers of these widths\n\n  \
                      [network]\n  preset = \"mlp\"          # or for images: cnn, cnn-small\n\n  \
                      [network]\n  layers = [{ kind = \"dense\", outputs = 32 }, { kind = \
                      \"relu\" },\n            { kind = \"dense\", outputs = 2 }]\n\nCtrl-C \
                      leaves a checkpoint beside --out; the same command with --resume goes on."
    )]
    Train(Train),
    /// Adapt a model to a new environment with a few samples.
    #[command(
        after_help = "Example:\n  metaloc adapt --model uji.model --survey uji --environment 13 \
                      --sets trn01 --support 3 --out month13.model"
    )]
    Adapt(Adapt),
    /// Locate scans or captures with an adapted model, one JSON line a scan or window.
    #[command(
        after_help = "Examples:\n  metaloc locate --model month13.model scans.jsonl\n  echo \
                      '{\"id\": 1, \"rss\": {\"AP007\": -64, \"AP009\": -58}}' | metaloc locate \
                      --model month13.model -\n  metaloc locate --model room.model walk.pcap\n  tcpdump \
                      -i wlan0 -U -w - udp port 5500 | metaloc locate --model room.model -"
    )]
    Locate(Locate),
    /// Run an evaluation protocol.
    #[command(
        after_help = "Examples:\n  metaloc evaluate experiments/uji-ageing.toml --data data\n  \
                      metaloc evaluate experiments/uji-ageing.toml --historical 01,04,07 --new 14"
    )]
    Evaluate(Evaluate),
    /// Make the paper's figures and tables, with what the paper says beside what was measured.
    #[command(
        after_help = "Examples:\n  metaloc reproduce fig9 --quick --out fig9\n  metaloc reproduce all --quick --out \
                      paper\n  metaloc reproduce fig14 --dataset polyu --data data --out polyu\n  metaloc \
                      reproduce table3 --dataset paper-lab --data metaloc-data --out lab\n\nCtrl-C keeps what is \
                      done in OUT; the same command goes on."
    )]
    Reproduce(Reproduce),
    /// Measure the engine's speed beside the machine's peak.
    #[command(
        after_help = "Examples:\n  metaloc bench --json\n  metaloc bench --workload W1,W3 --rounds \
                      3\n  RAYON_NUM_THREADS=1 METALOC_SIMD=avx2 metaloc bench --workload W2\n\n\
                      Environment (for all commands):\n  RAYON_NUM_THREADS  threads to run on; all \
                      cores if not set\n  METALOC_SIMD       vector instructions to use instead of \
                      the CPU's best: avx512, avx2,\n                     neon or portable"
    )]
    Bench(Bench),
    /// Print a completion script for a shell.
    #[command(after_help = "Example:\n  metaloc completions bash > ~/.local/share/\
                            bash-completion/completions/metaloc")]
    Completions(Completions),
}

/// Machine-readable rows.
#[derive(Debug, Args)]
pub(crate) struct Json {
    /// Print machine-readable rows to stdout instead of tables, or write them to FILE.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true,
          default_missing_value = "-")]
    pub(crate) json: Option<PathBuf>,
}

/// The learning methods by name.
fn algorithm_names() -> Vec<&'static str> {
    metaloc::learning::Algorithm::all().map(metaloc::learning::Algorithm::name).collect()
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The learning method whose estimates are drawn.
    #[arg(long, default_value = "auto", value_parser = algorithm_names())]
    pub(crate) algorithm: String,
    /// Folder for the report; must not exist yet.
    #[arg(long, default_value = "metaloc-demo")]
    pub(crate) out: PathBuf,
    /// Seed of everything drawn.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct Reproduce {
    /// Figures and tables, or `all`.
    #[arg(required = true, value_parser = target_names())]
    pub(crate) targets: Vec<String>,
    /// Folder for pictures (SVG, PNG), tables (CSV), protocols (TOML), claims and report.html.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Coarse: fewer iterations, points and seeds.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Run only the first N seeds of each protocol; a later run with more goes on from these.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) seeds: Option<u32>,
    /// Train only this share of the protocols' steps on a data set (above 0, at most 1).
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, value_parser = share)]
    pub(crate) training_share: f64,
    /// Data instead of the simulated hall and lab, for table1, table3, fig12, fig13, fig14 and released (fig1
    /// and fig7 take hall or lab); paper-hall and paper-lab are the paper's authors' own pictures.
    #[arg(long, value_parser = dataset_names())]
    pub(crate) dataset: Option<String>,
    /// Parent folder of the publishers' data sets; of paper-hall and paper-lab, the folder with the day
    /// folders hall-0609, ..., lab-0721, ...
    #[arg(long, env = "METALOC_DATA", default_value = "data")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// A number above 0 and at most 1.
fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(share),
        _ => Err("a number above 0 and at most 1 is wanted".into()),
    }
}

fn target_names() -> Vec<&'static str> {
    let all = metaloc::reproduce::Target::ALL.map(metaloc::reproduce::Target::name);
    all.into_iter().chain(["all"]).collect()
}

fn dataset_names() -> Vec<&'static str> {
    metaloc::reproduce::Dataset::ALL.map(metaloc::reproduce::Dataset::name).into()
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Format of the data: uji-library, ujiindoorloc, tidy-csv, polyu, csu, captures, or paper-images (the
    /// paper's own: day folders hall-0609, lab-0721, ... with sample10/RGB/LABEL_K.png and label.csv).
    #[arg(long, value_parser = ["uji-library", "ujiindoorloc", "tidy-csv", "polyu", "csu", "captures",
                                "paper-images"])]
    pub(crate) format: String,
    /// The publisher's files or folders.
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Survey folder to make; must not exist yet.
    #[arg(long, required_unless_present = "dry_run")]
    pub(crate) out: Option<PathBuf>,
    /// What makes an environment; the format's own choice if left out.
    #[arg(long, value_parser = ["month", "day", "floor", "building", "building-floor", "device", "set",
                                "environment", "all"])]
    pub(crate) environment_by: Option<String>,
    /// Which repeated rows to drop: rows (identical ones, the default), rss-position or none.
    #[arg(long, value_parser = ["rows", "rss-position", "none"])]
    pub(crate) drop_duplicates: Option<String>,
    /// Read only these sets of samples, such as trn01 or training; `trn*` means all that begin so.
    #[arg(long, value_delimiter = ',')]
    pub(crate) sets: Option<Vec<String>>,
    /// Read only these environments.
    #[arg(long, value_delimiter = ',')]
    pub(crate) environments: Option<Vec<String>>,
    /// Captures: cut each into samples of so many frames (sets b000, b001, ...), so that a survey and
    /// its test can lie apart in time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) block_frames: Option<u32>,
    #[command(flatten)]
    pub(crate) capture: CaptureArgs,
    /// Read and report, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SurveyCommand {
    /// Write a commented template to fill in.
    #[command(after_help = "Example:\n  metaloc survey init my-building")]
    Init {
        /// Folder to make; must not exist yet.
        dir: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A survey folder or a model file.
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Captures: pcap files of Nexmon, logs of Intel's 5300, lines of the ESP32-CSI-Tool, packed by
    /// gzip or not; or - for standard input.
    #[arg(required = true)]
    pub(crate) captures: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) capture: CaptureArgs,
    /// Draw the amplitude of each subcarrier over time, as SVG or PNG.
    #[arg(long, value_name = "FILE", value_parser = picture)]
    pub(crate) picture: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct Images {
    /// Survey folder with channel state information.
    pub(crate) survey: PathBuf,
    /// The environment.
    #[arg(long)]
    pub(crate) environment: String,
    /// Points to draw; the first two if left out.
    #[arg(long, value_delimiter = ',')]
    pub(crate) points: Vec<String>,
    /// Sets of samples to take windows from (all if left out).
    #[arg(long, value_delimiter = ',')]
    pub(crate) sets: Vec<String>,
    /// Settings (TOML, see docs/formats.md); `[csi.window]` says how frames become windows.
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
    /// Scale each image by its own range, instead of the environment's.
    #[arg(long)]
    pub(crate) image_scale: bool,
    /// Picture to write, SVG or PNG.
    #[arg(long, value_parser = picture)]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Similarity {
    /// Survey folder with all the environments.
    #[arg(long)]
    pub(crate) survey: PathBuf,
    /// The new environment.
    #[arg(long)]
    pub(crate) environment: String,
    /// The historical environments; all others of the survey if left out.
    #[arg(long, value_delimiter = ',')]
    pub(crate) historical: Vec<String>,
    /// Sets of samples to compare (all if left out).
    #[arg(long, value_delimiter = ',')]
    pub(crate) sets: Vec<String>,
    /// Points (a floor) that will be surveyed.
    #[arg(long, default_value_t = 10)]
    pub(crate) points: usize,
    /// Samples at each of them.
    #[arg(long, default_value_t = 3)]
    pub(crate) support: usize,
    /// Settings (TOML, see docs/formats.md); `[csi.window]` says how frames become windows.
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
    /// Seed of all draws.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// A file that a picture can be written to.
fn picture(path: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(path);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg" | "png") => Ok(path),
        _ => Err("a picture's name ends in .svg or .png".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// Scenario file (see docs/formats.md).
    pub(crate) scenario: PathBuf,
    /// Survey folder to make; must not exist yet.
    #[arg(long, required_unless_present = "preview")]
    pub(crate) out: Option<PathBuf>,
    /// Say what it would hold and draw each place with access points, survey points and coverage (SVG
    /// and PNG) into the new folder --out, or SCENARIO-preview; simulate nothing.
    #[arg(long)]
    pub(crate) preview: bool,
    /// Go on with a campaign that was interrupted.
    #[arg(long)]
    pub(crate) resume: bool,
    /// Points, as ENVIRONMENT/POINT, whose frames are written as Nexmon captures (pcap) with a
    /// positions.csv into the folder --out, instead of a survey.
    #[arg(long, value_delimiter = ',', value_name = "ENVIRONMENT/POINT")]
    pub(crate) captures: Vec<String>,
    /// Seed instead of the scenario's.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct Train {
    /// Survey folder.
    #[arg(long)]
    pub(crate) survey: PathBuf,
    /// Historical environments to learn from.
    #[arg(long, value_delimiter = ',', required = true)]
    pub(crate) environments: Vec<String>,
    /// Sets of samples to learn from (all if left out); `trn*` means all that begin so.
    #[arg(long, value_delimiter = ',')]
    pub(crate) sets: Vec<String>,
    /// Historical environments to decide on when training has converged; without them, fixed
    /// tasks from the others do.
    #[arg(long, value_delimiter = ',')]
    pub(crate) validate_on: Vec<String>,
    /// How to learn; maml if the settings don't say.
    #[arg(long, value_parser = algorithm_names())]
    pub(crate) algorithm: Option<String>,
    /// Settings (TOML, see docs/formats.md); flags win over it.
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
    /// Most iterations, instead of the settings'.
    #[arg(long)]
    pub(crate) iterations: Option<u64>,
    /// Seed of everything drawn.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Go on from the checkpoint beside --out.
    #[arg(long)]
    pub(crate) resume: bool,
    /// Write what training looks like from inside, a JSON line a measurement: losses, how far
    /// adaptation moves the parameters, how the environments' gradients are aligned.
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// Model file to write.
    #[arg(long)]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Adapt {
    /// Model file to start from. Of several (--model A --model B), the one with the least error on
    /// samples that are held out of the support in turn.
    #[arg(long, required = true)]
    pub(crate) model: Vec<PathBuf>,
    /// Survey folder that holds the new environment.
    #[arg(long)]
    pub(crate) survey: PathBuf,
    /// The new environment.
    #[arg(long)]
    pub(crate) environment: String,
    /// Samples to use at each point; as many as the model was trained for if left out.
    #[arg(long)]
    pub(crate) support: Option<usize>,
    /// Points to use on each floor, drawn at random; all if left out.
    #[arg(long)]
    pub(crate) points: Option<usize>,
    /// Sets of samples to adapt on (all if left out).
    #[arg(long, value_delimiter = ',')]
    pub(crate) sets: Vec<String>,
    /// Gradient steps, instead of the model's.
    #[arg(long)]
    pub(crate) steps: Option<usize>,
    /// Seed of the draw of points and samples.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Adapted model file to write.
    #[arg(long)]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Locate {
    /// Adapted model file.
    #[arg(long)]
    pub(crate) model: PathBuf,
    /// Scans: JSON lines, an rss.csv, or - for JSON lines from standard input. With a model of channel
    /// state information: captures (Nexmon, Intel 5300, ESP32), or - for one from standard input.
    #[arg(required = true)]
    pub(crate) scans: Vec<PathBuf>,
    /// Addresses of the survey's access points in a capture, where their names are none.
    #[arg(long, value_delimiter = ',', value_name = "MAC")]
    pub(crate) transmitter: Vec<MacAddress>,
    #[command(flatten)]
    pub(crate) capture: CaptureArgs,
    /// Estimate the receiver's constant gain offset from all the scans, and remove it.
    #[arg(long)]
    pub(crate) calibrate_gain: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// Protocol file.
    pub(crate) protocol: PathBuf,
    /// Parent folder of the data sets.
    #[arg(long, env = "METALOC_DATA", default_value = "data")]
    pub(crate) data: PathBuf,
    /// Historical environments instead of the protocol's.
    #[arg(long, value_delimiter = ',')]
    pub(crate) historical: Option<Vec<String>>,
    /// New environments instead of the protocol's.
    #[arg(long, value_delimiter = ',')]
    pub(crate) new: Option<Vec<String>>,
    /// Choose settings on historical environments only, and write them beside the protocol.
    #[arg(long, conflicts_with_all = ["historical", "new"])]
    pub(crate) select: bool,
    /// Choose settings of these methods alone, and keep what was chosen for the others.
    #[arg(long, value_delimiter = ',', requires = "select")]
    pub(crate) methods: Option<Vec<String>>,
    /// Print every row, not only the summary.
    #[arg(long)]
    pub(crate) rows: bool,
    /// Write the summary as a Markdown table too.
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Workloads to measure; all if left out.
    #[arg(long, visible_alias = "workload", value_delimiter = ',', ignore_case = true,
          value_parser = PossibleValuesParser::new(Workload::ALL.map(Workload::name)),
          default_values = Workload::ALL.map(Workload::name))]
    pub(crate) workloads: Vec<String>,
    /// Rounds; the median counts.
    #[arg(long, default_value_t = 7)]
    pub(crate) rounds: usize,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

/// How captures are read.
#[derive(Debug, clap::Args)]
pub(crate) struct CaptureArgs {
    /// Captures: the chip, where they don't say it or say it wrongly.
    #[arg(long, value_parser = PossibleValuesParser::new(Chip::ALL.map(Chip::name)))]
    chip: Option<String>,
    /// Captures of an ESP32: which estimate of its lines is read, that of the legacy preamble, which all
    /// have, or that of 802.11n. The same for a survey and for what is located in it.
    #[arg(long, value_parser = ["legacy", "high-throughput"])]
    esp32_estimate: Option<String>,
}

impl CaptureArgs {
    /// Whether any is given.
    pub(crate) fn is_given(&self) -> bool {
        self.chip.is_some() || self.esp32_estimate.is_some()
    }

    pub(crate) fn options(&self) -> CaptureOptions {
        let named = |chip: &Chip| self.chip.as_deref() == Some(chip.name());
        let esp32_estimate = match self.esp32_estimate.as_deref() {
            Some("high-throughput") => Esp32Estimate::HighThroughput,
            _ => Esp32Estimate::Legacy,
        };
        CaptureOptions {
            chip: Chip::ALL.into_iter().find(named),
            esp32_estimate,
            ..CaptureOptions::default()
        }
    }
}
