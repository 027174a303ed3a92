//! Which page answers which path. What the local cloud knows of the pages is here alone.

/// A page of the build.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) file: &'static str,
    /// Whether pages of others may show it in a frame.
    pub(super) may_be_embedded: bool,
}

const CONSOLE: Page = own("console.html");
const HOME: Page = own("index.html");
const BROADCAST: Page = own("broadcast.html");
const WATCH: Page = Page { file: "watch.html", may_be_embedded: true };
const SIGNED_IN: Page = own("signed-in.html");

const fn own(file: &'static str) -> Page {
    Page { file, may_be_embedded: false }
}

/// Where a channel is named, which these segments of a path lack.
pub(super) fn instead(segments: &[&str]) -> Option<&'static str> {
    matches!(segments, ["broadcast" | "watch"] | ["broadcast" | "watch", ""]).then_some("/home")
}

/// The page at these segments of a path.
pub(super) fn page(segments: &[&str]) -> Option<&'static Page> {
    Some(match segments {
        [""] => &CONSOLE,
        ["home"] => &HOME,
        ["broadcast", channel] | ["broadcast", channel, ""] if !channel.is_empty() => &BROADCAST,
        ["watch", channel] | ["watch", channel, ""] if !channel.is_empty() => &WATCH,
        ["signed-in"] => &SIGNED_IN,
        [file] => return [&CONSOLE, &HOME, &BROADCAST, &WATCH, &SIGNED_IN].into_iter().find(|page| page.file == *file),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_found_by_its_path_and_by_its_file() {
        for (path, expected) in [
            ("/", Some("console.html")),
            ("/home", Some("index.html")),
            ("/broadcast/demo", Some("broadcast.html")),
            ("/watch/demo", Some("watch.html")),
            ("/watch/demo/", Some("watch.html")),
            ("/signed-in", Some("signed-in.html")),
            ("/watch.html", Some("watch.html")),
            ("/watch", None),
            ("/watch/", None),
            ("/watch//", None),
            ("/watch/demo/more", None),
            ("/watch/demo/more/", None),
            ("/assets/watch.html", None),
        ] {
            let segments: Vec<_> = path[1..].split('/').collect();
            assert_eq!(page(&segments).map(|page| page.file), expected, "{path}");
        }
    }
}
