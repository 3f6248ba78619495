//! Channel state information from the survey to the located point.
#![allow(clippy::unwrap_used)] // helpers of tests

mod evaluation;
mod import;
mod import_captures;
mod learning;
mod model_file;
mod paper_images;
mod survey_folder;
mod synthetic;
