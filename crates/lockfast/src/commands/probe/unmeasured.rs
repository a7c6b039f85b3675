//! Endpoints that nothing was learned of: what the exit code and the report's problems are about.

use lockfast_facts::{ENDPOINT, Inventory, Kind, Origin, Read, Resource, Value, Why};
use lockfast_report::Problem;
use lockfast_snapshot::{Found, with_endpoints};

/// The endpoints among these facts that nothing was learned of, and why.
pub(in crate::commands) fn unmeasured(inventory: &Inventory) -> Vec<Problem> {
    let problem = |endpoint: &Resource| {
        Some(Problem {
            path: endpoint.name.to_string(),
            line: None,
            column: None,
            message: why(endpoint)?,
        })
    };
    inventory.of_kind(ENDPOINT).filter_map(problem).collect()
}

/// The same of one record.
pub(in crate::commands) fn is_unmeasured(found: &Found) -> Option<Problem> {
    let inventory = Inventory::new(Vec::new(), Vec::new(), Vec::new()).of(Origin::Network);
    unmeasured(&with_endpoints(inventory, [found.clone()])).pop()
}

fn why(endpoint: &Resource) -> Option<String> {
    match endpoint.at("Addresses") {
        Read::Unknown(why, _) => Some(said(&why)),
        Read::Absent(_) => None,
        Read::Found(addresses, _) => {
            let Kind::List(addresses) = &addresses.kind else {
                return None;
            };
            // One address that told something is enough.
            let whys: Option<Vec<String>> = addresses.iter().map(why_of_address).collect();
            whys?.into_iter().next()
        }
    }
}

fn why_of_address(address: &Value) -> Option<String> {
    let unknown = |value: &Value| match &value.kind {
        Kind::Unknown(why) => Some(said(why)),
        _ => None,
    };
    if let Read::Found(versions, _) = address.at("Tls.Versions") {
        let Kind::Map(versions) = &versions.kind else {
            return None;
        };
        let whys: Option<Vec<String>> = versions.iter().map(|(_, value)| unknown(value)).collect();
        return whys?.into_iter().next();
    }
    for path in ["Tls", "Certificates", "Http.Answers"] {
        match address.at(path) {
            Read::Unknown(why, _) => return Some(said(&why)),
            Read::Found(value, _) if path == "Http.Answers" => {
                let refused = matches!(value.kind, Kind::Bool(false));
                return refused.then(|| "connection refused".to_owned());
            }
            Read::Found(..) => return None,
            Read::Absent(_) => {}
        }
    }
    None
}

/// What came in place of an answer.
fn said(why: &Why) -> String {
    match why {
        Why::Call { error, .. } => error.clone(),
        other => other.to_string(),
    }
}
