//! Endpoints that templates and scanned accounts declare.

use lockfast_facts::Inventory;
use lockfast_iac::ReadOptions;
use lockfast_probe::{Derived, Role, Target, derive};
use lockfast_tls::Protocol;
use serde_json::{Value, json};

/// The facts of a template.
fn template(yaml: &str) -> Inventory {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.yaml");
    std::fs::write(&path, yaml).unwrap();
    let input = path.to_str().unwrap().to_owned();
    let loaded = lockfast_iac::load(&[input], &ReadOptions::default());
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    loaded.inventory
}

/// The facts of an account: resources as (type, name, what follows its ARN's service, properties).
fn account(resources: &[(&str, &str, &str, Value)]) -> Inventory {
    let (account, region) = ("111111111111", "eu-central-1");
    let mut lines = vec![
        json!({"snapshot": {"format": 1, "made_by": "test", "taken": "2026-11-23T06:00:00Z",
            "accounts": [{"id": account}], "regions": [region], "services": ["all"]}}),
        json!({"unit": {"account": account, "region": region, "service": "all", "calls": {}}}),
    ];
    for (kind, name, arn, properties) in resources {
        let mut resource = json!({"type": kind, "name": name, "from": {"": "test"}});
        resource["properties"] = properties.clone();
        if !arn.is_empty() {
            resource["arn"] = format!("arn:aws:{arn}").into();
        }
        lines.push(json!({ "resource": resource }));
    }
    lines.push(json!({"end": {"resources": resources.len()}}));
    let text: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.snapshot.jsonl");
    std::fs::write(&path, text.concat()).unwrap();
    lockfast_snapshot::load(&path).unwrap().inventory
}

fn names(derived: &Derived) -> Vec<String> {
    derived.targets.iter().map(Target::name).collect()
}

fn named<'a>(derived: &'a Derived, name: &str) -> &'a Target {
    let found = derived.targets.iter().find(|target| target.name() == name);
    found.unwrap_or_else(|| panic!("{name} is not among {:?}", names(derived)))
}

/// What declares an endpoint, as the record has it.
fn of(derived: &Derived, name: &str) -> Value {
    json!(named(derived, name).of)
}

/// Whether this was left out, for a reason that says that.
fn is_left_out(derived: &Derived, what: &str, why: &str) -> bool {
    let mut left_out = derived.left_out.iter();
    left_out.any(|(who, reason)| who.ends_with(what) && reason.contains(why))
}

/// Balancers with names and without, for the internet and not.
const BALANCERS: &str = include_str!("derived/balancers.yaml");

#[test]
fn listeners_of_a_template_have_the_names_of_its_records() {
    let derived = derive(&template(BALANCERS), false);
    assert_eq!(
        names(&derived),
        [
            "shop.example.com:443",
            "shop.example.com:8080",
            "shop.example.com:8443",
            "store.example.com:443",
            "store.example.com:8080",
            "store.example.com:8443",
        ]
    );
    for target in &derived.targets {
        assert_eq!(target.role, Some(Role::LoadBalancer));
        let protocol = match target.port {
            8080 => Protocol::Http,
            _ => Protocol::Https,
        };
        assert_eq!(target.protocol, protocol);
    }
    let new = of(&derived, "shop.example.com:443");
    assert_eq!(new["Type"], "AWS::ElasticLoadBalancingV2::Listener");
    assert_eq!(new["Name"], "Https");
    assert!(new["Where"].as_str().unwrap().contains("template.yaml:"));
    assert_eq!(new["SecurityPolicy"], "ELBSecurityPolicy-TLS13-1-2-2021-06");
    assert_eq!(new["MinimumVersion"], "TLSv1.2");
    assert_eq!(new["ForwardSecrecy"], true);
    assert_eq!(
        new["CertificateArn"],
        "arn:aws:acm:eu-central-1:111111111111:certificate/1"
    );
    let old = of(&derived, "shop.example.com:8443");
    assert_eq!(old["MinimumVersion"], "TLSv1");
    assert_eq!(old["ForwardSecrecy"], false);
    assert!(old.get("CertificateArn").is_none());
    assert!(
        of(&derived, "shop.example.com:8080")
            .get("MinimumVersion")
            .is_none()
    );

    assert!(is_left_out(
        &derived,
        "InsideHttps",
        "from inside its VPC only"
    ));
    assert!(is_left_out(
        &derived,
        "NamelessHttps",
        "only after deployment"
    ));
    assert!(is_left_out(&derived, "*.example.com", "wildcard"));
    assert!(is_left_out(&derived, "Redirects", "only redirects"));
    assert_eq!(derived.left_out.len(), 4, "{:?}", derived.left_out);

    let internal = derive(&template(BALANCERS), true);
    assert_eq!(internal.targets.len(), 7);
    named(&internal, "inside.example.com:443");
}

