//! How a rule's selections are combined.

use crate::yaml::Wrong;

/// A condition of more characters is nobody's.
const MOST_CHARS: usize = 10_000;

/// How deep parentheses may nest.
const MOST_DEPTH: usize = 32;

/// A condition, with selections by their index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expr {
    Selection(usize),
    Not(Box<Expr>),
    All(Vec<Expr>),
    Any(Vec<Expr>),
    AtLeast(usize, Vec<Expr>),
}

impl Expr {
    /// What the condition says when `is` tells of each selection.
    pub(crate) fn holds(&self, is: &mut dyn FnMut(usize) -> bool) -> bool {
        match self {
            Expr::Selection(index) => is(*index),
            Expr::Not(inner) => !inner.holds(is),
            Expr::All(inner) => inner.iter().all(|inner| inner.holds(is)),
            Expr::Any(inner) => inner.iter().any(|inner| inner.holds(is)),
            Expr::AtLeast(least, inner) => {
                inner
                    .iter()
                    .filter(|inner| inner.holds(is))
                    .take(*least)
                    .count()
                    == *least
            }
        }
    }
}

/// Reads a condition over selections of these names.
pub(crate) fn parse(text: &str, names: &[String], line: u32) -> Result<Expr, Wrong> {
    if text.len() > MOST_CHARS {
        let what = format!("a condition has at most {MOST_CHARS} characters");
        return Err(Wrong::new(line, what));
    }
    if text.contains('|') {
        let what =
            "`|` in a condition: what is counted or near is written as a correlation since Sigma 2";
        return Err(Wrong::new(line, what));
    }
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader {
        tokens: &tokens,
        names,
        line,
    };
    let expr = reader.any(0)?;
    match reader.tokens {
        [] => Ok(expr),
        [next, ..] => Err(reader.wrong(format!("`{next}` where `and`, `or` or the end is due"))),
    }
}

struct Reader<'t> {
    tokens: &'t [&'t str],
    names: &'t [String],
    line: u32,
}

impl<'t> Reader<'t> {
    fn wrong(&self, what: String) -> Wrong {
        Wrong::new(self.line, format!("the condition has {what}"))
    }

    /// Takes the next word when it is this one.
    fn takes(&mut self, word: &str) -> bool {
        match self.tokens {
            [next, rest @ ..] if next.eq_ignore_ascii_case(word) => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }

    fn any(&mut self, depth: usize) -> Result<Expr, Wrong> {
        let mut parts = vec![self.all(depth)?];
        while self.takes("or") {
            parts.push(self.all(depth)?);
        }
        Ok(one_or(parts, Expr::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Expr, Wrong> {
        let mut parts = vec![self.not(depth)?];
        while self.takes("and") {
            parts.push(self.not(depth)?);
        }
        Ok(one_or(parts, Expr::All))
    }

    fn not(&mut self, depth: usize) -> Result<Expr, Wrong> {
        let mut negated = false;
        while self.takes("not") {
            negated = !negated;
        }
        let inner = self.primary(depth)?;
        Ok(if negated {
            Expr::Not(Box::new(inner))
        } else {
            inner
        })
    }

    fn primary(&mut self, depth: usize) -> Result<Expr, Wrong> {
        let [word, rest @ ..] = self.tokens else {
            return Err(self.wrong("nothing where a selection is due".to_owned()));
        };
        self.tokens = rest;
        if *word == "(" {
            if depth >= MOST_DEPTH {
                return Err(self.wrong(format!("parentheses deeper than {MOST_DEPTH} levels")));
            }
            let inner = self.any(depth + 1)?;
            return if self.takes(")") {
                Ok(inner)
            } else {
                Err(self.wrong("a parenthesis that is not closed".to_owned()))
            };
        }
        if let [of, what, after @ ..] = rest
            && of.eq_ignore_ascii_case("of")
        {
            self.tokens = after;
            return self.some_of(word, what);
        }
        let index = self.names.iter().position(|name| name == word);
        index.map(Expr::Selection).ok_or_else(|| {
            self.wrong(format!(
                "`{word}`, which is no selection; there are {}",
                self.names.join(", ")
            ))
        })
    }

    /// `1 of selection*`, `all of them`.
    fn some_of(&self, count: &str, what: &str) -> Result<Expr, Wrong> {
        // Names with `_` are for those who name them.
        let chosen: Vec<Expr> = if what.eq_ignore_ascii_case("them") {
            self.chosen(|name| !name.starts_with('_'))
        } else {
            self.chosen(|name| {
                like(what, name) && (what.starts_with('_') || !name.starts_with('_'))
            })
        };
        if chosen.is_empty() {
            let names = self.names.join(", ");
            return Err(self.wrong(format!(
                "`{count} of {what}`, of which there is none; there are {names}"
            )));
        }
        match count.to_ascii_lowercase().as_str() {
            "all" => Ok(one_or(chosen, Expr::All)),
            "any" | "1" => Ok(one_or(chosen, Expr::Any)),
            number => match number.parse::<usize>() {
                Ok(least) if (2..=chosen.len()).contains(&least) => {
                    Ok(Expr::AtLeast(least, chosen))
                }
                _ => Err(self.wrong(format!(
                    "`{count} of {what}`: it may be 1, any, all or a number up to {}",
                    chosen.len()
                ))),
            },
        }
    }

    fn chosen(&self, is: impl Fn(&str) -> bool) -> Vec<Expr> {
        let names = self.names.iter().enumerate();
        let chosen = names.filter(|(_, name)| is(name));
        chosen.map(|(index, _)| Expr::Selection(index)).collect()
    }
}

/// True when a name is like a pattern in which `*` is any text.
fn like(pattern: &str, name: &str) -> bool {
    let pieces = crate::pattern::pieces(pattern);
    crate::pattern::TextTest::new(&pieces, true).matches(name)
}

fn one_or(mut parts: Vec<Expr>, more: fn(Vec<Expr>) -> Expr) -> Expr {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            more(parts)
        }
    }
}
