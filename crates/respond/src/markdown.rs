//! Text that others chose, in Markdown.

use std::fmt::Write;

/// Text that others chose, as text: no markup of it is one of the report, and it stays in its cell.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '&' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A name in code. Backticks and bars would end it, or its cell.
pub(crate) fn code(text: &str) -> String {
    match text.contains(['`', '|', '\n', '\r']) {
        true => plain(text),
        false => format!("`{text}`"),
    }
}

/// A block that no backticks in the text end.
pub(crate) fn fenced(out: &mut String, language: &str, text: &str) -> std::fmt::Result {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    writeln!(out, "{fence}{language}\n{text}\n{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_chose_is_text() {
        assert_eq!(plain("a|b\n<i>"), r"a\|b \<i\>");
        assert_eq!(code("a/b"), "`a/b`");
        assert_eq!(code("a`|b"), r"a\`\|b");
        let mut out = String::new();
        fenced(&mut out, "text", "```` x").expect("a string takes all");
        assert_eq!(out, "`````text\n```` x\n`````\n");
    }
}
