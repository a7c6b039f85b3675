//! Parameter groups that are in use, with the parameters that decide whether TLS is forced and which versions are.

use super::service;
use crate::readers::prelude::*;
use aws_sdk_rds::Client;
use aws_sdk_rds::types::{Filter, Parameter};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// The parameters that `tables/database-ssl.toml` names (crate `facts`) for the engines of this API.
const WANTED: [&str; 9] = [
    "DB2COMM",
    "neptune_enforce_ssl",
    "rds.force_ssl",
    "rds.tls10",
    "rds.tls11",
    "require_secure_transport",
    "ssl_min_protocol_version",
    "tls",
    "tls_version",
];

/// The parameter groups that databases use: whether of clusters, and by name the engine.
#[derive(Default)]
pub(super) struct Groups(Mutex<BTreeMap<(bool, String), String>>);

impl Groups {
    /// A database of an engine uses a group.
    pub(super) fn used(&self, of_cluster: bool, name: Option<&str>, engine: Option<&str>) {
        let (Some(name), Some(engine)) = (name, engine) else {
            return;
        };
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.insert((of_cluster, name.to_owned()), engine.to_owned());
    }

    /// Reads them.
    pub(super) async fn read(&self, cx: &Cx, client: &Client) {
        let used = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let families = families(cx, client, &used).await;
        let families = &families;
        cx.each(used, |((of_cluster, name), engine)| async move {
            let family = families[usize::from(of_cluster)]
                .as_ref()
                .map(|families| families.get(&name).cloned())
                .map_err(Clone::clone);
            one(cx, client, of_cluster, &name, &engine, family).await;
        })
        .await;
    }
}

type Families = Result<HashMap<String, String>, Failure>;

/// The families of the groups by name, of instances and of clusters. Only lists tell them, and only of kinds that are
/// in use they are needed.
async fn families(
    cx: &Cx,
    client: &Client,
    used: &BTreeMap<(bool, String), String>,
) -> [Families; 2] {
    let has = |of_cluster: bool| used.keys().any(|(cluster, _)| *cluster == of_cluster);
    let instances = async {
        if !has(false) {
            return Ok(HashMap::new());
        }
        let stream = items!(client.describe_db_parameter_groups());
        let (groups, failure) = cx.try_list("rds:DescribeDBParameterGroups", stream).await;
        let pairs = groups.into_iter().filter_map(|group| {
            Some((
                group.db_parameter_group_name?,
                group.db_parameter_group_family?,
            ))
        });
        whole(pairs.collect(), failure)
    };
    let clusters = async {
        if !has(true) {
            return Ok(HashMap::new());
        }
        let stream = items!(client.describe_db_cluster_parameter_groups());
        let (groups, failure) = cx
            .try_list("rds:DescribeDBClusterParameterGroups", stream)
            .await;
        let pairs = groups.into_iter().filter_map(|group| {
            Some((
                group.db_cluster_parameter_group_name?,
                group.db_parameter_group_family?,
            ))
        });
        whole(pairs.collect(), failure)
    };
    let (instances, clusters) = futures::join!(instances, clusters);
    [instances, clusters]
}

fn whole<T>(found: T, failure: Option<Failure>) -> Result<T, Failure> {
    match failure {
        Some(failure) => Err(failure),
        None => Ok(found),
    }
}

async fn one(
    cx: &Cx,
    client: &Client,
    of_cluster: bool,
    name: &str,
    engine: &str,
    family: Result<Option<String>, Failure>,
) {
    // The filter is documented for RDS; the few parameters of the other two engines are one page anyway.
    let only = (service(Some(engine)) == "RDS").then(|| {
        vec![
            Filter::builder()
                .name("parameter-name")
                .set_values(Some(WANTED.map(str::to_owned).into()))
                .build(),
        ]
    });
    let (list, action, parameters, failure);
    if of_cluster {
        (list, action) = (
            "rds:DescribeDBClusterParameterGroups",
            "rds:DescribeDBClusterParameters",
        );
        let request = client
            .describe_db_cluster_parameters()
            .db_cluster_parameter_group_name(name);
        let stream = items!(request.set_filters(only));
        (parameters, failure) = cx.try_list(action, stream).await;
    } else {
        (list, action) = ("rds:DescribeDBParameterGroups", "rds:DescribeDBParameters");
        let request = client
            .describe_db_parameters()
            .db_parameter_group_name(name);
        let stream = items!(request.set_filters(only));
        (parameters, failure) = cx.try_list(action, stream).await;
    }
    let (of, prefix) = match of_cluster {
        true => ("DBClusterParameterGroup", "cluster-pg"),
        false => ("DBParameterGroup", "pg"),
    };
    let service = service(Some(engine));
    // The schemas of the three services name the name differently.
    let property = match (service, of_cluster) {
        ("RDS", true) => "DBClusterParameterGroupName",
        ("RDS", false) => "DBParameterGroupName",
        _ => "Name",
    };
    let props = Props::of(list)
        .put(property, name)
        .put("Family", family)
        .from(action)
        .put("Parameters", whole(values(&parameters), failure));
    let arn = cx.arn("rds", &format!("{prefix}:{name}"));
    cx.emit(&format!("AWS::{service}::{of}"), name, Some(&arn), props);
}

/// The values that hold, whoever set them: the user, the group's own default or the engine.
fn values(parameters: &[Parameter]) -> Value {
    parameters
        .iter()
        .filter_map(|parameter| {
            let name = parameter
                .parameter_name()
                .filter(|name| WANTED.contains(name))?;
            Some((
                name.to_owned(),
                Value::String(parameter.parameter_value()?.to_owned()),
            ))
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}
