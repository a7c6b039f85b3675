//! Which management events a trail's selectors let through.

use super::{Events, ON};
use crate::prelude::*;
use lockfast_facts::Loc;

/// Why the trail misses management events of a service; `None` when it does not.
pub(crate) fn management_events(trail: Subject<'_>, of: &Events) -> Known<Option<String>> {
    let loc = trail.resource.loc;
    match trail.at("AdvancedEventSelectors").list() {
        Read::Found(selectors, at) if !selectors.is_empty() => return advanced(selectors, at, of),
        Read::Unknown(why, at) => return Known::Unknown(why, at),
        _ => {}
    }
    let selectors = match trail.at("EventSelectors").list() {
        Read::Found(selectors, _) if !selectors.is_empty() => selectors,
        Read::Unknown(why, at) => return Known::Unknown(why, at),
        // Without selectors a trail records all management events.
        _ => return Known::Default(None, ON, loc),
    };
    let mut missing = ("the trail records no management events".to_owned(), loc);
    let mut unknown = None;
    let (mut reads, mut writes) = (None, None);
    for selector in selectors {
        match selector
            .at("IncludeManagementEvents")
            .bool()
            .or_default(true, ON)
        {
            Known::Unknown(why, at) => {
                unknown.get_or_insert((why, at));
                continue;
            }
            known if known.value() == Some(&false) => {
                missing.1 = known.loc();
                continue;
            }
            _ => {}
        }
        let mut excluded = None;
        for source in selector.each("ExcludeManagementEventSources.*") {
            match source.string() {
                Read::Found(name, at) if name == of.source => excluded = Some(at),
                Read::Unknown(why, at) => {
                    unknown.get_or_insert((why, at));
                }
                _ => {}
            }
        }
        if let Some(at) = excluded {
            missing = (
                format!(
                    "the trail leaves out the events of {} (ExcludeManagementEventSources)",
                    of.service
                ),
                at,
            );
            continue;
        }
        match selector
            .at("ReadWriteType")
            .string()
            .or_default("All".into(), ON)
        {
            Known::Unknown(why, at) => {
                unknown.get_or_insert((why, at));
            }
            known => {
                let at = known.loc();
                match known.value().map(String::as_str) {
                    Some("ReadOnly") => reads = Some(at),
                    Some("WriteOnly") => writes = Some(at),
                    _ => (reads, writes) = (Some(at), Some(at)),
                }
            }
        }
    }
    match (reads, writes, unknown) {
        (Some(at), Some(_), _) => Known::Stated(None, at),
        (_, _, Some((why, at))) => Known::Unknown(why, at),
        (None, Some(at), _) => Known::Stated(
            Some(format!(
                "the trail records writes only: {} counts as a read and is left out",
                of.read
            )),
            at,
        ),
        (Some(at), None, _) => Known::Stated(
            Some(format!(
                "the trail records reads only: {} are left out",
                of.changes
            )),
            at,
        ),
        (None, None, None) => Known::Stated(Some(missing.0), missing.1),
    }
}

/// The same for advanced selectors: one of category `Management` that no field narrows away from the service.
fn advanced(selectors: &[Value], loc: Loc, of: &Events) -> Known<Option<String>> {
    let mut fault = (
        "no advanced event selector records management events".to_owned(),
        loc,
    );
    let mut unknown = None;
    let (mut reads, mut writes) = (false, false);
    for selector in selectors {
        let mut management = false;
        let mut of_service = true;
        let (mut r, mut w) = (true, true);
        let fields = match selector.at("FieldSelectors").list() {
            Read::Found(fields, _) => fields,
            Read::Unknown(why, at) => {
                unknown = Some((why, at));
                continue;
            }
            Read::Absent(_) => continue,
        };
        for field in fields {
            let name = field.at("Field").string().found().unwrap_or_default();
            for operator in [
                "Equals",
                "NotEquals",
                "StartsWith",
                "EndsWith",
                "NotStartsWith",
                "NotEndsWith",
            ] {
                let mut wanted = Vec::new();
                for value in field.each(&format!("{operator}.*")) {
                    match value.string() {
                        Read::Found(text, _) => wanted.push(text),
                        Read::Unknown(why, at) => unknown = Some((why, at)),
                        Read::Absent(_) => {}
                    }
                }
                if wanted.is_empty() {
                    continue;
                }
                let holds = |actual: &str| {
                    let any = |f: &dyn Fn(&str) -> bool| wanted.iter().any(|w| f(w));
                    match operator {
                        "Equals" => any(&|w| w == actual),
                        "NotEquals" => !any(&|w| w == actual),
                        "StartsWith" => any(&|w| actual.starts_with(w)),
                        "EndsWith" => any(&|w| actual.ends_with(w)),
                        "NotStartsWith" => !any(&|w| actual.starts_with(w)),
                        _ => !any(&|w| actual.ends_with(w)),
                    }
                };
                match name.as_str() {
                    "eventCategory" => management = holds("Management"),
                    "eventSource" if !holds(of.source) => {
                        of_service = false;
                        fault = (
                            format!(
                                "an advanced event selector leaves out the events of {}",
                                of.service
                            ),
                            field.loc,
                        );
                    }
                    "readOnly" => (r, w) = (r && holds("true"), w && holds("false")),
                    _ => {}
                }
            }
        }
        if management && of_service {
            (reads, writes) = (reads || r, writes || w);
            if !(r && w) {
                fault = (
                    "advanced event selectors record only reads or only writes of management"
                        .into(),
                    selector.loc,
                );
            }
        }
    }
    match unknown {
        _ if reads && writes => Known::Stated(None, loc),
        Some((why, at)) => Known::Unknown(why, at),
        None => Known::Stated(Some(fault.0), fault.1),
    }
}