/// Records of one name with weights lead to either balancer: what is measured may be any, and is held to what both promise.
#[test]
fn what_declarations_of_one_name_do_not_agree_on_is_not_promised() {
    let side = |side: &str, policy: &str| {
        format!(
            "
  {side}:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {{Scheme: internet-facing, Subnets: [subnet-1, subnet-2]}}
  {side}Https:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref {side}
      Port: 443
      Protocol: HTTPS
      SslPolicy: {policy}
      Certificates: [{{CertificateArn: 'arn:aws:acm:eu-central-1:111111111111:certificate/1'}}]
      DefaultActions: [{{Type: fixed-response, FixedResponseConfig: {{StatusCode: '200'}}}}]
  {side}Name:
    Type: AWS::Route53::RecordSet
    Properties:
      HostedZoneName: example.com.
      Name: shop.example.com.
      Type: A
      SetIdentifier: {side}
      Weight: 1
      AliasTarget: {{DNSName: !GetAtt {side}.DNSName, HostedZoneId: !GetAtt {side}.CanonicalHostedZoneID}}"
        )
    };
    let blue = side("Blue", "ELBSecurityPolicy-TLS13-1-2-2021-06");
    let green = side("Green", "ELBSecurityPolicy-TLS13-1-3-2021-06");
    let derived = derive(&template(&format!("Resources:{blue}{green}")), false);
    assert_eq!(names(&derived), ["shop.example.com:443"]);
    let of = of(&derived, "shop.example.com:443");
    assert_eq!(of["Name"], "BlueHttps");
    for differs in ["SecurityPolicy", "MinimumVersion"] {
        assert!(of.get(differs).is_none(), "{of:#}");
    }
    assert_eq!(of["ForwardSecrecy"], true);
    assert!(of["CertificateArn"].is_string());
    let also = "also declared by GreenHttps, which is not compared";
    assert!(
        is_left_out(&derived, "shop.example.com:443", also),
        "{:?}",
        derived.left_out
    );
    assert_eq!(derived.left_out.len(), 1);
}

#[test]
fn what_no_listener_says_of_itself_is_told() {
    let derived = derive(
        &template(
            "
Resources:
  Network:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Type: network, Scheme: internet-facing, Subnets: [subnet-1, subnet-2]}
  Targets:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {Port: 443, Protocol: TCP, VpcId: vpc-1}
  Passed:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Network
      Port: 443
      Protocol: TCP
      DefaultActions: [{Type: forward, TargetGroupArn: !Ref Targets}]
  Elsewhere:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: arn:aws:elasticloadbalancing:eu-central-1:111111111111:loadbalancer/app/x/1
      Port: 443
      Protocol: HTTPS
      DefaultActions: [{Type: fixed-response, FixedResponseConfig: {StatusCode: '200'}}]
",
        ),
        false,
    );
    assert!(names(&derived).is_empty());
    for (who, why) in [("Passed", "passes on"), ("Elsewhere", "not among")] {
        assert!(is_left_out(&derived, who, why), "{:?}", derived.left_out);
    }
}

#[test]
fn a_port_that_is_not_known_is_not_guessed() {
    let yaml = BALANCERS.replace("Port: 8443", "Port: !Ref Port");
    let yaml = format!("Parameters: {{Port: {{Type: Number}}}}\n{yaml}");
    let derived = derive(&template(&yaml), false);
    assert!(
        is_left_out(&derived, "Old", "its port"),
        "{:?}",
        derived.left_out
    );
    assert_eq!(of(&derived, "shop.example.com:443")["Name"], "Https");
}

