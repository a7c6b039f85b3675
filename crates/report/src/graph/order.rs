//! In which order groups stand in their column and nodes in their group, so that few lines cross.

use super::plan::{Group, Line};

/// Times that everything is put in order, from left to right and back.
const SWEEPS: usize = 8;

/// Sorts groups and their members by the barycentre of their neighbours, sweep by sweep; the order with the fewest crossings
/// stands. Groups come out by column, and within a column from top to bottom.
pub(super) fn sort(
    mut groups: Vec<Group>,
    columns: usize,
    nodes: usize,
    edges: &[Line],
) -> Vec<Group> {
    let mut column = vec![0; nodes];
    for group in &groups {
        for member in &group.members {
            column[*member] = group.column;
        }
    }
    let mut neighbours = vec![Vec::new(); nodes];
    for edge in edges {
        neighbours[edge.from].push(edge.to);
        neighbours[edge.to].push(edge.from);
    }
    let mut fewest = crossings(&ranks(&groups, columns, nodes), &column, edges);
    let mut best = groups.clone();
    for sweep in 0..SWEEPS {
        if fewest == 0 {
            break;
        }
        let rightwards = sweep % 2 == 0;
        for step in 0..columns {
            let at = if rightwards { step } else { columns - 1 - step };
            // Ranks anew for every column, since the one before has moved.
            let ranks = ranks(&groups, columns, nodes);
            let pull = |node: usize| {
                let (mut sum, mut count) = (0.0, 0.0);
                for other in &neighbours[node] {
                    let there = column[*other];
                    if (rightwards && there < at) || (!rightwards && there > at) {
                        sum += ranks[*other].1;
                        count += 1.0;
                    }
                }
                // Without neighbours it stays where it is.
                if count > 0.0 {
                    sum / count
                } else {
                    ranks[node].1
                }
            };
            let (mut here, others): (Vec<Group>, Vec<Group>) =
                groups.into_iter().partition(|group| group.column == at);
            let mut pulled: Vec<(f64, Group)> = here
                .drain(..)
                .map(|mut group| {
                    let mut members: Vec<(f64, usize)> = group
                        .members
                        .iter()
                        .map(|member| (pull(*member), *member))
                        .collect();
                    // Stable, here and below: equal ones stay as they were.
                    members.sort_by(|a, b| a.0.total_cmp(&b.0));
                    let sum: f64 = members.iter().map(|member| member.0).sum();
                    let mean = sum / members.len().max(1) as f64;
                    group.members = members.into_iter().map(|member| member.1).collect();
                    (mean, group)
                })
                .collect();
            pulled.sort_by(|a, b| a.0.total_cmp(&b.0));
            groups = others;
            groups.extend(pulled.into_iter().map(|(_, group)| group));
        }
        let count = crossings(&ranks(&groups, columns, nodes), &column, edges);
        if count < fewest {
            fewest = count;
            best.clone_from(&groups);
        }
    }
    best.sort_by_key(|group| group.column);
    best
}

/// Every node's place in its column, from 0, and the same as a part of the column's height.
fn ranks(groups: &[Group], columns: usize, nodes: usize) -> Vec<(usize, f64)> {
    let mut sizes = vec![0; columns];
    let mut ranks = vec![(0, 0.0); nodes];
    for group in groups {
        for member in &group.members {
            ranks[*member].0 = sizes[group.column];
            sizes[group.column] += 1;
        }
    }
    for group in groups {
        for member in &group.members {
            ranks[*member].1 = (ranks[*member].0 as f64 + 0.5) / sizes[group.column] as f64;
        }
    }
    ranks
}

/// How many pairs of lines cross, of those that begin in the same column and end in the same.
fn crossings(ranks: &[(usize, f64)], column: &[usize], edges: &[Line]) -> u64 {
    let mut sorted: Vec<(usize, usize, usize, usize)> = edges
        .iter()
        .map(|edge| {
            let (from, to) = (edge.from, edge.to);
            (column[from], column[to], ranks[from].0, ranks[to].0)
        })
        .collect();
    sorted.sort_unstable();
    let mut total = 0;
    for pair in sorted.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        // A Fenwick tree over the right ends of the lines above.
        let size = pair.iter().map(|line| line.3).max().unwrap_or(0) + 1;
        let mut tree = vec![0_u64; size + 1];
        let mut seen = 0;
        for same in pair.chunk_by(|a, b| a.2 == b.2) {
            for line in same {
                let (mut at, mut above) = (line.3 + 1, 0);
                while at > 0 {
                    above += tree[at];
                    at &= at - 1;
                }
                total += seen - above;
            }
            for line in same {
                let mut at = line.3 + 1;
                while at <= size {
                    tree[at] += 1;
                    at += at & at.wrapping_neg();
                }
                seen += 1;
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(column: usize, name: &str, members: &[usize]) -> Group {
        Group {
            name: name.into(),
            short: name.into(),
            column,
            members: members.to_vec(),
        }
    }

    fn line(from: usize, to: usize) -> Line {
        Line {
            from,
            to,
            label: String::new(),
            certain: true,
        }
    }

    #[test]
    fn lines_that_cross_are_counted_and_untangled() {
        // 0 and 1 on the left; 2, 3 and 4 on the right.
        let groups = vec![
            group(0, "a", &[0, 1]),
            group(1, "b", &[2]),
            group(1, "c", &[3, 4]),
        ];
        let edges = [line(0, 4), line(0, 3), line(1, 2), line(1, 2)];
        let count = |groups: &[Group]| crossings(&ranks(groups, 2, 5), &[0, 0, 1, 1, 1], &edges);
        assert_eq!(count(&groups), 4);
        let groups = sort(groups, 2, 5, &edges);
        assert_eq!(count(&groups), 0);
        let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["a", "c", "b"]);
    }
}
