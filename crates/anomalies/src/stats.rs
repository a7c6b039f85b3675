//! Statistics that a few wild values do not move.

/// The median; zero of nothing. Sorts what it is given.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => 0.0,
        length if length % 2 == 1 => values[half],
        _ => (values[half - 1] + values[half]) / 2.0,
    }
}

/// What the standard deviation would be of values that are normal but for some: from the median of the distances to the median.
pub(crate) fn deviation(values: &[f64], median_of: f64) -> f64 {
    let mut distances: Vec<f64> = values.iter().map(|it| (it - median_of).abs()).collect();
    1.4826 * median(&mut distances)
}

/// The slope of the line through values one apart: the median of all slopes between two (Theil and Sen).
pub(crate) fn slope(values: &[f64]) -> f64 {
    let mut slopes = Vec::with_capacity(values.len() * values.len() / 2);
    for (at, first) in values.iter().enumerate() {
        for (distance, second) in values[at..].iter().enumerate().skip(1) {
            slopes.push((second - first) / distance as f64);
        }
    }
    median(&mut slopes)
}

/// How significant it is that values rise, as a normal z (Mann and Kendall's test, ties not corrected for: that makes it smaller).
pub(crate) fn rising(values: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (at, first) in values.iter().enumerate() {
        for second in &values[at + 1..] {
            sum += match second.total_cmp(first) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.0,
                std::cmp::Ordering::Less => -1.0,
            };
        }
    }
    let n = values.len() as f64;
    let variance = n * (n - 1.0) * (2.0 * n + 5.0) / 18.0;
    match variance > 0.0 && sum > 0.0 {
        true => (sum - 1.0) / variance.sqrt(),
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wild_value_does_not_move_them() {
        assert_eq!(median(&mut []), 0.0);
        assert_eq!(median(&mut [9.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(&mut [1.0, 2.0, 3.0, 1e9]), 2.5);
        assert!((deviation(&[1.0, 2.0, 3.0, 1e9], 2.5) - 1.4826).abs() < 1e-9);
        assert_eq!(slope(&[1.0, 2.0, 3.0, 400.0, 5.0, 6.0]), 1.0);
        assert_eq!(slope(&[]), 0.0);
    }

    #[test]
    fn a_rise_is_told_from_a_day() {
        let rise: Vec<f64> = (0..10).map(|day| f64::from(day) * 8.0).collect();
        assert!(rising(&rise) > 3.8);
        assert!(rising(&[5.0, 4.0, 6.0, 5.0, 4.0, 5.0, 6.0, 90.0, 5.0, 4.0]) < 1.0);
        assert_eq!(rising(&[]), 0.0);
    }
}
