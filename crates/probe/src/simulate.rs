//! Which clients connect today, and which would still after tightening.

use lockfast_facts::tls::{self, SecurityPolicy};
use lockfast_tls::{
    Accepts, CipherSuite, Client, NamedGroup, Outcome, ProtocolVersion, Scan, clients, simulate,
};
use serde_json::{Value, json};

/// What an endpoint would be tightened to.
#[derive(Clone, Copy, Debug)]
pub enum Tightening {
    /// What it accepts already of TLS 1.2 and later with forward secrecy.
    Own,
    /// A TLS security policy of AWS.
    Policy(&'static SecurityPolicy),
}

impl Tightening {
    /// A security policy of a load balancer, CloudFront or API Gateway by its name.
    pub fn named(name: &str) -> Option<Self> {
        let found = tls::elb(name).or_else(|| tls::cloudfront(name));
        let found = found.or_else(|| tls::apigateway(name));
        found.map(Tightening::Policy)
    }

    /// What is left of what a server accepts.
    fn of(self, now: &Accepts) -> Accepts {
        match self {
            Tightening::Own => {
                let mut then = now.clone();
                then.suites
                    .retain(|version, _| *version >= ProtocolVersion::Tls12);
                for suites in then.suites.values_mut() {
                    suites.retain(|suite| suite.is_forward_secret());
                }
                then.suites.retain(|_, suites| !suites.is_empty());
                then
            }
            Tightening::Policy(policy) => {
                let versions: Vec<ProtocolVersion> = ProtocolVersion::ALL
                    .into_iter()
                    .filter(|version| {
                        let name = version.key();
                        policy.protocols.iter().any(|protocol| protocol == name)
                    })
                    .collect();
                let suites = policy.ciphers.iter();
                let suites: Vec<CipherSuite> = suites
                    .filter_map(|name| CipherSuite::from_openssl_name(name))
                    .collect();
                // What AWS's front doors offer beside the policy's suites (Elastic Load Balancing User Guide, "Security policies").
                let mut groups = vec![NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup(24)];
                if policy.post_quantum {
                    groups.insert(0, NamedGroup::X25519_MLKEM768);
                }
                Accepts::policy(&versions, &suites, &groups).with_certificates(&now.certificates())
            }
        }
    }
}

/// Client by client: what comes of it now, and after. A full scan tells; what it left open is unknown.
pub(crate) fn simulated(scan: &Scan, tightening: Tightening) -> Value {
    let now = match Accepts::measured(scan) {
        Ok(now) => now,
        Err(why) => return crate::unknown("simulation of clients", &why.to_string()),
    };
    let then = tightening.of(&now);
    let row = |client: &Client| {
        json!({
            "Client": client.name,
            "Now": outcome(&simulate(client, &now)),
            "After": outcome(&simulate(client, &then)),
        })
    };
    clients().iter().map(row).collect()
}

fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Connects {
            version,
            suite,
            group,
        } => json!({
            "Version": version.key(),
            "Suite": suite.to_string(),
            "Group": group.map(|group| group.to_string()),
        }),
        Outcome::Fails(failure) => json!({ "Failure": failure.to_string() }),
    }
}
