//! What a Network Load Balancer passes on to an Application Load Balancer of the same input: target
//! groups of type `alb` take TCP only, so the listener behind them is where connections are encrypted
//! (Elastic Load Balancing User Guide, "Application Load Balancers as targets").

use crate::prelude::*;
use lockfast_facts::nouns::{Channel, ChannelKind, Transport};

/// The listeners that a target group passes packets on to; none when its targets are no load balancers
/// of the input.
pub(super) fn listeners<'a>(cx: &Cx<'a>, group: Subject<'a>) -> Vec<&'a Channel> {
    if group.at("TargetType").string().found().as_deref() != Some("alb") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for target in group.each("Targets.*").into_iter().filter_map(Read::found) {
        let balancer = target
            .at("Id")
            .found()
            .and_then(|id| cx.inventory.target(id));
        let Some((balancer, _)) = balancer else {
            continue;
        };
        let port = match target.at("Port").int() {
            Read::Absent(_) => group.at("Port").int(),
            port => port,
        };
        let (Some(port), balancer) = (port.found(), balancer.id) else {
            continue;
        };
        found.extend(cx.inventory.channels().iter().filter(|channel| {
            let listener = channel.subject(cx.inventory);
            let of = || {
                let named = listener.at("LoadBalancerArn").found()?;
                cx.inventory.target(named)
            };
            channel.kind == ChannelKind::Listener
                && channel.when.compatible(&group.variant.when)
                && listener.at("Port").int().found() == Some(port)
                && of().is_some_and(|(resource, _)| resource.id == balancer)
        }));
    }
    found
}

/// The same for a listener, through the target groups it forwards to.
pub(super) fn behind_listener<'a>(cx: &Cx<'a>, channel: &Channel) -> Vec<&'a Channel> {
    let listener = channel.subject(cx.inventory);
    listener
        .each("DefaultActions.*.TargetGroupArn")
        .into_iter()
        .filter_map(Read::found)
        .filter_map(|group| cx.inventory.target(group))
        .flat_map(|(group, _)| cx.inventory.variants_of(group.id))
        .filter(|group| group.variant.when.compatible(&channel.when))
        .flat_map(|group| listeners(cx, group))
        .collect()
}

/// True where a listener takes plain HTTP.
pub(super) fn is_plain(channel: &Channel) -> bool {
    channel.transport.value() == Some(&Transport::Plain)
}
