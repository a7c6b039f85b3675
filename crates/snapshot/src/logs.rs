//! What CloudTrail's logs tell beside what was read before, so that both are judged together.

use crate::facts::Builder;
use crate::{CLOUDTRAIL_LOGS, Found, Unit};
use lockfast_facts::Inventory;

/// Adds what logs tell to templates or accounts: account, region, and the resource (`lockfast_facts::trail`).
/// [`Inventory::only_logs`] says that those are not judged, and only explain what the logs tell.
#[must_use]
pub fn with_logs(
    inventory: Inventory,
    told: impl IntoIterator<Item = (String, String, Found)>,
) -> Inventory {
    let mut builder = Builder::beside(&inventory);
    for (account, region, found) in told {
        let unit = Unit {
            account,
            region,
            service: CLOUDTRAIL_LOGS.into(),
            ..Unit::default()
        };
        builder.add(&unit, found);
    }
    let (sources, stacks, resources) = builder.into_parts();
    inventory.beside(sources, stacks, resources)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockfast_facts::Origin;
    use lockfast_facts::trail::KEY;
    use serde_json::json;

    #[test]
    fn what_logs_tell_lies_beside_what_was_read_before() {
        let arn = "arn:aws:kms:eu-central-1:111111111111:key/2b1c5f0e-6a0d-4d35-9b1a-0f6f6a7f3c11";
        let key = Found {
            kind: KEY.into(),
            name: arn.into(),
            from: [(String::new(), "logs/a.json.gz at byte 7".into())].into(),
            properties: json!({"Arn": arn}),
            ..Found::default()
        };
        let told = ("111111111111".to_owned(), "eu-central-1".to_owned(), key);
        let templates = Inventory::new(Vec::new(), Vec::new(), Vec::new());
        let inventory = with_logs(templates, [told.clone(), told]);
        for resource in inventory.resources() {
            assert_eq!(inventory.place(resource.loc), "logs/a.json.gz at byte 7");
            let place = &inventory.stack_of(resource).place;
            assert_eq!(place.account.as_deref(), Some("111111111111"));
            assert_eq!(place.region.as_deref(), Some("eu-central-1"));
            assert_eq!(resource.at("Arn").string().found().as_deref(), Some(arn));
        }
        assert_eq!(inventory.deployments(), 0);
        let both: Vec<Origin> = inventory.origins().collect();
        assert_eq!(both, [Origin::Templates, Origin::Logs]);
        let only: Vec<Origin> = inventory.only_logs().origins().collect();
        assert_eq!(only, [Origin::Logs]);
    }
}
