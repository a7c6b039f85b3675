//! Rules of Amazon EventBridge with their targets, and who reads the log groups that they write to.

use super::*;
use aws_sdk_eventbridge::types::{EcsParameters, Rule, Target};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Reads the rules of a bus. Gives whether anybody made one, or that is not known, and the log groups that rules
/// write to.
pub(super) async fn rules(cx: &Cx, client: &Client, bus: &EventBus) -> (bool, Vec<String>) {
    const CALL: &str = "events:ListRules";
    let (rules, failure) = paged(cx, CALL, |token| async {
        let request = client
            .list_rules()
            .set_event_bus_name(bus.name().map(str::to_owned))
            .set_next_token(token);
        let answer = cx.get(CALL, request.send()).await?;
        Ok((answer.rules.unwrap_or_default(), answer.next_token))
    })
    .await;
    if let Some(failure) = &failure {
        cx.gap(&[RULE], failure);
    }
    let made = failure.is_some() || rules.iter().any(|rule| rule.managed_by().is_none());
    let groups: Arc<Mutex<Vec<String>>> = Arc::default();
    cx.each(rules, |rule| {
        let (cx, client, groups) = (cx.clone(), client.clone(), groups.clone());
        async move {
            let to = one(&cx, &client, bus, &rule).await;
            groups
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(to);
        }
    })
    .await;
    let groups = std::mem::take(&mut *groups.lock().unwrap_or_else(PoisonError::into_inner));
    (made, groups)
}

async fn one(cx: &Cx, client: &Client, bus: &EventBus, rule: &Rule) -> Vec<String> {
    const CALL: &str = "events:ListTargetsByRule";
    let (Some(name), Some(arn)) = (rule.name(), rule.arn()) else {
        return Vec::new();
    };
    let (targets, failure) = paged(cx, CALL, |token| async {
        let request = client
            .list_targets_by_rule()
            .rule(name)
            .set_event_bus_name(bus.name().map(str::to_owned))
            .set_next_token(token);
        let answer = cx.get(CALL, request.send()).await?;
        Ok((answer.targets.unwrap_or_default(), answer.next_token))
    })
    .await;
    // CloudFormation has no name for the default bus.
    let bus = bus.name().filter(|bus| *bus != DEFAULT);
    let pattern = rule
        .event_pattern()
        .map(|text| document("events:ListRules", text));
    let props = Props::of("events:ListRules")
        .put("Name", name)
        .put("Description", rule.description())
        .put("EventBusName", bus)
        .put("EventPattern", pattern)
        .put("ScheduleExpression", rule.schedule_expression())
        .put("State", rule.state().map(|state| state.as_str()))
        .put("RoleArn", rule.role_arn())
        .put("ManagedBy", rule.managed_by())
        .from(CALL);
    let props = match failure {
        None => props.put("Targets", targets.iter().map(target).collect::<Vec<_>>()),
        Some(failure) => props.put("Targets", failure),
    };
    cx.emit(RULE, name, Some(arn), props);
    let own = format!(":logs:{}:{}:log-group:", cx.endpoint_region(), cx.account());
    let groups = targets.iter().filter_map(|target| {
        let (_, name) = target.arn().split_once(&own)?;
        Some(name.trim_end_matches(":*").to_owned())
    });
    groups.collect()
}

/// What a target is sent may hold anything, so that is left out.
fn target(of: &Target) -> Props {
    let dead_letters = of
        .dead_letter_config()
        .map(|config| Props::new().put("Arn", config.arn()));
    Props::new()
        .put("Id", of.id())
        .put("Arn", of.arn())
        .put("RoleArn", of.role_arn())
        .put("EcsParameters", of.ecs_parameters().map(ecs))
        .put("DeadLetterConfig", dead_letters)
}

fn ecs(of: &EcsParameters) -> Props {
    let strategy = of.capacity_provider_strategy().iter().map(|item| {
        Props::new()
            .put("CapacityProvider", item.capacity_provider())
            .put("Weight", item.weight())
            .put("Base", item.base())
    });
    let network = of
        .network_configuration()
        .and_then(|network| network.awsvpc_configuration());
    let network = network.map(|vpc| {
        let vpc = Props::new()
            .put("Subnets", vpc.subnets())
            .put("SecurityGroups", vpc.security_groups())
            .put(
                "AssignPublicIp",
                vpc.assign_public_ip().map(|it| it.as_str()),
            );
        Props::new().put("AwsVpcConfiguration", vpc)
    });
    Props::new()
        .put("TaskDefinitionArn", of.task_definition_arn())
        .put("TaskCount", of.task_count())
        .put("LaunchType", of.launch_type().map(|it| it.as_str()))
        .put("CapacityProviderStrategy", strategy.collect::<Vec<_>>())
        .put("PlatformVersion", of.platform_version())
        .put("NetworkConfiguration", network)
        .put("EnableExecuteCommand", of.enable_execute_command())
}

/// A rule that writes to a log group tells somebody only when something reads that. Subscription filters can be
/// asked for group by group alone, so only those groups are asked for that it matters for.
pub(super) async fn readers_of(cx: &Cx, groups: Vec<String>) {
    const CALL: &str = "logs:DescribeSubscriptionFilters";
    let groups: BTreeSet<String> = groups.into_iter().collect();
    if groups.is_empty() {
        return;
    }
    let client = aws_sdk_cloudwatchlogs::Client::new(&cx.config());
    cx.each(groups, |group| {
        let (cx, client) = (cx.clone(), client.clone());
        async move {
            let stream = items!(
                client
                    .describe_subscription_filters()
                    .log_group_name(&group)
            );
            let (filters, failure) = cx.try_list(CALL, stream).await;
            for filter in &filters {
                let name = filter.filter_name().unwrap_or(&group);
                let props = Props::of(CALL)
                    .put("FilterName", filter.filter_name())
                    .put("LogGroupName", &group)
                    .put("FilterPattern", filter.filter_pattern().unwrap_or_default())
                    .put("DestinationArn", filter.destination_arn())
                    .put("RoleArn", filter.role_arn());
                // A subscription filter has no ARN.
                cx.emit(SUBSCRIPTION, name, None, props);
            }
            // There may be one. A rule may write to a group that is gone, too.
            if let Some(failure) = failure
                && failure.error != "ResourceNotFoundException"
            {
                let props = Props::of(CALL).put("LogGroupName", &group);
                cx.emit(
                    SUBSCRIPTION,
                    &group,
                    None,
                    props.put("DestinationArn", failure),
                );
            }
        }
    })
    .await;
}
