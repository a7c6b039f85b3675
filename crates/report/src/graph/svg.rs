//! The picture as a file of its own: no script, no resources, colours for light and dark.

use super::Tone;
use super::layout::{BOX_HEIGHT, BOX_WIDTH, Curve, HEAD, Layout, PAD, left};
use super::plan::{Merged, Plan};
use std::fmt::Write;
use textwrap::core::display_width;

/// Around everything.
const MARGIN: i64 = 24;
/// Title, what is counted, and the columns' headings.
const ABOVE: i64 = 96;
/// More lines than this are not written on: what they say is in their tooltips.
const LABELLED: usize = 60;
/// More than this are drawn fainter.
const DENSE: usize = 300;
/// Width of a monospaced character of 11 pixels.
const CHARACTER: f64 = 6.7;

/// A rectangle: left, top, right, bottom.
type Area = (f64, f64, f64, f64);

pub(super) fn draw(plan: &Plan) -> String {
    let mut out = String::new();
    write(plan, &mut out).expect("writing to memory does not fail");
    out
}

fn write(plan: &Plan, out: &mut String) -> std::fmt::Result {
    let merged = plan.merged();
    let layout = Layout::new(plan, &merged);
    let width = layout.width.max(640) + 2 * MARGIN;
    let foot = foot(plan, width);
    let bottom = MARGIN + ABOVE + layout.height + 40;
    let height = bottom + foot.len() as i64 * 18 + MARGIN;
    writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title desc">"#
    )?;
    writeln!(
        out,
        r#"<title id="title">{}</title><desc id="desc">{}</desc>"#,
        escape(&plan.title),
        escape(&plan.counted())
    )?;
    writeln!(
        out,
        "<style>\n{}</style>",
        include_str!("../../templates/graph-svg.css")
    )?;
    writeln!(
        out,
        r#"<rect class="page" width="{width}" height="{height}"/>"#
    )?;
    let title = super::plan::fit(&plan.title, (width - 2 * MARGIN) as usize / 12);
    writeln!(
        out,
        r#"<text class="name" x="{MARGIN}" y="{}">{}</text>"#,
        MARGIN + 20,
        escape(&title)
    )?;
    writeln!(
        out,
        r#"<text class="soft" x="{MARGIN}" y="{}">{}</text>"#,
        MARGIN + 42,
        escape(&plan.counted())
    )?;
    writeln!(
        out,
        r#"<g{} transform="translate({MARGIN},{})">"#,
        if merged.len() > DENSE {
            r#" class="dense""#
        } else {
            ""
        },
        MARGIN + ABOVE
    )?;
    for (at, column) in plan.columns.iter().enumerate() {
        let heading = super::plan::fit(&column.heading, 26);
        writeln!(
            out,
            r#"<text class="heading" x="{}" y="-14">{}</text>"#,
            left(at),
            escape(&heading)
        )?;
    }
    for (group, (top, height)) in plan.groups.iter().zip(&layout.frames) {
        if group.name.is_empty() {
            continue;
        }
        let x = left(group.column) - PAD;
        writeln!(
            out,
            r#"<g class="group"><title>{}</title><rect x="{x}" y="{top}" width="{}" height="{height}" rx="8"/><text x="{}" y="{}">{}</text></g>"#,
            escape(&format!("{}: {}", group.name, group.members.len())),
            BOX_WIDTH + 2 * PAD,
            x + PAD + 2,
            top + HEAD - 10,
            escape(&group.short)
        )?;
    }
    edges(plan, &layout, &merged, out)?;
    for (id, node) in plan.nodes.iter().enumerate() {
        let (x, y) = (left(node.column), layout.tops[id]);
        let mut tip = node.label.clone();
        if node.tone != Tone::Plain {
            write!(tip, "\n({})", node.tone.name())?;
        }
        for (name, value) in &node.details {
            write!(tip, "\n{name}: {value}")?;
        }
        let class = node.tone.class();
        write!(
            out,
            r#"<g class="node {class}"><title>{}</title><rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6"/>"#,
            escape(&tip)
        )?;
        let baseline = y + BOX_HEIGHT / 2 + 4;
        if node.tone != Tone::Plain {
            write!(
                out,
                r#"<text class="sign" x="{}" y="{baseline}">{}</text>"#,
                x + 8,
                node.tone.sign()
            )?;
        }
        writeln!(
            out,
            r#"<text x="{}" y="{baseline}">{}</text></g>"#,
            x + 24,
            escape(&node.short)
        )?;
    }
    out.push_str("</g>\n");
    for (row, line) in foot.iter().enumerate() {
        writeln!(
            out,
            r#"<text class="soft" x="{MARGIN}" y="{}">{}</text>"#,
            bottom + row as i64 * 18,
            escape(line)
        )?;
    }
    out.push_str("</svg>\n");
    Ok(())
}

