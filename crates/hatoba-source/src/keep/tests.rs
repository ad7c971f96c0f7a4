//! What a bucket holds of ours. The folder's stories are told where statuses are: in the engine.

use super::*;
use crate::bucket::tests::{FakeS3, location};

fn shelf(s3: &FakeS3) -> Keep {
    Keep::bucket(s3.bucket(), location("s3://docs/.hatoba/prod"))
}

#[tokio::test(start_paused = true)]
async fn a_document_is_replaced_read_listed_and_removed() {
    let s3 = FakeS3::default();
    let keep = shelf(&s3);
    assert_eq!(keep.read("status/VpcLink/a.json", 10).await.unwrap(), None);
    let first = keep.replace("status/VpcLink/a.json", b"{}".to_vec()).await.unwrap();
    let second = keep.replace("status/VpcLink/a.json", b"{ }".to_vec()).await.unwrap();
    assert_ne!(first, second);
    assert_eq!(
        keep.read("status/VpcLink/a.json", 10).await.unwrap(),
        Some((b"{ }".to_vec(), second.clone()))
    );
    assert!(matches!(
        keep.read("status/VpcLink/a.json", 2).await,
        Err(KeepError::Bucket(StoreError::TooLarge { .. }))
    ));
    for stranger in [
        "status/readme.txt",
        "status/VpcLink/readme.txt",
        "status/a/b/c.json",
        "status/../x.json",
        "lease.json",
    ] {
        s3.put(&format!(".hatoba/prod/{stranger}"), b"mine");
    }
    s3.put(".hatoba/production/status/VpcLink/b.json", b"{}");
    assert_eq!(
        keep.list("status").await.unwrap(),
        BTreeMap::from([("status/VpcLink/a.json".to_owned(), second)])
    );
    keep.remove("status/VpcLink/a.json").await.unwrap();
    keep.remove("status/VpcLink/a.json").await.unwrap();
    assert!(keep.list("status").await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_bucket_denies_may_be_mended_and_what_a_folder_denies_not() {
    let s3 = FakeS3::default();
    s3.deny("PUT ");
    let error = shelf(&s3).replace("heartbeat.json", Vec::new()).await.unwrap_err();
    assert!(error.concerns_all() && !error.is_final(), "{error}");
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join(".hatoba"), "a file").unwrap();
    let keep = Keep::folder(root.path().join(".hatoba"));
    let error = keep.replace("heartbeat.json", Vec::new()).await.unwrap_err();
    assert!(error.is_final(), "{error}");
}
