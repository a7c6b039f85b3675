//! SAM resources as the CloudFormation resources they become (AWS Serverless Application Model
//! Developer Guide, "Generated AWS CloudFormation resources").

use super::build::{attribute, list, map, named, reference, resource, single, string};
use super::eval::is_intrinsic;
use super::sam_events as events;
use super::sam_policies::policy;
use crate::{Entry, Node, NodeKind};
use lockfast_facts::Loc;

/// Turns the SAM resources of a template into CloudFormation's, with `Globals` merged in.
pub(super) fn expand(root: &mut Node) {
    let globals = root.get("Globals").cloned();
    let Some(resources) = entry_mut(root, "Resources") else {
        return;
    };
    let NodeKind::Map(entries) = &mut resources.value.kind else {
        return;
    };
    let implicit = |kind: &str, entries: &[Entry]| {
        let found = entries
            .iter()
            .filter(|e| kind_of(e) == Some("AWS::Serverless::Function"));
        found
            .filter_map(|e| events::implicit_api(&e.value, kind))
            .next()
    };
    let rest = implicit("Api", entries);
    let http = implicit("HttpApi", entries);
    if let Some(loc) = rest {
        let stage = vec![named("StageName", string("Prod", loc), loc)];
        entries.push(resource(
            "ServerlessRestApi",
            "AWS::Serverless::Api",
            stage,
            loc,
        ));
    }
    if let Some(loc) = http {
        entries.push(resource(
            "ServerlessHttpApi",
            "AWS::Serverless::HttpApi",
            Vec::new(),
            loc,
        ));
    }
    let mut added = Vec::new();
    for entry in entries.iter_mut() {
        let Some(kind) = kind_of(entry)
            .and_then(|kind| kind.strip_prefix("AWS::Serverless::"))
            .map(str::to_owned)
        else {
            continue;
        };
        let defaults = globals.as_ref().and_then(|g| g.get(&kind));
        let condition = entry.value.entry("Condition").cloned();
        let mut sam = Sam::take(entry, defaults);
        let before = added.len();
        let Some(becomes) = sam.become_resource(&kind, &mut added) else {
            sam.give_back(entry);
            continue;
        };
        sam.give_back(entry);
        if let Some(node) = entry_mut(&mut entry.value, "Type") {
            node.value.kind = NodeKind::String(becomes.into());
        }
        // What comes of a resource exists when it does.
        if let Some(condition) = condition {
            for entry in &mut added[before..] {
                if let NodeKind::Map(body) = &mut entry.value.kind {
                    body.push(condition.clone());
                }
            }
        }
    }
    // A resource that the template itself names so comes first.
    added.retain(|new| !entries.iter().any(|entry| entry.key == new.key));
    entries.extend(added);
}

fn kind_of(entry: &Entry) -> Option<&str> {
    entry.value.get("Type").and_then(Node::scalar)
}

fn entry_mut<'n>(node: &'n mut Node, name: &str) -> Option<&'n mut Entry> {
    match &mut node.kind {
        NodeKind::Map(entries) => entries.iter_mut().find(|entry| &*entry.key == name),
        _ => None,
    }
}

/// Merges `Globals` under a resource's own properties: objects merge, lists join, the resource's
/// own scalars win (AWS SAM Developer Guide, "Globals section"). Functions do not merge: the
/// resource's own value stays.
fn merge(own: &mut Node, defaults: &Node) {
    if is_function(own) || is_function(defaults) {
        return;
    }
    match (&mut own.kind, &defaults.kind) {
        (NodeKind::Map(entries), NodeKind::Map(more)) => {
            for entry in more {
                match entries.iter_mut().find(|e| e.key == entry.key) {
                    Some(existing) => merge(&mut existing.value, &entry.value),
                    None => entries.push(entry.clone()),
                }
            }
        }
        (NodeKind::List(items), NodeKind::List(more)) => {
            let own = std::mem::take(items);
            items.extend(more.iter().cloned());
            items.extend(own);
        }
        _ => {}
    }
}

fn is_function(node: &Node) -> bool {
    matches!(node.entries(), [entry] if is_intrinsic(&entry.key))
}

