use crate::prelude::*;
use lockfast_access::{Policy, Resource as Target, Scope, allowed_principals};

control! {
    /// VPC endpoints carry AWS traffic over TLS without crossing the internet. Each gateway and
    /// interface endpoint should have a policy of its own: without one it lets every principal of
    /// every account do everything through it (AWS PrivateLink Guide, "Control access to VPC endpoints
    /// using endpoint policies"). The policy is evaluated: one that still lets anybody do anything
    /// fails as well. When functions run in a VPC of the input and no endpoint stands in it, that is
    /// a failure of its own.
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

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let endpoints = cx.subjects(&["AWS::EC2::VPCEndpoint"]);
    for subject in &endpoints {
        let judgement = match Policy::from_read(subject.at("PolicyDocument")) {
            None => Judgement::fail(*subject, "the endpoint has no policy, so it lets everybody do everything through it"),
            Some(policy) => {
                let anyone = allowed_principals(&policy, "s3:PutObject", &Target::any())
                    .into_iter()
                    .chain(allowed_principals(&policy, "kms:Decrypt", &Target::any()))
                    .chain(allowed_principals(&policy, "dynamodb:GetItem", &Target::any()))
                    .find(|g| matches!(g.scope(), Scope::Anyone | Scope::Unknown(_)));
                match anyone.map(|g| (g.certain, g.scope(), g.loc)) {
                    Some((true, Scope::Anyone, loc)) => {
                        Judgement::fail(*subject, "the endpoint's policy lets principals of every account through").at(loc)
                    }
                    Some((.., loc)) => Judgement::unknown(*subject, "cannot tell whom the endpoint's policy lets through").at(loc),
                    None => Judgement::pass(*subject, "the endpoint's policy lets only known principals through"),
                }
            }
        };
        out.push(judgement);
    }
    for vpc in cx.inventory.of_kind("AWS::EC2::VPC") {
        let has_endpoint = cx
            .inventory
            .referrers(vpc.id)
            .any(|r| &*r.kind == "AWS::EC2::VPCEndpoint");
        let functions = cx
            .subjects(&["AWS::Lambda::Function"])
            .iter()
            .filter(|f| !f.at("VpcConfig.SubnetIds").is_absent() && f.resource.stack == vpc.stack)
            .count();
        if functions > 0 && !has_endpoint {
            out.push(Judgement::fail(vpc, format!("{functions} functions run in it, and it has no endpoint to AWS")));
        }
    }
}
