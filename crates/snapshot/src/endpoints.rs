//! Endpoints beside what was read before, so that both are judged together.

use crate::facts::Builder;
use crate::{Found, NETWORK, Unit};
use lockfast_facts::Inventory;

/// Adds endpoints that a probe found to templates or accounts. [`Inventory::only_endpoints`] says that those are
/// not judged, and only explain what the endpoints are.
#[must_use]
pub fn with_endpoints(
    inventory: Inventory,
    endpoints: impl IntoIterator<Item = Found>,
) -> Inventory {
    let unit = Unit {
        region: "global".into(),
        service: NETWORK.into(),
        ..Unit::default()
    };
    let mut builder = Builder::beside(&inventory);
    for endpoint in endpoints {
        builder.add(&unit, endpoint);
    }
    let (sources, stacks, resources) = builder.into_parts();
    inventory.beside(sources, stacks, resources)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockfast_facts::{ENDPOINT, Origin};
    use serde_json::json;

    fn shop() -> Found {
        Found {
            kind: ENDPOINT.into(),
            name: "shop.example.com:443".into(),
            from: [(
                String::new(),
                "shop.example.com:443 at 2026-11-27T21:50:00Z".into(),
            )]
            .into(),
            properties: json!({"Host": "shop.example.com", "Addresses": {"$unknown": {"call": "DNS", "error": "no such name"}}}),
            ..Found::default()
        }
    }

    #[test]
    fn endpoints_lie_beside_what_was_read_before() {
        let templates = Inventory::new(Vec::new(), Vec::new(), Vec::new());
        let inventory = with_endpoints(with_endpoints(templates, [shop()]), [shop(), shop()]);
        assert_eq!(inventory.of_kind(ENDPOINT).count(), 3);
        for (index, resource) in inventory.resources().iter().enumerate() {
            assert_eq!(resource.id.0 as usize, index);
            assert_eq!(inventory.stack_of(resource).path, NETWORK);
            assert_eq!(
                inventory.place(resource.loc),
                "shop.example.com:443 at 2026-11-27T21:50:00Z"
            );
        }
        assert_eq!(inventory.deployments(), 0);
        let both: Vec<Origin> = inventory.origins().collect();
        assert_eq!(both, [Origin::Templates, Origin::Network]);
        let only: Vec<Origin> = inventory.only_endpoints().origins().collect();
        assert_eq!(only, [Origin::Network]);
    }
}
