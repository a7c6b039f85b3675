"""What is on the wire: VPCs, load balancers, API Gateway, CloudFront, Lattice, service discovery."""

from __future__ import annotations

from typing import Any

from . import certificates
from .shop import (
    PROD_CONFIDENTIAL,
    PROD_INTERNAL,
    PROD_PUBLIC,
    PROD_RESTRICTED,
    STAGING,
    UNTAGGED,
    Label,
    allow,
    deny,
    document,
)
from .site import Site


def tagged(kind: str, label: Label) -> dict[str, Any]:
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": label.pairs()}]} if label.map() else {}


def vpc(site: Site) -> None:
    """Comes before all that lives in a subnet."""
    made = site.call("ec2.create_vpc", CidrBlock="10.0.0.0/16", **tagged("vpc", PROD_INTERNAL))["Vpc"]["VpcId"]
    subnets = [
        site.call("ec2.create_subnet", VpcId=made, CidrBlock=f"10.0.{i}.0/24", AvailabilityZone=f"{site.region}{zone}")[
            "Subnet"
        ]["SubnetId"]
        for i, zone in enumerate("ab")
    ]
    group = site.call("ec2.create_security_group", GroupName="shop-app", Description="the shop", VpcId=made)["GroupId"]
    site.made.update(vpc=made, subnets=subnets, group=group)


def security_groups(site: Site) -> None:
    def rule(port: int, where: str = "0.0.0.0/0") -> dict[str, Any]:
        return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": where}]}

    strict, open_group = (
        site.made["group"],
        site.call("ec2.create_security_group", GroupName="shop-legacy", Description="too open", VpcId=site.made["vpc"])[
            "GroupId"
        ],
    )
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    site.attempt("ec2.revoke_security_group_egress", GroupId=strict, IpPermissions=everything)
    site.attempt("ec2.authorize_security_group_egress", GroupId=strict, IpPermissions=[rule(443)])
    site.attempt("ec2.authorize_security_group_ingress", GroupId=strict, IpPermissions=[rule(443)])
    site.attempt("ec2.revoke_security_group_egress", GroupId=open_group, IpPermissions=everything)
    site.attempt("ec2.authorize_security_group_egress", GroupId=open_group, IpPermissions=[rule(80)])
    site.attempt(
        "ec2.authorize_security_group_ingress",
        GroupId=open_group,
        IpPermissions=[rule(80), rule(3306), rule(6379, "10.0.0.0/8")],
    )


def flow_logs(site: Site) -> None:
    make, vpc_id = "ec2.create_flow_logs", site.made["vpc"]
    site.attempt("logs.create_log_group", logGroupName="/shop/vpc-flow", kmsKeyId=site.key("prod", "internal"))
    site.attempt(
        make,
        ResourceIds=[vpc_id],
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestinationType="cloud-watch-logs",
        LogGroupName="/shop/vpc-flow",
        DeliverLogsPermissionArn=site.role("flow-logs"),
    )
    site.attempt(
        make,
        ResourceIds=[vpc_id],
        ResourceType="VPC",
        TrafficType="REJECT",
        LogDestinationType="s3",
        LogDestination=f"arn:aws:s3:::{site.made['log_bucket']}",
    )
    site.attempt("ec2.create_vpc", CidrBlock="10.9.0.0/16")  # a VPC that nobody logs


