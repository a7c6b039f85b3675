//! The table of what could not be read.

use super::columns::{Cell, table};
use lockfast_cloudtrail::Problem;

pub(super) struct Row<'a> {
    pub(super) problem: &'a Problem,
}

table! { Row:
    "file" Text "The file." => |row| Cell::Text(Some(row.problem.path.to_string_lossy())),
    "file_offset" Number "Where in it: the byte of the file's text, after inflation." => |row| Cell::Number(row.problem.offset.and_then(|at| i64::try_from(at).ok())),
    "what" Text "What is wrong." => |row| Cell::text(Some(&row.problem.what)),
}
