//! Looks over a model file system (time is a parameter, nothing sleeps), and walks over a real one.

mod disk;
mod model;
