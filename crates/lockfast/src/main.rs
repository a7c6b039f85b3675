//! lockfast
fn main() {}
