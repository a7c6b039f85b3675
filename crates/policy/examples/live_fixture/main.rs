//! "Deploys" a control's template fixture: writes the snapshot that a scan of the account would give, as a first
//! draft to look at and correct: `cargo run -p lockfast-policy --example live_fixture -- rds_storage_encrypted pass`
//! writes `pass.live.jsonl` beside `pass.yaml`. Further `Env=prod` arguments choose among variants; without them the
//! first one of a resource is taken. `+logs` adds a service that was asked and has nothing. What is not known before
//! deployment becomes a call that was denied: a gap where that call lists resources.

use lockfast_facts::{Inventory, Kind, Part, Reference, Resource, Stack, Text, Value, Why};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
struct Types {
    #[serde(rename = "type")]
    types: Vec<Type>,
}

/// A row of `types.toml`.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Type {
    kind: String,
    call: String,
    scope: String,
    name: String,
    property: String,
    named_after: String,
    arn: String,
    always: String,
    from: String,
    drop: Vec<String>,
    tagless: bool,
    detail: bool,
    managed: Vec<String>,
}

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(control), Some(stem)) = (args.next(), args.next()) else {
        eprintln!("usage: live_fixture <control> <fixture> [Parameter=value …]");
        std::process::exit(2);
    };
    let args: Vec<String> = args.collect();
    let asked = args.iter().filter_map(|arg| arg.strip_prefix('+'));
    let asked = asked.map(str::to_owned).collect();
    let choices: Vec<(String, String)> = args
        .iter()
        .filter_map(|arg| {
            arg.split_once('=')
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
        })
        .collect();
    let Some(template) = template(&control, &stem) else {
        eprintln!("{control} has no template fixture {stem}");
        std::process::exit(2);
    };
    let input = template.to_string_lossy().into_owned();
    let loaded = lockfast_iac::load(&[input], &lockfast_iac::ReadOptions::default());
    let types: Types = toml::from_str(include_str!("types.toml")).expect("types.toml is TOML");
    let deployment = Deployment {
        inventory: &loaded.inventory,
        types: types.types.iter().map(|t| (t.kind.as_str(), t)).collect(),
        choices,
        asked,
    };
    let out = template.with_file_name(format!("{stem}.live.jsonl"));
    std::fs::write(&out, deployment.snapshot()).expect("the folder is writable");
    println!("{}", out.display());
}

fn template(control: &str, stem: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/controls");
    let chapters = std::fs::read_dir(root).ok()?.flatten();
    let folder = chapters
        .map(|chapter| chapter.path().join(control))
        .find(|path| path.is_dir())?;
    ["", ".yaml", ".json"]
        .iter()
        .map(|end| folder.join(format!("{stem}{end}")))
        .find(|path| path.exists())
}

struct Deployment<'a> {
    inventory: &'a Inventory,
    types: HashMap<&'a str, &'a Type>,
    choices: Vec<(String, String)>,
    asked: Vec<String>,
}

/// Where a stack was deployed.
struct Home {
    account: String,
    name: String,
    region: String,
}

