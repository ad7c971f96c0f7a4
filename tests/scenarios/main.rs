//! Stories an operator would tell, on the model AWS and virtual time.

mod article;
mod drift;
mod faults;
mod setbacks;
mod twins;
