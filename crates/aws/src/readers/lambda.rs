//! AWS Lambda: functions with their environment, URLs, event source mappings.

use super::prelude::*;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::{
    EnvironmentResponse, EventSourceMappingConfiguration, FunctionConfiguration,
};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

pub(super) static READER: Reader = Reader {
    service: "lambda",
    scope: Scope::Regional,
    kinds: &[
        "AWS::Lambda::Function",
        "AWS::Lambda::Url",
        "AWS::Lambda::EventSourceMapping",
    ],
    calls: &[
        "lambda:ListFunctionUrlConfigs",
        "lambda:ListEventSourceMappings",
    ],
    // Environment variables.
    secret_calls: &["lambda:ListFunctions"],
    read: |cx| read(cx).boxed(),
};

const FUNCTION: &str = "AWS::Lambda::Function";
const URL: &str = "AWS::Lambda::Url";
const MAPPING: &str = "AWS::Lambda::EventSourceMapping";

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let functions = cx
        .list(
            "lambda:ListFunctions",
            &[FUNCTION],
            items!(client.list_functions()),
        )
        .await;
    // Whether a function has URLs is asked function by function. One that cannot be asked stands for all: what is
    // not known is how many there are.
    let denied: Arc<OnceLock<Failure>> = Arc::default();
    let mut names = Vec::new();
    for function in &functions {
        let (Some(name), Some(arn)) = (function.function_name(), function.function_arn()) else {
            continue;
        };
        names.push(name.to_owned());
        cx.emit(FUNCTION, name, Some(arn), of_function(&cx, function, name));
    }
    cx.each(names, |name| {
        let (cx, client, denied) = (cx.clone(), client.clone(), denied.clone());
        async move {
            if let Some(failure) = urls(&cx, &client, &name).await {
                let _ = denied.set(failure);
            }
        }
    })
    .await;
    if let Some(failure) = denied.get() {
        cx.gap(&[URL], failure);
    }
    let mappings = cx
        .list(
            "lambda:ListEventSourceMappings",
            &[MAPPING],
            items!(client.list_event_source_mappings()),
        )
        .await;
    for mapping in &mappings {
        of_mapping(&cx, mapping);
    }
}

/// The list tells all of a function that does not change by itself (AWS Lambda API Reference, ListFunctions).
fn of_function(cx: &Cx, function: &FunctionConfiguration, name: &str) -> Props {
    let vpc = function.vpc_config().map(|vpc| {
        Props::new()
            .put("SubnetIds", vpc.subnet_ids())
            .put("SecurityGroupIds", vpc.security_group_ids())
            // Beside the schema.
            .put("VpcId", vpc.vpc_id().filter(|id| !id.is_empty()))
            .put("Ipv6AllowedForDualStack", vpc.ipv6_allowed_for_dual_stack())
    });
    let logging = function.logging_config().map(|logging| {
        Props::new()
            .put("LogGroup", logging.log_group())
            .put("LogFormat", logging.log_format().map(|it| it.as_str()))
            .put(
                "ApplicationLogLevel",
                logging.application_log_level().map(|it| it.as_str()),
            )
            .put(
                "SystemLogLevel",
                logging.system_log_level().map(|it| it.as_str()),
            )
    });
    let file_systems = function.file_system_configs().iter().map(|system| {
        Props::new()
            .put("Arn", system.arn())
            .put("LocalMountPath", system.local_mount_path())
    });
    let dead_letters = function
        .dead_letter_config()
        .map(|config| Props::new().put("TargetArn", config.target_arn()));
    let tracing = function
        .tracing_config()
        .map(|config| Props::new().put("Mode", config.mode().map(|mode| mode.as_str())));
    let storage = function
        .ephemeral_storage()
        .map(|storage| Props::new().put("Size", storage.size()));
    let layers: Vec<String> = function
        .layers()
        .iter()
        .filter_map(|layer| layer.arn().map(str::to_owned))
        .collect();
    Props::of("lambda:ListFunctions")
        .put("FunctionName", name)
        .put(
            "Description",
            function.description().filter(|text| !text.is_empty()),
        )
        .put("Runtime", function.runtime().map(|it| it.as_str()))
        .put("PackageType", function.package_type().map(|it| it.as_str()))
        .put("Architectures", names!(function.architectures()))
        .put("Handler", function.handler())
        .put("Role", function.role())
        .put("Timeout", function.timeout())
        .put("MemorySize", function.memory_size())
        .put(
            "KmsKeyArn",
            function.kms_key_arn().filter(|arn| !arn.is_empty()),
        )
        .put(
            "Environment",
            function.environment().map(|it| environment(cx, it)),
        )
        .put("VpcConfig", vpc)
        .put("LoggingConfig", logging)
        .put("DeadLetterConfig", dead_letters)
        .put("TracingConfig", tracing)
        .put("FileSystemConfigs", file_systems.collect::<Vec<_>>())
        .put("EphemeralStorage", storage)
        .put("Layers", layers)
        .put("LastModified", function.last_modified())
        .put("MasterArn", function.master_arn())
}

