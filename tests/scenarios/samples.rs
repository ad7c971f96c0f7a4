//! Every shipped sample converges, and rests.

use std::fs;
use std::path::Path;
use std::time::Duration;

use hatoba_tests::{Harbour, root, snapshot_of};

/// The samples by folder, each with its files by name.
fn samples() -> Vec<(String, Vec<(String, String)>)> {
    let root = root().join("deploy/samples");
    let mut samples = Vec::new();
    for folder in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let text = |path: &Path| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap())
        };
        let mut files: Vec<(String, String)> = files.map(|path| text(&path)).collect();
        files.sort();
        samples.push((folder.file_name().unwrap().to_string_lossy().into_owned(), files));
    }
    samples.sort();
    samples
}

#[tokio::test(start_paused = true)]
async fn every_sample_converges_and_rests() {
    let samples = samples();
    assert!(samples.len() >= 5, "{samples:#?}");
    for (name, files) in samples {
        let mut harbour = Harbour::new();
        harbour.start_from(snapshot_of(files));
        let held = harbour.engine.picture().source.invalid;
        assert_eq!(held, 0, "{name}: {}", harbour.describe());
        harbour.converge(Duration::from_secs(1_200)).await;
        harbour.wait(Duration::from_secs(120)).await;
        harbour.clear_calls();
        harbour.wait(Duration::from_secs(700)).await;
        assert_eq!(harbour.write_names(), [""; 0], "{name}");
    }
}
