//! The same questions on an Apache Ballista cluster: a scheduler and executors of our own, which know our tables.
//!
//! A scan travels as what it is to read: its table, the files, the needles and the columns. Stock executors cannot read that,
//! so scheduler and executors are started from here, with [`Codec`] in the place of theirs. All of them must see the log files
//! under the same paths: a shared file system.
//!
//! Partitions of one scan run in several processes and cannot share what they have seen: each has its files for good, and
//! events are made one by the tables that queries see, which are queries of copies themselves ([`once`]).

use crate::input::Input;
use crate::scan::{Collected, Logs, Plan, Scan, Share};
use crate::tables::Table;
use ballista_core::extension::{SessionConfigExt, SessionStateExt};
use ballista_core::serde::{BallistaLogicalExtensionCodec, BallistaPhysicalExtensionCodec};
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::start_server;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, Result, TableReference};
use datafusion::execution::{SessionStateBuilder, TaskContext};
use datafusion::logical_expr::{Extension, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_proto::logical_plan::LogicalExtensionCodec;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use lockfast_cloudtrail::Reading;
use lockfast_cloudtrail::files::LogFile;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// By which our bytes are told from those of others.
const MARK: &[u8] = b"lockfast-trail-1\n";

/// Runs a scheduler; it does not end by itself.
///
/// # Errors
/// When it cannot listen there.
pub async fn scheduler(listen: SocketAddr) -> Result<()> {
    let config = SchedulerConfig {
        bind_host: listen.ip().to_string(),
        external_host: listen.ip().to_string(),
        bind_port: listen.port(),
        override_logical_codec: Some(Arc::new(Codec::default())),
        override_physical_codec: Some(Arc::new(Codec::default())),
        // An executor that is gone is soon missed, and its work given to another.
        executor_timeout_seconds: 10,
        expire_dead_executor_interval_seconds: 2,
        ..SchedulerConfig::default()
    };
    let cluster = BallistaCluster::new_from_config(&config)
        .await
        .map_err(told)?;
    start_server(cluster, listen, Arc::new(config))
        .await
        .map_err(told)
}

/// How an executor is run.
#[derive(Clone, Debug)]
pub struct Executor {
    /// Where the scheduler is.
    pub scheduler: (String, u16),
    /// Where it listens: for partitions that others fetch.
    pub listen: SocketAddr,
    /// The port that the scheduler calls it at.
    pub control_port: u16,
    /// So many tasks at once.
    pub threads: usize,
    /// Where it keeps what it has worked out.
    pub work_folder: Option<PathBuf>,
}

/// Runs an executor; it does not end by itself.
///
/// # Errors
/// When it cannot listen, or does not reach the scheduler.
pub async fn executor(how: Executor) -> Result<()> {
    // Its own registry lacks the functions on lists.
    let functions = SessionStateBuilder::new().with_default_features().build();
    let config = ExecutorProcessConfig {
        bind_host: how.listen.ip().to_string(),
        external_host: Some(how.listen.ip().to_string()),
        port: how.listen.port(),
        grpc_port: how.control_port,
        scheduler_host: how.scheduler.0,
        scheduler_port: how.scheduler.1,
        scheduler_connect_timeout_seconds: 30,
        vcores: how.threads,
        work_dir: how.work_folder.map(|folder| folder.display().to_string()),
        executor_heartbeat_interval_seconds: 2,
        override_logical_codec: Some(Arc::new(Codec::default())),
        override_physical_codec: Some(Arc::new(Codec::default())),
        override_function_registry: Some(Arc::new((&functions).into())),
        ..ExecutorProcessConfig::default()
    };
    start_executor_process(Arc::new(config)).await.map_err(told)
}

fn told(error: ballista_core::error::BallistaError) -> DataFusionError {
    DataFusionError::Execution(error.to_string())
}

/// A session whose queries run on the cluster of a scheduler: `df://HOST:PORT`.
///
/// # Errors
/// When that is no such address.
pub(crate) fn session(url: &str, partitions: usize) -> Result<SessionContext> {
    let address = url
        .strip_prefix("df://")
        .filter(|address| address.contains(':'))
        .ok_or_else(|| DataFusionError::Plan(format!("{url}: a cluster is df://HOST:PORT")))?;
    let config = SessionConfig::new_with_ballista()
        .with_information_schema(true)
        .with_target_partitions(partitions)
        .with_ballista_logical_extension_codec(Arc::new(Codec::default()))
        .with_ballista_physical_extension_codec(Arc::new(Codec::default()));
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .build()
        .upgrade_for_ballista(format!("http://{address}"))?;
    Ok(SessionContext::new_with_state(state))
}

/// Events of which each is once, as a query of the table of copies. What all copies have in common stands in the key, so that
/// filters on it are applied before.
pub(crate) fn once(table: Table) -> String {
    let key = match table {
        Table::Events => {
            "event_time, event_day, account, region, event_source, event_name, principal, access_key_id, source_ip"
        }
        Table::KeyUses => {
            "event_time, event_day, account, region, key, operation, cryptographic, principal, access_key_id, source_ip"
        }
        Table::SecretReads => {
            "event_time, event_day, account, region, secret, principal, access_key_id, source_ip"
        }
        // Every problem is one.
        Table::Problems => return format!("SELECT * FROM {}", table.name_of_copies()),
    };
    // What has no identifier is no copy of anything.
    format!(
        "SELECT DISTINCT ON (coalesce(event_id, concat(file, ':', file_offset)), {key}) * FROM {}",
        table.name_of_copies()
    )
}

/// How our tables and scans are written for others.
#[derive(Debug, Default)]
pub(crate) struct Codec {
    logical: BallistaLogicalExtensionCodec,
    physical: BallistaPhysicalExtensionCodec,
}

/// A table, as it is written.
#[derive(Serialize, Deserialize)]
struct WrittenTable {
    table: String,
    copies: bool,
    roots: Vec<PathBuf>,
    most_inflated: usize,
}

/// A scan, as it is written.
#[derive(Serialize, Deserialize)]
struct WrittenScan {
    table: String,
    most_inflated: usize,
    files: Vec<PathBuf>,
    needles: Vec<String>,
    projection: Vec<usize>,
    limit: Option<usize>,
    partitions: usize,
}

fn write<T: Serialize>(what: &T, buffer: &mut Vec<u8>) -> Result<()> {
    let external =
        |error: Box<dyn std::error::Error + Send + Sync>| DataFusionError::External(error);
    let json = serde_json::to_vec(what).map_err(|error| external(error.into()))?;
    buffer.extend_from_slice(MARK);
    // Paths of log files are long and nearly the same.
    let packed = zstd::encode_all(json.as_slice(), 3).map_err(|error| external(error.into()))?;
    buffer.extend_from_slice(&packed);
    Ok(())
}

fn read<T: for<'de> Deserialize<'de>>(buffer: &[u8]) -> Option<Result<T>> {
    let packed = buffer.strip_prefix(MARK)?;
    let json = match zstd::decode_all(packed) {
        Ok(json) => json,
        Err(error) => return Some(Err(DataFusionError::External(error.into()))),
    };
    Some(serde_json::from_slice(&json).map_err(|error| DataFusionError::External(error.into())))
}

fn table(name: &str) -> Result<Table> {
    Table::named(name).ok_or_else(|| {
        DataFusionError::Plan(format!(
            "{name}: scheduler and executors must be of one version"
        ))
    })
}

impl LogicalExtensionCodec for Codec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[LogicalPlan],
        ctx: &TaskContext,
    ) -> Result<Extension> {
        self.logical.try_decode(buf, inputs, ctx)
    }

    fn try_encode(&self, node: &Extension, buf: &mut Vec<u8>) -> Result<()> {
        self.logical.try_encode(node, buf)
    }

    fn try_decode_table_provider(
        &self,
        buf: &[u8],
        table_ref: &TableReference,
        schema: SchemaRef,
        ctx: &TaskContext,
    ) -> Result<Arc<dyn TableProvider>> {
        let Some(written) = read::<WrittenTable>(buf) else {
            return self
                .logical
                .try_decode_table_provider(buf, table_ref, schema, ctx);
        };
        let written = written?;
        let input = Input::find(&written.roots).map_err(|error| {
            DataFusionError::Execution(format!(
                "{error}: all machines of a cluster must see the logs under the same path"
            ))
        })?;
        Ok(Arc::new(Logs {
            table: table(&written.table)?,
            input,
            reading: Reading {
                most_inflated: written.most_inflated,
            },
            collected: Arc::default(),
            copies: written.copies,
            spread: true,
        }))
    }

    fn try_encode_table_provider(
        &self,
        table_ref: &TableReference,
        node: Arc<dyn TableProvider>,
        buf: &mut Vec<u8>,
    ) -> Result<()> {
        let any: &dyn Any = node.as_ref();
        let Some(logs) = any.downcast_ref::<Logs>() else {
            return self.logical.try_encode_table_provider(table_ref, node, buf);
        };
        let written = WrittenTable {
            table: logs.table.name().to_owned(),
            copies: logs.copies,
            roots: logs.input.roots.clone(),
            most_inflated: logs.reading.most_inflated,
        };
        write(&written, buf)
    }

    fn try_decode_file_format(
        &self,
        buf: &[u8],
        ctx: &TaskContext,
    ) -> Result<Arc<dyn datafusion::datasource::file_format::FileFormatFactory>> {
        self.logical.try_decode_file_format(buf, ctx)
    }

    fn try_encode_file_format(
        &self,
        buf: &mut Vec<u8>,
        node: Arc<dyn datafusion::datasource::file_format::FileFormatFactory>,
    ) -> Result<()> {
        self.logical.try_encode_file_format(buf, node)
    }
}

