//! Stories an operator would tell, on the model AWS and virtual time.

mod article;
mod crashes;
mod documents;
mod drift;
mod faults;
mod plan;
mod prune;
mod setbacks;
mod twins;
