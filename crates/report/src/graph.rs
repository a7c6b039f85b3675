//! stub
#![allow(missing_docs)]
pub struct Graph {
    pub title: String,
    pub columns: Vec<String>,
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
    pub notes: Vec<String>,
}
pub struct Node {
    pub column: usize,
    pub label: String,
    pub group: String,
    pub tone: Tone,
    pub details: Vec<(String, String)>,
}
#[derive(Clone, Copy)]
pub enum Tone {
    Plain,
    Good,
    Warn,
    Bad,
    Unknown,
}
pub struct Edge {
    pub from: usize,
    pub to: usize,
    pub label: String,
    pub certain: bool,
}
pub fn dot(_: &Graph) -> String {
    String::new()
}
pub fn svg(_: &Graph) -> String {
    String::new()
}
pub fn html(_: &Graph) -> String {
    String::new()
}
