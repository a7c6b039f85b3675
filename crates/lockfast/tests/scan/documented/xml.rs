//! Just enough to mend moto's XML: elements that hold none of their own name, without attributes.

/// The text of the first element of a name.
pub fn value<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (value, _) = rest.split_once(&format!("</{name}>"))?;
    Some(value)
}

/// Sets an element of another, which begins and ends the text: in place of its own, or as its last.
pub fn set(text: &str, name: &str, value: &str) -> String {
    let (open, close, empty) = (
        format!("<{name}>"),
        format!("</{name}>"),
        format!("<{name}/>"),
    );
    if let Some(start) = text.find(&open)
        && let Some(end) = text[start..].find(&close)
    {
        return format!("{}{open}{value}{}", &text[..start], &text[start + end..]);
    }
    if text.contains(&empty) {
        return text.replacen(&empty, &format!("{open}{value}{close}"), 1);
    }
    match text.rfind("</") {
        Some(end) => format!("{}{open}{value}{close}{}", &text[..end], &text[end..]),
        None => text.to_owned(),
    }
}

/// Takes the first element of a name away.
pub fn without(text: &str, name: &str) -> String {
    match text.find(&format!("<{name}>")) {
        Some(start) => {
            let close = format!("</{name}>");
            let end = text[start..]
                .find(&close)
                .map_or(text.len(), |end| start + end + close.len());
            format!("{}{}", &text[..start], &text[end..])
        }
        None => text.replacen(&format!("<{name}/>"), "", 1),
    }
}

/// Mends every element of a name.
pub fn each(text: &str, name: &str, mend: impl Fn(&str) -> String) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(&open) {
        let Some(end) = rest[start..]
            .find(&close)
            .map(|end| start + end + close.len())
        else {
            break;
        };
        out.push_str(&rest[..start]);
        out.push_str(&mend(&rest[start..end]));
        rest = &rest[end..];
    }
    out + rest
}

/// Adds to the list that is the first element of a name.
pub fn push(text: &str, list: &str, items: &str) -> String {
    let close = format!("</{list}>");
    match text.find(&close) {
        Some(at) => format!("{}{items}{}", &text[..at], &text[at..]),
        None => text.replacen(&format!("<{list}/>"), &format!("<{list}>{items}{close}"), 1),
    }
}

/// Gives the root another name.
pub fn rename(text: &str, from: &str, to: &str) -> String {
    text.replacen(&format!("<{from}"), &format!("<{to}"), 1)
        .replacen(&format!("</{from}>"), &format!("</{to}>"), 1)
}
