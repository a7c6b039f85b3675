use crate::live::unread;
use crate::prelude::*;
use crate::strangers;
use lockfast_access::{Effect, Entry, Policy, Selection, Three};
use std::collections::{BTreeMap, BTreeSet};

control! {
    /// VPC endpoints carry AWS traffic over TLS without crossing the internet. Each gateway and
    /// interface endpoint should have a policy of its own: without one it lets every principal of
    /// every account do everything through it (AWS PrivateLink Guide, "Control access to VPC endpoints
    /// using endpoint policies"). The policy is evaluated: one that lets a principal of another
    /// account through to a resource of another account fails as well. Endpoints of Gateway Load Balancers,
    /// resources and service networks, and those of services that others offer, have no policy. When
    /// functions run in a VPC of the input (their subnets say in which) and no endpoint to AWS stands in
    /// it, that is a failure of its own; where their subnets cannot be followed to a VPC, it is unknown.
    id: "vpc-endpoints-policy",
    title: "AWS traffic goes through VPC endpoints, with a policy",
    clauses: ["LAM-2"],
    severity: Medium,
    fix: "Add endpoints for the services used and give each a PolicyDocument that admits the principals of the account only.",
    cloudformation: r#"Type: AWS::EC2::VPCEndpoint
Properties:
  ServiceName: !Sub "com.amazonaws.${AWS::Region}.dynamodb"
  VpcEndpointType: Gateway
  VpcId: !Ref Vpc
  PolicyDocument:
    Version: "2012-10-17"
    Statement:
      - Effect: Allow
        Principal: "*"
        Action: "dynamodb:*"
        Resource: "*"
        Condition: {StringEquals: {aws:PrincipalAccount: !Ref AWS::AccountId}}
"#,
    cdk: r#"vpc.addGatewayEndpoint('DynamoDb', { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB })
  .addToPolicy(new iam.PolicyStatement({ principals: [new iam.AccountPrincipal(this.account)], actions: ['dynamodb:*'], resources: ['*'] }));
"#,
}

/// Asks the policy whether a stranger may do with a stranger's resource what its statements allow.
fn judged(subject: Subject<'_>, policy: &Policy) -> Judgement {
    let mut answer = Three::No;
    let mut at = policy.loc;
    for statement in policy.statements.iter().filter(|s| s.effect == Effect::Allow) {
        let actions: Vec<String> = match &statement.actions {
            Selection::These(entries) => entries.iter().filter_map(example).collect(),
            Selection::AllBut(_) | Selection::Everything => vec!["s3:PutObject".into(), "dynamodb:GetItem".into()],
        };
        if actions.is_empty() {
            answer = answer.or(Three::Maybe);
            at = statement.loc;
        }
        for action in actions {
            let found = strangers::allows(policy, &strangers::request_for_own(&action));
            if found != Three::No && answer != Three::Yes {
                at = statement.loc;
            }
            answer = answer.or(found);
        }
    }
    match answer {
        Three::Yes => {
            Judgement::fail(subject, "the endpoint's policy lets principals of every account through, to resources of any").at(at)
        }
        Three::Maybe => Judgement::unknown(subject, "cannot tell whom the endpoint's policy lets through").at(at),
        Three::No if policy.is_certain() => {
            Judgement::pass(subject, "the endpoint's policy lets only known principals or resources through")
        }
        Three::No => Judgement::unknown(subject, "cannot tell whom the endpoint's policy lets through").at(policy.loc),
    }
}

/// An action that an entry names, with its wildcards filled in; `None` when it is not known.
fn example(entry: &Entry) -> Option<String> {
    let Entry::Pattern(text) = entry else {
        return None;
    };
    Some(match text.plain()? {
        "*" => "s3:PutObject".to_owned(),
        pattern => pattern.replace('*', "Anything").replace('?', "A"),
    })
}