impl PhysicalExtensionCodec for Codec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        ctx: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(written) = read::<WrittenScan>(buf) else {
            return self.physical.try_decode(buf, inputs, ctx, converter);
        };
        let written = written?;
        let files: Vec<LogFile> = written.files.into_iter().map(LogFile::new).collect();
        let wanted = (0..files.len()).collect();
        Ok(Arc::new(Scan::new(Plan {
            table: table(&written.table)?,
            input: Arc::new(Input::of(files)),
            reading: Reading {
                most_inflated: written.most_inflated,
            },
            collected: Arc::<Collected>::default(),
            copies: true,
            share: Share::Fixed,
            needles: written.needles,
            wanted,
            projection: written.projection,
            limit: written.limit,
            partitions: written.partitions,
        })?))
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let any: &dyn Any = node.as_ref();
        let Some(scan) = any.downcast_ref::<Scan>() else {
            return self.physical.try_encode(node, buf, converter);
        };
        let plan = &scan.plan;
        let files = plan
            .wanted
            .iter()
            .map(|index| plan.input.files[*index].path.clone());
        let written = WrittenScan {
            table: plan.table.name().to_owned(),
            most_inflated: plan.reading.most_inflated,
            files: files.collect(),
            needles: plan.needles.clone(),
            projection: plan.projection.clone(),
            limit: plan.limit,
            partitions: plan.partitions,
        };
        write(&written, buf)
    }
}
