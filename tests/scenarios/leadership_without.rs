//! The lease object is out of reach: the work goes on, loudly, and by the lease again as soon as it answers.

use std::time::Duration;

use hatoba_engine::{LeadershipShown, Picture as _};
use hatoba_tests::board::LeaseBoard;
use hatoba_tests::{ARTICLE, Harbour};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const MINUTE: Duration = Duration::from_secs(60);

/// What a lease object may do that makes it useless.
type Trouble = fn(&LeaseBoard);

/// Each, and after how many seconds a process that starts then goes on at the latest.
const TROUBLES: [(&str, Trouble, u64); 3] = [
    ("nobody reaches it", |board| board.is_down(true), 62),
    ("every call takes 4 s", |board| board.takes(Duration::from_secs(4)), 66),
    ("it can be read and not written", |board| board.denies_writes(true), 32),
];

fn mend(board: &LeaseBoard) {
    board.is_down(false);
    board.takes(Duration::ZERO);
    board.denies_writes(false);
}

fn competing(board: &LeaseBoard) -> Harbour {
    let mut harbour = Harbour::new();
    harbour.compete(board, "first");
    harbour.start(ARTICLE);
    harbour
}

fn shows_it(harbour: &Harbour) -> bool {
    let shown = harbour.engine.picture();
    let said = shown.notices.iter().any(|notice| notice.reason.as_str() == "LeaseUnreachable");
    assert_eq!(said, shown.leadership == LeadershipShown::WithoutLease, "{:?}", shown.leadership);
    said
}

#[tokio::test(start_paused = true)]
async fn a_lease_out_of_reach_stops_no_work_and_is_competed_for_when_it_answers() {
    for (story, trouble, latest) in TROUBLES {
        let board = LeaseBoard::default();
        trouble(&board);
        let first = competing(&board);
        first.wait(Duration::from_secs(20)).await;
        assert!(!first.engine.leads() && !shows_it(&first), "{story}: not at once");
        assert!(!first.engine.is_ready(), "{story}: it neither writes nor knows who does");
        first.wait(Duration::from_secs(latest - 20)).await;
        assert!(first.engine.leads() && shows_it(&first), "{story}: {:?}", first.engine.picture().leadership);
        assert!(first.engine.is_ready() && first.engine.picture().leader, "{story}");
        assert!(first.engine.metrics_text().contains("\nhatoba_leader 1\n"), "{story}");
        first.converge(TEN_MINUTES).await;
        first.assert_the_article_stands(story);
        for _ in 0..300 {
            first.wait(Duration::from_secs(1)).await;
            assert!(first.engine.leads() && shows_it(&first), "{story}: for as long as it lasts");
        }
        mend(&board);
        for _ in 0..150 {
            first.wait(Duration::from_millis(100)).await;
            assert!(first.engine.leads(), "{story}: without a gap");
        }
        assert!(!shows_it(&first), "{story}: by the lease again");
        assert_eq!(board.record().map(|record| record.holder.host).as_deref(), Some("first"), "{story}");
    }
}

/// Whoever leads may have lost it, too: both go on, one of each stands, and one leads when it is back.
#[tokio::test(start_paused = true)]
async fn a_leader_and_a_standby_that_both_lose_it_go_on_and_one_leads_again() {
    for (story, trouble, _) in TROUBLES {
        let board = LeaseBoard::default();
        let first = competing(&board);
        let mut second = first.neighbour();
        second.compete(&board, "second");
        second.start(ARTICLE);
        first.wait(Duration::from_secs(10)).await;
        assert!(first.engine.leads() && !second.engine.leads());
        trouble(&board);
        let mut nobody = 0;
        for _ in 0..180 {
            first.wait(Duration::from_secs(1)).await;
            nobody += u32::from(!first.engine.leads() && !second.engine.leads());
        }
        assert!((15..80).contains(&nobody), "{story}: for {nobody} s nobody wrote");
        assert!(shows_it(&first), "{story}: {:?}", first.engine.picture().leadership);
        first.converge(TEN_MINUTES).await;
        first.assert_the_article_stands(story);
        mend(&board);
        first.wait(MINUTE).await;
        assert!(first.engine.leads() != second.engine.leads(), "{story}: one leads again");
        assert!(!shows_it(&first) && !shows_it(&second), "{story}");
        assert!(first.engine.is_ready() && second.engine.is_ready(), "{story}: a leader and a warm standby");
        first.wait(MINUTE).await;
        first.assert_the_article_stands(story);
    }
}

/// Who only cannot write finds out by reading that another one leads, and stands by; also after it went on alone.
#[tokio::test(start_paused = true)]
async fn who_sees_that_another_leads_stands_by() {
    let board = LeaseBoard::default();
    board.is_down(true);
    let alone = competing(&board);
    alone.wait(MINUTE + MINUTE).await;
    assert!(alone.engine.leads());
    let mut other = alone.neighbour();
    mend(&board);
    other.compete(&board, "other");
    other.start(ARTICLE);
    other.wait(Duration::from_secs(12)).await;
    assert!(alone.engine.leads() != other.engine.leads(), "one of them was first");
}

/// A process that was stopped while the object was out of reach knows nothing of that time.
#[tokio::test(start_paused = true)]
async fn who_was_stopped_meanwhile_waits_for_the_whole_minute_again() {
    let board = LeaseBoard::default();
    board.is_down(true);
    let first = competing(&board);
    first.wait(Duration::from_secs(40)).await;
    first.freeze(true);
    first.wait(TEN_MINUTES).await;
    first.freeze(false);
    first.wait(Duration::from_secs(50)).await;
    assert!(!first.engine.leads());
    first.wait(Duration::from_secs(20)).await;
    assert!(first.engine.leads());
    first.freeze(true);
    first.wait(MINUTE).await;
    assert!(!first.engine.leads(), "what was begun so ends by itself");
}
