//! A way to AWS that is slow, half open, or breaks off in the middle: the process stays alive and answers, and once the way is
//! good again everything is as if it had always been.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hatoba_tests::wait::until;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::fleet::Home;
use crate::process::{LONG, page};
use crate::rounds::{Trial, number};

/// Longer than a call may take is [`Way::Silent`]'s; this is slower than any call here.
const DELAY: Duration = Duration::from_secs(2);
/// Between two pieces of an answer that drips.
const DRIP: Duration = Duration::from_millis(30);
const DRIP_BYTES: usize = 64;
/// A page that is asked for is there within so long, whatever AWS does; the machine may be busy.
const PAGE_MAX: Duration = Duration::from_secs(5);

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Way {
    Good,
    /// Answers come late.
    Late,
    /// Answers come a few bytes at a time.
    Drips,
    /// Connections are taken, requests read and carried out, and nothing ever comes back.
    Silent,
    /// Connections are taken, and nobody reads.
    HalfOpen,
    /// Answers break off in the middle.
    BreaksOff,
    /// Connections are closed at once.
    Closed,
}

const WAYS: [Way; 6] = [Way::Late, Way::Drips, Way::Silent, Way::HalfOpen, Way::BreaksOff, Way::Closed];

/// A proxy that can be made bad.
struct Proxy {
    address: SocketAddr,
    way: Arc<AtomicU8>,
    /// Requests, or connections where none is read, that met a bad way.
    met: Arc<AtomicUsize>,
    stop: CancellationToken,
    _running: DropGuard,
}

impl Proxy {
    async fn start(aws: SocketAddr) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (way, met, stop) =
            (Arc::new(AtomicU8::new(0)), Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let (ways, meets, stopped) = (Arc::clone(&way), Arc::clone(&met), stop.clone());
        let accept = async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, aws, Arc::clone(&ways), Arc::clone(&meets)));
            }
        };
        tokio::spawn(async move { stopped.run_until_cancelled(accept).await });
        Proxy { address, way, met, _running: stop.clone().drop_guard(), stop }
    }

    fn turn(&self, way: Way) {
        assert!(!self.stop.is_cancelled());
        self.met.store(0, Ordering::SeqCst);
        self.way.store(way as u8, Ordering::SeqCst);
    }
}

fn now(way: &AtomicU8) -> Way {
    let number = way.load(Ordering::SeqCst);
    WAYS.into_iter().find(|way| *way as u8 == number).unwrap_or(Way::Good)
}

/// One connection, until either side leaves.
async fn carry(client: TcpStream, aws: SocketAddr, way: Arc<AtomicU8>, met: Arc<AtomicUsize>) {
    match now(&way) {
        Way::Closed => {
            met.fetch_add(1, Ordering::SeqCst);
            return;
        }
        Way::HalfOpen => {
            met.fetch_add(1, Ordering::SeqCst);
            // Nothing is read and nothing sent; it is over when the other side has left.
            while client.readable().await.is_ok() {
                if client.peek(&mut [0]).await.is_ok_and(|bytes| bytes == 0) {
                    return;
                }
                tokio::time::sleep(DRIP).await;
            }
            return;
        }
        _ => {}
    }
    let Ok(server) = TcpStream::connect(aws).await else { return };
    client.set_nodelay(true).ok();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        biased;
        () = forth(from_client, to_server) => {}
        () = back(from_server, to_client, &way, &met) => {}
    }
}

async fn forth(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let _ = tokio::io::copy(&mut from, &mut to).await;
}

/// The answers, as the way is when each begins.
async fn back(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, way: &AtomicU8, met: &AtomicUsize) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        let way = now(way);
        if way != Way::Good {
            met.fetch_add(1, Ordering::SeqCst);
        }
        let answer = &bytes[..read];
        let sent = match way {
            Way::Good | Way::Closed | Way::HalfOpen => to.write_all(answer).await,
            Way::Late => {
                tokio::time::sleep(DELAY).await;
                to.write_all(answer).await
            }
            Way::Drips => drip(&mut to, answer).await,
            Way::Silent => Ok(()),
            Way::BreaksOff => {
                let _ = to.write_all(&answer[..read / 2]).await;
                return;
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

async fn drip(to: &mut OwnedWriteHalf, answer: &[u8]) -> std::io::Result<()> {
    for piece in answer.chunks(DRIP_BYTES) {
        to.write_all(piece).await?;
        tokio::time::sleep(DRIP).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_way_to_aws_does_the_end_is_the_same() {
    let seed = number("HATOBA_PROCESS_SEED", 0) + 300;
    let mut trial = Trial::begin(seed, |_| Home::folder(), &[]).await;
    let proxy = Proxy::start(trial.aws.address).await;
    let daemon = trial.start_on(proxy.address);
    let shown = daemon.page().await;
    let mut ways = WAYS;
    trial.dice.shuffle(&mut ways);
    for way in ways {
        // The change is under way when the way turns bad, or is still to be seen.
        trial.change();
        let moment = trial.moment(0, 2);
        tokio::time::sleep(moment).await;
        proxy.turn(way);
        trial.change();
        trial.note(format!("{way:?}"));
        until(&format!("{way:?} is met"), LONG, async || proxy.met.load(Ordering::SeqCst) >= 5).await;
        for path in ["/healthz", "/", "/api/v1/status"] {
            let begun = Instant::now();
            assert_eq!(page(shown, path).await.status, 200, "{path} while it is {way:?}; {}", trial.told());
            assert!(begun.elapsed() < PAGE_MAX, "{path} took {:?} while it is {way:?}", begun.elapsed());
        }
        proxy.turn(Way::Good);
    }
    trial.assert_settles(&daemon).await;
    daemon.terminate().await;
}