/// A SAM resource being turned: its logical id, where it stands, and its properties.
pub(super) struct Sam {
    pub name: String,
    pub loc: Loc,
    pub properties: Vec<Entry>,
    /// Where the properties stand.
    within: Loc,
    /// Properties that are no plain object cannot be turned.
    whole: Option<Node>,
}

impl Sam {
    fn take(entry: &mut Entry, defaults: Option<&Node>) -> Sam {
        let loc = entry.key_loc;
        let mut node = match entry_mut(&mut entry.value, "Properties") {
            Some(found) => std::mem::replace(&mut found.value, map(Vec::new(), loc)),
            None => map(Vec::new(), entry.value.loc),
        };
        if let Some(defaults) = defaults {
            merge(&mut node, defaults);
        }
        let mut sam = Sam {
            name: entry.key.to_string(),
            loc,
            properties: Vec::new(),
            within: node.loc,
            whole: None,
        };
        match node.kind {
            NodeKind::Map(entries) => sam.properties = entries,
            _ => sam.whole = Some(node),
        }
        sam
    }

    fn give_back(self, entry: &mut Entry) {
        let node = self
            .whole
            .unwrap_or_else(|| map(self.properties, self.within));
        match entry_mut(&mut entry.value, "Properties") {
            Some(found) => found.value = node,
            None => {
                if let NodeKind::Map(body) = &mut entry.value.kind {
                    body.push(named("Properties", node, self.loc));
                }
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        self.properties
            .iter()
            .find(|e| &*e.key == name)
            .map(|e| &e.value)
    }

    /// Takes a property away.
    pub(super) fn remove(&mut self, name: &str) -> Option<Entry> {
        let index = self.properties.iter().position(|e| &*e.key == name)?;
        Some(self.properties.remove(index))
    }

    fn rename(&mut self, from: &str, to: &str) {
        self.wrap(from, to, |value| value);
    }

    /// Gives a property another name and shape.
    fn wrap(&mut self, from: &str, to: &str, shape: impl FnOnce(Node) -> Node) {
        if let Some(entry) = self.properties.iter_mut().find(|e| &*e.key == from) {
            entry.key = to.into();
            let value = std::mem::replace(&mut entry.value, string("", self.loc));
            entry.value = shape(value);
        }
    }

    /// The CloudFormation type it becomes, with its properties changed and the resources it
    /// brings added; `None` for a type that is not known here.
    fn become_resource(&mut self, kind: &str, added: &mut Vec<Entry>) -> Option<&'static str> {
        Some(match kind {
            "Function" => {
                self.function(added);
                "AWS::Lambda::Function"
            }
            "Api" => {
                self.rest_api(added);
                "AWS::ApiGateway::RestApi"
            }
            "HttpApi" => {
                self.http_api(added);
                "AWS::ApiGatewayV2::Api"
            }
            "SimpleTable" => {
                self.wrap("PrimaryKey", "KeySchema", |key| {
                    let loc = key.loc;
                    let name = key
                        .get("Name")
                        .cloned()
                        .unwrap_or_else(|| string("id", loc));
                    let hash = named("KeyType", string("HASH", loc), loc);
                    list(
                        vec![map(vec![named("AttributeName", name, loc), hash], loc)],
                        loc,
                    )
                });
                "AWS::DynamoDB::Table"
            }
            "StateMachine" => {
                self.rename("Logging", "LoggingConfiguration");
                self.rename("Tracing", "TracingConfiguration");
                self.rename("Type", "StateMachineType");
                self.rename("DefinitionUri", "DefinitionS3Location");
                self.role("RoleArn", "states.amazonaws.com", added);
                self.remove("Events");
                "AWS::StepFunctions::StateMachine"
            }
            "LayerVersion" => {
                self.rename("ContentUri", "Content");
                "AWS::Lambda::LayerVersion"
            }
            "GraphQLApi" => "AWS::AppSync::GraphQLApi",
            "Application" => {
                self.rename("Location", "TemplateURL");
                "AWS::CloudFormation::Stack"
            }
            _ => return None,
        })
    }

    fn function(&mut self, added: &mut Vec<Entry>) {
        if let Some(found) = self.remove("Events") {
            events::expand(self, &found.value, added);
        }
        self.rename("CodeUri", "Code");
        self.wrap("InlineCode", "Code", |code| single("ZipFile", code));
        self.wrap("ImageUri", "Code", |uri| single("ImageUri", uri));
        self.wrap("Tracing", "TracingConfig", |mode| single("Mode", mode));
        self.wrap("DeadLetterQueue", "DeadLetterConfig", |queue| {
            match queue.get("TargetArn") {
                Some(target) => single("TargetArn", target.clone()),
                None => queue,
            }
        });
        self.role("Role", "lambda.amazonaws.com", added);
        let (name, loc) = (self.name.clone(), self.loc);
        if let Some(NodeKind::Map(mut url)) = self.remove("FunctionUrlConfig").map(|e| e.value.kind)
        {
            url.push(named("TargetFunctionArn", reference(&name, loc), loc));
            added.push(resource(
                &format!("{name}Url"),
                "AWS::Lambda::Url",
                url,
                loc,
            ));
        }
        if let Some(alias) = self.remove("AutoPublishAlias") {
            let id = format!("{name}Alias{}", alias.value.scalar().unwrap_or_default());
            let properties = vec![
                named("FunctionName", reference(&name, loc), loc),
                named("Name", alias.value, loc),
            ];
            added.push(resource(&id, "AWS::Lambda::Alias", properties, loc));
        }
        if let Some(NodeKind::Map(mut config)) =
            self.remove("EventInvokeConfig").map(|e| e.value.kind)
        {
            config.push(named("FunctionName", reference(&name, loc), loc));
            added.push(resource(
                &format!("{name}EventInvokeConfig"),
                "AWS::Lambda::EventInvokeConfig",
                config,
                loc,
            ));
        }
    }

    /// The role that SAM makes when none is named.
    fn role(&mut self, property: &str, service: &str, added: &mut Vec<Entry>) {
        self.rename("Role", property);
        let policies = self.remove("Policies");
        let boundary = self.remove("PermissionsBoundary");
        let trust = self.remove("AssumeRolePolicyDocument");
        if self.get(property).is_some() {
            return;
        }
        let (name, loc) = (format!("{}Role", self.name), self.loc);
        let statement = map(
            vec![
                named("Effect", string("Allow", loc), loc),
                named("Action", string("sts:AssumeRole", loc), loc),
                named("Principal", single("Service", string(service, loc)), loc),
            ],
            loc,
        );
        let trust = trust.map_or_else(|| document(list(vec![statement], loc)), |entry| entry.value);
        let mut properties = vec![named("AssumeRolePolicyDocument", trust, loc)];
        let (mut managed, mut inline) = (Vec::new(), Vec::new());
        if property == "Role" {
            let basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
            managed.push(string(basic, loc));
        }
        let items = match policies.map(|entry| entry.value) {
            Some(Node {
                kind: NodeKind::List(items),
                ..
            }) => items,
            Some(one) => vec![one],
            None => Vec::new(),
        };
        for (index, item) in items.into_iter().enumerate() {
            match policy(item) {
                Ok(arn) => managed.push(arn),
                Err(document) => {
                    let at = document.loc;
                    let id = format!("{name}Policy{index}");
                    let entries = vec![
                        named("PolicyName", string(&id, at), at),
                        named("PolicyDocument", document, at),
                    ];
                    inline.push(map(entries, at));
                }
            }
        }
        properties.push(named("ManagedPolicyArns", list(managed, loc), loc));
        properties.push(named("Policies", list(inline, loc), loc));
        properties.extend(boundary);
        added.push(resource(&name, "AWS::IAM::Role", properties, loc));
        self.properties
            .push(named(property, attribute(&name, "Arn", loc), loc));
    }

    fn rest_api(&mut self, added: &mut Vec<Entry>) {
        let loc = self.loc;
        let mut stage = vec![named("RestApiId", reference(&self.name, loc), loc)];
        for name in [
            "StageName",
            "MethodSettings",
            "CacheClusterEnabled",
            "CacheClusterSize",
            "AccessLogSetting",
            "CanarySetting",
            "TracingEnabled",
            "Variables",
        ] {
            stage.extend(self.remove(name));
        }
        stage.extend(self.properties.iter().find(|e| &*e.key == "Tags").cloned());
        let stage_name = stage
            .iter()
            .find(|e| &*e.key == "StageName")
            .and_then(|e| e.value.scalar())
            .unwrap_or_default();
        let id = format!(
            "{}{}Stage",
            self.name,
            stage_name.replace(|c: char| !c.is_ascii_alphanumeric(), "")
        );
        added.push(resource(&id, "AWS::ApiGateway::Stage", stage, loc));
        self.rename("DefinitionBody", "Body");
        self.rename("DefinitionUri", "BodyS3Location");
        let kind = |value: Node| {
            if value.scalar().is_some() {
                single("Types", list(vec![value], loc))
            } else {
                value
            }
        };
        self.wrap(
            "EndpointConfiguration",
            "EndpointConfiguration",
            |value| match value.get("Type").cloned() {
                Some(one) => kind(one),
                None => kind(value),
            },
        );
        if let Some(policy) = self
            .get("Auth")
            .and_then(|a| a.get("ResourcePolicy"))
            .and_then(|p| p.get("CustomStatements"))
        {
            let policy = document(policy.clone());
            self.properties.push(named("Policy", policy, loc));
        }
        self.domain("AWS::ApiGateway::DomainName", added);
    }

    fn http_api(&mut self, added: &mut Vec<Entry>) {
        let loc = self.loc;
        let mut stage = vec![named("ApiId", reference(&self.name, loc), loc)];
        for name in [
            "StageName",
            "AccessLogSettings",
            "DefaultRouteSettings",
            "RouteSettings",
            "StageVariables",
        ] {
            stage.extend(self.remove(name));
        }
        let given = stage
            .iter()
            .find(|e| &*e.key == "StageName")
            .and_then(|e| e.value.scalar());
        let id = match given {
            Some(given) => format!(
                "{}{}Stage",
                self.name,
                given.replace(|c: char| !c.is_ascii_alphanumeric(), "")
            ),
            None => {
                stage.push(named("StageName", string("$default", loc), loc));
                format!("{}ApiGatewayDefaultStage", self.name)
            }
        };
        added.push(resource(&id, "AWS::ApiGatewayV2::Stage", stage, loc));
        self.rename("DefinitionBody", "Body");
        self.rename("DefinitionUri", "BodyS3Location");
        self.properties
            .push(named("ProtocolType", string("HTTP", loc), loc));
        self.domain("AWS::ApiGatewayV2::DomainName", added);
    }

    /// The custom domain of an API.
    fn domain(&mut self, kind: &str, added: &mut Vec<Entry>) {
        let Some(domain) = self.remove("Domain") else {
            return;
        };
        let at = domain.key_loc;
        let edge = domain
            .value
            .get("EndpointConfiguration")
            .and_then(Node::scalar)
            == Some("EDGE");
        let mut properties = Vec::new();
        let mut configuration = Vec::new();
        for entry in domain.value.entries() {
            let mut entry = entry.clone();
            match &*entry.key {
                "DomainName" | "MutualTlsAuthentication" => properties.push(entry),
                "CertificateArn" if kind.contains("V2") || edge => configuration.push(entry),
                "CertificateArn" => {
                    entry.key = "RegionalCertificateArn".into();
                    configuration.push(entry);
                }
                "SecurityPolicy" | "OwnershipVerificationCertificateArn" => {
                    configuration.push(entry)
                }
                "EndpointConfiguration" if kind.contains("V2") => {
                    entry.key = "EndpointType".into();
                    configuration.push(entry);
                }
                "EndpointConfiguration" => {
                    entry.value = single("Types", list(vec![entry.value], at));
                    configuration.push(entry);
                }
                _ => {}
            }
        }
        if kind.contains("V2") {
            let configurations = list(vec![map(configuration, at)], at);
            properties.push(named("DomainNameConfigurations", configurations, at));
        } else {
            properties.extend(configuration);
        }
        added.push(resource(
            &format!("{}DomainName", self.name),
            kind,
            properties,
            at,
        ));
    }
}

/// A policy document of these statements.
pub(super) fn document(statements: Node) -> Node {
    let loc = statements.loc;
    map(
        vec![
            named("Version", string("2012-10-17", loc), loc),
            named("Statement", statements, loc),
        ],
        loc,
    )
}
