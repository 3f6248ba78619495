//! All figures and tables on one page that stands alone.

use super::{Reproduction, Sheet};
use crate::error::Error;
use crate::report::{Column, Figure, Page, Section, Table};

/// The page of what was reproduced; `machine` says on what, `commands` how.
///
/// # Errors
/// If a picture can't be put in.
pub fn report(
    reproductions: &[Reproduction],
    machine: &str,
    commands: &str,
) -> Result<Page, Error> {
    let is_quick = reproductions.iter().any(|r| r.is_quick);
    let share = reproductions.iter().map(|r| r.training_share).fold(1.0, f64::min);
    let fewer = format!(
        "Each figure and table of the paper that can be measured, with what the paper says beside what was measured; in \
         hall and lab {:.0} % of the paper's training steps were taken.",
        100.0 * share
    );
    let lead = if is_quick {
        "A coarse run: few iterations, points and one seed. It shows that everything works and roughly where things \
         stand; it is no evidence for or against a claim."
    } else if share < 1.0 {
        &fewer
    } else {
        "Each figure and table of the paper that can be measured, with what the paper says beside what was measured."
    };
    let mut page = Page::new("MetaLoc: the paper's figures and tables")
        .lead(lead)
        .section(verdicts(reproductions));
    for reproduction in reproductions {
        let name = reproduction.target.name();
        let mut section = Section::new(format!("{name}: {}", reproduction.title));
        for claim in &reproduction.claims {
            section = section.paragraph(format!(
                "{}: {}. Measured: {}.",
                claim.paper,
                claim.verdict.words(),
                claim.measured
            ));
        }
        for drawing in &reproduction.drawings {
            section = section.figure(Figure::new(&drawing.svg, drawing.caption.clone())?);
        }
        for sheet in reproduction.sheets.iter().filter(|sheet| sheet.is_shown) {
            section = section.table(table(sheet));
        }
        page = page.section(section);
        for (protocol, hash) in &reproduction.data_hashes {
            page = page.fact(format!("data of {protocol}"), hash.clone());
        }
    }
    let again = Section::new("How to make this page").commands(commands.to_owned());
    Ok(page
        .section(again)
        .fact("MetaLoc", env!("CARGO_PKG_VERSION"))
        .fact("machine", machine.to_owned())
        .configuration(configuration(reproductions)))
}

/// The protocols, one after the other.
fn configuration(reproductions: &[Reproduction]) -> String {
    let mut text = String::new();
    for (name, protocol) in reproductions.iter().flat_map(|r| &r.protocols) {
        text += &format!("# {name}\n{protocol}\n");
    }
    text
}

fn verdicts(reproductions: &[Reproduction]) -> Section {
    let columns = vec![Column::text("claim"), Column::text("verdict"), Column::text("measured")];
    let claims = reproductions.iter().flat_map(|r| &r.claims);
    let table = claims.fold(Table::new("Claims", columns), |table, claim| {
        table.row([claim.paper.clone(), claim.verdict.words().to_owned(), claim.measured.clone()])
    });
    Section::new("The paper's claims").table(table)
}

fn table(sheet: &Sheet) -> Table {
    let is_number = |column: usize| {
        let cells = || sheet.rows.iter().map(move |row| row[column].as_str());
        cells().all(|cell| cell.is_empty() || cell.parse::<f64>().is_ok())
            && cells().any(|cell| !cell.is_empty())
    };
    let column = |(index, name): (usize, &String)| {
        if is_number(index) { Column::number(name.clone()) } else { Column::text(name.clone()) }
    };
    let columns = sheet.columns.iter().enumerate().map(column).collect();
    sheet
        .rows
        .iter()
        .fold(Table::new(sheet.title.clone(), columns), |table, row| table.row(row.clone()))
}
