//! Charts of counts, as SVG: by day, or side by side.

use crate::clean;
use jiff::civil::Date;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::collections::BTreeMap;

/// So many names are told from one another; all others are one.
const SERIES: usize = 8;
/// So many bars are drawn side by side.
const BARS: usize = 25;
/// So much of a name is written beside its colour, and above its bar.
const NAME: usize = 100;
/// How the names that are not told from one another are called.
const OTHERS: &str = "all others";

const WIDTH: u32 = 960;
const TITLE: u32 = 34;
const PLOT: u32 = 300;
const LINE: u32 = 20;
const LEFT: i32 = 64;

/// Colours that people with colour-blindness can tell, too (Okabe and Ito, "Color Universal Design", 2008), and grey for all others.
const COLOURS: [RGBColor; SERIES + 1] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(86, 180, 233),
    RGBColor(204, 121, 167),
    RGBColor(240, 228, 66),
    RGBColor(60, 60, 60),
    RGBColor(170, 170, 170),
];

/// Counts, each by a name and, where they have one, a day.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    title: String,
    counts: BTreeMap<String, BTreeMap<Option<Date>, u64>>,
}

/// A name, and how many there are of it.
type Named<'n> = (&'n str, u64);

/// Why a chart could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("the chart cannot be drawn: {0}")]
pub struct Undrawn(String);

impl Chart {
    /// One without counts; `title` says what is counted.
    pub fn new(title: impl Into<String>) -> Chart {
        Chart {
            title: title.into(),
            counts: BTreeMap::new(),
        }
    }

    /// Counts so many more of a name on a day.
    pub fn add(&mut self, name: &str, day: Option<Date>, count: u64) {
        if !self.counts.contains_key(name) {
            self.counts.insert(name.to_owned(), BTreeMap::new());
        }
        if let Some(days) = self.counts.get_mut(name) {
            let own = days.entry(day).or_default();
            *own = own.saturating_add(count);
        }
    }

    /// The chart as SVG: what has days as bars of each day, one name above the other; else one bar of each name. Names beyond the
    /// largest are drawn as one.
    ///
    /// # Errors
    /// When it cannot be drawn, which its sizes do not bring about.
    pub fn svg(&self) -> Result<String, Undrawn> {
        let days: Vec<Date> = {
            let all = self.counts.values().flat_map(BTreeMap::keys);
            let span = all.flatten().fold(None, |span, day| match span {
                None => Some((*day, *day)),
                Some((first, last)) => Some((first.min(*day), last.max(*day))),
            });
            span.map(|(first, last)| {
                first
                    .series(jiff::Span::new().days(1))
                    .take_while(|day| *day <= last)
                    .collect()
            })
            .unwrap_or_default()
        };
        let drawn = match days.len() {
            0 | 1 => self.side_by_side(),
            _ => self.by_day(&days),
        };
        drawn.map_err(|error| Undrawn(error.to_string()))
    }

    /// The names by their counts, the largest first, and of how many names the rest is.
    fn ranked(&self, most: usize) -> (Vec<Named<'_>>, Vec<Named<'_>>) {
        let mut all: Vec<(&str, u64)> = self
            .counts
            .iter()
            .map(|(name, days)| {
                (
                    name.as_str(),
                    days.values().fold(0, |sum, own| own.saturating_add(sum)),
                )
            })
            .collect();
        all.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
        let rest = all.split_off(all.len().min(most));
        (all, rest)
    }

