//! The text of the feed page: what a caller gives is written into it so that it stays text.

const TEMPLATE: &str = include_str!("../../../assets/feed/index.html");

/// The values that CSS knows for object-fit.
const FITS: [&str; 5] = ["cover", "contain", "fill", "none", "scale-down"];

/// What is written into the page.
#[derive(Debug, Default)]
pub struct Page<'a> {
    /// Anything but a value of CSS object-fit is `cover`.
    pub fit: &'a str,
    /// Empty: nothing is configured.
    pub source: &'a str,
    /// `mpegts` or `ivf` if it is sent, else empty.
    pub format: &'a str,
    /// It may not be shown without a token.
    pub locked: bool,
}

impl Page<'_> {
    pub fn render(&self, nonce: &str) -> String {
        let fit =
            FITS.into_iter().find(|known| self.fit.trim().eq_ignore_ascii_case(known)).unwrap_or(FITS[0]);
        let (source, format) = (script_string(self.source), script_string(self.format));
        let locked = self.locked.to_string();
        fill(&[("fit", fit), ("source", &source), ("format", &format), ("locked", &locked), ("nonce", nonce)])
    }
}

/// Scripts of this page and of this server; media from anywhere, because a source may be anywhere.
pub fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'nonce-{nonce}'; \
         connect-src *; media-src * blob:; img-src 'self' data:; base-uri 'none'; form-action 'none'"
    )
}

/// In one pass: what is filled in is not looked at again.
fn fill(values: &[(&str, &str)]) -> String {
    let mut parts = TEMPLATE.split("{{");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let filled = part.split_once("}}").and_then(|(name, rest)| {
            values.iter().find(|(known, _)| *known == name).map(|(_, value)| (value, rest))
        });
        match filled {
            Some((value, rest)) => text.extend([value, rest]),
            None => text.extend(["{{", part]),
        }
    }
    text
}

/// A string of JavaScript that ends neither itself nor the script around it.
fn script_string(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.chars().fold(String::with_capacity(quoted.len()), |mut safe, c| {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => safe.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => safe.push(c),
        }
        safe
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(fit: &str, source: &str) -> String {
        Page { fit, source, format: "mpegts", locked: false }.render("N")
    }

    #[test]
    fn the_page_says_what_it_plays_in_lines_that_clients_look_for() {
        let page = render("contain", "/input/devices/virtual/feed/socket");
        for line in [
            "<title>Virtual Input Feed</title>",
            "const defaultSource = \"/input/devices/virtual/feed/socket\";",
            "const defaultFormat = \"mpegts\";",
            "function toWebSocketURL",
            "const wsURL = toWebSocketURL",
            "new JSMpeg.Player(wsURL",
            "new WebSocket(toWebSocketURL",
            "Loading virtual feed…",
            "No virtual video feed is configured yet.",
            "Feed disconnected. Reconnecting…",
            "object-fit: contain",
        ] {
            assert!(page.contains(line), "{line}");
        }
        assert!(!page.contains("{{"), "everything is filled in");
    }

    #[test]
    fn a_source_cannot_leave_its_string() {
        let before = render("", "").matches("</script>").count();
        for source in
            ["\";alert(1);//", "</script><script>alert(1)</script>", "\u{2028}alert(1)", "{{nonce}}", "\\"]
        {
            let page = render("", source);
            let line = page.lines().find(|line| line.contains("const defaultSource")).unwrap();
            let value =
                line.trim().strip_prefix("const defaultSource = ").unwrap().strip_suffix(';').unwrap();
            assert_eq!(serde_json::from_str::<String>(value).unwrap(), source);
            assert_eq!(page.matches("</script>").count(), before, "{source}");
        }
    }

    #[test]
    fn only_what_css_knows_becomes_css() {
        assert!(render(" Scale-Down ", "").contains("object-fit: scale-down"));
        let page = render("cover} body{display:none", "");
        assert!(page.contains("object-fit: cover") && !page.contains("display:none"));
    }
}
