//! Requests from asking to the end, on a service that is made up.

mod approvals;
mod clocks;
mod interleavings;
mod signatures;
mod workflow;
mod world;
