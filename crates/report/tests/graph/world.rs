//! Graphs to draw: a small one that a person would believe, and large ones.

use lockfast_report::graph::{Edge, Graph, Node, Tone};

fn details(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// A shop's data, its keys, what their policies say, and who may decrypt.
pub fn shop() -> Graph {
    use Tone::{Bad, Good, Plain, Unknown, Warn};
    type Row = (
        usize,
        &'static str,
        &'static str,
        Tone,
        &'static [(&'static str, &'static str)],
    );
    let rows: [Row; 30] = [
        (
            0,
            "RDS",
            "orders",
            Good,
            &[
                ("Environment", "prod"),
                ("Classification", "restricted"),
                ("Region", "eu-central-1"),
            ],
        ),
        (
            0,
            "RDS",
            "catalogue",
            Bad,
            &[("Environment", "prod"), ("Encryption", "none")],
        ),
        (
            0,
            "RDS",
            "billing",
            Good,
            &[("Environment", "prod"), ("Classification", "confidential")],
        ),
        (
            0,
            "S3",
            "shop-invoices-111122223333-eu-central-1",
            Good,
            &[("Environment", "prod")],
        ),
        (
            0,
            "S3",
            "shop-uploads",
            Warn,
            &[
                ("Environment", "prod"),
                ("Key", "of AWS, whose policy nobody may change"),
            ],
        ),
        (0, "S3", "shop-logs", Good, &[]),
        (
            0,
            "DynamoDB",
            "sessions",
            Unknown,
            &[("Key", "a parameter without a default")],
        ),
        (0, "DynamoDB", "carts", Good, &[]),
        (0, "SQS", "order-events", Good, &[]),
        (
            0,
            "Secrets Manager",
            "prod/orders/database",
            Good,
            &[("Rotation", "30 days")],
        ),
        (
            1,
            "prod · eu-central-1",
            "alias/orders",
            Good,
            &[("Rotation", "on"), ("State", "Enabled")],
        ),
        (
            1,
            "prod · eu-central-1",
            "alias/billing",
            Good,
            &[("Rotation", "on")],
        ),
        (
            1,
            "prod · eu-central-1",
            "alias/shared",
            Warn,
            &[("Rotation", "off"), ("State", "Enabled")],
        ),
        (1, "of AWS", "aws/s3", Plain, &[]),
        (
            1,
            "unknown",
            "${SessionKey}",
            Unknown,
            &[("Why", "a parameter without a default")],
        ),
        (
            2,
            "alias/orders",
            "AllowAccount",
            Good,
            &[("Principal", "arn:aws:iam::111122223333:root")],
        ),
        (
            2,
            "alias/orders",
            "AllowOrders",
            Good,
            &[("Actions", "kms:Decrypt, kms:GenerateDataKey")],
        ),
        (2, "alias/billing", "AllowBilling", Good, &[]),
        (
            2,
            "alias/shared",
            "AllowEverybodyInOrg",
            Bad,
            &[
                ("Principal", "*"),
                ("Condition", "aws:PrincipalOrgID = o-a1b2c3d4e5"),
            ],
        ),
        (2, "alias/shared", "AllowAccount", Plain, &[]),
        (
            3,
            "111122223333",
            "role/orders-service",
            Good,
            &[("Boundary", "none")],
        ),
        (3, "111122223333", "role/billing-service", Good, &[]),
        (
            3,
            "111122223333",
            "role/admin",
            Warn,
            &[("Trust", "arn:aws:iam::444455556666:root")],
        ),
        (3, "111122223333", "role/deploy", Plain, &[]),
        (
            3,
            "111122223333",
            "user/legacy-export",
            Bad,
            &[("Last used", "2023-02-11")],
        ),
        (3, "444455556666", "root", Warn, &[]),
        (
            3,
            "444455556666",
            "role/analytics-reader-with-a-name-that-does-not-fit",
            Warn,
            &[],
        ),
        (3, "444455556666", "role/etl", Plain, &[]),
        (3, "Everybody", "any principal of o-a1b2c3d4e5", Bad, &[]),
        (3, "Services", "logs.eu-central-1.amazonaws.com", Plain, &[]),
    ];
    let edges: [(usize, usize, &str, bool); 33] = [
        (0, 10, "", true),
        (2, 11, "", true),
        (3, 11, "", true),
        (4, 13, "", true),
        (5, 12, "", true),
        (6, 14, "", true),
        (7, 12, "", true),
        (8, 10, "", true),
        (9, 10, "", true),
        (6, 12, "if Stage=dev", false),
        (10, 15, "", true),
        (10, 16, "", true),
        (11, 17, "", true),
        (12, 18, "", true),
        (12, 19, "", true),
        (15, 22, "kms:*", true),
        (15, 23, "kms:Decrypt", true),
        (16, 20, "kms:Decrypt", true),
        (16, 20, "kms:GenerateDataKey", true),
        (17, 21, "kms:Decrypt", true),
        (17, 24, "kms:Decrypt", false),
        (18, 25, "kms:Decrypt", true),
        (18, 26, "kms:Decrypt", false),
        (18, 27, "kms:Decrypt", false),
        (18, 28, "kms:Decrypt", true),
        (18, 24, "kms:Decrypt", true),
        (19, 22, "kms:*", true),
        (19, 23, "kms:Encrypt", true),
        (12, 29, "grant", true),
        (13, 22, "kms:Decrypt", true),
        (13, 20, "kms:Decrypt", true),
        (14, 22, "kms:Decrypt", false),
        (15, 24, "kms:Decrypt", false),
    ];
    Graph {
        title: "Who can decrypt the shop's data".into(),
        columns: ["Data", "Key", "Key policy", "Principal"].map(String::from).to_vec(),
        nodes: rows
            .into_iter()
            .map(|(column, group, label, tone, pairs)| Node {
                column,
                label: label.into(),
                group: group.into(),
                tone,
                details: details(pairs),
            })
            .collect(),
        edges: edges
            .into_iter()
            .map(|(from, to, label, certain)| Edge { from, to, label: label.into(), certain })
            .collect(),
        notes: vec![
            "Service control policies of the organisation were not read: what is drawn as certain may still be denied by one.".into(),
        ],
    }
}

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// 500 nodes and 1,500 edges: the keys of twelve environments.
pub fn large() -> Graph {
    let mut numbers = Numbers(7);
    let mut nodes = Vec::new();
    let tones = [
        Tone::Good,
        Tone::Good,
        Tone::Good,
        Tone::Plain,
        Tone::Warn,
        Tone::Unknown,
        Tone::Bad,
    ];
    let services = [
        "RDS",
        "S3",
        "DynamoDB",
        "SQS",
        "EBS",
        "Secrets Manager",
        "Logs",
    ];
    let regions = ["eu-central-1", "us-east-1", "ap-southeast-2"];
    let stages = ["prod", "staging", "test", "dev"];
    let accounts = ["111122223333", "444455556666", "777788889999", "Services"];
    for (column, count) in [(0, 220), (1, 60), (2, 90), (3, 130)] {
        for at in 0..count {
            let (stage, region) = (stages[at % 4], regions[at / 4 % 3]);
            let (group, label) = match column {
                0 => (
                    services[at % 7].to_owned(),
                    format!(
                        "{stage}-{}-{at}",
                        ["orders", "billing", "catalogue", "sessions"][at / 7 % 4]
                    ),
                ),
                1 => (
                    format!("{stage} · {region}"),
                    format!("arn:aws:kms:{region}:111122223333:key/{:08x}", at * 7919),
                ),
                2 => (format!("{stage} · {region}"), format!("Statement{at}")),
                _ => (
                    accounts[at % 4].to_owned(),
                    format!(
                        "role/{}-service-{at}",
                        ["orders", "etl", "deploy", "reader"][at / 4 % 4]
                    ),
                ),
            };
            nodes.push(Node {
                column,
                label,
                group,
                tone: tones[numbers.below(7)],
                details: details(&[
                    ("Environment", stage),
                    ("Region", region),
                    ("Owner", "team-platform@example.com"),
                ]),
            });
        }
    }
    let mut edges = Vec::new();
    let actions = ["kms:Decrypt", "kms:GenerateDataKey", "kms:*", "kms:Encrypt"];
    for at in 0..1500 {
        // Most lines stay in their environment.
        let (from, to) = match at % 10 {
            0..3 => (at % 220, 220 + at % 220 % 12 + 12 * numbers.below(5)),
            3..6 => {
                let key = numbers.below(60);
                (220 + key, 280 + (key % 12 + 12 * numbers.below(7)))
            }
            9 => (220 + numbers.below(60), 370 + numbers.below(130)),
            _ => (280 + numbers.below(90), 370 + numbers.below(130)),
        };
        edges.push(Edge {
            from,
            to,
            label: if from < 220 {
                String::new()
            } else {
                actions[numbers.below(4)].into()
            },
            certain: numbers.below(6) > 0,
        });
    }
    Graph {
        title: "Keys of the whole organisation".into(),
        columns: ["Data", "Key", "Key policy", "Principal"]
            .map(String::from)
            .to_vec(),
        nodes,
        edges,
        notes: vec!["One of 14 accounts did not answer.".into()],
    }
}

/// What is found in `hostile` as it stands must not be in any output.
pub const INJECTIONS: [&str; 4] = ["</script", "<img", "<svg onload", "]]>"];

/// Names that try to break out of wherever they are written.
pub fn hostile() -> Graph {
    let labels = [
        "</script><script>alert(1)</script>".to_owned(),
        "\"><img src=x onerror=alert(1)>".into(),
        "' onload='alert(1)".into(),
        "<svg onload=alert(1)>]]><!--".into(),
        "back\\slash \\N \\\" {a|b} &lt;b&gt; &#60;".into(),
        "null\0 bell\u{7} escape\u{1b}[31m line\nbreak\r\u{2028}\u{fffe}\u{9f}".into(),
        "\u{202e}gnp.exe \u{2066}שלום عليكم\u{2069}".into(),
        "x".repeat(10_000),
        "語".repeat(10_000),
        format!("a{}", "\u{301}".repeat(10_000)),
        String::new(),
        "__proto__".into(),
    ];
    let mut nodes: Vec<Node> = Vec::new();
    for (at, label) in labels.iter().enumerate() {
        for column in [0, 1, usize::MAX - at] {
            nodes.push(Node {
                column,
                label: label.clone(),
                group: labels[(at + 1) % labels.len()].clone(),
                tone: Tone::Bad,
                details: vec![(label.clone(), label.clone())],
            });
        }
    }
    let count = nodes.len();
    let mut edges: Vec<Edge> = (0..count)
        .map(|at| Edge {
            from: at,
            to: (at * 7 + 1) % count,
            label: labels[at % labels.len()].clone(),
            certain: at % 2 == 0,
        })
        .collect();
    edges.push(Edge {
        from: 0,
        to: 0,
        ..Edge::default()
    });
    edges.push(Edge {
        from: usize::MAX,
        to: 0,
        ..Edge::default()
    });
    Graph {
        title: labels.concat(),
        columns: labels[..2].to_vec(),
        nodes,
        edges,
        notes: labels.to_vec(),
    }
}