    fn by_day(&self, days: &[Date]) -> Result<String, Box<dyn std::error::Error>> {
        let (shown, rest) = self.ranked(SERIES);
        let on = |name: &str, day: Date| {
            let days = self.counts.get(name);
            days.and_then(|days| days.get(&Some(day)))
                .copied()
                .unwrap_or_default()
        };
        let mut series: Vec<(String, u64, Vec<u64>)> = shown
            .iter()
            .map(|(name, count)| {
                (
                    cut(name),
                    *count,
                    days.iter().map(|day| on(name, *day)).collect(),
                )
            })
            .collect();
        if !rest.is_empty() {
            let of_day = |day: &Date| rest.iter().map(|(name, _)| on(name, *day)).sum();
            let count = rest.iter().map(|(_, count)| count).sum();
            series.push((
                format!("{OTHERS} ({})", rest.len()),
                count,
                days.iter().map(of_day).collect(),
            ));
        }
        let highest = (0..days.len())
            .map(|day| series.iter().map(|(_, _, counts)| counts[day]).sum::<u64>())
            .max()
            .unwrap_or_default();
        let lines = u32::try_from(series.len())?;
        let height = TITLE + PLOT + LINE * (lines + 1);
        let mut svg = String::new();
        {
            let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
            root.fill(&WHITE)?;
            let (head, below) = root.split_vertically(TITLE);
            self.head(&head)?;
            let (plot, names) = below.split_vertically(PLOT);
            let mut chart = ChartBuilder::on(&plot)
                .margin_right(16)
                .x_label_area_size(28)
                .y_label_area_size(LEFT)
                .build_cartesian_2d(0.0..days.len() as f64, 0.0..(highest.max(1) as f64) * 1.05)?;
            chart
                .configure_mesh()
                .disable_x_mesh()
                .light_line_style(TRANSPARENT)
                .bold_line_style(RGBColor(225, 225, 225))
                .axis_style(RGBColor(150, 150, 150))
                .label_style(("sans-serif", 12))
                .x_labels(8)
                .x_label_formatter(&|at| match days.get(at.round() as usize) {
                    Some(day) => day.to_string(),
                    None => String::new(),
                })
                .y_label_formatter(&|count| short(*count))
                .draw()?;
            let mut below = vec![0; days.len()];
            for (place, (_, _, counts)) in series.iter().enumerate() {
                let colour = colour(place, series.len(), !rest.is_empty());
                let mut bars = Vec::new();
                for (day, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                    let (from, to) = (below[day], below[day] + count);
                    let x = day as f64;
                    bars.push(Rectangle::new(
                        [(x + 0.1, from as f64), (x + 0.9, to as f64)],
                        colour.filled(),
                    ));
                    below[day] = to;
                }
                chart.draw_series(bars)?;
            }
            for (place, (name, count, _)) in series.iter().enumerate() {
                let y = i32::try_from(LINE)? * i32::try_from(place)? + 8;
                let colour = colour(place, series.len(), !rest.is_empty());
                names.draw(&Rectangle::new(
                    [(LEFT, y), (LEFT + 12, y + 12)],
                    colour.filled(),
                ))?;
                names.draw(&Text::new(
                    format!("{name}: {}", grouped(*count)),
                    (LEFT + 20, y),
                    ("sans-serif", 13).into_font(),
                ))?;
            }
            root.present()?;
        }
        Ok(svg)
    }

    fn side_by_side(&self) -> Result<String, Box<dyn std::error::Error>> {
        let (shown, rest) = self.ranked(BARS);
        let mut bars: Vec<(String, u64)> = shown
            .iter()
            .map(|(name, count)| (cut(name), *count))
            .collect();
        if !rest.is_empty() {
            let count = rest.iter().map(|(_, count)| count).sum();
            bars.push((format!("{OTHERS} ({})", rest.len()), count));
        }
        let height = TITLE + 2 * LINE * u32::try_from(bars.len().max(1))? + LINE;
        let highest = bars
            .iter()
            .map(|(_, count)| *count)
            .max()
            .unwrap_or_default()
            .max(1);
        let mut svg = String::new();
        {
            let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
            root.fill(&WHITE)?;
            let (head, below) = root.split_vertically(TITLE);
            self.head(&head)?;
            let room = f64::from(WIDTH) - 130.0;
            for (place, (name, count)) in bars.iter().enumerate() {
                let y = i32::try_from(2 * LINE)? * i32::try_from(place)?;
                let length = (room * (*count as f64) / (highest as f64)).max(1.0) as i32;
                let colour = match place == bars.len() - 1 && !rest.is_empty() {
                    true => COLOURS[SERIES],
                    false => COLOURS[0],
                };
                below.draw(&Text::new(
                    name.clone(),
                    (16, y),
                    ("sans-serif", 13).into_font(),
                ))?;
                below.draw(&Rectangle::new(
                    [(16, y + 17), (16 + length, y + 31)],
                    colour.filled(),
                ))?;
                let style = ("sans-serif", 13).into_font().into_text_style(&below);
                below.draw(&Text::new(
                    grouped(*count),
                    (22 + length, y + 24),
                    style.pos(Pos::new(HPos::Left, VPos::Center)),
                ))?;
            }
            if bars.is_empty() {
                below.draw(&Text::new(
                    "nothing",
                    (16, 0),
                    ("sans-serif", 13).into_font(),
                ))?;
            }
            root.present()?;
        }
        Ok(svg)
    }

