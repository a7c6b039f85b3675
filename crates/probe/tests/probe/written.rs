//! Endpoints as people write them, and as nobody would.

use lockfast_probe::{Host, Role, Target, list};
use proptest::prelude::*;

const SECRET: &str = "hunter2";

proptest! {
    #[test]
    fn whatever_is_written_is_read_or_turned_down(text in "\\PC{0,80}|.{0,300}") {
        if let Ok(target) = text.parse::<Target>() {
            // What is read is written in one way, and read the same again.
            let again: Target = target.name().parse().unwrap();
            prop_assert_eq!(&again.host, &target.host);
            prop_assert_eq!(again.port, target.port);
            prop_assert!(!target.name().contains(char::is_control));
        } else {
            let error = text.parse::<Target>().unwrap_err().to_string();
            prop_assert!(error.chars().count() < 400 && !error.contains(char::is_control), "{error:?}");
        }
        let _ = list(&text);
    }

    #[test]
    fn what_is_nearly_an_endpoint_is_no_trouble(
        text in "(https?|postgresql|tls|x)?(://)?[a-c.:@/?#%\\[\\]0-9 *-]{0,30}",
    ) {
        if let Ok(target) = text.parse::<Target>() {
            prop_assert!(target.port > 0);
            let again: Target = target.name().parse().unwrap();
            prop_assert_eq!(again.host, target.host);
        }
        let _ = list(&format!("{text}\n{text} sni={text}\n{text} role={text}"));
    }

    /// A password in a connection string is in no target, and in no error.
    #[test]
    fn what_stands_before_an_at_is_never_shown(
        scheme in "(https|postgresql|mongodb|redis|gopher|x y)",
        user in "[a-z]{1,8}",
        around in "[a-zA-Z0-9!$&:;=+,%~_.-]{0,10}",
        host in "[a-z.:\\[\\]0-9]{0,20}",
        rest in "(/[a-z?#=]{0,10})?",
        word in "( sni=a| role=x| y)?",
    ) {
        let text = format!("{scheme}://{user}:{around}{SECRET}{around}@{host}{rest}");
        let shown = match text.parse::<Target>() {
            Ok(target) => format!("{target:?} {}", target.name()),
            Err(error) => format!("{error} {error:?}"),
        };
        prop_assert!(!shown.contains(SECRET), "{shown}");
        let shown = format!("{:?}", list(&format!("a.example\n{text}{word}")));
        prop_assert!(!shown.contains(SECRET), "{shown}");
        // Beside an endpoint, where it does not belong.
        let shown = format!("{:?}", list(&format!("a.example {text}")));
        prop_assert!(!shown.contains(SECRET), "{shown}");
    }

    #[test]
    fn a_list_is_read_by_the_line(
        hosts in proptest::collection::vec("[a-z]{1,8}\\.example", 0..20),
        comment in "[ #a-z]{0,10}",
    ) {
        let text: String = hosts
            .iter()
            .map(|host| format!("  {host}:8443\trole=api sni=b.example # {comment}\r\n\n#{comment}\n"))
            .collect();
        let targets = list(&text).unwrap();
        prop_assert_eq!(targets.len(), hosts.len());
        for (target, host) in targets.iter().zip(&hosts) {
            prop_assert_eq!(&target.host, &Host::Name(host.clone()));
            prop_assert_eq!((target.port, target.role), (8443, Some(Role::Api)));
            prop_assert_eq!(target.sni(), Some("b.example"));
        }
        let wrong = format!("{text}\n: :");
        let lines = wrong.lines().count();
        prop_assert_eq!(list(&wrong).unwrap_err().0, lines);
    }
}

/// Where a slash or the like breaks a password off, what comes before it is no host by the grammar, and the error says little.
#[test]
fn passwords_with_slashes_are_not_shown_either() {
    for text in [
        "postgresql://u:hunter2/hunter2@db.example.com/x",
        "postgresql://u:hunter2#hunter2@db.example.com/x",
        "postgresql://u:hunter2?hunter2@db.example.com",
        "u:hunter2/x@db.example.com",
    ] {
        let error = text.parse::<Target>().unwrap_err();
        assert!(!format!("{error:?}").contains(SECRET), "{error}");
        let error = list(text).unwrap_err();
        assert!(!error.1.contains(SECRET), "{}", error.1);
    }
}
