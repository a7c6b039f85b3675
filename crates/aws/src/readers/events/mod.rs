//! Amazon EventBridge: buses, rules with their targets, archives, connections, API destinations.

use super::prelude::*;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::{ApiDestination, Archive, Connection, EventBus};

mod rule;

pub(super) static READER: Reader = Reader {
    service: "events",
    scope: Scope::Regional,
    kinds: &[BUS, RULE, ARCHIVE, CONNECTION, DESTINATION, SUBSCRIPTION],
    calls: &[
        "events:ListEventBuses",
        "events:DescribeEventBus",
        "events:ListRules",
        "events:ListArchives",
        "events:DescribeArchive",
        "events:ListConnections",
        "logs:DescribeSubscriptionFilters",
    ],
    secret_calls: &[
        // Texts that are sent to targets.
        "events:ListTargetsByRule",
        // Parameters that nobody said are secret.
        "events:DescribeConnection",
        // Addresses of webhooks, which are as good as passwords.
        "events:ListApiDestinations",
    ],
    read: |cx| read(cx).boxed(),
};

const BUS: &str = "AWS::Events::EventBus";
const RULE: &str = "AWS::Events::Rule";
const ARCHIVE: &str = "AWS::Events::Archive";
const CONNECTION: &str = "AWS::Events::Connection";
const DESTINATION: &str = "AWS::Events::ApiDestination";
const SUBSCRIPTION: &str = "AWS::Logs::SubscriptionFilter";

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let mut groups = Vec::new();
    for bus in buses(&cx, &client).await {
        let (rules, to) = rule::rules(&cx, &client, &bus).await;
        groups.extend(to);
        of_bus(&cx, &client, &bus, rules).await;
    }
    rule::readers_of(&cx, groups).await;
    archives(&cx, &client).await;
    connections(&cx, &client).await;
    destinations(&cx, &client).await;
}

/// A page of a list, and what asks for the next one.
type Page<T> = Result<(Vec<T>, Option<String>), Failure>;

/// Reads a list to its end: its items, and why it breaks off if it does. The SDK has no paginators for EventBridge.
async fn paged<T, F: Future<Output = Page<T>>>(
    cx: &Cx,
    call: &'static str,
    page: impl Fn(Option<String>) -> F,
) -> (Vec<T>, Option<Failure>) {
    let mut items = Vec::new();
    let mut token = None;
    for _ in 0..cx.0.options.max_pages {
        match page(token).await {
            Ok((more, next)) => {
                items.extend(more);
                token = next.filter(|next| !next.is_empty());
            }
            Err(failure) => return (items, Some(failure)),
        }
        if token.is_none() {
            return (items, None);
        }
    }
    let endless = Failure {
        call: call.to_owned(),
        error: "the list never ends".into(),
    };
    (items, Some(endless))
}

/// The same, with a gap where it breaks off.
async fn listed<T, F: Future<Output = Page<T>>>(
    cx: &Cx,
    call: &'static str,
    kinds: &[&str],
    page: impl Fn(Option<String>) -> F,
) -> Vec<T> {
    let (items, failure) = paged(cx, call, page).await;
    if let Some(failure) = failure {
        cx.gap(kinds, &failure);
    }
    items
}

/// The buses; when they cannot be listed, the one that there always is.
async fn buses(cx: &Cx, client: &Client) -> Vec<EventBus> {
    const CALL: &str = "events:ListEventBuses";
    let buses = listed(cx, CALL, &[BUS, RULE], |token| async {
        let answer = cx
            .get(CALL, client.list_event_buses().set_next_token(token).send())
            .await?;
        Ok((answer.event_buses.unwrap_or_default(), answer.next_token))
    })
    .await;
    match buses.is_empty() {
        true => vec![
            EventBus::builder()
                .name(DEFAULT)
                .arn(cx.arn("events", "event-bus/default"))
                .build(),
        ],
        false => buses,
    }
}

const DEFAULT: &str = "default";

/// `rules` says whether anybody made a rule on it, or that is not known. Every region has a default bus that says
/// nothing as long as nobody uses it.
async fn of_bus(cx: &Cx, client: &Client, bus: &EventBus, rules: bool) {
    let (Some(name), Some(arn)) = (bus.name(), bus.arn()) else {
        return;
    };
    const CALL: &str = "events:DescribeEventBus";
    let described = cx
        .get(CALL, client.describe_event_bus().name(name).send())
        .await;
    let key = described
        .as_ref()
        .map(|answer| answer.kms_key_identifier().filter(|id| !id.is_empty()));
    let key = key.map(|key| key.map(str::to_owned)).map_err(Clone::clone);
    let policy = match &described {
        Ok(answer) => answer.policy().map(|text| document(CALL, text)),
        // The list has it too.
        Err(_) => bus
            .policy()
            .map(|text| document("events:ListEventBuses", text)),
    };
    if name == DEFAULT && !rules && matches!(key, Ok(None)) && policy.is_none() {
        return;
    }
    let dead_letters = described
        .as_ref()
        .ok()
        .and_then(|answer| answer.dead_letter_config())
        .map(|config| Props::new().put("Arn", config.arn()));
    let props = Props::of("events:ListEventBuses")
        .put("Name", name)
        .put("CreationTime", bus.creation_time())
        .put("ManagedBy", bus.managed_by())
        .from(CALL)
        .put("KmsKeyIdentifier", key)
        .put("Policy", policy)
        .put("DeadLetterConfig", dead_letters);
    cx.emit(BUS, name, Some(arn), props);
}

