//! Writes the records of CloudTrail's files one on a line, for tools that read such lines: `… --example ndjson -- FOLDER…`.

use lockfast_cloudtrail::inflate::{self, Inflater};
use lockfast_cloudtrail::{files, split};
use std::io::{BufWriter, Write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folders: Vec<std::path::PathBuf> = std::env::args_os().skip(1).map(Into::into).collect();
    let mut out = BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    let mut inflater = Inflater::default();
    for file in files::find(&folders)?.files {
        let bytes = std::fs::read(&file.path)?;
        let text = match inflate::is_gzip(&bytes) {
            true => inflater.inflate(&bytes).text,
            false => &bytes,
        };
        for range in split::records(text) {
            out.write_all(&text[range?])?;
            out.write_all(b"\n")?;
        }
    }
    Ok(out.flush()?)
}
