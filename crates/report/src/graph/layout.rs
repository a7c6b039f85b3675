//! Where everything stands. The page's script does the same with some groups folded (`place` in graph.js): whoever changes one
//! changes both, and a test holds them together.

use super::plan::{Merged, Plan};

/// A node's box.
pub(super) const BOX_WIDTH: i64 = 256;
pub(super) const BOX_HEIGHT: i64 = 28;
/// Between boxes of a group.
pub(super) const ROW_GAP: i64 = 6;
/// Above a group's first box, where its name is.
pub(super) const HEAD: i64 = 28;
/// Around a group's boxes.
pub(super) const PAD: i64 = 8;
/// Between groups.
pub(super) const GROUP_GAP: i64 = 16;
/// From one column's boxes to the next's.
pub(super) const COLUMN_GAP: i64 = 150;
/// A folded group's box.
pub(super) const FOLDED: i64 = 46;

/// As far out of its way a line goes to pass between groups; further, it goes behind them.
const DETOUR: f64 = 300.0;

/// Places of a whole graph, no group folded. Columns begin at 0, as does the topmost group.
pub(super) struct Layout {
    pub width: i64,
    pub height: i64,
    /// Top and height of every group's frame.
    pub frames: Vec<(i64, i64)>,
    /// Top of every node's box.
    pub tops: Vec<i64>,
    /// By column, where a line may pass: above, between and below its groups.
    gaps: Vec<Vec<i64>>,
}

/// Where a column's boxes begin.
pub(super) fn left(column: usize) -> i64 {
    PAD + column as i64 * (BOX_WIDTH + COLUMN_GAP)
}

/// A cubic curve.
pub(super) type Curve = [(i64, i64); 4];

fn curve(start: (i64, i64), end: (i64, i64)) -> Curve {
    // A line to the same column or back leaves in a bow.
    let bend = ((end.0 - start.0) / 2).max(60);
    [start, (start.0 + bend, start.1), (end.0 - bend, end.1), end]
}

impl Layout {
    pub fn new(plan: &Plan, merged: &[Merged]) -> Self {
        // From a group's top to the middle of each of its boxes, and its height.
        let mut middle = vec![0; plan.nodes.len()];
        let mut heights = Vec::new();
        for group in &plan.groups {
            let (head, foot) = if group.name.is_empty() {
                (0, 0)
            } else {
                (HEAD, PAD)
            };
            for (row, member) in group.members.iter().enumerate() {
                middle[*member] = head + row as i64 * (BOX_HEIGHT + ROW_GAP) + BOX_HEIGHT / 2;
            }
            let rows = group.members.len() as i64;
            heights.push(head + rows * (BOX_HEIGHT + ROW_GAP) - ROW_GAP + foot);
        }
        let tops = place(plan, merged, &middle, &heights);
        let frames: Vec<(i64, i64)> = tops.into_iter().zip(heights).collect();
        let gaps = plan.columns.iter().map(|column| {
            let ends: Vec<(i64, i64)> = column
                .groups
                .iter()
                .map(|group| (frames[*group].0, frames[*group].0 + frames[*group].1))
                .collect();
            let between = ends.windows(2).map(|pair| (pair[0].1 + pair[1].0) / 2);
            ends.first()
                .map(|first| first.0 - GROUP_GAP / 2)
                .into_iter()
                .chain(between)
                .chain(ends.last().map(|last| last.1 + GROUP_GAP / 2))
                .collect()
        });
        Self {
            gaps: gaps.collect(),
            width: left(plan.columns.len().max(1)) - COLUMN_GAP + PAD,
            height: frames
                .iter()
                .map(|(top, height)| top + height)
                .max()
                .unwrap_or(0),
            tops: plan
                .nodes
                .iter()
                .zip(middle)
                .map(|(node, middle)| frames[node.group].0 + middle - BOX_HEIGHT / 2)
                .collect(),
            frames,
        }
    }

