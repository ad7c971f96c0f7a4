//! Stories an operator would tell, on the model AWS and virtual time.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

mod article;
mod drift;
mod faults;