/// Where an endpoint leads, when that is not to AWS: such endpoints carry no policy (Amazon EC2 API Reference,
/// "CreateVpcEndpoint": only gateway and interface endpoints have one).
fn elsewhere(endpoint: &Resource) -> Option<&'static str> {
    match endpoint.at("VpcEndpointType").string().found().as_deref() {
        Some("GatewayLoadBalancer") => return Some("a Gateway Load Balancer"),
        Some("Resource") => return Some("a resource"),
        Some("ServiceNetwork") => return Some("a service network"),
        _ => {}
    }
    let service = endpoint.at("ServiceName").text().found();
    let offered = service.is_some_and(|s| s.render(|_| String::new()).contains(".vpce-svc-"));
    offered.then_some("a service that others offer")
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::EC2::VPCEndpoint"]) {
        if let Some(what) = elsewhere(subject.resource) {
            out.push(Judgement::not_applicable(subject, format!("an endpoint of {what} takes no policy")));
            continue;
        }
        out.push(match (Policy::from_read(subject.at("PolicyDocument")), subject.at("VpcEndpointType")) {
            (None, Read::Unknown(why, loc)) => {
                Judgement::cannot_tell(subject, "whether the endpoint is of a kind that takes a policy", &why).at(loc)
            }
            (None, _) => Judgement::fail(subject, "the endpoint has no policy, so it lets everybody do everything through it"),
            (Some(policy), _) => judged(subject, &policy),
        });
    }
    functions(cx, out);
}

/// Functions that run in a VPC without an endpoint.
fn functions(cx: &Cx<'_>, out: &mut Out) {
    let mut by_vpc: BTreeMap<ResourceId, Vec<Subject<'_>>> = BTreeMap::new();
    for function in cx.subjects(&["AWS::Lambda::Function"]) {
        match vpc_of(cx, function) {
            None => {}
            Some(Ok(vpc)) => by_vpc.entry(vpc).or_default().push(function),
            Some(Err(why)) => {
                out.push(Judgement::cannot_tell(function, "whether the VPC that it runs in has endpoints to AWS", &why));
            }
        }
    }
    for (vpc, functions) in by_vpc {
        let mut referrers = cx.inventory.referrers(vpc);
        if referrers.any(|r| &*r.kind == "AWS::EC2::VPCEndpoint" && elsewhere(r).is_none()) {
            continue;
        }
        let ids: BTreeSet<ResourceId> = functions.iter().map(Subject::id).collect();
        let run = match ids.len() {
            1 => "a function runs".to_owned(),
            several => format!("{several} functions run"),
        };
        let place = &cx.inventory.stack_of(cx.inventory.resource(vpc)).place;
        if let Some(why) = unread(cx, "ec2", &["AWS::EC2::VPCEndpoint"], place) {
            let what = "whether it has an endpoint to AWS, since functions run in it";
            out.push(Judgement::cannot_tell(cx.inventory.resource(vpc), what, &why));
            continue;
        }
        for function in functions {
            let vpc = cx.inventory.resource(vpc);
            out.push(Judgement::fail(vpc, format!("{run} in it, and it has no endpoint to AWS")).when(&function.variant.when));
        }
    }
}

/// The VPC of a function's subnets, or why it is not known; `None` when it runs in none.
fn vpc_of(cx: &Cx<'_>, function: Subject<'_>) -> Option<Result<ResourceId, Arc<Why>>> {
    let subnets = match function.at("VpcConfig.SubnetIds").list() {
        Read::Found([], _) | Read::Absent(_) => return None,
        Read::Found(subnets, _) => subnets,
        Read::Unknown(why, _) => return Some(Err(why)),
    };
    let known = subnets.iter().find_map(|subnet| {
        let (subnet, _) = cx.inventory.target(subnet)?;
        let (vpc, _) = cx.inventory.target(subnet.at("VpcId").found()?)?;
        (&*vpc.kind == "AWS::EC2::VPC").then_some(vpc.id)
    });
    let why = subnets.iter().find_map(|subnet| match subnet.at("").string() {
        Read::Unknown(why, _) if cx.inventory.target(subnet).is_none() => Some(why),
        _ => None,
    });
    Some(known.ok_or_else(|| why.unwrap_or_else(|| Arc::new(Why::NotGiven("the VPC of its subnets".to_owned())))))
}
