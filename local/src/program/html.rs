//! HTML of plain parts. Text becomes a part by [`escape`] or by what calls it, so that none is taken for markup.

/// A part of a page, well formed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Html(String);

/// Light or dark as the browser has it; nothing comes from elsewhere.
const STYLE: &str = "
:root { color-scheme: light dark; --line: #d5d5dc; --soft: #f4f4f7; --link: #0b57d0; }
@media (prefers-color-scheme: dark) { :root { --line: #3d3d46; --soft: #24242b; --link: #8ab4f8; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
a { color: var(--link); }
code, pre { font: 0.875rem/1.5 ui-monospace, monospace; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: 0.75rem 1rem; overflow-x: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: 0.35rem 1rem 0.35rem 0; text-align: left; vertical-align: top; }
th { font-weight: 600; font-size: 0.875rem; }
ul { margin: 0; padding: 0; list-style: none; }
label { display: block; margin-top: 1.5rem; font-weight: 600; }
input, button { font: inherit; min-height: 44px; padding: 0 1rem; border: 1px solid var(--line); border-radius: 6px; }
input { box-sizing: border-box; width: 100%; max-width: 20rem; margin: 0.25rem 0.5rem 0.25rem 0; }
button { cursor: pointer; }
.buttons { display: flex; flex-wrap: wrap; gap: 0.5rem; }
";

/// Text as it is.
pub(crate) fn escape(text: &str) -> Html {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    Html(escaped)
}

/// Text of a machine.
pub(crate) fn code(text: &str) -> Html {
    element("code", &escape(text))
}

/// A link to a path of this server.
pub(crate) fn link(path: &str, text: &str) -> Html {
    attributed("a", &[("href", path)], &code(text))
}

/// Lines to paste.
pub(crate) fn preformatted(text: &str) -> Html {
    element("pre", &escape(text))
}

pub(crate) fn paragraph(text: &str) -> Html {
    element("p", &escape(text))
}

/// A heading of a level from 1 to 6.
pub(crate) fn heading(level: u8, text: &str) -> Html {
    element(&format!("h{level}"), &escape(text))
}

pub(crate) fn list(items: impl IntoIterator<Item = Html>) -> Html {
    element("ul", &joined(items.into_iter().map(|item| element("li", &item))))
}

/// Rows under a head.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = Html>) -> Html {
    let head = joined(head.map(|title| element("th", &escape(title))));
    let (head, body) = (element("thead", &element("tr", &head)), element("tbody", &joined(rows)));
    Html(format!("<div class=\"wide\">{}</div>\n", element("table", &joined([head, body])).0))
}

/// A row of a table.
pub(crate) fn row<const N: usize>(cells: [Html; N]) -> Html {
    element("tr", &joined(cells.map(|cell| element("td", &cell))))
}

/// Parts one after the other.
pub(crate) fn joined(parts: impl IntoIterator<Item = Html>) -> Html {
    Html(parts.into_iter().map(|part| part.0).collect())
}

/// A whole page. The empty icon keeps browsers from asking for one.
pub(crate) fn document(title: &str, parts: &[Html]) -> String {
    let title = escape(title).0;
    let parts: String = parts.iter().map(|part| part.0.as_str()).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<link rel=\"icon\" \
         href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n<body>\n{parts}</body>\n</html>\n"
    )
}

/// An element without attributes.
pub(crate) fn element(name: &str, content: &Html) -> Html {
    attributed(name, &[], content)
}

/// An element with attributes.
pub(crate) fn attributed(name: &str, attributes: &[(&str, &str)], content: &Html) -> Html {
    Html(format!("<{name}{}>{}</{name}>", written(attributes), content.0))
}

/// An element that has no content, with attributes, some of them without a value.
pub(crate) fn void(name: &str, attributes: &[(&str, &str)], flags: &[&str]) -> Html {
    let flags: String = flags.iter().map(|flag| format!(" {flag}")).collect();
    Html(format!("<{name}{}{flags}>", written(attributes)))
}

fn written(attributes: &[(&str, &str)]) -> String {
    attributes.iter().map(|(name, value)| format!(" {name}=\"{}\"", escape(value).0)).collect()
}
