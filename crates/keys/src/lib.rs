//! The keys of an inventory: what hangs on them, what stops when one goes, which nobody needs, and when they are due to
//! rotate. Pure functions over facts.
#![deny(missing_docs)]

mod effect;
mod readers;
mod ring;
mod rotation;
mod twins;
mod unused;

pub use effect::{Effect, Pace, effect_of};
pub use readers::{Reading, reading_of};
pub use ring::{Dependent, DependentView, Key, Ring};
pub use rotation::{Due, Kind as RotationKind, Mend, PERIODS, Rotation, rotation};
pub use twins::Twins;
pub use unused::{LastUse, Use, use_of};