    fn head<B: DrawingBackend>(
        &self,
        head: &DrawingArea<B, plotters::coord::Shift>,
    ) -> Result<(), Box<dyn std::error::Error>>
    where
        B::ErrorType: 'static,
    {
        let title = clean(&self.title);
        head.draw(&Text::new(title, (16, 8), ("sans-serif", 16).into_font()))?;
        Ok(())
    }
}

/// The colour of a series; the last one's is grey where it is of all others.
fn colour(place: usize, of: usize, has_rest: bool) -> RGBColor {
    match has_rest && place + 1 == of {
        true => COLOURS[SERIES],
        false => COLOURS[place % SERIES],
    }
}

/// A name of a length that fits, cut in its middle: ARNs begin alike and end with what they name.
fn cut(name: &str) -> String {
    let name = clean(name);
    let count = name.chars().count();
    if count <= NAME {
        return name;
    }
    let head: String = name.chars().take(NAME / 3).collect();
    let tail: String = name.chars().skip(count - (NAME - NAME / 3 - 1)).collect();
    format!("{head}…{tail}")
}

/// A count on an axis.
fn short(count: f64) -> String {
    match count {
        1e9.. => format!("{:.1} G", count / 1e9),
        1e6.. => format!("{:.1} M", count / 1e6),
        1e4.. => format!("{:.0} k", count / 1e3),
        _ => format!("{count:.0}"),
    }
}

/// A count with its thousands apart.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    /// Well-formed, and what it says.
    fn texts(svg: &str) -> Vec<&str> {
        assert!(
            svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"),
            "{svg}"
        );
        svg.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('<'))
            .collect()
    }

    #[test]
    fn counts_of_days_are_stacked_and_the_smallest_names_are_one() {
        let mut chart = Chart::new("Uses");
        for name in 0..12_u64 {
            for day in 1..=28 {
                chart.add(
                    &format!("key {name:02}"),
                    Some(date(2026, 2, day)),
                    1 + name * 100,
                );
            }
        }
        let svg = chart.svg().expect("a chart");
        let texts = texts(&svg);
        assert!(texts.contains(&"key 11: 30 828"), "{texts:?}");
        assert!(texts.contains(&"all others (4): 16 912"), "{texts:?}");
        assert!(!texts.contains(&"key 03: 8 428"));
        assert!(texts.iter().any(|text| text.starts_with("2026-02-")));
        assert_eq!(
            svg.matches("<rect").count(),
            1 + 28 * 9 + 9,
            "a ground, bars, and a square of each name"
        );
    }

    #[test]
    fn counts_without_days_stand_side_by_side() {
        let mut chart = Chart::new("Readers <of> secrets");
        let long = format!("arn:aws:iam::111122223333:role/{}/orders", "x".repeat(200));
        chart.add(&long, None, 5);
        chart.add("a & b\u{1b}[31m", None, 10);
        chart.add("a & b\u{1b}[31m", None, u64::MAX);
        let svg = chart.svg().expect("a chart");
        assert!(svg.contains("a &amp; b"), "{svg}");
        assert!(svg.contains("/orders") && !svg.contains(&long));
        assert!(!svg.contains('\u{1b}'));
        assert!(
            Chart::new("None")
                .svg()
                .expect("a chart")
                .contains("nothing")
        );
    }
}
