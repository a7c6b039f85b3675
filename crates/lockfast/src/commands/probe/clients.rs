//! `--simulate-clients`.
use anyhow::Result;
use lockfast_snapshot::Found;
pub(super) struct Tightened;
pub(super) fn tightened(_: Option<&str>) -> Result<Option<Tightened>> {
    Ok(None)
}
pub(super) fn print(_: &[Found], _: &Tightened) -> Result<()> {
    Ok(())
}