#[test]
fn classic_balancers_distributions_and_apis_of_a_template() {
    let derived = derive(&template(include_str!("derived/fronts.yaml")), false);
    assert_eq!(
        names(&derived),
        [
            "api.example.com:443",
            "classic.example.com:443",
            "classic.example.com:80",
            "http.example.com:443",
            "www.example.com:443",
        ]
    );
    let certificate = |name| {
        of(&derived, name)["CertificateArn"]
            .as_str()
            .map(|arn| arn.chars().last().unwrap())
    };
    assert_eq!(certificate("classic.example.com:443"), Some('2'));
    assert_eq!(certificate("classic.example.com:80"), None);
    assert_eq!(certificate("www.example.com:443"), Some('3'));
    assert_eq!(certificate("api.example.com:443"), Some('4'));
    assert_eq!(certificate("http.example.com:443"), Some('5'));
    assert_eq!(
        named(&derived, "www.example.com:443").role,
        Some(Role::Distribution)
    );
    assert_eq!(named(&derived, "api.example.com:443").role, Some(Role::Api));
    assert_eq!(
        named(&derived, "classic.example.com:80").protocol,
        Protocol::Http
    );
    for (name, policy) in [
        (
            "classic.example.com:443",
            "ELBSecurityPolicy-TLS-1-2-2017-01",
        ),
        ("www.example.com:443", "TLSv1.2_2021"),
        ("api.example.com:443", "TLS_1_2"),
    ] {
        assert_eq!(of(&derived, name)["SecurityPolicy"], policy);
        assert_eq!(of(&derived, name)["MinimumVersion"], "TLSv1.2");
    }
    assert!(is_left_out(&derived, "Rest", "only after deployment"));
    assert!(is_left_out(&derived, "*.cdn.example.com", "wildcard"));
}

#[test]
fn apis_of_others_are_found_in_environment_variables() {
    let derived = derive(
        &template(
            "
Parameters: {Token: {Type: String, NoEcho: true}, Host: {Type: String}}
Resources:
  Pays:
    Type: AWS::Lambda::Function
    Properties:
      Code: {ZipFile: x}
      Role: 'arn:aws:iam::111111111111:role/x'
      Environment:
        Variables:
          PAYMENTS: https://me:hunter2@payments.example.org/v1?key=hunter3
          PARTLY: !Sub 'https://known.example.org/${Token}'
          UNKNOWN: !Sub 'https://${Host}/x'
          CUT: !Sub 'https://half.example.${Host}/x'
          SECRET: !Sub 'https://hunter4:${Token}@host.example.org/'
          PLAIN: http://plain.example.org:8080/x
          OWN: https://sqs.eu-central-1.amazonaws.com/1/queue
          INSIDE: https://db.internal
          LOCAL: https://localhost:8443/
          METADATA: http://169.254.169.254/latest
          WORDS: not a URL
",
        ),
        false,
    );
    assert_eq!(
        names(&derived),
        [
            "known.example.org:443",
            "payments.example.org:443",
            "plain.example.org:8080"
        ]
    );
    for target in &derived.targets {
        assert_eq!(target.role, Some(Role::Outside));
        assert_eq!(target.of.as_ref().unwrap().name, "Pays");
    }
    assert_eq!(
        named(&derived, "plain.example.org:8080").protocol,
        Protocol::Http
    );
    assert!(!format!("{derived:?}").contains("hunter"));
}

