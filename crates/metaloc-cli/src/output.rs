//! Printing: tables for people, rows for programs.

use metaloc::auto::Judged;
use metaloc::learning::TrainingRecord;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use crate::args::Json;

/// Where results go.
#[derive(Debug)]
pub(crate) struct Output<'a> {
    json: Option<&'a Path>,
}

impl<'a> Output<'a> {
    pub(crate) fn new(json: &'a Json) -> Self {
        Self { json: json.json.as_deref() }
    }

    /// Results for people, on stdout; not when stdout carries rows.
    pub(crate) fn say(&self, text: impl std::fmt::Display) -> anyhow::Result<()> {
        if self.json != Some(Path::new("-")) {
            line(text)?;
        }
        Ok(())
    }

    /// Rows for programs, one JSON object a line, if they were asked for.
    pub(crate) fn rows<T: Serialize>(&self, rows: &[T]) -> anyhow::Result<()> {
        let Some(target) = self.json else { return Ok(()) };
        let mut text = String::new();
        for row in rows {
            text += &serde_json::to_string(row)?;
            text.push('\n');
        }
        if target == Path::new("-") {
            std::io::stdout().lock().write_all(text.as_bytes())?;
            Ok(())
        } else {
            metaloc::model_file::write_beside(target, text.as_bytes())
                .with_context(|| "the JSON rows could not be written")
        }
    }
}

/// Asked for what there is not: the exit code says so.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Rising numbers as runs, each by its first and last: `[[-32, -27], [1, 1]]`, as
/// `csi.window.leave_out` takes them.
pub(crate) fn runs_as_setting(numbers: &[i16]) -> String {
    let runs = numbers.chunk_by(|a, b| *b == a + 1);
    let run = |run: &[i16]| format!("[{}, {}]", run[0], run[run.len() - 1]);
    format!("[{}]", runs.map(run).collect::<Vec<_>>().join(", "))
}

/// One line on stdout.
pub(crate) fn line(text: impl std::fmt::Display) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{text}")?;
    Ok(())
}

/// One line on stderr: what is no result.
pub(crate) fn note(text: impl std::fmt::Display) {
    // Nothing is left to do if stderr is gone.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A table with aligned columns: text left, numbers right.
pub(crate) fn table(headers: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).chain([headers[column].chars().count()]).max()
    };
    let widths: Vec<usize> = (0..headers.len()).map(|c| width(c).unwrap_or(0)).collect();
    let is_number = |cell: &str| cell.chars().next().is_none_or(|c| !c.is_alphabetic());
    let right: Vec<bool> = (0..headers.len())
        .map(|c| rows.iter().all(|row| row.get(c).is_none_or(|cell| is_number(cell))))
        .collect();
    let format_row = |cells: &[String]| {
        let cells = cells.iter().enumerate().map(|(c, cell)| {
            let w = widths[c];
            if right[c] { format!("{cell:>w$}") } else { format!("{cell:<w$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let headers: Vec<String> = headers.iter().map(|&h| h.to_owned()).collect();
    let rule = widths.iter().map(|&w| "-".repeat(w)).collect::<Vec<_>>().join("  ");
    let mut lines = vec![format_row(&headers), rule];
    lines.extend(rows.iter().map(|row| format_row(row)));
    lines.join("\n")
}

/// The same table in Markdown.
pub(crate) fn markdown(headers: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let headers: Vec<String> = headers.iter().map(|&h| h.to_owned()).collect();
    let mut lines = vec![line(&headers), format!("|{}", "---|".repeat(headers.len()))];
    lines.extend(rows.iter().map(|row| line(row)));
    lines.join("\n")
}

/// What `auto` chose among, a line a candidate.
pub(crate) fn selection_lines(selection: &[Judged]) -> Vec<String> {
    let width = selection.iter().map(|judged| judged.name.len()).max().unwrap_or(0);
    let line = |judged: &Judged| {
        let accuracy = judged.accuracy.map_or_else(String::new, |a| format!(", accuracy {a:.3}"));
        let mark = if judged.chosen { "  <- chosen" } else { "" };
        match judged.mean_m {
            Some(mean_m) => format!("  {:width$} {mean_m:6.2} m{accuracy}{mark}", judged.name),
            None => format!("  {:width$} could not learn from these environments", judged.name),
        }
    };
    selection.iter().map(line).collect()
}

/// How many adaptation steps training chose, and why; nothing if it did not choose.
pub(crate) fn steps_line(record: &TrainingRecord) -> Option<String> {
    let steps = record.chosen_steps()?;
    let all: Vec<String> =
        record.steps_losses.iter().map(|l| format!("{}: {:.4}", l.steps, l.loss)).collect();
    Some(format!("{steps} adaptation steps have the least validation loss ({})", all.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = vec![vec!["knn".into(), "3.7".into()], vec!["maml".into(), "10.25".into()]];
        let expected = "method  mean m\n------  ------\nknn        3.7\nmaml     10.25";
        assert_eq!(table(&["method", "mean m"], &rows), expected);
        assert!(markdown(&["a", "b"], &rows).starts_with("| a | b |\n|---|---|\n| knn | 3.7 |"));
    }
}