async fn archives(cx: &Cx, client: &Client) {
    const CALL: &str = "events:ListArchives";
    let archives = listed(cx, CALL, &[ARCHIVE], |token| async {
        let answer = cx
            .get(CALL, client.list_archives().set_next_token(token).send())
            .await?;
        Ok((answer.archives.unwrap_or_default(), answer.next_token))
    })
    .await;
    cx.each(archives, |archive| {
        let (cx, client) = (cx.clone(), client.clone());
        async move { of_archive(&cx, &client, &archive).await }
    })
    .await;
}

async fn of_archive(cx: &Cx, client: &Client, archive: &Archive) {
    const CALL: &str = "events:DescribeArchive";
    let Some(name) = archive.archive_name() else {
        return;
    };
    let key = cx
        .get(CALL, client.describe_archive().archive_name(name).send())
        .await
        .map(|answer| answer.kms_key_identifier.filter(|id| !id.is_empty()));
    let props = Props::of("events:ListArchives")
        .put("ArchiveName", name)
        .put("SourceArn", archive.event_source_arn())
        .put("RetentionDays", archive.retention_days())
        .put("State", archive.state().map(|state| state.as_str()))
        .put("SizeBytes", archive.size_bytes())
        .put("CreationTime", archive.creation_time())
        .from(CALL)
        .put("KmsKeyIdentifier", key);
    cx.emit(
        ARCHIVE,
        name,
        Some(&cx.arn("events", &format!("archive/{name}"))),
        props,
    );
}

async fn connections(cx: &Cx, client: &Client) {
    const CALL: &str = "events:ListConnections";
    let connections = listed(cx, CALL, &[CONNECTION], |token| async {
        let answer = cx
            .get(CALL, client.list_connections().set_next_token(token).send())
            .await?;
        Ok((answer.connections.unwrap_or_default(), answer.next_token))
    })
    .await;
    cx.each(connections, |connection| {
        let (cx, client) = (cx.clone(), client.clone());
        async move { of_connection(&cx, &client, &connection).await }
    })
    .await;
}

/// AWS keeps the passwords in a secret of its own and never tells them here.
async fn of_connection(cx: &Cx, client: &Client, connection: &Connection) {
    const CALL: &str = "events:DescribeConnection";
    let (Some(name), Some(arn)) = (connection.name(), connection.connection_arn()) else {
        return;
    };
    let props = Props::of("events:ListConnections")
        .put("Name", name)
        .put(
            "AuthorizationType",
            connection.authorization_type().map(|it| it.as_str()),
        )
        .put(
            "ConnectionState",
            connection.connection_state().map(|it| it.as_str()),
        )
        .put("CreationTime", connection.creation_time())
        .put("LastAuthorizedTime", connection.last_authorized_time())
        .from(CALL);
    let answer = match cx
        .get(CALL, client.describe_connection().name(name).send())
        .await
    {
        Ok(answer) => answer,
        Err(failure) => {
            let props = props
                .put("KmsKeyIdentifier", failure.clone())
                .put("AuthParameters", failure);
            cx.emit(CONNECTION, name, Some(arn), props);
            return;
        }
    };
    let auth = answer.auth_parameters().map(|auth| {
        let oauth = auth.o_auth_parameters().map(|oauth| {
            let endpoint = oauth
                .authorization_endpoint()
                .map(|it| cx.cover("AuthorizationEndpoint", it));
            let client = oauth
                .client_parameters()
                .map(|client| Props::new().put("ClientID", client.client_id()));
            Props::new()
                .put("AuthorizationEndpoint", endpoint)
                .put("HttpMethod", oauth.http_method().map(|it| it.as_str()))
                .put("ClientParameters", client)
        });
        let basic = auth
            .basic_auth_parameters()
            .map(|basic| Props::new().put("Username", basic.username()));
        let key = auth
            .api_key_auth_parameters()
            .map(|key| Props::new().put("ApiKeyName", key.api_key_name()));
        Props::new()
            .put("OAuthParameters", oauth)
            .put("BasicAuthParameters", basic)
            .put("ApiKeyAuthParameters", key)
    });
    let props = props
        .put(
            "KmsKeyIdentifier",
            answer.kms_key_identifier().filter(|id| !id.is_empty()),
        )
        .put("AuthParameters", auth)
        .put("SecretArn", answer.secret_arn());
    cx.emit(CONNECTION, name, Some(arn), props);
}

async fn destinations(cx: &Cx, client: &Client) {
    const CALL: &str = "events:ListApiDestinations";
    let destinations: Vec<ApiDestination> = listed(cx, CALL, &[DESTINATION], |token| async {
        let answer = cx
            .get(
                CALL,
                client.list_api_destinations().set_next_token(token).send(),
            )
            .await?;
        Ok((
            answer.api_destinations.unwrap_or_default(),
            answer.next_token,
        ))
    })
    .await;
    for destination in &destinations {
        let (Some(name), Some(arn)) = (destination.name(), destination.api_destination_arn())
        else {
            continue;
        };
        let endpoint = destination
            .invocation_endpoint()
            .map(|it| cx.cover("InvocationEndpoint", it));
        let props = Props::of(CALL)
            .put("Name", name)
            .put("ConnectionArn", destination.connection_arn())
            .put("InvocationEndpoint", endpoint)
            .put(
                "HttpMethod",
                destination.http_method().map(|it| it.as_str()),
            )
            .put(
                "ApiDestinationState",
                destination.api_destination_state().map(|it| it.as_str()),
            );
        cx.emit(DESTINATION, name, Some(arn), props);
    }
}