#[test]
fn an_account_tells_its_names() {
    let balancer = "elasticloadbalancing:eu-central-1:111111111111:loadbalancer/app/shop/1";
    let inventory = account(&[
        (
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "shop",
            balancer,
            json!({"Name": "shop", "Type": "application", "Scheme": "internet-facing",
                "DNSName": "shop-1.eu-central-1.elb.amazonaws.com"}),
        ),
        (
            "AWS::ElasticLoadBalancingV2::Listener",
            "https",
            "elasticloadbalancing:eu-central-1:111111111111:listener/app/shop/1/2",
            json!({"LoadBalancerArn": format!("arn:aws:{balancer}"), "Port": 443, "Protocol": "HTTPS",
                "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"}),
        ),
        (
            "AWS::ElasticLoadBalancing::LoadBalancer",
            "classic",
            "",
            json!({"DNSName": "Classic-2.eu-central-1.elb.amazonaws.com",
                "Listeners": [{"LoadBalancerPort": 443, "Protocol": "HTTPS"}]}),
        ),
        (
            "AWS::Route53::RecordSet",
            "shop.example.com.",
            "",
            json!({"Name": "shop.example.com.", "Type": "A",
                "AliasTarget": {"DNSName": "dualstack.Shop-1.eu-central-1.elb.amazonaws.com."}}),
        ),
        (
            "AWS::Route53::RecordSet",
            "\\052.example.com.",
            "",
            json!({"Name": "\\052.example.com.", "Type": "CNAME",
                "ResourceRecords": ["shop-1.eu-central-1.elb.amazonaws.com"]}),
        ),
        (
            "AWS::CloudFront::Distribution",
            "E1",
            "cloudfront::111111111111:distribution/E1",
            json!({"DomainName": "d1.cloudfront.net", "DistributionConfig": {"Enabled": true,
                "DefaultCacheBehavior": {"ViewerProtocolPolicy": "https-only"},
                "ViewerCertificate": {"CloudFrontDefaultCertificate": true}}}),
        ),
        (
            "AWS::ApiGateway::RestApi",
            "a1b2",
            "apigateway:eu-central-1::/restapis/a1b2",
            json!({"Name": "partners", "EndpointConfiguration": {"Types": ["REGIONAL"]}}),
        ),
        (
            "AWS::ApiGateway::RestApi",
            "c3d4",
            "apigateway:eu-central-1::/restapis/c3d4",
            json!({"Name": "inside", "EndpointConfiguration": {"Types": ["PRIVATE"]}}),
        ),
        (
            "AWS::ApiGateway::RestApi",
            "e5f6",
            "apigateway:eu-central-1::/restapis/e5f6",
            json!({"Name": "off", "DisableExecuteApiEndpoint": true}),
        ),
        (
            "AWS::ApiGatewayV2::Api",
            "g7h8",
            "apigateway:eu-central-1::/apis/g7h8",
            json!({"Name": "http", "ProtocolType": "HTTP"}),
        ),
    ]);
    let derived = derive(&inventory, false);
    assert_eq!(
        names(&derived),
        [
            "a1b2.execute-api.eu-central-1.amazonaws.com:443",
            "classic-2.eu-central-1.elb.amazonaws.com:443",
            "d1.cloudfront.net:443",
            "g7h8.execute-api.eu-central-1.amazonaws.com:443",
            "shop-1.eu-central-1.elb.amazonaws.com:443",
            "shop.example.com:443",
        ]
    );
    // By the name of AWS it is asked for what its certificate is for.
    let by_own_name = derived.targets.iter();
    let by_own_name = by_own_name.filter(|target| target.name().starts_with("shop-1."));
    assert_eq!(
        by_own_name
            .map(|target| target.server_name.as_deref())
            .collect::<Vec<_>>(),
        [Some("shop.example.com")]
    );
    let of = of(&derived, "shop.example.com:443");
    assert_eq!(of["Name"], "https");
    assert!(
        of["Arn"]
            .as_str()
            .unwrap()
            .ends_with("listener/app/shop/1/2")
    );
    assert_eq!(of["MinimumVersion"], "TLSv1.2");
    assert!(is_left_out(&derived, "c3d4", "from inside its VPC only"));
    assert!(is_left_out(&derived, "*.example.com.", "wildcard"));
}

/// A listener of TLS or SSL carries HTTP at the port of HTTPS, and at others nobody knows what.
#[test]
fn listeners_of_tls_with_whatever_in_it() {
    let balancer = "elasticloadbalancing:eu-central-1:111111111111:loadbalancer/net/n/1";
    let listener = |port: u16| {
        let arn = format!("arn:aws:{balancer}");
        json!({"LoadBalancerArn": arn, "Port": port, "Protocol": "TLS", "SslPolicy": "ELBSecurityPolicy-2016-08"})
    };
    let inventory = account(&[
        (
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "n",
            balancer,
            json!({"Type": "network", "Scheme": "internet-facing", "DNSName": "n-1.elb.eu-central-1.amazonaws.com"}),
        ),
        (
            "AWS::ElasticLoadBalancingV2::Listener",
            "a",
            "elasticloadbalancing:eu-central-1:1:listener/net/n/1/a",
            listener(443),
        ),
        (
            "AWS::ElasticLoadBalancingV2::Listener",
            "b",
            "elasticloadbalancing:eu-central-1:1:listener/net/n/1/b",
            listener(5432),
        ),
        (
            "AWS::ElasticLoadBalancing::LoadBalancer",
            "c",
            "",
            json!({"DNSName": "c-1.elb.eu-central-1.amazonaws.com", "Listeners": [
                {"LoadBalancerPort": 443, "Protocol": "ssl"}, {"LoadBalancerPort": 993, "Protocol": "SSL"},
            ]}),
        ),
    ]);
    let derived = derive(&inventory, false);
    let spoken: Vec<_> = derived
        .targets
        .iter()
        .map(|target| (target.port, target.protocol))
        .collect();
    let expected = [
        (443, Protocol::Https),
        (993, Protocol::Tls),
        (443, Protocol::Https),
        (5432, Protocol::Tls),
    ];
    assert_eq!(spoken, expected);
}

