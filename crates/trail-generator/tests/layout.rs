//! Where files are and what is in them as text, and what is refused.
#![allow(clippy::unwrap_used)]

use lockfast_cloudtrail::files::{self, Kind};
use lockfast_trail_generator::{Plan, Scenario, write};
use std::collections::BTreeSet;

#[test]
fn layout_and_borders() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan {
        events: 3_000,
        files: 60,
        ..Plan::default()
    };
    write(&plan, folder.path(), |_| {}).unwrap();
    let found = files::find(&[folder.path().join("AWSLogs")]).unwrap();
    let (mut unordered, mut the_day_before) = (false, false);
    for file in &found.files {
        assert_eq!(file.kind, Kind::Log);
        let place = file.place.as_ref().unwrap();
        let name = file.path.file_name().unwrap().to_str().unwrap();
        let parts: Vec<_> = name.split('_').collect();
        assert_eq!(parts.len(), 5, "{name}");
        assert_eq!(
            (parts[0], parts[1], parts[2]),
            (&*place.account, "CloudTrail", &*place.region)
        );
        assert_eq!(parts[3].len(), "20260601T0005Z".len());
        assert_eq!(parts[4].len(), 16 + ".json.gz".len());
        let gzip = std::fs::read(&file.path).unwrap();
        let mut inflater = lockfast_cloudtrail::inflate::Inflater::default();
        let inflated = inflater.inflate(&gzip);
        let text = std::str::from_utf8(inflated.text).unwrap();
        assert!(text.starts_with("{\"Records\":[{\"eventVersion\"") && text.ends_with("}]}"));
        assert!(!text.contains('\n'));
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        let count = value["Records"].as_array().unwrap().len();
        assert_eq!(text.matches("},{\"eventVersion\"").count() + 1, count);
        let times = || value["Records"].as_array().unwrap().iter();
        let times = times().map(|it| it["eventTime"].as_str().unwrap());
        let times: Vec<&str> = times.collect();
        unordered |= !times.is_sorted();
        let day = place.date.to_string();
        the_day_before |= times.iter().any(|time| time[..10] < day[..]);
        let stamp: String = parts[3].replace(['T', 'Z'], "");
        let minute = |time: &&str| time[..16].replace(['-', ':', 'T'], "");
        assert!(times.iter().all(|time| minute(time) <= stamp), "{name}");
    }
    // Records are delivered some minutes late, and in no order.
    assert!(unordered && the_day_before);
    // Nothing is overwritten.
    let again = write(&plan, folder.path(), |_| {});
    assert!(
        again
            .unwrap_err()
            .to_string()
            .starts_with("there are logs in")
    );
}

#[test]
fn what_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let plans = [
        Plan {
            accounts: 0,
            ..Plan::default()
        },
        Plan {
            regions: Vec::new(),
            ..Plan::default()
        },
        Plan {
            regions: vec!["../..".into()],
            ..Plan::default()
        },
        Plan {
            regions: vec!["eu-west-1".into(), "eu-west-1".into()],
            ..Plan::default()
        },
        Plan {
            regions: vec!["cn-north-1".into()],
            ..Plan::default()
        },
        Plan {
            days: 0,
            ..Plan::default()
        },
        Plan {
            copies: 1.5,
            ..Plan::default()
        },
        Plan {
            copies: f64::NAN,
            ..Plan::default()
        },
        Plan {
            level: 13,
            ..Plan::default()
        },
        Plan {
            organization: Some("../x".into()),
            ..Plan::default()
        },
    ];
    for plan in plans {
        assert!(write(&plan, folder.path(), |_| {}).is_err(), "{plan:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn scenarios_have_names() {
    let names: BTreeSet<_> = Scenario::ALL.iter().map(|it| it.name()).collect();
    assert_eq!(names.len(), Scenario::ALL.len());
    for scenario in Scenario::ALL {
        assert_eq!(scenario.name().parse(), Ok(*scenario));
        assert!(scenario.sentence().ends_with('.') && !scenario.title().ends_with('.'));
        assert!(!scenario.kinds().is_empty());
    }
    assert_eq!(Scenario::ALL.iter().filter(|it| it.is_benign()).count(), 3);
    let error = "no-such".parse::<Scenario>().unwrap_err();
    assert_eq!(error.to_string(), "there is no scenario \"no-such\"");
}