impl Deployment<'_> {
    fn snapshot(&self) -> String {
        let mut units: BTreeMap<(String, String, String), Vec<Json>> = BTreeMap::new();
        let mut calls: BTreeMap<(String, String, String), BTreeSet<String>> = BTreeMap::new();
        let mut accounts = BTreeMap::new();
        let mut regions = BTreeSet::new();
        for resource in self.inventory.resources() {
            let home = self.home(resource);
            regions.insert(home.region.clone());
            accounts.insert(home.account.clone(), home.name.clone());
            let of_kind = self.of_kind(resource);
            let service = of_kind
                .call
                .split(':')
                .next()
                .unwrap_or_default()
                .to_owned();
            let region = match of_kind.scope.as_str() {
                "global" => "global".to_owned(),
                _ => home.region.clone(),
            };
            let Some((mut record, made)) = self.record(resource, &of_kind, &home) else {
                continue;
            };
            for service in &self.asked {
                let region = match matches!(service.as_str(), "s3" | "iam" | "cloudfront") {
                    true => "global",
                    false => &home.region,
                };
                units
                    .entry((home.account.clone(), region.to_owned(), service.clone()))
                    .or_default();
            }
            if let Some(key) = managed(&mut record, &of_kind, &home) {
                let unit = (home.account.clone(), home.region.clone(), "kms".to_owned());
                calls
                    .entry(unit.clone())
                    .or_default()
                    .insert("kms:DescribeKey".into());
                let of_unit = units.entry(unit).or_default();
                if !of_unit.contains(&key) {
                    of_unit.push(key);
                }
            }
            let unit = (home.account, region, service);
            calls.entry(unit.clone()).or_default().extend(made);
            let of_unit = units.entry(unit).or_default();
            if !of_unit.contains(&record) {
                of_unit.push(record);
            }
        }
        let services: BTreeSet<&String> = units.keys().map(|(.., service)| service).collect();
        let accounts: Vec<Json> = accounts
            .iter()
            .map(|(id, name)| json!({"id": id, "name": name}))
            .collect();
        let mut lines = vec![json!({"snapshot": {
            "format": 1, "made_by": "lockfast 0.1.0", "taken": "2026-11-23T06:00:00Z",
            "accounts": accounts, "regions": regions, "services": services,
        }})];
        let mut resources = 0;
        for (unit, records) in &units {
            let (account, region, service) = unit;
            let made: Map<String, Json> = calls
                .get(unit)
                .into_iter()
                .flatten()
                .map(|call| (call.clone(), json!({"answered": 1})))
                .collect();
            lines.push(json!({"unit": {
                "account": account, "region": region, "service": service, "calls": made,
            }}));
            resources += records.len();
            lines.extend(records.iter().cloned());
        }
        lines.push(json!({"end": {"resources": resources}}));
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Each environment has an account of its own, as AWS advises.
    fn home(&self, resource: &Resource) -> Home {
        let stack = self.inventory.stack_of(resource);
        let word = |text: &str| {
            ["prod", "staging", "test", "dev"]
                .into_iter()
                .find(|word| text.to_ascii_lowercase().contains(word))
        };
        let environment = match word(&stack.name) {
            Some(word) => Some(word),
            None => self.choices.iter().find_map(|(_, value)| word(value)),
        };
        let (account, name) = match environment {
            Some("staging") => ("222222222222", "shop-staging"),
            Some("test") => ("333333333333", "shop-test"),
            Some("dev") => ("444444444444", "shop-dev"),
            Some(_) => ("111111111111", "shop-prod"),
            None => ("111111111111", "shop"),
        };
        let known = |value: &Option<std::sync::Arc<str>>, other: &str| match value {
            Some(value) => value.to_string(),
            None => other.to_owned(),
        };
        Home {
            account: known(&stack.place.account, account),
            name: name.to_owned(),
            region: known(&stack.place.region, "eu-central-1"),
        }
    }

    fn of_kind(&self, resource: &Resource) -> Type {
        match self.types.get(&*resource.kind) {
            Some(found) => (*found).clone(),
            None => {
                let mut words = resource.kind.split("::").skip(1).map(str::to_lowercase);
                let (service, thing) = (
                    words.next().unwrap_or_default(),
                    words.next().unwrap_or_default(),
                );
                eprintln!("{} is not in types.toml", resource.kind);
                Type {
                    call: format!("{service}:Describe{thing}s"),
                    arn: format!("arn:aws:{service}:{{r}}:{{a}}:{thing}/{{n}}"),
                    ..Type::default()
                }
            }
        }
    }

    /// The variant that the choices leave; the first one without any.
    fn properties<'r>(&self, resource: &'r Resource) -> Option<&'r Value> {
        let fits = |when: &lockfast_facts::Guard| {
            when.choices().iter().all(|(name, value)| {
                let chosen = self.choices.iter().find(|(chosen, _)| **name == **chosen);
                chosen.is_none_or(|(_, chosen)| **value == **chosen)
            })
        };
        let variant = resource
            .variants
            .iter()
            .find(|variant| fits(&variant.when))?;
        Some(&variant.properties)
    }

    fn name(&self, resource: &Resource) -> String {
        let of_kind = self.of_kind(resource);
        let properties = self.properties(resource);
        if !of_kind.named_after.is_empty()
            && let Some(target) = properties.and_then(|properties| {
                let value = properties.at(&of_kind.named_after).found()?;
                self.inventory.target(value)
            })
        {
            return self.name(target.0);
        }
        let stated = |property: &str| {
            let value = properties?.at(property).found()?;
            let text = self.text(value.at("").text().found()?.as_ref(), resource)?;
            (!text.is_empty()).then_some(text)
        };
        let digits = hash(&[&self.home(resource).account, &resource.name, &resource.kind]);
        match of_kind.name.as_str() {
            "uuid" => uuid(&digits),
            "dns" => stated("DomainName").unwrap_or_else(|| "shop.example.com".into()),
            "api" => digits[..10].to_owned(),
            "" | "plain" | "path" => stated(&of_kind.property).unwrap_or_else(|| {
                let name = kebab(&resource.name);
                match (&*resource.kind, of_kind.name.as_str()) {
                    ("AWS::S3::Bucket", _) => {
                        format!("shop-{name}-{}", self.home(resource).account)
                    }
                    (_, "path") => format!("/shop/{name}"),
                    _ => name,
                }
            }),
            "E" | "Z" => format!(
                "{}{}",
                of_kind.name,
                digits[..12].to_uppercase().replace('0', "X")
            ),
            prefix => format!("{prefix}{}", &digits[..17]),
        }
    }

    fn arn(&self, resource: &Resource) -> Option<String> {
        let of_kind = self.of_kind(resource);
        let home = self.home(resource);
        let digits = hash(&[&home.account, &resource.name, &resource.kind, "arn"]);
        let arn = of_kind
            .arn
            .replace("{r}", &home.region)
            .replace("{a}", &home.account)
            .replace("{n}", &self.name(resource))
            .replace("{u}", &uuid(&digits))
            .replace("{h}", &digits[..16])
            .replace("{H}", &digits[..26].to_uppercase());
        (!arn.is_empty()).then_some(arn)
    }

    /// The record of a resource and the calls that told it; nothing for one that no condition makes.
    fn record(
        &self,
        resource: &Resource,
        of_kind: &Type,
        home: &Home,
    ) -> Option<(Json, BTreeSet<String>)> {
        let properties = self.properties(resource)?;
        let from: BTreeMap<String, String> = match of_kind.from.as_str() {
            "" => BTreeMap::new(),
            text => serde_json::from_str(text).expect("`from` is an object of strings"),
        };
        let mut known = Map::new();
        if !of_kind.property.is_empty() {
            known.insert(of_kind.property.clone(), json!(self.name(resource)));
        }
        if resource.kind.starts_with("AWS::KMS::")
            && properties.at("Enabled").bool().found() == Some(false)
        {
            known.insert("KeyState".into(), json!("Disabled"));
        }
        if let Kind::Map(map) = &properties.kind {
            for (name, value) in map.iter() {
                if of_kind.drop.iter().any(|dropped| **name == **dropped) {
                    continue;
                }
                let call = from
                    .get(&**name)
                    .map_or(of_kind.call.as_str(), String::as_str);
                let json = match self.json(value, resource, call) {
                    Json::Null => continue,
                    Json::Object(tags) if &**name == "Tags" && !tags.contains_key("$unknown") => {
                        tags.into_iter()
                            .map(|(key, value)| json!({"Key": key, "Value": value}))
                            .collect()
                    }
                    json => json,
                };
                known.insert(name.to_string(), json);
            }
        }
        if !of_kind.always.is_empty() {
            let always: Map<String, Json> =
                serde_json::from_str(&of_kind.always).expect("`always` is an object");
            for (name, value) in always {
                known.entry(name).or_insert(value);
            }
        }
        // Nobody can make a key without a policy.
        if let Some(Json::Array(statements)) = known
            .get_mut("KeyPolicy")
            .and_then(|policy| policy.get_mut("Statement"))
            && statements.is_empty()
        {
            statements.push(json!({"Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{}:root", home.account)}, "Action": "kms:*", "Resource": "*"}));
        }
        if !of_kind.tagless {
            self.tags(resource, self.inventory.stack_of(resource), &mut known);
        }
        let mut told = Map::from_iter([(String::new(), json!(of_kind.call))]);
        told.extend(
            from.iter()
                .filter(|(name, _)| known.contains_key(*name))
                .map(|(name, call)| (name.clone(), json!(call))),
        );
        if !of_kind.detail
            && let Some(denied) = known
                .values()
                .find_map(|value| denied(value, &of_kind.call))
        {
            let gap = json!({"resource": {"type": &*resource.kind, "name": "*", "from": {"": of_kind.call}, "properties": denied}});
            return Some((gap, BTreeSet::new()));
        }
        let calls = told
            .values()
            .filter_map(|call| call.as_str().map(str::to_owned))
            .collect();
        let mut record = Map::new();
        record.insert("type".into(), json!(&*resource.kind));
        record.insert("name".into(), json!(self.name(resource)));
        if let Some(arn) = self.arn(resource) {
            record.insert("arn".into(), json!(arn));
        }
        if of_kind.scope == "global" && resource.kind.starts_with("AWS::S3::") {
            record.insert("region".into(), json!(home.region));
        }
        record.insert("from".into(), Json::Object(told));
        record.insert("properties".into(), Json::Object(known));
        Some((json!({ "resource": record }), calls))
    }

    /// CloudFormation gives a stack's tags to all that it makes.
    fn tags(&self, resource: &Resource, stack: &Stack, known: &mut Map<String, Json>) {
        if stack.tags.is_empty() {
            return;
        }
        let tags = known.entry("Tags").or_insert_with(|| json!([]));
        if let Json::Array(tags) = tags {
            for (key, value) in &stack.tags {
                if resource.tag(key).value() == Some(&None) {
                    tags.push(json!({"Key": key, "Value": value}));
                }
            }
        }
    }

    fn json(&self, value: &Value, user: &Resource, call: &str) -> Json {
        let denied = || json!({"$unknown": {"call": call, "error": "AccessDeniedException"}});
        match &value.kind {
            Kind::Null => Json::Null,
            Kind::Bool(b) => json!(b),
            Kind::Number(n) => serde_json::from_str(n).unwrap_or_else(|_| json!(&**n)),
            Kind::Text(text) => match self.text(text, user) {
                Some(text) => json!(text),
                None => denied(),
            },
            Kind::List(items) => items
                .iter()
                .map(|item| self.json(item, user, call))
                .filter(|item| !item.is_null())
                .collect(),
            Kind::Map(map) => {
                let mut known = Map::new();
                for (name, item) in map.iter() {
                    match self.json(item, user, call) {
                        Json::Null => {}
                        json => {
                            known.insert(name.to_string(), json);
                        }
                    }
                }
                Json::Object(known)
            }
            Kind::Unknown(why) => match &**why {
                Why::Runtime(what) => match self.runtime(what, user) {
                    Some(text) => json!(text),
                    None => denied(),
                },
                _ => denied(),
            },
        }
    }

    /// The text after deployment; none when a part of it is not known even here.
    fn text(&self, text: &Text, user: &Resource) -> Option<String> {
        let mut whole = String::new();
        for part in text.parts() {
            match part {
                Part::Literal(literal) => whole.push_str(&literal),
                Part::Reference(reference) => whole.push_str(&self.reference(&reference, user)),
                Part::Dynamic(_) => whole.push_str("[covered]"),
                Part::Unknown(why) => match &*why {
                    Why::Runtime(what) => whole.push_str(&self.runtime(what, user)?),
                    Why::Parameter(name) => {
                        let chosen = self.choices.iter().find(|(chosen, _)| chosen == name);
                        whole.push_str(&chosen?.1);
                    }
                    _ => return None,
                },
            }
        }
        Some(whole)
    }

    fn runtime(&self, what: &str, user: &Resource) -> Option<String> {
        let home = self.home(user);
        Some(match what {
            "AWS::AccountId" => home.account,
            "AWS::Region" => home.region,
            "AWS::Partition" => "aws".into(),
            "AWS::URLSuffix" => "amazonaws.com".into(),
            "AWS::StackName" => "shop".into(),
            "AWS::NoValue" => String::new(),
            _ => return None,
        })
    }

    fn reference(&self, reference: &Reference, user: &Resource) -> String {
        let target = self.inventory.resource(reference.target);
        let name = self.name(target);
        let region = self.home(target).region;
        const BY_ARN: [&str; 18] = [
            "AWS::SNS::Topic",
            "AWS::SNS::Subscription",
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "AWS::ElasticLoadBalancingV2::Listener",
            "AWS::ElasticLoadBalancingV2::ListenerRule",
            "AWS::ElasticLoadBalancingV2::TargetGroup",
            "AWS::CertificateManager::Certificate",
            "AWS::ECS::TaskDefinition",
            "AWS::ECS::Service",
            "AWS::SecretsManager::Secret",
            "AWS::StepFunctions::StateMachine",
            "AWS::IAM::ManagedPolicy",
            "AWS::MSK::Cluster",
            "AWS::DMS::Endpoint",
            "AWS::ACMPCA::CertificateAuthority",
            "AWS::Lambda::Version",
            "AWS::Lambda::Alias",
            "AWS::SageMaker::NotebookInstance",
        ];
        match (&*target.kind, reference.attribute.as_deref()) {
            (kind, None) if BY_ARN.contains(&kind) => self.arn(target).unwrap_or(name),
            ("AWS::SQS::Queue", None) if &*user.kind != "AWS::SQS::QueuePolicy" => format!(
                "https://sqs.{region}.amazonaws.com/{}/{name}",
                self.home(target).account
            ),
            (_, None) => name,
            (_, Some("Arn" | "ListenerArn" | "LoadBalancerArn" | "Id" | "TopicArn")) => {
                self.arn(target).unwrap_or(name)
            }
            ("AWS::RDS::DBCluster", Some("Endpoint.Address")) => {
                format!("{name}.cluster-c9akciq32rgw.{region}.rds.amazonaws.com")
            }
            (_, Some("Endpoint.Address")) => {
                format!("{name}.c9akciq32rgw.{region}.rds.amazonaws.com")
            }
            (_, Some("DNSName")) => format!("{name}-1234567890.{region}.elb.amazonaws.com"),
            (_, Some("RegionalDomainName")) => format!("{name}.s3.{region}.amazonaws.com"),
            (_, Some("DomainName")) => format!("{name}.s3.amazonaws.com"),
            (_, Some("RootResourceId")) => name,
            (_, Some(attribute)) => format!("{name}-{}", kebab(attribute)),
        }
    }
}