#[test]
fn databases_are_endpoints_where_the_internet_reaches_them() {
    let endpoint = |name: &str, port: Value| json!({"Address": format!("{name}.abc.eu-central-1.rds.amazonaws.com"), "Port": port});
    let rds = |name: &str, engine: &str, public: bool, port: Value| {
        json!({"DBInstanceIdentifier": name, "Engine": engine, "PubliclyAccessible": public,
            "Endpoint": endpoint(name, port)})
    };
    let inventory = account(&[
        (
            "AWS::RDS::DBInstance",
            "orders",
            "rds:eu-central-1:1:db:orders",
            rds("orders", "postgres", true, json!("5433")),
        ),
        (
            "AWS::RDS::DBInstance",
            "stock",
            "rds:eu-central-1:1:db:stock",
            rds("stock", "mariadb", false, json!("3306")),
        ),
        (
            "AWS::RDS::DBInstance",
            "books",
            "rds:eu-central-1:1:db:books",
            rds("books", "sqlserver-ex", true, json!("1433")),
        ),
        (
            "AWS::RDS::DBInstance",
            "young",
            "rds:eu-central-1:1:db:young",
            json!({"Engine": "mysql", "PubliclyAccessible": true}),
        ),
        (
            "AWS::RDS::DBCluster",
            "aurora",
            "rds:eu-central-1:1:cluster:aurora",
            json!({"Engine": "aurora-mysql", "Endpoint": {"Address": "aurora.cluster-abc.eu-central-1.rds.amazonaws.com"}, "Port": 3307}),
        ),
        (
            "AWS::RDS::DBProxy",
            "proxy",
            "rds:eu-central-1:1:db-proxy:proxy",
            json!({"EngineFamily": "POSTGRESQL", "Endpoint": "proxy.proxy-abc.eu-central-1.rds.amazonaws.com"}),
        ),
        (
            "AWS::DAX::Cluster",
            "hot",
            "dax:eu-central-1:1:cache/hot",
            json!({"ClusterName": "hot", "ClusterEndpointEncryptionType": "TLS",
                "ClusterDiscoveryEndpoint": {"Address": "hot.abc.dax-clusters.eu-central-1.amazonaws.com", "Port": 9111}}),
        ),
    ]);
    let derived = derive(&inventory, false);
    assert_eq!(
        names(&derived),
        ["orders.abc.eu-central-1.rds.amazonaws.com:5433"]
    );
    assert_eq!(derived.targets[0].protocol, Protocol::PostgreSql);
    assert_eq!(derived.targets[0].role, Some(Role::Database));
    for inside in ["stock", "aurora", "proxy", "hot"] {
        assert!(
            is_left_out(&derived, inside, "from inside its VPC only"),
            "{inside}"
        );
    }
    assert!(is_left_out(&derived, "books", "not spoken"));
    assert!(is_left_out(&derived, "young", "only after deployment"));
    let all = derive(&inventory, true);
    let protocols: Vec<_> = all
        .targets
        .iter()
        .map(|target| (target.name(), target.protocol))
        .collect();
    let rds = |name: &str| format!("{name}.eu-central-1.rds.amazonaws.com");
    assert_eq!(
        protocols,
        [
            (rds("aurora.cluster-abc") + ":3307", Protocol::MySql),
            (
                "hot.abc.dax-clusters.eu-central-1.amazonaws.com:9111".into(),
                Protocol::Dax
            ),
            (rds("orders.abc") + ":5433", Protocol::PostgreSql),
            (rds("proxy.proxy-abc") + ":5432", Protocol::PostgreSql),
            (rds("stock.abc") + ":3306", Protocol::MySql),
        ]
    );
}

#[test]
fn a_distribution_is_there_by_the_name_of_cloudfront_too() {
    let policy = json!({"Enabled": true, "Aliases": ["shop.example.com"], "ViewerCertificate": {
        "AcmCertificateArn": "arn:aws:acm:us-east-1:111111111111:certificate/1",
        "MinimumProtocolVersion": "TLSv1.2_2021", "SslSupportMethod": "sni-only"}});
    let derived = derive(
        &account(&[(
            "AWS::CloudFront::Distribution",
            "E1",
            "cloudfront::111111111111:distribution/E1",
            json!({"DomainName": "d1.cloudfront.net", "DistributionConfig": policy}),
        )]),
        false,
    );
    assert_eq!(
        names(&derived),
        ["d1.cloudfront.net:443", "shop.example.com:443"]
    );
    assert_eq!(
        of(&derived, "shop.example.com:443")["SecurityPolicy"],
        "TLSv1.2_2021"
    );
    // The policy is for the aliases alone.
    assert_eq!(
        of(&derived, "d1.cloudfront.net:443")["SecurityPolicy"],
        Value::Null
    );
}
