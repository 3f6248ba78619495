//! A table in a page.

use super::escape;

/// What a column holds, and which of its values stands out.
#[derive(Debug, Clone)]
pub struct Column {
    name: String,
    numeric: bool,
    best: Option<Best>,
}

#[derive(Debug, Clone, Copy)]
enum Best {
    Lowest,
    Highest,
}

impl Column {
    /// A column of words.
    #[must_use]
    pub fn text(name: impl Into<String>) -> Self {
        Self { name: name.into(), numeric: false, best: None }
    }

    /// A column of numbers, set to the right.
    #[must_use]
    pub fn number(name: impl Into<String>) -> Self {
        Self { name: name.into(), numeric: true, best: None }
    }

    /// Sets the lowest number in bold.
    #[must_use]
    pub fn lowest_is_best(mut self) -> Self {
        self.best = Some(Best::Lowest);
        self
    }

    /// Sets the highest number in bold.
    #[must_use]
    pub fn highest_is_best(mut self) -> Self {
        self.best = Some(Best::Highest);
        self
    }

    fn class(&self) -> &'static str {
        if self.numeric { " class=\"number\"" } else { "" }
    }

    /// The best of a column's cells; `None` where it isn't asked for, or nothing is to compare.
    fn best_of<'a>(&self, cells: impl Iterator<Item = &'a str>) -> Option<f64> {
        let best = self.best?;
        let numbers: Vec<f64> = cells.filter_map(leading_number).collect();
        let better = match best {
            Best::Lowest => f64::min,
            Best::Highest => f64::max,
        };
        if numbers.len() < 2 {
            return None;
        }
        numbers.into_iter().reduce(better)
    }
}

/// The number that a cell begins with: 1.25 of `1.25 ± 0.10` and of `1.25 m`.
fn leading_number(cell: &str) -> Option<f64> {
    let end = cell.trim().find(|c: char| c.is_whitespace() || matches!(c, '±' | '%' | '('));
    let number = cell.trim().get(..end.unwrap_or(cell.trim().len()))?.replace('−', "-");
    number.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A table with a caption; the first cell of a row is its heading.
#[derive(Debug, Clone)]
pub struct Table {
    caption: String,
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(caption: impl Into<String>, columns: Vec<Column>) -> Self {
        Self { caption: caption.into(), columns, rows: Vec::new() }
    }

    /// Adds a row, a cell a column; missing cells stay empty, further ones are set as words.
    #[must_use]
    pub fn row<Cell: Into<String>>(mut self, cells: impl IntoIterator<Item = Cell>) -> Self {
        self.rows.push(cells.into_iter().map(Into::into).collect());
        self
    }

    pub(super) fn write(&self, html: &mut String) {
        let caption = escape(&self.caption);
        // A region with a name, reachable by keyboard, since it may scroll.
        *html += &format!(
            "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{caption}\">\n\
             <table>\n<caption>{caption}</caption>\n<thead>\n<tr>"
        );
        for column in &self.columns {
            let (class, name) = (column.class(), escape(&column.name));
            *html += &format!("<th scope=\"col\"{class}>{name}</th>");
        }
        *html += "</tr>\n</thead>\n<tbody>\n";
        let best: Vec<_> = (0..self.columns.len()).map(|i| self.best_in(i)).collect();
        for row in &self.rows {
            self.write_row(html, row, &best);
        }
        *html += "</tbody>\n</table>\n</div>\n";
    }

    fn best_in(&self, column: usize) -> Option<f64> {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        self.columns[column].best_of(cells.map(String::as_str))
    }

    fn write_row(&self, html: &mut String, row: &[String], best: &[Option<f64>]) {
        *html += "<tr>";
        for i in 0..row.len().max(self.columns.len()) {
            let cell = row.get(i).map_or("", String::as_str);
            let class = self.columns.get(i).map_or("", Column::class);
            let best = best.get(i).copied().flatten();
            let is_best = best
                .zip(leading_number(cell))
                .is_some_and(|(best, own)| best.total_cmp(&own).is_eq());
            let text = escape(cell);
            let text = if is_best { format!("<strong>{text}</strong>") } else { text };
            *html += &match i {
                0 => format!("<th scope=\"row\"{class}>{text}</th>"),
                _ => format!("<td{class}>{text}</td>"),
            };
        }
        *html += "</tr>\n";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(table: &Table) -> String {
        let mut html = String::new();
        table.write(&mut html);
        html
    }

    #[test]
    fn the_best_of_a_column_is_bold() {
        let columns = vec![
            Column::text("method"),
            Column::number("mean [m]").lowest_is_best(),
            Column::number("share").highest_is_best(),
        ];
        let html = written(
            &Table::new("Errors", columns)
                .row(["maml", "1.25 ± 0.10", "80 %"])
                .row(["tl", "2.00", "80 %"])
                .row(["ri", "10.5", "–"])
                .row(["none", "NaN"]),
        );
        assert!(html.contains("<td class=\"number\"><strong>1.25 ± 0.10</strong></td>"), "{html}");
        assert_eq!(html.matches("<strong>80 %</strong>").count(), 2);
        assert_eq!(html.matches("<strong>").count(), 3);
        assert!(html.contains("<th scope=\"row\">maml</th>"));
        assert!(html.contains("<td class=\"number\"></td></tr>"));
    }

    #[test]
    fn numbers_at_the_start_of_cells() {
        for (cell, number) in
            [("1.5", 1.5), (" 1.5 m", 1.5), ("−2", -2.0), ("3%", 3.0), ("4±1", 4.0)]
        {
            assert_eq!(leading_number(cell), Some(number), "{cell}");
        }
        for cell in ["", "NaN", "inf", "m 1"] {
            assert_eq!(leading_number(cell), None, "{cell}");
        }
    }
}
