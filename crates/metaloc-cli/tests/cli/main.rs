//! The `metaloc` command as a script sees it: exit codes, files, stdout, messages.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests

mod captures;
mod doctor;
mod folders;
mod interruption;
mod locating;
mod networks;
mod reproduce;
mod training;
mod usage;
mod util;
