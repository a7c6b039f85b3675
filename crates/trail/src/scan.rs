//! The scan of log files as a table of DataFusion.

use crate::filter::Look;
use crate::input::Input;
use crate::tables::{Batches, Table};
use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
    SendableRecordBatchStream,
};
use lockfast_cloudtrail::{Needle, Part, Reader, Reading, Seen};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What was read by all scans of a session.
#[derive(Debug, Default)]
pub(crate) struct Collected(Mutex<Vec<Part>>);

impl Collected {
    fn add(&self, part: Part) {
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.push(part);
    }

    /// Takes it.
    pub(crate) fn take(&self) -> Vec<Part> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A table of log files.
#[derive(Debug)]
pub(crate) struct Logs {
    pub(crate) table: Table,
    pub(crate) input: Arc<Input>,
    pub(crate) reading: Reading,
    pub(crate) collected: Arc<Collected>,
    /// Whether each copy of an event is a row.
    pub(crate) copies: bool,
    /// Whether partitions may run in several processes.
    pub(crate) spread: bool,
}

#[async_trait]
impl TableProvider for Logs {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let look = Look::new(self.table, filters);
        let files = self.input.files.iter().enumerate();
        let wanted = files.filter(|(_, file)| look.wants(file.place.as_ref()));
        let wanted: Vec<usize> = wanted.map(|(index, _)| index).collect();
        self.input.wanted(wanted.len() as u64);
        let projection = match projection {
            Some(projection) => projection.clone(),
            None => (0..self.table.columns().len()).collect(),
        };
        let partitions = state.config().target_partitions();
        Ok(Arc::new(Scan::new(Plan {
            table: self.table,
            input: self.input.clone(),
            reading: self.reading.clone(),
            collected: self.collected.clone(),
            copies: self.copies,
            share: match self.spread {
                true => Share::Fixed,
                false => Share::Next,
            },
            needles: look.needles,
            wanted,
            projection,
            limit,
            partitions: partitions.max(1),
        })?))
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}

/// Which files a partition reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// The next that none has taken, as long as there are any.
    Next,
    /// Those of its number: whoever runs another partition is elsewhere, and may run this one again.
    Fixed,
}

/// What a scan is to read.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) table: Table,
    pub(crate) input: Arc<Input>,
    pub(crate) reading: Reading,
    pub(crate) collected: Arc<Collected>,
    pub(crate) copies: bool,
    pub(crate) share: Share,
    pub(crate) needles: Vec<String>,
    /// The numbers of the files that can hold anything.
    pub(crate) wanted: Vec<usize>,
    pub(crate) projection: Vec<usize>,
    pub(crate) limit: Option<usize>,
    pub(crate) partitions: usize,
}

/// What the partitions of one execution share: each takes the next file that none has taken, and each event is counted by
/// whichever meets it first.
#[derive(Debug, Default)]
struct Shared {
    next: AtomicUsize,
    seen: Seen,
}

/// A scan of log files.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) plan: Plan,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    shared: Arc<Shared>,
}

impl Scan {
    pub(crate) fn new(plan: Plan) -> Result<Scan> {
        let schema: SchemaRef = Arc::new(plan.table.schema().project(&plan.projection)?);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema.clone()),
            Partitioning::UnknownPartitioning(plan.partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Scan {
            plan,
            schema,
            properties: Arc::new(properties),
            shared: Arc::default(),
        })
    }
}

impl DisplayAs for Scan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "TrailScan: table={}, files={}/{}, needles=[{}]",
            self.plan.table.name(),
            self.plan.wanted.len(),
            self.plan.input.files.len(),
            self.plan.needles.join(", ")
        )
    }
}

impl ExecutionPlan for Scan {
    fn name(&self) -> &'static str {
        "TrailScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.is_empty() {
            true => Ok(self),
            false => internal_err!("a scan has no children"),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Scan::new(self.plan.clone())?))
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition >= self.plan.partitions {
            return internal_err!("a scan has no partition {partition}");
        }
        // A partition that is ahead of whoever takes its batches waits.
        let mut stream = RecordBatchReceiverStream::builder(self.schema.clone(), 2);
        let send = stream.tx();
        let (plan, shared, schema) = (self.plan.clone(), self.shared.clone(), self.schema.clone());
        stream.spawn_blocking(move || {
            let needles: Vec<Needle> = plan.needles.iter().map(Needle::new).collect();
            let mut reader = Reader::new(&plan.reading, &needles);
            let mut batches = Batches::new(plan.table.columns(), &plan.projection, schema);
            let mut rows_left = plan.limit.unwrap_or(usize::MAX);
            let mut own = partition;
            loop {
                let next = match plan.share {
                    Share::Next => shared.next.fetch_add(1, Ordering::Relaxed),
                    Share::Fixed => {
                        let next = own;
                        own += plan.partitions;
                        next
                    }
                };
                let Some(&index) = plan.wanted.get(next) else {
                    break;
                };
                let went = reader.file(index, &plan.input.files[index], |record| {
                    let id = record.event.id.as_deref();
                    if plan.copies || id.is_none_or(|id| shared.seen.is_new(id)) {
                        plan.table.rows(&record, &mut batches);
                    }
                    for batch in batches.take() {
                        rows_left = rows_left.saturating_sub(batch.num_rows());
                        // Nobody listens any more.
                        if send.blocking_send(Ok(batch)).is_err() || rows_left == 0 {
                            return ControlFlow::Break(());
                        }
                    }
                    ControlFlow::Continue(())
                });
                if plan.table == Table::Problems {
                    Table::problems(&reader.take_problems(), &mut batches);
                }
                plan.input.done();
                if went.is_break() {
                    break;
                }
            }
            batches.flush();
            for batch in batches.take() {
                let _ = send.blocking_send(Ok(batch));
            }
            plan.collected.add(reader.done());
            Ok::<_, DataFusionError>(())
        });
        Ok(stream.build())
    }
}