/// The legend and the notes, in lines.
fn foot(plan: &Plan, width: i64) -> Vec<String> {
    let mut legend: Vec<String> = Tone::ALL
        .into_iter()
        .filter(|tone| *tone != Tone::Plain && plan.nodes.iter().any(|node| node.tone == *tone))
        .map(|tone| format!("{} {}", tone.sign(), tone.name()))
        .collect();
    if plan.edges.iter().any(|edge| !edge.certain) {
        legend.push("dashed: only possible".into());
    }
    let columns = ((width - 2 * MARGIN) as f64 / 7.5) as usize;
    let mut lines = Vec::new();
    if !legend.is_empty() {
        lines.push(legend.join(" · "));
    }
    for note in &plan.notes {
        lines.extend(
            textwrap::wrap(note, columns)
                .into_iter()
                .map(std::borrow::Cow::into_owned),
        );
    }
    lines
}

fn edges(plan: &Plan, layout: &Layout, merged: &[Merged], out: &mut String) -> std::fmt::Result {
    let labelled = merged.len() <= LABELLED;
    let mut taken: Vec<Area> = Vec::new();
    if labelled {
        taken.extend(plan.nodes.iter().zip(&layout.tops).map(|(node, y)| {
            let x = left(node.column);
            let (right, bottom) = (x + BOX_WIDTH, y + BOX_HEIGHT);
            (x as f64, *y as f64, right as f64, bottom as f64)
        }));
    }
    let mut ends = vec![(0, 0); plan.nodes.len()];
    for edge in merged {
        ends[edge.from].0 += 1;
        ends[edge.to].1 += 1;
    }
    let mut labels = String::new();
    for (number, edge) in merged.iter().enumerate() {
        let curves = layout.route(plan, number, edge.from, edge.to);
        let mut tip = format!(
            "{} → {}",
            plan.nodes[edge.from].label, plan.nodes[edge.to].label
        );
        for label in &edge.labels {
            write!(tip, "\n{label}")?;
        }
        if !edge.certain {
            tip.push_str("\n(only possible)");
        }
        let class = if edge.certain {
            "edge"
        } else {
            "edge possible"
        };
        write!(out, r#"<path class="{class}" d=""#)?;
        for (at, [a, b, c, d]) in curves.iter().enumerate() {
            if at == 0 {
                write!(out, "M{},{}", a.0, a.1)?;
            }
            write!(out, " C{},{} {},{} {},{}", b.0, b.1, c.0, c.1, d.0, d.1)?;
        }
        writeln!(out, r#""><title>{}</title></path>"#, escape(&tip))?;
        let label = edge.label();
        // Where fewer lines meet, a label is nearer to its own.
        let late = ends[edge.from].0 >= ends[edge.to].1;
        if labelled
            && !label.is_empty()
            && let Some((x, y)) = free(&curves, late, &label, &mut taken)
        {
            writeln!(
                labels,
                r#"<text class="says" x="{x:.0}" y="{y:.0}">{}</text>"#,
                escape(&label)
            )?;
        }
    }
    out.push_str(&labels);
    Ok(())
}

/// A place on a line where its label covers neither a box nor another label: towards its end, or its beginning.
fn free(curves: &[Curve], late: bool, label: &str, taken: &mut Vec<Area>) -> Option<(f64, f64)> {
    let half = (display_width(label) as f64 * CHARACTER + 8.0) / 2.0;
    let points = if late { curves.last() } else { curves.first() }?;
    for t in [0.72, 0.66, 0.6, 0.5, 0.4, 0.3, 0.2] {
        let t = if late { t } else { 1.0 - t };
        let s = 1.0 - t;
        let weights = [s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t];
        let (mut x, mut y) = (0.0, 0.0);
        for (point, weight) in points.iter().zip(weights) {
            x += point.0 as f64 * weight;
            y += point.1 as f64 * weight;
        }
        let area = (x - half, y - 8.0, x + half, y + 8.0);
        let apart = |other: &Area| {
            area.2 <= other.0 || other.2 <= area.0 || area.3 <= other.1 || other.3 <= area.1
        };
        if taken.iter().all(apart) {
            taken.push(area);
            return Some((x, y + 4.0));
        }
    }
    None
}

/// Text for XML, within an element or an attribute. It is clean already: no character that XML forbids.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
