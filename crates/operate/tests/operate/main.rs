//! Requests from asking to the end, on a service that is made up.

mod interleavings;
mod signatures;
mod workflow;
mod world;