/// The mark of a call that gave no answer, anywhere in a value.
fn denied(value: &Json, call: &str) -> Option<Json> {
    match value {
        Json::Object(map) if map.get("$unknown").is_some_and(|mark| mark["call"] == call) => {
            Some(value.clone())
        }
        Json::Object(map) => map.values().find_map(|value| denied(value, call)),
        Json::Array(items) => items.iter().find_map(|value| denied(value, call)),
        _ => None,
    }
}

/// Names the AWS managed key where that serves, as AWS does, and gives its record.
fn managed(record: &mut Json, of_kind: &Type, home: &Home) -> Option<Json> {
    let [key, alias, when] = of_kind.managed.as_slice() else {
        return None;
    };
    let pointer = |path: &str| format!("/{}", path.replace('.', "/"));
    let properties = record.pointer_mut("/resource/properties")?;
    if properties.get("$unknown").is_some() || properties.pointer(&pointer(key)).is_some() {
        return None;
    }
    if !when.is_empty() && properties.pointer(&pointer(when)) != Some(&json!(true)) {
        return None;
    }
    let id = uuid(&hash(&[&home.account, &home.region, alias]));
    let arn = format!("arn:aws:kms:{}:{}:key/{id}", home.region, home.account);
    match key.split_once('.') {
        Some((outer, inner)) => properties[outer][inner] = json!(arn),
        None => properties[key.as_str()] = json!(arn),
    }
    Some(json!({"resource": {
        "type": lockfast_snapshot::MANAGED_KEY, "name": id, "arn": arn, "from": {"": "kms:DescribeKey"},
        "properties": {
            "KeyManager": "AWS", "KeyState": "Enabled", "Enabled": true, "Origin": "AWS_KMS",
            "KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT", "MultiRegion": false,
            "CreationDate": "2024-06-11T07:30:02Z", "AliasName": format!("alias/aws/{alias}"),
        },
    }}))
}

fn hash(parts: &[&str]) -> String {
    let first = lockfast_policy::hash(parts);
    format!("{first}{}", lockfast_policy::hash(&[&first]))
}

fn uuid(digits: &str) -> String {
    format!(
        "{}-{}-4{}-a{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[13..16],
        &digits[17..20],
        &digits[20..32]
    )
}

/// `OrdersTable` as `orders-table`.
fn kebab(name: &str) -> String {
    let mut out = String::new();
    let mut lower = false;
    for c in name.chars() {
        if c.is_uppercase() && lower {
            out.push('-');
        }
        lower = c.is_lowercase() || c.is_ascii_digit();
        match c.is_ascii_alphanumeric() {
            true => out.extend(c.to_lowercase()),
            false => out.push('-'),
        }
    }
    out
}