    /// The way of the line with this number, as curves. One that passes a column passes it between groups, since behind boxes
    /// nobody sees where it goes on.
    pub fn route(&self, plan: &Plan, number: usize, from: usize, to: usize) -> Vec<Curve> {
        let (first, last) = (plan.nodes[from].column, plan.nodes[to].column);
        let mut at = (left(first) + BOX_WIDTH, self.tops[from] + BOX_HEIGHT / 2);
        let end = (left(last), self.tops[to] + BOX_HEIGHT / 2);
        // Lines through the same gap lie side by side.
        let aside = (number % 5) as i64 * 3 - 6;
        let mut curves = Vec::new();
        for column in first + 1..last {
            let part = 1.0 / (last + 1 - column) as f64;
            let wish = at.1 as f64 + (end.1 - at.1) as f64 * part;
            let far = |gap: i64| (gap as f64 - wish).abs();
            let gap = self.gaps[column]
                .iter()
                .copied()
                .min_by(|a, b| far(*a).total_cmp(&far(*b)));
            if let Some(gap) = gap.filter(|gap| far(*gap) <= DETOUR) {
                let before = (left(column) - PAD, gap + aside);
                let after = (left(column) + BOX_WIDTH + PAD, gap + aside);
                curves.push(curve(at, before));
                curves.push(curve(before, after));
                at = after;
            }
        }
        curves.push(curve(at, end));
        curves
    }
}

/// Tops of all groups: the highest column is stacked closely, and the groups of the others stand as near to their neighbours
/// as their order lets them.
fn place(plan: &Plan, merged: &[Merged], middle: &[i64], heights: &[i64]) -> Vec<i64> {
    let columns = plan.columns.len();
    let high: Vec<i64> = plan
        .columns
        .iter()
        .map(|column| {
            let sum: i64 = column
                .groups
                .iter()
                .map(|at| heights[*at] + GROUP_GAP)
                .sum();
            (sum - GROUP_GAP).max(0)
        })
        .collect();
    let highest = high.iter().copied().max().unwrap_or(0);
    let anchor = high.iter().position(|it| *it == highest).unwrap_or(0);
    let mut tops = vec![0.0; heights.len()];
    for (column, high) in plan.columns.iter().zip(&high) {
        let mut top = (highest - high) as f64 / 2.0;
        for group in &column.groups {
            tops[*group] = top;
            top += (heights[*group] + GROUP_GAP) as f64;
        }
    }
    // For every group: the middle of a box of its own, the neighbour's group, the middle of the neighbour.
    let mut links: Vec<Vec<(i64, usize, i64)>> = vec![Vec::new(); heights.len()];
    for edge in merged {
        let (from, to) = (plan.nodes[edge.from].group, plan.nodes[edge.to].group);
        links[from].push((middle[edge.from], to, middle[edge.to]));
        links[to].push((middle[edge.to], from, middle[edge.from]));
    }
    let mut settle = |at: usize, first: usize, last: usize| {
        let wishes: Vec<(f64, f64)> = plan.columns[at]
            .groups
            .iter()
            .map(|group| {
                let (mut sum, mut count) = (0.0, 0.0);
                for (own, other, theirs) in &links[*group] {
                    let there = plan.groups[*other].column;
                    if there != at && there >= first && there <= last {
                        sum += tops[*other] + (theirs - own) as f64;
                        count += 1.0;
                    }
                }
                if count > 0.0 {
                    (sum / count, count)
                } else {
                    (tops[*group], 0.01)
                }
            })
            .collect();
        // Pool adjacent violators: groups that would overlap stand closely together, around their wishes' mean.
        let mut pools: Vec<(f64, f64, usize)> = Vec::new();
        let mut above = 0.0;
        for (group, (wish, weight)) in plan.columns[at].groups.iter().zip(wishes) {
            let mut pool = ((wish - above) * weight, weight, 1);
            while let Some(last) = pools.last()
                && last.0 / last.1 > pool.0 / pool.1
            {
                pool = (last.0 + pool.0, last.1 + pool.1, last.2 + pool.2);
                pools.pop();
            }
            pools.push(pool);
            above += (heights[*group] + GROUP_GAP) as f64;
        }
        let mut groups = plan.columns[at].groups.iter();
        let mut above = 0.0;
        for (sum, weight, count) in pools {
            for group in groups.by_ref().take(count) {
                tops[*group] = sum / weight + above;
                above += (heights[*group] + GROUP_GAP) as f64;
            }
        }
    };
    for at in anchor + 1..columns {
        settle(at, anchor, at);
    }
    for at in (0..anchor).rev() {
        settle(at, at, columns);
    }
    for at in (0..columns).filter(|at| *at != anchor) {
        settle(at, 0, columns);
    }
    let whole: Vec<i64> = tops.iter().map(|top| (top + 0.5).floor() as i64).collect();
    let least = whole.iter().copied().min().unwrap_or(0);
    whole.into_iter().map(|top| top - least).collect()
}
