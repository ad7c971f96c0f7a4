//! A bucket that is full, full of rubbish, read by halves, or swept clean of what lies beside the source.

use std::time::Duration;

use hatoba_tests::ARTICLE;

use crate::bucket::{BUCKET, Dock, POLL};
use crate::crashes::assert_nothing_was_made_twice;
use crate::prune::MINUTE;

const TEN_MINUTES: Duration = Duration::from_secs(600);
/// Objects that are documents by their names.
const FILES: usize = 5_000;
/// What one page of a listing holds.
const PAGE: usize = 1_000;

impl Dock {
    fn put_bytes(&self, name: &str, bytes: &[u8]) {
        self.harbour.world().put_object(BUCKET, &format!("prod/{name}"), bytes.to_vec());
    }

    /// Calls to S3 since the log was cleared: lists, and objects read.
    fn listed_and_read(&self) -> (usize, usize) {
        (self.harbour.count("s3.ListObjectsV2").0, self.harbour.count("s3.GetObject").0)
    }

    /// A poll whose listing breaks off after its first page.
    async fn poll_half(&mut self) {
        self.harbour.clear_calls();
        let harbour = &self.harbour;
        let source = &mut self.source;
        let break_off = async {
            while harbour.count("s3.ListObjectsV2").0 == 0 {
                harbour.wait(Duration::from_millis(1)).await;
            }
            harbour.world().faults().fail("s3.ListObjectsV2", usize::MAX, 500, "InternalError", "no");
        };
        let (found, ()) = tokio::join!(source.poll(), break_off);
        harbour.world().faults().clear();
        let error = found.expect_err("half a listing is none");
        harbour.engine.accept_error(hatoba_core::Cause::new(error.reason(), error.to_string()));
    }
}

#[tokio::test(start_paused = true)]
async fn five_thousand_objects_are_read_once_and_rubbish_among_them_is_named_or_passed_over() {
    let mut dock = Dock::new();
    for number in 0..FILES {
        let name = format!("n{number}");
        let text =
            format!("apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: {name} }}\nspec: {{}}\n");
        dock.put_bytes(&format!("shop-{}/{name}.yaml", number % 7), text.as_bytes());
    }
    // Passed over by their names: what consoles leave for folders, what steps out of the prefix, other suffixes.
    for key in
        ["shop-0/", "folder.yaml/", "../up.yaml", "a/../b.yaml", ".git/a.yaml", "notes.txt", "a.yaml.gz"]
    {
        dock.put_bytes(key, b"kind: [");
    }
    // Documents by their names, and none in them.
    dock.put_bytes("empty.yaml", b"");
    dock.put_bytes("not-utf-8.yaml", b"kind: \xff\xfe");
    dock.put_bytes("bell\u{7}.yaml", b"# never read");
    dock.harbour.clear_calls();

    let first = dock.source.poll().await.unwrap();
    assert_eq!(first.documents.len(), FILES);
    let unreadable: Vec<&str> = first.unreadable.iter().map(|file| file.file.as_str()).collect();
    assert_eq!(unreadable, ["bell\\u{7}.yaml", "empty.yaml", "not-utf-8.yaml"]);
    let pages = dock.keys("prod/").len().div_ceil(PAGE);
    assert_eq!(dock.listed_and_read(), (pages, FILES + 2), "and nothing that is no document");

    for _ in 0..3 {
        dock.harbour.clear_calls();
        let next = dock.source.poll().await.unwrap();
        assert_eq!((next.revision, next.documents.len()), (first.revision.clone(), FILES));
        assert_eq!(dock.listed_and_read(), (pages, 0), "unchanged objects cost their lists");
    }
    dock.put_bytes("shop-3/n3.yaml", b"# n3 goes\n");
    dock.harbour.clear_calls();
    assert_eq!(dock.source.poll().await.unwrap().documents.len(), FILES - 1);
    assert_eq!(dock.listed_and_read(), (pages, 1), "a changed one is read");
}

/// The listing gets to its first page, in which no document of ours is, and breaks off there for a quarter of an hour.
#[tokio::test(start_paused = true)]
async fn half_a_listing_of_five_thousand_deletes_nothing() {
    let mut dock = Dock::new();
    for number in 0..FILES - 8 {
        // These come before the article's in the listing's order.
        dock.put_bytes(&format!("0/{number:04}.yaml"), b"# nothing is meant here\n");
    }
    dock.upload(|_| true);
    let first = dock.source.poll().await.unwrap();
    assert_eq!((first.files, first.documents.len()), (FILES, 8));
    dock.harbour.start_from(first);
    dock.harbour.converge(TEN_MINUTES).await;
    dock.harbour.wait(2 * MINUTE).await;
    let before = dock.harbour.engine.statuses();
    let made = dock.harbour.engine.picture().events.len();
    for _ in 0..60 {
        dock.poll_half().await;
        dock.harbour.wait(POLL).await;
    }
    let shown = dock.harbour.engine.picture();
    let error = shown.source.error.map(|cause| cause.reason.to_string());
    assert_eq!(error.as_deref(), Some("BucketUnanswered"));
    assert_eq!(
        (shown.events.len(), dock.held().len()),
        (made, 0),
        "nothing was written, nothing counts as gone"
    );
    assert!(shown.source.files == FILES && dock.harbour.engine.statuses() == before, "what was known stands");
    dock.poll().await;
    dock.harbour.wait(MINUTE).await;
    dock.harbour.assert_the_article_stands("read by halves for a while");
    assert_eq!(dock.harbour.engine.picture().events.len(), made);
}

/// Somebody sweeps `.hatoba/` every second while everything is made, and the process dies now and then.
#[tokio::test(start_paused = true)]
async fn statuses_that_are_swept_away_while_documents_come_double_and_lose_nothing() {
    for is_killed in [false, true] {
        let story = format!("statuses swept away, killed: {is_killed}");
        let mut dock = Dock::new();
        let documents: Vec<&str> = ARTICLE.split("\n---\n").collect();
        dock.put("0.yaml", documents[0]);
        let first = dock.source.poll().await.unwrap();
        dock.harbour.start_from(first);
        for second in 1..=240_usize {
            // One more every ten seconds, before what stood is done.
            if second % 10 == 0
                && let Some(text) = documents.get(second / 10)
            {
                dock.put(&format!("{}.yaml", second / 10), text);
                dock.poll().await;
            }
            dock.harbour.wait(Duration::from_secs(1)).await;
            dock.sink.write(&dock.harbour.engine.statuses()).await;
            for key in dock.keys(".hatoba/") {
                dock.harbour.world().delete_object(BUCKET, &key);
            }
            if is_killed && second % 37 == 0 {
                dock.restart().await;
            }
        }
        dock.poll().await;
        dock.harbour.converge(TEN_MINUTES).await;
        dock.minutes(15).await;
        dock.harbour.assert_the_article_stands(&story);
        assert_nothing_was_made_twice(&dock.harbour, &story);
        let (writes, _) = dock.writes();
        assert!(writes.iter().all(|write| !write.contains(".Delete")), "{story}: {writes:?}");
        assert_eq!(dock.held(), [""; 0], "{story}");
        assert_eq!(dock.keys(".hatoba/prod/status/").len(), 8, "{story}: they are back");
    }
}
