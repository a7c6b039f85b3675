//! Command lines as a shell takes them, as far as it matters which programs run and whose exit status
//! counts.

/// What joins a command to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joint {
    /// `&&`, or the end of the line: its exit status counts.
    Counts,
    /// `||`
    Or,
    /// `|`
    Pipe,
    /// `;` and `&`: whatever comes next runs.
    Next,
}

/// A program with its arguments.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub words: Vec<String>,
    pub then: Joint,
}

/// The commands of a line, without what only starts another program.
pub(super) fn commands(line: &str) -> Vec<Command> {
    let mut found = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = line.chars().peekable();
    let end_word = |word: &mut String, words: &mut Vec<String>| {
        if !word.is_empty() {
            words.push(std::mem::take(word));
        }
    };
    while let Some(c) = chars.next() {
        let joint = match c {
            _ if quote == Some(c) => {
                quote = None;
                continue;
            }
            _ if quote.is_some() => {
                word.push(c);
                continue;
            }
            '"' | '\'' => {
                quote = Some(c);
                continue;
            }
            '#' if word.is_empty() => break,
            '&' if chars.next_if_eq(&'&').is_some() => Joint::Counts,
            '|' if chars.next_if_eq(&'|').is_some() => Joint::Or,
            // `2>&1` and `&>` join nothing.
            '&' if word.ends_with('>') || chars.peek() == Some(&'>') => continue,
            '|' => {
                chars.next_if_eq(&'&');
                Joint::Pipe
            }
            ';' | '&' => Joint::Next,
            _ if c.is_whitespace() || matches!(c, '(' | ')') => {
                end_word(&mut word, &mut words);
                continue;
            }
            _ => {
                word.push(c);
                continue;
            }
        };
        end_word(&mut word, &mut words);
        let words = std::mem::take(&mut words);
        found.push(Command { words: program(words), then: joint });
    }
    end_word(&mut word, &mut words);
    found.push(Command { words: program(words), then: Joint::Counts });
    found.retain(|command| !command.words.is_empty());
    if let Some(last) = found.last_mut().filter(|last| last.then == Joint::Next) {
        // `checkov -d .;` ends the line.
        last.then = Joint::Counts;
    }
    found
}

/// Words before a program that only start it.
const STARTERS: [&str; 24] = [
    "npx", "pnpx", "bunx", "yarn", "pnpm", "npm", "exec", "dlx", "x", "run", "uvx", "uv", "pipx", "poetry", "pipenv",
    "bundle", "python", "python3", "sudo", "time", "env", "if", "then", "!",
];

/// A program and its arguments, without variables, what starts it, its path and its version; a container
/// is its image.
fn program(words: Vec<String>) -> Vec<String> {
    let mut words = words.into_iter().peekable();
    let mut started = false;
    while let Some(first) = words.peek() {
        let assigns = first.split_once('=').is_some_and(|(name, _)| {
            !name.starts_with('-') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        let starts = STARTERS.contains(&first.as_str());
        started |= starts;
        if !(assigns || starts || (started && first.starts_with('-'))) {
            break;
        }
        words.next();
    }
    let mut words: Vec<String> = words.collect();
    let is = |at: usize, wanted: &str| words.get(at).is_some_and(|word| word == wanted);
    if (is(0, "docker") || is(0, "podman")) && is(1, "run") {
        // Of its options, those with a value of their own are told from the image by what a path is not.
        let image = words.iter().skip(2).position(|word| known_image(word));
        words.drain(..image.map_or(0, |at| at + 2));
    }
    if let Some(first) = words.first_mut() {
        let name = first.rsplit('/').next().unwrap_or(first);
        let name = name.split(['@', ':']).next().unwrap_or(name);
        *first = name.to_owned();
    }
    words
}

/// True of the image of a tool that checks templates.
fn known_image(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    let name = name.split(['@', ':']).next().unwrap_or(name);
    !word.starts_with(['-', '/', '.', '$']) && super::commands::is_tool(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs(line: &str) -> Vec<(String, Joint)> {
        commands(line).into_iter().map(|c| (c.words.join(" "), c.then)).collect()
    }

    #[test]
    fn programs_are_found_behind_what_starts_them() {
        for (line, wanted) in [
            ("npx --yes lockfast@1.2 check cdk.out", "lockfast check cdk.out"),
            ("CI=1 ./node_modules/.bin/lockfast check", "lockfast check"),
            ("docker run --rm -v $PWD:/tf bridgecrew/checkov:3 -d /tf", "checkov -d /tf"),
            ("python -m checkov -d . # all of it", "checkov -d ."),
            ("echo \"checkov -d .; checkov\"", "echo checkov -d .; checkov"),
            ("checkov -d . 2>&1", "checkov -d . 2>1"),
        ] {
            assert_eq!(programs(line), [(wanted.to_owned(), Joint::Counts)], "{line}");
        }
    }

    #[test]
    fn joints_tell_whose_exit_status_counts() {
        let joints = |line| programs(line).into_iter().map(|(_, joint)| joint).collect::<Vec<_>>();
        assert_eq!(joints("a && b || c | d; e"), [Joint::Counts, Joint::Or, Joint::Pipe, Joint::Next, Joint::Counts]);
        assert_eq!(joints("a;"), [Joint::Counts]);
    }
}
