//! Any bytes as a policy: reading and judging it never panics, and a denial never allows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockfast_access::{
    Decision, Policy, PolicySet, Principal, Request, Resource, Trust, allowed_principals, evaluate_access, kms,
};
use lockfast_facts::{Loc, ResourceId, Value};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let policy = Policy::from_value(&Value::string(text, Loc::default()));
    let requests = [
        Request::new(Principal::arbitrary(), "s3:GetObject", Resource::bucket(ResourceId(1), None).any_object())
            .with("aws:SecureTransport", "false"),
        Request::new(
            Principal::arn("arn:aws:iam::111111111111:role/app"),
            "kms:Decrypt",
            Resource::arn("arn:aws:kms:eu-west-1:111111111111:key/k"),
        )
        .without("kms:ViaService"),
    ];
    for request in &requests {
        let outcome = policy.evaluate(request);
        if outcome.denied.is_yes() {
            assert_eq!(outcome.decision, Decision::ExplicitDeny);
        }
        let set = PolicySet {
            identity: vec![&policy],
            resource: Some(&policy),
            trust: Trust::ResourceFirst,
            ..PolicySet::default()
        };
        let together = evaluate_access(request, &set).decision;
        assert!(!outcome.denied.is_yes() || together == Decision::ExplicitDeny);
    }
    for grantee in allowed_principals(&policy, "kms:Decrypt", &Resource::any()) {
        let _ = (grantee.scope(), grantee.is_foreign());
    }
    let _ = kms::administer_and_use(&policy);
});
