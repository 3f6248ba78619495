//! A picture in a page.

use resvg::usvg::roxmltree::{Document, Node, NodeType};

use super::escape;
use crate::report::ReportError;

/// Elements that only draw.
const DRAWING: [&str; 13] = [
    "svg", "g", "title", "desc", "rect", "line", "polyline", "polygon", "circle", "ellipse",
    "path", "text", "tspan",
];

/// A picture with its caption.
#[derive(Debug, Clone)]
pub struct Figure {
    svg: String,
    caption: String,
}

impl Figure {
    /// A figure of an SVG picture, which is put into the page as it is.
    ///
    /// # Errors
    /// [`ReportError::Svg`] for text that isn't a well-formed SVG element, or that holds anything
    /// but drawing elements and their attributes: scripts, styles, links, images.
    pub fn new(svg: &str, caption: impl Into<String>) -> Result<Self, ReportError> {
        let document = Document::parse(svg).map_err(|cause| ReportError::Svg(cause.to_string()))?;
        let root = document.root_element();
        if root.tag_name().name() != "svg" {
            let name = root.tag_name().name();
            return Err(ReportError::Svg(format!("expected <svg>, found <{name}>")));
        }
        root.descendants().try_for_each(check)?;
        // What stands before the element, such as an XML declaration, has no place in HTML.
        Ok(Self { svg: svg[root.range()].to_owned(), caption: caption.into() })
    }

    pub(super) fn write(&self, html: &mut String) {
        let (svg, caption) = (&self.svg, escape(&self.caption));
        *html += &format!(
            "<figure>\n<div class=\"picture\">{svg}</div>\n\
             <figcaption>{caption}</figcaption>\n</figure>\n"
        );
    }
}

/// Refuses a node that does more than draw.
fn check(node: Node<'_, '_>) -> Result<(), ReportError> {
    let refuse = |what: &str| Err(ReportError::Svg(format!("{what} isn't part of a drawing")));
    match node.node_type() {
        NodeType::Text => return Ok(()),
        NodeType::Element => {}
        _ => return refuse("a comment or an instruction"),
    }
    let name = node.tag_name().name();
    if !DRAWING.contains(&name) {
        return refuse(&format!("<{name}>"));
    }
    for attribute in node.attributes() {
        let name = attribute.name().to_ascii_lowercase();
        let outside = attribute.value().to_ascii_lowercase().contains("url(");
        if name.starts_with("on") || matches!(name.as_str(), "style" | "href") || outside {
            return refuse(&format!("the attribute {name}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_drawings_are_taken() {
        let svg =
            |inside: &str| format!("<svg xmlns=\"http://www.w3.org/2000/svg\">{inside}</svg>");
        assert!(Figure::new(&svg("<g><rect fill=\"#fff\"/></g>"), "").is_ok());
        for inside in [
            "<script>1</script>",
            "<rect onclick=\"1\"/>",
            "<image href=\"a.png\"/>",
            "<rect fill=\"url(http://a)\"/>",
            "<rect style=\"fill:red\"/>",
            "<foreignObject/>",
            "<!-- --><g/>",
            "<g>",
        ] {
            let found = Figure::new(&svg(inside), "");
            assert!(matches!(found, Err(ReportError::Svg(_))), "{inside}");
        }
        assert!(matches!(Figure::new("<p/>", ""), Err(ReportError::Svg(_))));
    }

    #[test]
    fn a_declaration_is_left_out() {
        let svg = "<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
        let mut html = String::new();
        Figure::new(svg, "caption").unwrap().write(&mut html);
        assert!(html.contains("<div class=\"picture\"><svg") && !html.contains("<?xml"));
    }
}
