//! Whole records, of servers that are real and of servers that nobody would want to meet. All on 127.0.0.1.
#![allow(clippy::unwrap_used)]

mod databases;
mod derived;
mod dns;
mod hostile;
mod https;
mod many;
mod proxies;
mod redirects;
mod support;
mod written;