/// Lambda decrypts the variables for whoever lists functions, with that caller's right to the key. Without it there is
/// an error in their place.
fn environment(cx: &Cx, environment: &EnvironmentResponse) -> Props {
    if let Some(error) = environment.error() {
        let failure = Failure {
            call: "kms:Decrypt".into(),
            error: error
                .error_code()
                .unwrap_or("AccessDeniedException")
                .to_owned(),
        };
        return Props::new().put("Variables", failure);
    }
    // Sorted: two scans of the same account give the same snapshot.
    let sorted: BTreeMap<_, _> = environment.variables().into_iter().flatten().collect();
    let mut variables = Props::new();
    for (name, value) in sorted {
        variables.set(name, cx.cover(name, value));
    }
    Props::new().put("Variables", variables)
}

/// The URLs of a function, which are of the function itself and of its aliases.
async fn urls(cx: &Cx, client: &Client, name: &str) -> Option<Failure> {
    let stream = items!(client.list_function_url_configs().function_name(name));
    let (urls, failure) = cx.try_list("lambda:ListFunctionUrlConfigs", stream).await;
    for url in &urls {
        // arn:aws:lambda:REGION:ACCOUNT:function:NAME, and the alias.
        let (target, qualifier) = match url.function_arn() {
            arn if arn.split(':').count() > 7 => match arn.rsplit_once(':') {
                Some((function, alias)) => (function, Some(alias)),
                None => (arn, None),
            },
            arn => (arn, None),
        };
        let cors = url.cors().map(|cors| {
            Props::new()
                .put("AllowOrigins", cors.allow_origins())
                .put("AllowCredentials", cors.allow_credentials())
        });
        let props = Props::of("lambda:ListFunctionUrlConfigs")
            .put("TargetFunctionArn", target)
            .put("Qualifier", qualifier)
            .put("AuthType", url.auth_type().as_str())
            .put("InvokeMode", url.invoke_mode().map(|mode| mode.as_str()))
            .put("Cors", cors)
            .put("FunctionUrl", url.function_url());
        let name = match qualifier {
            Some(qualifier) => format!("{name}:{qualifier}"),
            None => name.to_owned(),
        };
        // A URL has no ARN but that of its function, which means the function.
        cx.emit(URL, &name, None, props);
    }
    failure
}

fn of_mapping(cx: &Cx, mapping: &EventSourceMappingConfiguration) {
    let Some(id) = mapping.uuid() else {
        return;
    };
    let arn = match mapping.event_source_mapping_arn() {
        Some(arn) => arn.to_owned(),
        None => cx.arn("lambda", &format!("event-source-mapping:{id}")),
    };
    let access = mapping.source_access_configurations().iter().map(|access| {
        Props::new()
            .put("Type", access.r#type().map(|kind| kind.as_str()))
            .put("URI", access.uri())
    });
    let own_kafka = mapping.self_managed_event_source().map(|source| {
        let brokers: BTreeMap<_, _> = source.endpoints().into_iter().flatten().collect();
        let brokers = brokers.into_iter();
        let brokers: Vec<String> = brokers
            .flat_map(|(_, brokers)| brokers.iter().cloned())
            .collect();
        Props::new().put(
            "Endpoints",
            Props::new().put("KafkaBootstrapServers", brokers),
        )
    });
    let on_failure = mapping
        .destination_config()
        .and_then(|config| config.on_failure())
        .map(|to| {
            Props::new().put(
                "OnFailure",
                Props::new().put("Destination", to.destination()),
            )
        });
    let props = Props::of("lambda:ListEventSourceMappings")
        .put("FunctionName", mapping.function_arn())
        .put("EventSourceArn", mapping.event_source_arn())
        .put(
            "Enabled",
            mapping
                .state()
                .map(|state| !matches!(state, "Disabled" | "Disabling")),
        )
        .put("State", mapping.state())
        .put("KmsKeyArn", mapping.kms_key_arn())
        .put("SourceAccessConfigurations", access.collect::<Vec<_>>())
        .put("SelfManagedEventSource", own_kafka)
        .put("DestinationConfig", on_failure)
        .put("Topics", mapping.topics())
        .put("Queues", mapping.queues());
    cx.emit(MAPPING, id, Some(&arn), props);
}
