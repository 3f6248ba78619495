//! Ctrl-C leaves a checkpoint from which the same model comes out.
#![cfg(unix)]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::util::{Dir, Run, TRAIN};

/// Long enough to be interrupted; stops by the number of iterations alone.
fn long_run() -> (Dir, String) {
    let dir = Dir::with_survey();
    dir.put(
        "config.toml",
        "[network]\nhidden = [8]\n[training]\niterations = 8000\n\
         [training.validation]\nevery = 500\ntasks = 3\npatience = 1000\n",
    );
    (dir, format!("{TRAIN} --out old.model"))
}

/// Waits until the process handles SIGINT itself; before, it would just end.
fn wait_for_handler(child: &mut Child) {
    let start = Instant::now();
    let handles = |status: &str| {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & 2 != 0)
    };
    loop {
        assert!(child.try_wait().unwrap().is_none(), "ended before it could be interrupted");
        assert!(start.elapsed() < Duration::from_secs(60), "no handler after a minute");
        match std::fs::read_to_string(format!("/proc/{}/status", child.id())) {
            Ok(status) if handles(&status) => return,
            Ok(_) => std::thread::sleep(Duration::from_millis(2)),
            // Where there is no /proc.
            Err(_) => return std::thread::sleep(Duration::from_secs(1)),
        }
    }
}

/// Runs the command and interrupts it.
fn interrupted(dir: &Dir, command: &str, signal: &str) -> Run {
    let mut command = dir.command(command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    wait_for_handler(&mut child);
    std::thread::sleep(Duration::from_millis(30));
    let kill = Command::new("kill").arg(signal).arg(child.id().to_string()).status().unwrap();
    assert!(kill.success());
    child.wait_with_output().unwrap().into()
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_model() {
    let (dir, train) = long_run();
    dir.run(&format!("{train} --quiet")).ok();
    let whole = dir.bytes("old.model");
    std::fs::remove_file(dir.path("old.model")).unwrap();
    let first = interrupted(&dir, &train, "-INT");
    first.fails(130, &["interrupted; iteration", "old.model.checkpoint", "--resume goes on"]);
    assert!(dir.names().contains(&"old.model.checkpoint".to_owned()));
    assert!(!dir.names().contains(&"old.model".to_owned()));
    let words = dir.run("inspect old.model.checkpoint").ok().stdout;
    assert!(words.contains("of a training run") && words.contains("a checkpoint"), "{words}");
    // Interrupted once more, by the system's way of asking; then to its end.
    let second = interrupted(&dir, &format!("{train} --resume"), "-TERM");
    second.fails(130, &["--resume goes on"]);
    dir.run(&format!("{train} --resume")).ok();
    assert_eq!(dir.bytes("old.model"), whole);
    assert!(!dir.names().contains(&"old.model.checkpoint".to_owned()), "no longer needed");
}

#[test]
fn a_checkpoint_of_another_run_is_refused() {
    let (dir, train) = long_run();
    dir.run(&format!("{train} --resume"))
        .fails(1, &["old.model.checkpoint: there is no checkpoint", "start without --resume"]);
    interrupted(&dir, &train, "-INT").fails(130, &[]);
    let checkpoint = dir.bytes("old.model.checkpoint");
    let refused = |command: &str, what: &str| {
        dir.run(&format!("{command} --resume"))
            .fails(1, &["old.model.checkpoint", &format!("other {what}"), "without --resume"]);
    };
    refused(&format!("{train} --seed 2"), "seed");
    refused(&format!("{train} --iterations 9000"), "settings");
    refused(&train.replace("old-a,old-b", "old-a,new"), "environments");
    refused(&format!("{train} --validate-on new"), "environments to validate on");
    refused(&train.replace("--sets training", "--sets tr*,test"), "sets");
    dir.run("simulate offices.toml --seed 8 --out other").ok();
    refused(&train.replace("--survey offices", "--survey other"), "survey");
    assert_eq!(dir.bytes("old.model.checkpoint"), checkpoint, "still there, unchanged");
    dir.run("locate --model old.model.checkpoint -").fails(1, &["not adapted", "metaloc adapt"]);
    let adapt = "adapt --model old.model.checkpoint --survey offices --environment new --out m";
    dir.run(adapt).fails(1, &["a checkpoint; finish it with `metaloc train --resume`"]);
    dir.put("old.model.checkpoint", &checkpoint[..checkpoint.len() / 2]);
    dir.run(&format!("{train} --resume")).fails(1, &["checkpoint: not a whole model file"]);
}
