//! Amazon ECR: repositories, and what the registry as a whole does with images.

use super::prelude::*;
use aws_sdk_ecr::Client;

pub(super) static READER: Reader = Reader {
    service: "ecr",
    scope: Scope::Regional,
    kinds: &[REPOSITORY, REPLICATION, TEMPLATE],
    calls: &[
        "ecr:DescribeRepositories",
        "ecr:DescribeRegistry",
        "ecr:DescribeRepositoryCreationTemplates",
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

const REPOSITORY: &str = "AWS::ECR::Repository";
const REPLICATION: &str = "AWS::ECR::ReplicationConfiguration";
const TEMPLATE: &str = "AWS::ECR::RepositoryCreationTemplate";

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let repositories = cx
        .list(
            "ecr:DescribeRepositories",
            &[REPOSITORY],
            items!(client.describe_repositories().max_results(1000)),
        )
        .await;
    for repository in &repositories {
        let (Some(name), Some(arn)) = (repository.repository_name(), repository.repository_arn())
        else {
            continue;
        };
        let encryption = repository.encryption_configuration().map(|it| {
            Props::new()
                .put("EncryptionType", it.encryption_type().as_str())
                .put("KmsKey", it.kms_key())
        });
        let scanning = repository
            .image_scanning_configuration()
            .map(|it| Props::new().put("ScanOnPush", it.scan_on_push()));
        let props = Props::of("ecr:DescribeRepositories")
            .put("RepositoryName", name)
            .put("EncryptionConfiguration", encryption)
            .put(
                "ImageTagMutability",
                repository.image_tag_mutability().map(|it| it.as_str()),
            )
            .put("ImageScanningConfiguration", scanning)
            .put("RepositoryUri", repository.repository_uri())
            .put("CreatedAt", repository.created_at());
        cx.emit(REPOSITORY, name, Some(arn), props);
    }
    replication(&cx, &client).await;
    templates(&cx, &client).await;
}

/// Where the registry copies images to. `Ref` gives the account.
async fn replication(cx: &Cx, client: &Client) {
    let registry = match cx
        .get("ecr:DescribeRegistry", client.describe_registry().send())
        .await
    {
        Ok(registry) => registry,
        Err(failure) => {
            let props = Props::of("ecr:DescribeRegistry").put("ReplicationConfiguration", failure);
            cx.emit(REPLICATION, cx.account(), None, props);
            return;
        }
    };
    let rules = registry
        .replication_configuration()
        .map(|it| it.rules())
        .unwrap_or_default();
    if rules.is_empty() {
        return;
    }
    let rules = rules.iter().map(|rule| {
        let destinations = rule.destinations().iter().map(|to| {
            Props::new()
                .put("Region", to.region())
                .put("RegistryId", to.registry_id())
        });
        let filters = rule.repository_filters().iter().map(|filter| {
            Props::new()
                .put("Filter", filter.filter())
                .put("FilterType", filter.filter_type().as_str())
        });
        Props::new()
            .put("Destinations", destinations.collect::<Vec<_>>())
            .put("RepositoryFilters", filters.collect::<Vec<_>>())
    });
    let rules = Props::new().put("Rules", rules.collect::<Vec<_>>());
    let props = Props::of("ecr:DescribeRegistry").put("ReplicationConfiguration", rules);
    // It has no ARN.
    cx.emit(REPLICATION, cx.account(), None, props);
}

/// How repositories are made that a pull through a cache or a replication needs.
async fn templates(cx: &Cx, client: &Client) {
    let templates = cx
        .list(
            "ecr:DescribeRepositoryCreationTemplates",
            &[TEMPLATE],
            items!(client.describe_repository_creation_templates()),
        )
        .await;
    for template in &templates {
        let Some(prefix) = template.prefix() else {
            continue;
        };
        let encryption = template.encryption_configuration().map(|it| {
            Props::new()
                .put("EncryptionType", it.encryption_type().as_str())
                .put("KmsKey", it.kms_key())
        });
        let props = Props::of("ecr:DescribeRepositoryCreationTemplates")
            .put("Prefix", prefix)
            .put("EncryptionConfiguration", encryption)
            .put("AppliedFor", names!(template.applied_for()))
            .put("CustomRoleArn", template.custom_role_arn());
        cx.emit(TEMPLATE, prefix, None, props);
    }
}
