//! The hops a value came by.

use crate::Step;
use std::sync::Arc;

/// The hops a value came by, nearest first. Values that came the same way share them, so that a hop more
/// costs the same however many there are.
#[derive(Clone, Debug)]
pub struct Via(Arc<Hops>);

#[derive(Debug)]
struct Hops {
    nearest: Nearest,
    rest: Option<Via>,
}

#[derive(Debug)]
enum Nearest {
    Step(Step),
    Way(Via),
}

impl Via {
    /// One hop, and those before it.
    pub fn step(step: Step, rest: Option<Via>) -> Via {
        Via(Arc::new(Hops {
            nearest: Nearest::Step(step),
            rest,
        }))
    }

    /// The hops of `self`, and those before them.
    pub fn then(&self, rest: Option<Via>) -> Via {
        match rest {
            None => self.clone(),
            rest => Via(Arc::new(Hops {
                nearest: Nearest::Way(self.clone()),
                rest,
            })),
        }
    }

    /// The hops, nearest first.
    pub fn iter(&self) -> impl Iterator<Item = &Step> {
        let mut left = vec![self];
        std::iter::from_fn(move || {
            loop {
                let hops = &left.pop()?.0;
                left.extend(&hops.rest);
                match &hops.nearest {
                    Nearest::Step(step) => return Some(step),
                    Nearest::Way(way) => left.push(way),
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whats(via: &Via) -> Vec<&str> {
        via.iter().map(|step| step.what.as_str()).collect()
    }

    #[test]
    fn ways_join_in_order() {
        let step = |what: &str, rest| {
            let what = what.to_owned();
            let loc = crate::Loc::default();
            Via::step(Step { what, loc }, rest)
        };
        let far = step("c", Some(step("d", None)));
        let near = step("a", Some(step("b", None)));
        let joined = near.then(Some(far));
        assert_eq!(whats(&joined), ["a", "b", "c", "d"]);
        assert_eq!(whats(&near.then(None)), ["a", "b"]);
    }
}
