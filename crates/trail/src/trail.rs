//! A session over log files or an index of them.

use crate::index::{self, Index};
use crate::input::Input;
use crate::questions::each;
use crate::scan::{Collected, Logs};
use crate::tables::Table;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{DataFrame, SQLOptions, SessionConfig, SessionContext};
use lockfast_cloudtrail::files::Kind;
use lockfast_cloudtrail::{Part, Problem, Reading, Report};
use std::path::PathBuf;
use std::sync::Arc;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A path that was given is not there, or may not be looked at.
    #[error(transparent)]
    Files(#[from] lockfast_cloudtrail::files::Error),
    /// There is nothing to ask.
    #[error("{}: no log file of CloudTrail is there (…_CloudTrail_….json.gz), and no index", shown(.0))]
    Empty(Vec<PathBuf>),
    /// An index that cannot be used.
    #[error(transparent)]
    Index(#[from] index::Error),
    /// A cluster is to answer, and this build knows none.
    #[error(
        "this lockfast was built without Apache Ballista: build it with `cargo build --release --features cluster` (or `full`)"
    )]
    NoCluster,
    /// What DataFusion says: of a query that is wrong, mostly.
    #[error("{}", told(.0))]
    Query(DataFusionError),
}

// Not as its source, which would be told a second time.
impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        Error::Query(error)
    }
}

fn shown(paths: &[PathBuf]) -> String {
    let shown: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
    shown.join(", ")
}

/// Without the names of DataFusion's own layers, and without a backtrace.
fn told(error: &DataFusionError) -> String {
    let root = error.find_root();
    match root {
        DataFusionError::ResourcesExhausted(_) => {
            "the query needs more memory than it may have, and cannot go on on disk: allow it more with --memory, or ask by fewer columns".into()
        }
        _ => root.strip_backtrace(),
    }
}

/// How logs are read.
#[derive(Clone, Debug)]
pub struct Options {
    /// So many files are read at once.
    pub threads: usize,
    /// So many bytes may queries keep before they go on on disk.
    pub memory: usize,
    /// How each file is read.
    pub reading: Reading,
    /// The scheduler of a cluster that answers: `df://HOST:PORT`.
    pub cluster: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            memory: 128 << 20,
            reading: Reading::default(),
            cluster: None,
        }
    }
}

/// Logs, ready to be asked.
pub struct Trail {
    session: SessionContext,
    input: Arc<Input>,
    index: Option<Index>,
    collected: Arc<Collected>,
    on_cluster: bool,
}

impl Trail {
    /// Opens log files, folders of them, or one index.
    ///
    /// # Errors
    /// That there is nothing of the kind.
    pub async fn open(paths: &[PathBuf], options: &Options) -> Result<Trail, Error> {
        let session = match &options.cluster {
            #[cfg(feature = "cluster")]
            Some(url) => crate::cluster::session(url, options.threads)?,
            #[cfg(not(feature = "cluster"))]
            Some(_) => return Err(Error::NoCluster),
            None => session(options)?,
        };
        let collected = Arc::<Collected>::default();
        if let [one] = paths
            && let Some(index) = Index::at(one)?
        {
            index.register(&session).await?;
            return Ok(Trail {
                session,
                input: Arc::default(),
                index: Some(index),
                collected,
                on_cluster: false,
            });
        }
        let input = Input::find(paths)?;
        if input.files.is_empty() {
            return Err(Error::Empty(paths.to_vec()));
        }
        for table in Table::ALL {
            let logs = |copies| {
                Arc::new(Logs {
                    table,
                    input: input.clone(),
                    reading: options.reading.clone(),
                    collected: collected.clone(),
                    copies,
                    spread: options.cluster.is_some(),
                })
            };
            session.register_table(table.name_of_copies(), logs(true))?;
            match options.cluster {
                #[cfg(feature = "cluster")]
                Some(_) => {
                    let once = session.sql(&crate::cluster::once(table)).await?;
                    session.register_table(table.name(), once.into_view())?;
                }
                _ => {
                    session.register_table(table.name(), logs(false))?;
                }
            }
        }
        Ok(Trail {
            session,
            input,
            index: None,
            collected,
            on_cluster: options.cluster.is_some(),
        })
    }

    /// A query, which reads and changes nothing.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn sql(&self, query: &str) -> Result<DataFrame, Error> {
        let only_reads = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        Ok(self.session.sql_with_options(query, only_reads).await?)
    }

    /// The answer to a query.
    ///
    /// # Errors
    /// What is wrong with it, or with what it reads.
    pub async fn ask(&self, query: &str) -> Result<Vec<RecordBatch>, Error> {
        Ok(self.sql(query).await?.collect().await?)
    }

    /// The session.
    pub fn session(&self) -> &SessionContext {
        &self.session
    }

    /// The files that are asked; none of an index.
    pub fn input(&self) -> &Arc<Input> {
        &self.input
    }

    /// The index that is asked.
    pub fn index(&self) -> Option<&Index> {
        self.index.as_ref()
    }

    /// What was read by the queries since it was last asked for. On a cluster the executors know, and are asked.
    ///
    /// # Errors
    /// When they give no answer.
    pub async fn report(&self) -> Result<Report, Error> {
        let mut report = Part::together(self.collected.take());
        // What an index lacks, every answer of it lacks.
        for path in self.index.iter().flat_map(Index::unread) {
            report.add_problem(Problem {
                path: path.clone(),
                offset: None,
                what: "it could not be read in whole when the index was made".into(),
            });
        }
        if !self.on_cluster {
            return Ok(report);
        }
        let found = self
            .ask("SELECT file, file_offset, what FROM problems ORDER BY file, file_offset")
            .await?;
        for row in each(&found) {
            report.add_problem(Problem {
                path: row.text(0).unwrap_or_default().into(),
                offset: row.number(1).and_then(|at| u64::try_from(at).ok()),
                what: row.text(2).unwrap_or_default(),
            });
        }
        let places = self
            .input
            .files
            .iter()
            .filter(|file| file.kind == Kind::Log);
        for place in places.filter_map(|file| file.place.as_ref()) {
            let of_place = (place.account.clone(), place.region.clone());
            report
                .coverage
                .entry(of_place)
                .or_default()
                .insert(place.date);
        }
        Ok(report)
    }
}

/// A session whose queries stay within their memory.
///
/// # Errors
/// When there is no place for what goes to disk.
pub(crate) fn session(options: &Options) -> Result<SessionContext, DataFusionError> {
    let config = SessionConfig::new()
        .with_information_schema(true)
        .with_target_partitions(options.threads);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(options.memory)))
        .build_arc()?;
    Ok(SessionContext::new_with_config_rt(config, runtime))
}
