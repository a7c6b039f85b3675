"""What runs: Lambda, ECS, CodeBuild, SageMaker, Step Functions, EMR, AppSync, Glue, Athena."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from .shop import (
    ACCESS_KEY,
    DEV,
    PASSWORD,
    PROD_CONFIDENTIAL,
    PROD_INTERNAL,
    PROD_RESTRICTED,
    SECRET_KEY,
    STAGING,
    UNTAGGED,
    Label,
    bulk,
)
from .site import Site


def _code() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        # A fixed date: the hash of the code is part of what a scan sees.
        archive.writestr(
            zipfile.ZipInfo("index.py", (2026, 1, 1, 0, 0, 0)), "def handler(event, context):\n    return {}\n"
        )
    return out.getvalue()


CODE = _code()


def make_function(site: Site, name: str, label: Label, environment: dict[str, str], key: str = "", **more: Any) -> None:
    site.attempt(
        "lambda.create_function",
        FunctionName=name,
        Runtime="python3.12",
        Handler="index.handler",
        Role=site.role("lambda-orders"),
        Code={"ZipFile": CODE},
        Environment={"Variables": environment},
        Tags=label.map(),
        **({"KMSKeyArn": key} if key else {}),
        **more,
    )


def functions(site: Site) -> None:
    make_function(
        site,
        "orders-api",
        PROD_CONFIDENTIAL,
        {
            "SECRET_ID": "shop/prod/orders-db",
            "DATABASE_URL": "postgres://orders.db.example.com/orders?sslmode=verify-full",
        },
        site.key(),
    )
    make_function(
        site,
        "rotate-database-password",
        PROD_CONFIDENTIAL,
        {"SECRETS_ENDPOINT": f"https://secretsmanager.{site.region}.amazonaws.com"},
        site.key(),
    )
    make_function(
        site,
        "payments-api",
        PROD_RESTRICTED,
        {
            "AWS_KEY": ACCESS_KEY,
            "AWS_KEY_SECRET": SECRET_KEY,
            "DATABASE_URL": f"postgres://shop:{PASSWORD}@payments.db.example.com/payments?sslmode=disable",
        },
    )
    make_function(
        site,
        "legacy-sync",
        UNTAGGED,
        {
            "ERP_URL": "http://erp.example.com/import",
            "NODE_TLS_REJECT_UNAUTHORIZED": "0",
            "S3_ENDPOINT": "http://s3.amazonaws.com",
        },
    )
    make_function(
        site,
        "search-indexer",
        STAGING,
        {"PGSSLMODE": "prefer"},
        VpcConfig={"SubnetIds": site.made["subnets"][:1], "SecurityGroupIds": [site.made["group"]]},
    )
    site.attempt(
        "lambda.add_permission",
        FunctionName="orders-api",
        StatementId="events",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=site.arn("events", "rule/key-deletion"),
    )
    site.attempt("lambda.create_function_url_config", FunctionName="legacy-sync", AuthType="NONE")
    site.attempt(
        "lambda.publish_layer_version", LayerName="tls", Content={"ZipFile": CODE}, CompatibleRuntimes=["python3.12"]
    )
    site.attempt(
        "lambda.create_event_source_mapping",
        FunctionName="orders-api",
        EventSourceArn=site.arn("sqs", "orders.fifo"),
        BatchSize=1,
    )
    for name, label, i in bulk(4 * site.scale):
        make_function(
            site,
            f"bulk-{name}",
            label,
            {"LEVEL": "info", **({"API_KEY": "sk_live_EXAMPLE"} if i % 3 == 0 else {})},
            site.key() if i % 2 else "",
        )


def container(name: str, image: str, log_driver: str, log_options: dict[str, str], **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "image": image,
        "essential": True,
        "memory": 512,
        "logConfiguration": {"logDriver": log_driver, "options": log_options},
        **more,
    }


def ecs(site: Site) -> None:
    def logs(group: str) -> dict[str, str]:
        return {"awslogs-group": group, "awslogs-region": site.region, "awslogs-stream-prefix": "task"}

    image = site.made["image"]
    site.call(
        "ecs.create_cluster",
        clusterName="shop",
        tags=PROD_CONFIDENTIAL.pairs("key", "value"),
        configuration={
            "managedStorageConfiguration": {"fargateEphemeralStorageKmsKeyId": site.key(), "kmsKeyId": site.key()},
            "executeCommandConfiguration": {
                "kmsKeyId": site.key(),
                "logging": "OVERRIDE",
                "logConfiguration": {"cloudWatchLogGroupName": "/shop/exec", "cloudWatchEncryptionEnabled": True},
            },
        },
    )
    site.call("ecs.create_cluster", clusterName="legacy")
    register = "ecs.register_task_definition"
    base = {
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": site.role("orders-service"),
        "taskRoleArn": site.role("orders-service"),
    }
    site.attempt(
        register,
        family="orders",
        tags=PROD_CONFIDENTIAL.pairs("key", "value"),
        **base,
        ephemeralStorage={"sizeInGiB": 30},
        volumes=[
            {
                "name": "files",
                "efsVolumeConfiguration": {
                    "fileSystemId": site.made["efs"],
                    "transitEncryption": "ENABLED",
                    "authorizationConfig": {"iam": "ENABLED"},
                },
            }
        ],
        containerDefinitions=[
            container(
                "orders",
                image,
                "awslogs",
                logs("/shop/prod/orders"),
                secrets=[{"name": "DB_PASSWORD", "valueFrom": site.made["secret_prod"]}],
                environment=[{"name": "PGSSLMODE", "value": "verify-full"}],
                mountPoints=[{"sourceVolume": "files", "containerPath": "/files"}],
            )
        ],
    )
    site.attempt(
        register,
        family="legacy",
        **base,
        volumes=[
            {
                "name": "files",
                "efsVolumeConfiguration": {"fileSystemId": site.made["efs"], "transitEncryption": "DISABLED"},
            }
        ],
        containerDefinitions=[
            container(
                "legacy",
                "docker.io/example/legacy:latest",
                "awslogs",
                logs("/shop/legacy/app"),
                environment=[
                    {"name": "DATABASE_URL", "value": f"mysql://shop:{PASSWORD}@legacy.db.example.com/shop"},
                    {"name": "PYTHONHTTPSVERIFY", "value": "0"},
                ],
            ),
            container(
                "shipper",
                "docker.io/example/shipper:latest",
                "syslog",
                {"syslog-address": "udp://logs.example.com:514"},
            ),
        ],
    )
    network = {
        "awsvpcConfiguration": {
            "subnets": site.made["subnets"],
            "securityGroups": [site.made["group"]],
            "assignPublicIp": "DISABLED",
        }
    }
    site.attempt(
        "ecs.create_service",
        cluster="shop",
        serviceName="orders",
        taskDefinition="orders",
        desiredCount=1,
        launchType="FARGATE",
        platformVersion="1.4.0",
        networkConfiguration=network,
        tags=PROD_CONFIDENTIAL.pairs("key", "value"),
        serviceConnectConfiguration={
            "enabled": True,
            "namespace": "shop.internal",
            "services": [
                {
                    "portName": "http",
                    "tls": {
                        "issuerCertificateAuthority": {
                            "awsPcaAuthorityArn": site.arn(
                                "acm-pca", "certificate-authority/11111111-2222-3333-4444-555555555555"
                            )
                        },
                        "kmsKey": site.key(),
                    },
                }
            ],
        },
    )
    site.attempt(
        "ecs.create_service",
        cluster="legacy",
        serviceName="legacy",
        taskDefinition="legacy",
        desiredCount=1,
        launchType="FARGATE",
        platformVersion="1.3.0",
        networkConfiguration=network,
        serviceConnectConfiguration={"enabled": True, "namespace": "shop.internal", "services": [{"portName": "http"}]},
    )


def codebuild(site: Site) -> None:
    make = "codebuild.create_project"
    base = {
        "source": {"type": "GITHUB", "location": "https://github.com/example/shop.git"},
        "serviceRole": site.role("codebuild"),
    }

    def environment(*variables: tuple[str, str, str]) -> dict[str, Any]:
        return {
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": [{"name": n, "value": v, "type": t} for n, v, t in variables],
        }

    site.attempt(
        make,
        name="shop",
        **base,
        artifacts={"type": "S3", "location": site.made["log_bucket"], "encryptionDisabled": False},
        encryptionKey=site.key(),
        environment=environment(("DB_PASSWORD", "shop/prod/orders-db:password", "SECRETS_MANAGER")),
        tags=PROD_INTERNAL.pairs("key", "value"),
    )
    site.attempt(
        make,
        name="legacy",
        **base,
        artifacts={"type": "S3", "location": site.made["log_bucket"], "encryptionDisabled": True},
        environment=environment(("DB_PASSWORD", PASSWORD, "PLAINTEXT")),
    )


def sagemaker(site: Site) -> None:
    notebook = "sagemaker.create_notebook_instance"
    site.attempt(
        notebook,
        NotebookInstanceName="forecast",
        InstanceType="ml.t3.medium",
        RoleArn=site.role("sagemaker"),
        KmsKeyId=site.key(),
        DirectInternetAccess="Disabled",
        SubnetId=site.made["subnets"][0],
        SecurityGroupIds=[site.made["group"]],
        Tags=PROD_CONFIDENTIAL.pairs(),
    )
    site.attempt(notebook, NotebookInstanceName="scratch", InstanceType="ml.t3.medium", RoleArn=site.role("sagemaker"))
    image = f"{site.account}.dkr.ecr.{site.region}.amazonaws.com/shop/orders:1.4.2"
    site.attempt(
        "sagemaker.create_model",
        ModelName="forecast",
        ExecutionRoleArn=site.role("sagemaker"),
        PrimaryContainer={"Image": image},
        EnableNetworkIsolation=True,
    )
    variant = {
        "VariantName": "all",
        "ModelName": "forecast",
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
        "InitialVariantWeight": 1.0,
    }
    site.attempt(
        "sagemaker.create_endpoint_config",
        EndpointConfigName="forecast",
        ProductionVariants=[variant],
        KmsKeyId=site.key(),
        Tags=PROD_CONFIDENTIAL.pairs(),
    )
    site.attempt("sagemaker.create_endpoint_config", EndpointConfigName="scratch", ProductionVariants=[variant])
    training = {
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "RoleArn": site.role("sagemaker"),
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 10}
    output = f"s3://{site.made['log_bucket']}/models"
    site.attempt(
        "sagemaker.create_training_job",
        TrainingJobName="forecast",
        **training,
        OutputDataConfig={"S3OutputPath": output, "KmsKeyId": site.key()},
        ResourceConfig={**resources, "VolumeKmsKeyId": site.key()},
        EnableInterContainerTrafficEncryption=True,
    )
    site.attempt(
        "sagemaker.create_training_job",
        TrainingJobName="scratch",
        **training,
        OutputDataConfig={"S3OutputPath": output},
        ResourceConfig=resources,
    )
    site.attempt(
        "sagemaker.create_domain",
        DomainName="analysts",
        AuthMode="IAM",
        DefaultUserSettings={"ExecutionRole": site.role("sagemaker")},
        SubnetIds=site.made["subnets"],
        VpcId=site.made["vpc"],
        KmsKeyId=site.key(),
    )


def step_functions(site: Site) -> None:
    definition = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
    http = json.dumps(
        {
            "StartAt": "Call",
            "States": {
                "Call": {
                    "Type": "Task",
                    "Resource": "arn:aws:states:::http:invoke",
                    "Parameters": {"ApiEndpoint": "http://erp.example.com/orders", "Method": "GET"},
                    "End": True,
                }
            },
        }
    )
    make, role = "stepfunctions.create_state_machine", site.role("states")
    site.attempt(
        make,
        name="fulfil-order",
        definition=definition,
        roleArn=role,
        encryptionConfiguration={
            "type": "CUSTOMER_MANAGED_KMS_KEY",
            "kmsKeyId": site.key(),
            "kmsDataKeyReusePeriodSeconds": 300,
        },
        tags=PROD_CONFIDENTIAL.pairs("key", "value"),
        loggingConfiguration={
            "level": "ALL",
            "includeExecutionData": True,
            "destinations": [
                {"cloudWatchLogsLogGroup": {"logGroupArn": site.arn("logs", "log-group:/shop/prod/orders:*")}}
            ],
        },
    )
    site.attempt(make, name="legacy-import", definition=http, roleArn=role)
    site.attempt(
        "stepfunctions.create_activity",
        name="pack",
        encryptionConfiguration={"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": site.key()},
    )


def emr(site: Site) -> None:
    rest = {
        "S3EncryptionConfiguration": {"EncryptionMode": "SSE-KMS", "AwsKmsKey": site.key()},
        "LocalDiskEncryptionConfiguration": {"EncryptionKeyProviderType": "AwsKms", "AwsKmsKey": site.key()},
    }
    transit = {
        "TLSCertificateConfiguration": {
            "CertificateProviderType": "PEM",
            "S3Object": f"s3://{site.made['log_bucket']}/emr.zip",
        }
    }
    secure = json.dumps(
        {
            "EncryptionConfiguration": {
                "EnableAtRestEncryption": True,
                "EnableInTransitEncryption": True,
                "AtRestEncryptionConfiguration": rest,
                "InTransitEncryptionConfiguration": transit,
            }
        }
    )
    plain = json.dumps(
        {"EncryptionConfiguration": {"EnableAtRestEncryption": False, "EnableInTransitEncryption": False}}
    )
    for name, configuration, label in (("reports", secure, PROD_CONFIDENTIAL), ("legacy-reports", plain, UNTAGGED)):
        site.attempt("emr.create_security_configuration", Name=name, SecurityConfiguration=configuration)
        site.attempt(
            "emr.run_job_flow",
            Name=name,
            ReleaseLabel="emr-7.1.0",
            SecurityConfiguration=name,
            Tags=label.pairs(),
            ServiceRole="emr",
            JobFlowRole="orders-host",
            LogUri=f"s3://{site.made['log_bucket']}/emr/",
            Instances={
                "MasterInstanceType": "m5.xlarge",
                "SlaveInstanceType": "m5.xlarge",
                "InstanceCount": 2,
                "KeepJobFlowAliveWhenNoSteps": True,
            },
        )


def appsync(site: Site) -> None:
    good = site.call(
        "appsync.create_graphql_api",
        name="shop",
        authenticationType="AWS_IAM",
        tags=PROD_CONFIDENTIAL.map(),
        logConfig={"fieldLogLevel": "ALL", "cloudWatchLogsRoleArn": site.role("appsync")},
    )["graphqlApi"]["apiId"]
    bad = site.call("appsync.create_graphql_api", name="legacy", authenticationType="API_KEY")["graphqlApi"]["apiId"]
    for api, encrypted in ((good, True), (bad, False)):
        site.attempt(
            "appsync.create_api_cache",
            apiId=api,
            ttl=60,
            apiCachingBehavior="FULL_REQUEST_CACHING",
            type="SMALL",
            atRestEncryptionEnabled=encrypted,
            transitEncryptionEnabled=encrypted,
        )
    site.attempt("appsync.create_api_key", apiId=bad)
    for api, url in ((good, "https://stock.example.com"), (bad, "http://stock.example.com")):
        site.attempt("appsync.create_data_source", apiId=api, name="stock", type="HTTP", httpConfig={"endpoint": url})


def glue(site: Site) -> None:
    key = site.key()
    secure = {
        "S3Encryption": [{"S3EncryptionMode": "SSE-KMS", "KmsKeyArn": key}],
        "CloudWatchEncryption": {"CloudWatchEncryptionMode": "SSE-KMS", "KmsKeyArn": key},
        "JobBookmarksEncryption": {"JobBookmarksEncryptionMode": "CSE-KMS", "KmsKeyArn": key},
    }
    plain = {
        "S3Encryption": [{"S3EncryptionMode": "DISABLED"}],
        "CloudWatchEncryption": {"CloudWatchEncryptionMode": "DISABLED"},
        "JobBookmarksEncryption": {"JobBookmarksEncryptionMode": "DISABLED"},
    }
    for name, configuration in (("shop", secure), ("legacy", plain)):
        site.attempt("glue.create_security_configuration", Name=name, EncryptionConfiguration=configuration)
        site.attempt(
            "glue.create_job",
            Name=f"{name}-etl",
            Role=site.role("glue"),
            SecurityConfiguration=name,
            Command={"Name": "glueetl", "ScriptLocation": f"s3://{site.made['log_bucket']}/etl.py"},
            Tags=PROD_CONFIDENTIAL.map() if name == "shop" else {},
        )
    site.attempt(
        "glue.create_job",
        Name="forgotten-etl",
        Role=site.role("glue"),
        Command={"Name": "glueetl", "ScriptLocation": f"s3://{site.made['log_bucket']}/etl.py"},
    )
    site.attempt("glue.create_database", DatabaseInput={"Name": "shop"})
    site.attempt(
        "glue.create_crawler",
        Name="orders",
        Role=site.role("glue"),
        DatabaseName="shop",
        Targets={"S3Targets": [{"Path": f"s3://{site.made['log_bucket']}/orders"}]},
        CrawlerSecurityConfiguration="shop",
    )
    for name, tls in (("orders", "true"), ("legacy", "false")):
        site.attempt(
            "glue.create_connection",
            ConnectionInput={
                "Name": name,
                "ConnectionType": "JDBC",
                "ConnectionProperties": {
                    "JDBC_CONNECTION_URL": f"jdbc:postgresql://{name}.db.example.com/shop",
                    "JDBC_ENFORCE_SSL": tls,
                    "USERNAME": "shop",
                    "PASSWORD": PASSWORD,
                },
            },
        )
    site.attempt(
        "glue.put_data_catalog_encryption_settings",
        DataCatalogEncryptionSettings={
            "EncryptionAtRest": {"CatalogEncryptionMode": "SSE-KMS", "SseAwsKmsKeyId": key},
            "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": True, "AwsKmsKeyId": key},
        },
    )


def athena(site: Site) -> None:
    make, where = "athena.create_work_group", f"s3://{site.made['log_bucket']}/athena/"
    site.attempt(
        make,
        Name="shop",
        Configuration={
            "EnforceWorkGroupConfiguration": True,
            "ResultConfiguration": {
                "OutputLocation": where,
                "EncryptionConfiguration": {"EncryptionOption": "SSE_KMS", "KmsKey": site.key()},
            },
        },
        Tags=PROD_CONFIDENTIAL.pairs(),
    )
    site.attempt(
        make,
        Name="legacy",
        Configuration={"EnforceWorkGroupConfiguration": False, "ResultConfiguration": {"OutputLocation": where}},
    )


def hosts(site: Site) -> None:
    """Images and what is started from them; user data is where passwords are forgotten."""
    script = f"#!/bin/sh\nexport DB_PASSWORD={PASSWORD}\n"
    image = ""
    for name, encrypted in (("base", True), ("base-legacy", False)):
        disk = {"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": encrypted, "VolumeSize": 20}}
        image = site.call("ec2.register_image", Name=name, RootDeviceName="/dev/xvda", BlockDeviceMappings=[disk])[
            "ImageId"
        ]
    site.attempt(
        "ec2.run_instances",
        ImageId=image,
        MinCount=1,
        MaxCount=1,
        InstanceType="t3.micro",
        SubnetId=site.made["subnets"][0],
        UserData=script,
        TagSpecifications=[{"ResourceType": "instance", "Tags": DEV.pairs()}],
    )
    site.attempt(
        "ec2.create_launch_template",
        LaunchTemplateName="workers",
        LaunchTemplateData={
            "ImageId": image,
            "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": False, "VolumeSize": 20}}],
        },
    )


IN_FULL_SITES = [ecs, codebuild, sagemaker, step_functions, emr, appsync, glue, athena, hosts]
