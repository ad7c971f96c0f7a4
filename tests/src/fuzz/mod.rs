//! What fuzzing calls: one function for each target, which takes arbitrary bytes and panics where a promise is broken.
//!
//! `tests/fuzz/` has the entries for libFuzzer and the corpus; `tests/fuzz.rs` replays the corpus with the usual
//! compiler, so that what was found once stays found. A promise is more than that nothing panics: what is printed
//! reads back as the same, what is refused is said at a place within the text, and nothing is lost on the way.

mod differences;
mod documents;
mod kept;
mod listings;
mod marks;
mod raw;
mod requests;
mod state;
pub mod worst;

/// One target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is also that of the folder of its corpus.
    pub name: &'static str,
    /// What is done with each input.
    pub body: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 6] = [
    Target { name: "documents", body: documents::documents },
    Target { name: "listings", body: listings::listings },
    Target { name: "kept", body: kept::kept },
    Target { name: "marks", body: marks::marks },
    Target { name: "differences", body: differences::differences },
    Target { name: "requests", body: requests::requests },
];

pub use differences::differences;
pub use documents::documents;
pub use kept::kept;
pub use listings::listings;
pub use marks::marks;
pub use requests::requests;
