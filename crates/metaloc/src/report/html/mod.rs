//! A page of results: one HTML file that stands alone.
//!
//! No script, no font, no address elsewhere: the style and the pictures are inside, and the page
//! tells the browser to load nothing. All text is escaped.

mod figure;
mod table;

pub use figure::Figure;
pub use table::{Column, Table};

/// The style of every page.
const STYLE: &str = include_str!("../page.css");

/// A part of a page under its own heading.
///
/// ```
/// use metaloc::report::{Column, Page, Section, Table};
///
/// let columns = vec![Column::text("method"), Column::number("mean [m]").lowest_is_best()];
/// let table = Table::new("Errors", columns).row(["maml", "1.52"]).row(["tl", "2.51"]);
/// let section = Section::new("Results").table(table).commands("metaloc demo");
/// let html = Page::new("Demo").section(section).fact("seed", "7").to_html();
/// assert!(html.contains("<strong>1.52</strong>"));
/// ```
#[derive(Debug, Clone)]
pub struct Section {
    heading: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Paragraph(String),
    Commands(String),
    Table(Table),
    Figure(Figure),
}

impl Section {
    /// An empty section.
    #[must_use]
    pub fn new(heading: impl Into<String>) -> Self {
        Self { heading: heading.into(), parts: Vec::new() }
    }

    /// Adds a paragraph.
    #[must_use]
    pub fn paragraph(self, text: impl Into<String>) -> Self {
        self.with(Part::Paragraph(text.into()))
    }

    /// Adds commands, or other text whose lines stay as they are.
    #[must_use]
    pub fn commands(self, text: impl Into<String>) -> Self {
        self.with(Part::Commands(text.into()))
    }

    /// Adds a table.
    #[must_use]
    pub fn table(self, table: Table) -> Self {
        self.with(Part::Table(table))
    }

    /// Adds a picture.
    #[must_use]
    pub fn figure(self, figure: Figure) -> Self {
        self.with(Part::Figure(figure))
    }

    fn with(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    fn write(&self, html: &mut String) {
        *html += &format!("<section>\n<h2>{}</h2>\n", escape(&self.heading));
        for part in &self.parts {
            match part {
                Part::Paragraph(text) => *html += &format!("<p>{}</p>\n", escape(text)),
                Part::Commands(text) => write_commands(html, text),
                Part::Table(table) => table.write(html),
                Part::Figure(figure) => figure.write(html),
            }
        }
        *html += "</section>\n";
    }
}

/// A page under construction.
#[derive(Debug, Clone)]
pub struct Page {
    title: String,
    lead: Option<String>,
    sections: Vec<Section>,
    facts: Vec<(String, String)>,
    configuration: Option<String>,
}

impl Page {
    /// An empty page.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            lead: None,
            sections: Vec::new(),
            facts: Vec::new(),
            configuration: None,
        }
    }

    /// The paragraph below the title: what was found, in a sentence or two.
    #[must_use]
    pub fn lead(mut self, text: impl Into<String>) -> Self {
        self.lead = Some(text.into());
        self
    }

    /// Adds a section.
    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// Adds a line to the footer: a seed, a hash, the software's version.
    #[must_use]
    pub fn fact(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.facts.push((name.into(), value.into()));
        self
    }

    /// The whole configuration, folded away in the footer.
    #[must_use]
    pub fn configuration(mut self, text: impl Into<String>) -> Self {
        self.configuration = Some(text.into());
        self
    }

    /// The file.
    #[must_use]
    pub fn to_html(&self) -> String {
        let title = escape(&self.title);
        let mut html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" \
             content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"generator\" content=\"MetaLoc\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <header>\n<h1>{title}</h1>\n"
        );
        if let Some(lead) = &self.lead {
            html += &format!("<p class=\"lead\">{}</p>\n", escape(lead));
        }
        html += "</header>\n<main>\n";
        self.sections.iter().for_each(|section| section.write(&mut html));
        html += "</main>\n";
        self.write_footer(&mut html);
        html + "</body>\n</html>\n"
    }

    fn write_footer(&self, html: &mut String) {
        if self.facts.is_empty() && self.configuration.is_none() {
            return;
        }
        *html += "<footer>\n";
        if !self.facts.is_empty() {
            *html += "<dl>\n";
            for (name, value) in &self.facts {
                *html += &format!("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(value));
            }
            *html += "</dl>\n";
        }
        if let Some(configuration) = &self.configuration {
            *html += "<details>\n<summary>Configuration</summary>\n";
            write_commands(html, configuration);
            *html += "</details>\n";
        }
        *html += "</footer>\n";
    }
}

fn write_commands(html: &mut String, text: &str) {
    let text = escape(text.trim_end());
    // Reachable by keyboard, since it may scroll.
    *html += &format!("<pre tabindex=\"0\"><code>{text}</code></pre>\n");
}

/// `text` for use between tags and in quoted attributes; control characters become spaces.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            '\n' | '\t' => escaped.push(c),
            _ if c.is_control() => escaped.push(' '),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "<script>alert(\"&'\")</script>\u{0}";

    fn page(text: &str) -> Page {
        let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"></svg>";
        let table = Table::new(text, vec![Column::text(text), Column::number(text)])
            .row([text, "1.5"])
            .row([text]);
        let section = Section::new(text)
            .paragraph(text)
            .table(table)
            .figure(Figure::new(svg, text).unwrap())
            .commands(text);
        Page::new(text).lead(text).section(section).fact(text, text).configuration(text)
    }

    #[test]
    fn all_text_is_escaped() {
        let html = page(HOSTILE).to_html();
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains('\0'));
        assert_eq!(html.matches("alert(&quot;&amp;&#39;&quot;)").count(), 16);
    }

    #[test]
    fn the_page_stands_alone() {
        let html = page("name").to_html();
        let namespace = "xmlns=\"http://www.w3.org/2000/svg\"";
        let without = html.replace(namespace, "");
        for outside in ["http:", "https:", "src=", "href=", "@import", "url("] {
            assert!(!without.contains(outside), "{outside}");
        }
        assert!(html.contains("lang=\"en\"") && html.contains("name=\"viewport\""));
        assert_eq!(html, page("name").to_html());
    }

    #[test]
    fn elements_are_nested() {
        let html = page("name").to_html();
        let body = &html[html.find("<body>").unwrap()..html.find("</html>").unwrap()];
        assert!(resvg::usvg::roxmltree::Document::parse(body).is_ok(), "{body}");
    }
}