def endpoints(site: Site) -> None:
    make, base = "ec2.create_vpc_endpoint", {"VpcId": site.made["vpc"]}
    name = f"com.amazonaws.{site.region}."
    interface = {
        "VpcEndpointType": "Interface",
        "SubnetIds": site.made["subnets"],
        "SecurityGroupIds": [site.made["group"]],
        "PrivateDnsEnabled": True,
    }
    ours = document(allow("kms:*", Principal="*", Condition={"StringEquals": {"aws:PrincipalAccount": site.account}}))
    site.attempt(
        make,
        **base,
        **interface,
        ServiceName=name + "kms",
        PolicyDocument=ours,
        **tagged("vpc-endpoint", PROD_INTERNAL),
    )
    site.attempt(make, **base, **interface, ServiceName=name + "secretsmanager")  # full access, AWS's default
    site.attempt(
        make,
        **base,
        VpcEndpointType="Gateway",
        ServiceName=name + "s3",
        PolicyDocument=document(
            {**deny("s3:*"), "Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            {**allow("s3:*"), "Principal": "*"},
        ),
    )


# ---------------------------------------------------------------- load balancers


def _load_balancer(site: Site, name: str, kind: str, scheme: str, label: Label) -> str:
    groups = {"SecurityGroups": [site.made["group"]]} if kind == "application" else {}
    return str(
        site.call(
            "elbv2.create_load_balancer",
            Name=name,
            Type=kind,
            Scheme=scheme,
            Subnets=site.made["subnets"],
            Tags=label.pairs(),
            **groups,
        )["LoadBalancers"][0]["LoadBalancerArn"]
    )


def _target_group(site: Site, name: str, protocol: str, port: int) -> str:
    return str(
        site.call(
            "elbv2.create_target_group",
            Name=name,
            Protocol=protocol,
            Port=port,
            VpcId=site.made["vpc"],
            TargetType="ip",
        )["TargetGroups"][0]["TargetGroupArn"]
    )


def load_balancers(site: Site) -> None:
    listen = "elbv2.create_listener"
    certificate = [{"CertificateArn": site.made["certificate"]}]
    redirect = [{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}]
    https, http = _target_group(site, "orders-https", "HTTPS", 8443), _target_group(site, "orders-http", "HTTP", 8080)
    tls, tcp = _target_group(site, "ledger-tls", "TLS", 8443), _target_group(site, "ledger-tcp", "TCP", 8080)

    def forward(group: str) -> list[dict[str, Any]]:
        return [{"Type": "forward", "TargetGroupArn": group}]

    good = _load_balancer(site, "shop-web", "application", "internet-facing", PROD_PUBLIC)
    site.attempt(
        listen,
        LoadBalancerArn=good,
        Protocol="HTTPS",
        Port=443,
        SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06",
        Certificates=certificate,
        DefaultActions=forward(https),
    )
    plain = site.attempt(listen, LoadBalancerArn=good, Protocol="HTTP", Port=80, DefaultActions=redirect)
    # The default action redirects, this rule does not.
    site.attempt(
        "elbv2.create_rule",
        ListenerArn=plain["Listeners"][0]["ListenerArn"],
        Priority=10,
        Conditions=[{"Field": "path-pattern", "Values": ["/old/*"]}],
        Actions=forward(http),
    )
    site.attempt(
        "elbv2.modify_load_balancer_attributes",
        LoadBalancerArn=good,
        Attributes=[
            {"Key": "access_logs.s3.enabled", "Value": "true"},
            {"Key": "access_logs.s3.bucket", "Value": site.made["log_bucket"]},
            {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true"},
        ],
    )

    bad = _load_balancer(site, "shop-legacy", "application", "internet-facing", UNTAGGED)
    site.attempt(listen, LoadBalancerArn=bad, Protocol="HTTP", Port=80, DefaultActions=forward(http))
    for port, policy in (
        (443, "ELBSecurityPolicy-2016-08"),
        (8443, "ELBSecurityPolicy-TLS-1-1-2017-01"),
        (9443, "ELBSecurityPolicy-TLS-1-2-2017-01"),
    ):
        site.attempt(
            listen,
            LoadBalancerArn=bad,
            Protocol="HTTPS",
            Port=port,
            SslPolicy=policy,
            Certificates=certificate,
            DefaultActions=forward(http),
        )

    internal = _load_balancer(site, "payments-internal", "application", "internal", PROD_RESTRICTED)
    site.attempt(listen, LoadBalancerArn=internal, Protocol="HTTP", Port=80, DefaultActions=forward(http))

    site.attempt(
        listen,
        LoadBalancerArn=internal,
        Protocol="HTTPS",
        Port=443,
        SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06",
        Certificates=[{"CertificateArn": f"arn:aws:iam::{site.account}:server-certificate/shop/shop-legacy"}],
        DefaultActions=forward(https),
    )

    # Whether plain HTTP is allowed here depends on what nobody said.
    unclassified = _load_balancer(site, "returns-internal", "application", "internal", UNTAGGED)
    site.attempt(listen, LoadBalancerArn=unclassified, Protocol="HTTP", Port=80, DefaultActions=forward(http))

    network = _load_balancer(site, "ledger-nlb", "network", "internet-facing", PROD_CONFIDENTIAL)
    site.attempt(
        listen,
        LoadBalancerArn=network,
        Protocol="TLS",
        Port=443,
        SslPolicy="ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
        Certificates=certificate,
        DefaultActions=forward(tls),
    )
    site.attempt(listen, LoadBalancerArn=network, Protocol="TCP", Port=8080, DefaultActions=forward(tcp))


def classic_load_balancers(site: Site) -> None:
    certificate = site.made.get("imported_rsa2048") or site.made["certificate"]
    site.attempt(
        "elb.create_load_balancer",
        LoadBalancerName="shop-classic",
        Subnets=site.made["subnets"],
        Tags=STAGING.pairs(),
        Listeners=[
            {
                "Protocol": "HTTPS",
                "LoadBalancerPort": 443,
                "InstanceProtocol": "HTTPS",
                "InstancePort": 8443,
                "SSLCertificateId": certificate,
            }
        ],
    )
    site.attempt(
        "elb.create_load_balancer_policy",
        LoadBalancerName="shop-classic",
        PolicyName="tls12",
        PolicyTypeName="SSLNegotiationPolicyType",
        PolicyAttributes=[
            {"AttributeName": "Reference-Security-Policy", "AttributeValue": "ELBSecurityPolicy-TLS-1-2-2017-01"}
        ],
    )
    site.attempt(
        "elb.set_load_balancer_policies_of_listener",
        LoadBalancerName="shop-classic",
        LoadBalancerPort=443,
        PolicyNames=["tls12"],
    )
    site.attempt(
        "elb.create_load_balancer",
        LoadBalancerName="shop-classic-old",
        Subnets=site.made["subnets"],
        Listeners=[{"Protocol": "HTTP", "LoadBalancerPort": 80, "InstanceProtocol": "HTTP", "InstancePort": 8080}],
    )


# ---------------------------------------------------------------- API Gateway


def rest_apis(site: Site) -> None:
    for name, label, url, endpoint in (
        ("orders", PROD_CONFIDENTIAL, "https://orders.example.com", "REGIONAL"),
        ("legacy", UNTAGGED, "http://legacy.example.com", "EDGE"),
    ):
        api = site.call(
            "apigateway.create_rest_api",
            name=name,
            tags=label.map(),
            endpointConfiguration={"types": [endpoint]},
            disableExecuteApiEndpoint=name == "orders",
        )["id"]
        parent = site.call("apigateway.get_resources", restApiId=api)["items"][0]["id"]
        resource = site.call("apigateway.create_resource", restApiId=api, parentId=parent, pathPart="items")["id"]
        where = {"restApiId": api, "resourceId": resource, "httpMethod": "GET"}
        site.attempt(
            "apigateway.put_method",
            **where,
            authorizationType="AWS_IAM" if name == "orders" else "NONE",
            apiKeyRequired=name == "legacy",
        )
        site.attempt("apigateway.put_integration", **where, type="HTTP_PROXY", integrationHttpMethod="GET", uri=url)
        deployment = site.call("apigateway.create_deployment", restApiId=api)["id"]
        site.attempt(
            "apigateway.create_stage",
            restApiId=api,
            stageName="live",
            deploymentId=deployment,
            tags=label.map(),
            cacheClusterEnabled=True,
            cacheClusterSize="0.5",
        )
        site.attempt(
            "apigateway.update_stage",
            restApiId=api,
            stageName="live",
            patchOperations=[
                {"op": "replace", "path": "/*/*/caching/dataEncrypted", "value": str(name == "orders").lower()}
            ],
        )
    site.attempt("apigateway.create_api_key", name="partner", enabled=True, value="EXAMPLE-key-0123456789-abcdefghij")
    domain = "apigateway.create_domain_name"
    site.attempt(
        domain,
        domainName=f"api.{site.account[:3]}.example.com",
        regionalCertificateArn=site.made["certificate"],
        securityPolicy="TLS_1_2",
        endpointConfiguration={"types": ["REGIONAL"]},
        tags=PROD_CONFIDENTIAL.map(),
    )
    site.attempt(
        domain,
        domainName=f"api-old.{site.account[:3]}.example.com",
        certificateArn=site.made["certificate"],
        securityPolicy="TLS_1_0",
        endpointConfiguration={"types": ["EDGE"]},
    )
    # As it was done before ACM: the certificate uploaded to API Gateway itself.
    certificate, key = certificates.pair("rsa2048")
    site.attempt(
        domain,
        domainName=f"api-uploaded.{site.account[:3]}.example.com",
        certificateName="uploaded",
        certificateBody=certificate.decode(),
        certificatePrivateKey=key.decode(),
        securityPolicy="TLS_1_2",
        endpointConfiguration={"types": ["EDGE"]},
    )


def http_apis(site: Site) -> None:
    for name, kind, url in (
        ("shop-http", "HTTP", "https://shop.example.com"),
        ("chat", "WEBSOCKET", "http://chat.example.com"),
    ):
        route = {"RouteSelectionExpression": "$request.body.action"} if kind == "WEBSOCKET" else {}
        api = site.call(
            "apigatewayv2.create_api",
            Name=name,
            ProtocolType=kind,
            Tags=PROD_INTERNAL.map(),
            DisableExecuteApiEndpoint=kind == "HTTP",
            **route,
        )["ApiId"]
        integration = site.attempt(
            "apigatewayv2.create_integration",
            ApiId=api,
            IntegrationType="HTTP_PROXY",
            IntegrationMethod="GET",
            IntegrationUri=url,
            PayloadFormatVersion="1.0",
        )
        site.attempt(
            "apigatewayv2.create_route",
            ApiId=api,
            RouteKey="GET /" if kind == "HTTP" else "$default",
            Target=f"integrations/{integration.get('IntegrationId')}",
        )
        site.attempt("apigatewayv2.create_stage", ApiId=api, StageName="live", AutoDeploy=True)
    for name, policy in (("ws.example.com", "TLS_1_2"), ("ws-old.example.com", "TLS_1_0")):
        site.attempt(
            "apigatewayv2.create_domain_name",
            DomainName=name,
            DomainNameConfigurations=[
                {"CertificateArn": site.made["certificate"], "EndpointType": "REGIONAL", "SecurityPolicy": policy}
            ],
            Tags=PROD_CONFIDENTIAL.map(),
        )


# ---------------------------------------------------------------- CloudFront


def _distribution(
    reference: str, viewer: str, certificate: dict[str, Any], origin: dict[str, Any], aliases: list[str]
) -> dict[str, Any]:
    return {
        "CallerReference": reference,
        "Comment": reference,
        "Enabled": True,
        "Aliases": {"Quantity": len(aliases), "Items": aliases},
        "Origins": {"Quantity": 1, "Items": [{"Id": "origin", **origin}]},
        "DefaultCacheBehavior": {
            "TargetOriginId": "origin",
            "ViewerProtocolPolicy": viewer,
            "MinTTL": 0,
            "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}},
        },
        "ViewerCertificate": certificate,
    }


def distributions(site: Site) -> None:
    acm = {
        "ACMCertificateArn": f"arn:aws:acm:us-east-1:{site.account}:certificate/11111111-2222-3333-4444-555555555555",
        "SSLSupportMethod": "sni-only",
    }

    def custom(policy: str, protocols: list[str]) -> dict[str, Any]:
        return {
            "DomainName": "origin.example.com",
            "CustomOriginConfig": {
                "HTTPPort": 80,
                "HTTPSPort": 443,
                "OriginProtocolPolicy": policy,
                "OriginSslProtocols": {"Quantity": len(protocols), "Items": protocols},
            },
        }

    bucket = {
        "DomainName": f"shop-catalogue-{site.account[:3]}-{site.region}.s3.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    make = "cloudfront.create_distribution_with_tags"
    for reference, label, viewer, certificate, origin, aliases in (
        (
            "shop",
            PROD_PUBLIC,
            "redirect-to-https",
            {**acm, "MinimumProtocolVersion": "TLSv1.2_2021"},
            custom("https-only", ["TLSv1.2"]),
            ["shop.example.com"],
        ),
        (
            "api",
            PROD_CONFIDENTIAL,
            "https-only",
            {**acm, "MinimumProtocolVersion": "TLSv1.2_2019"},
            custom("match-viewer", ["TLSv1.2"]),
            ["cdn-api.example.com"],
        ),
        (
            "legacy",
            UNTAGGED,
            "allow-all",
            {**acm, "MinimumProtocolVersion": "TLSv1"},
            custom("http-only", ["TLSv1", "SSLv3"]),
            ["old.example.com"],
        ),
        ("images", STAGING, "redirect-to-https", {"CloudFrontDefaultCertificate": True}, bucket, []),
        # Since 2019 CloudFront refuses a name without a certificate for it; distributions from before have both.
        ("pictures", STAGING, "redirect-to-https", {"CloudFrontDefaultCertificate": True}, bucket, ["img.example.com"]),
    ):
        site.attempt(
            make,
            DistributionConfigWithTags={
                "DistributionConfig": _distribution(reference, viewer, certificate, origin, aliases),
                "Tags": {"Items": label.pairs()},
            },
        )
    site.attempt(
        "cloudfront.create_response_headers_policy",
        ResponseHeadersPolicyConfig={
            "Name": "hsts",
            "SecurityHeadersConfig": {
                "StrictTransportSecurity": {"Override": True, "AccessControlMaxAgeSec": 31536000}
            },
        },
    )
    site.attempt(
        "cloudfront.create_field_level_encryption_config", FieldLevelEncryptionConfig={"CallerReference": "shop"}
    )


def zones(site: Site) -> None:
    """The shop's zone has the records that validate its certificate, and says who may issue one."""
    zone = site.call("route53.create_hosted_zone", Name="shop.example.com", CallerReference=f"shop-{site.account}")
    certificate = site.call("acm.describe_certificate", CertificateArn=site.made["certificate"])["Certificate"]
    records = {
        (record["Name"], record["Type"], record["Value"])
        for option in certificate["DomainValidationOptions"]
        for record in [option["ResourceRecord"]]
    }
    records.add(("shop.example.com", "CAA", '0 issue "amazon.com"'))
    site.attempt(
        "route53.change_resource_record_sets",
        HostedZoneId=zone["HostedZone"]["Id"],
        ChangeBatch={
            "Changes": [
                {
                    "Action": "CREATE",
                    "ResourceRecordSet": {"Name": name, "Type": kind, "TTL": 300, "ResourceRecords": [{"Value": value}]},
                }
                for name, kind, value in sorted(records)
            ]
        },
    )


# ---------------------------------------------------------------- service to service


def lattice(site: Site) -> None:
    site.attempt("vpc-lattice.create_service_network", name="shop", authType="AWS_IAM", tags=PROD_INTERNAL.map())
    for name, protocol in (("orders", "HTTPS"), ("legacy", "HTTP")):
        service = site.call(
            "vpc-lattice.create_service", name=name, authType="AWS_IAM" if protocol == "HTTPS" else "NONE"
        )["id"]
        group = site.attempt(
            "vpc-lattice.create_target_group",
            name=name,
            type="IP",
            config={"protocol": protocol, "port": 8443, "vpcIdentifier": site.made["vpc"]},
        )
        action = (
            {"forward": {"targetGroups": [{"targetGroupIdentifier": group["id"]}]}}
            if group
            else {"fixedResponse": {"statusCode": 404}}
        )
        site.attempt(
            "vpc-lattice.create_listener", serviceIdentifier=service, name=name, protocol=protocol, defaultAction=action
        )


def discovery(site: Site) -> None:
    site.attempt("servicediscovery.create_http_namespace", Name="shop.internal", Tags=PROD_INTERNAL.pairs())
    space = site.attempt("servicediscovery.create_private_dns_namespace", Name="shop.local", Vpc=site.made["vpc"])
    if space:
        found = site.call("servicediscovery.list_namespaces")["Namespaces"]
        site.attempt(
            "servicediscovery.create_service",
            Name="orders",
            NamespaceId=found[-1]["Id"],
            DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 60}]},
        )


FOUNDATION = [vpc]
EVERYWHERE = [security_groups, flow_logs, load_balancers]
IN_FULL_SITES = [endpoints, classic_load_balancers, rest_apis, http_apis, lattice, discovery]
PER_ACCOUNT = [distributions, zones]
