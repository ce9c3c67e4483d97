//! What a watch tells: the store's history from a version on, one line per event, as late and as badly as the setup
//! says.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::kube_api::{Asked, KubeApi, shown};
use transfer_operator::fakes::api_server::Event;

/// How often a stream says that it is alive.
const BOOKMARKS: Duration = Duration::from_mins(1);
/// How long an event waits for the one that is to be told before it.
const OVERTAKEN: Duration = Duration::from_secs(10);

/// What the watches of one process went through.
#[derive(Debug, Default)]
pub struct Told {
    /// Faults that struck already, by name and version.
    struck: BTreeSet<(&'static str, u64)>,
    /// Kinds of which an event was dropped: they may not go on from where they were.
    holes: BTreeSet<String>,
    /// The history before this is forgotten.
    forgotten: u64,
}

struct Stream {
    api: Arc<KubeApi>,
    asked: Asked,
    /// The last version of the store that was looked at.
    told: u64,
    opened: Instant,
    ends: Instant,
    bookmark: Instant,
    lines: VecDeque<Value>,
    over: bool,
}

type Line = Result<Vec<u8>, std::io::Error>;

/// The body of the answer to a watch.
pub fn body(api: Arc<KubeApi>, asked: Asked, from: u64, span: Duration) -> axum::body::Body {
    let now = Instant::now();
    let (ends, bookmark) = (now + span, now + BOOKMARKS);
    let mut stream =
        Stream { api, asked, told: from, opened: now, ends, bookmark, lines: VecDeque::new(), over: false };
    stream.expired();
    axum::body::Body::from_stream(futures::stream::unfold(stream, |mut stream| async move {
        let line = stream.line().await?;
        Some((line, stream))
    }))
}

impl Stream {
    /// The next line, or an end.
    async fn line(&mut self) -> Option<Line> {
        loop {
            self.api.life.here().await;
            if let Some(broken) = self.trouble().await {
                return Some(Err(broken));
            }
            if let Some(line) = self.lines.pop_front() {
                let mut line = line.to_string().into_bytes();
                line.push(b'\n');
                return Some(Ok(line));
            }
            if self.over || Instant::now() >= self.ends {
                return None;
            }
            let api = Arc::clone(&self.api);
            let changed = api.world.changed.notified();
            if let Some(event) = self.next(self.told) {
                self.tell(event).await;
                continue;
            }
            self.told = self.told.max(self.api.world.api().version());
            let _ = tokio::time::timeout_at(self.wake(), changed).await;
            if Instant::now() >= self.bookmark {
                self.bookmark = Instant::now() + BOOKMARKS;
                self.mark();
            }
        }
    }

    /// When something happens even though nothing changes.
    fn wake(&self) -> Instant {
        let began = self.api.world.began;
        let cut = self.cut();
        let down = self.api.streams.down.map(|(from, _)| began + from).filter(|from| *from > Instant::now());
        [Some(self.ends), Some(self.bookmark), cut, down].into_iter().flatten().min().unwrap_or(self.ends)
    }

    /// When the stream breaks.
    fn cut(&self) -> Option<Instant> {
        let calm = self.api.world.calmed.load(Ordering::SeqCst);
        self.api.streams.broken_after.filter(|_| !calm).map(|span| self.opened + span)
    }

    /// What befalls the stream as a whole.
    async fn trouble(&self) -> Option<std::io::Error> {
        let (world, streams, id) = (&self.api.world, &self.api.streams, self.api.life.id);
        let met =
            |(from, to): (Duration, Duration)| self.opened < world.began + to && Instant::now() >= world.began + from;
        if streams.silent.is_some_and(met) {
            world.strike(&format!("r{id} the watch of {} falls silent", self.asked.key.0));
            std::future::pending::<()>().await;
        }
        if self.cut().is_some_and(|cut| cut <= Instant::now()) || streams.down.is_some_and(met) {
            world.strike(&format!("r{id} the watch of {} breaks", self.asked.key.0));
            return Some(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        }
        None
    }

    /// The event of our kind that follows a version.
    fn next(&self, version: u64) -> Option<Event> {
        let (kind, name) = &self.asked.key;
        let api = self.api.world.api();
        // Versions have no gaps, so they are places in the history.
        let after = api.history.get(usize::try_from(version).unwrap()..).unwrap_or_default();
        let ours = |event: &&Event| {
            event.key.0 == *kind && (name.namespace.is_empty() || event.key.1.namespace == name.namespace)
        };
        after.iter().find(ours).cloned()
    }

    async fn tell(&mut self, event: Event) {
        let api = Arc::clone(&self.api);
        let watching = &api.world.setup.watching;
        let version = event.version;
        let late = watching.delayed.get(&version).copied().filter(|_| self.strikes("delayed", version));
        tokio::time::sleep(late.unwrap_or_default() + watching.lag).await;
        if self.api.streams.forgotten.contains(&version) && self.strikes("forgotten", version) {
            self.api.told.lock().unwrap().forgotten = version;
            return self.expired();
        }
        self.told = version;
        if watching.dropped.contains(&version) && self.strikes("dropped", version) {
            self.api.told.lock().unwrap().holes.insert(self.asked.key.0.clone());
            return;
        }
        if self.api.streams.swapped.contains(&version) && self.strikes("swapped", version) {
            tokio::time::sleep(OVERTAKEN).await;
            // Of one object nothing is ever told in the wrong order: who took the older word for the newer one would
            // keep it until the next listing.
            if let Some(other) = self.next(version).filter(|other| other.key != event.key) {
                self.told = other.version;
                self.say(&other);
            }
        }
        self.say(&event);
        if watching.replayed.contains(&version) && self.strikes("replayed", version) {
            let mut from = 0;
            while let Some(event) = self.next(from).filter(|event| event.version <= version) {
                from = event.version;
                self.say(&event);
            }
        }
    }

    fn strikes(&self, fault: &'static str, version: u64) -> bool {
        let first = self.api.told.lock().unwrap().struck.insert((fault, version));
        if first {
            self.api.world.strike(&format!("r{} {} {version} {fault}", self.api.life.id, self.asked.key.0));
        }
        first
    }

    /// Who asks for what is forgotten is told so, and nothing more.
    fn expired(&mut self) {
        let mut told = self.api.told.lock().unwrap();
        let hole = told.holes.remove(&self.asked.key.0);
        if hole || self.told < told.forgotten {
            let message = format!("too old resource version: {}", self.told);
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
                "reason": "Expired", "code": 410,
            });
            self.lines.push_back(json!({"type": "ERROR", "object": status}));
            self.over = true;
        }
    }

    fn say(&mut self, event: &Event) {
        let known = {
            let api = self.api.world.api();
            let before = api.history.iter().rev().find(|old| old.version < event.version && old.key == event.key);
            before.is_some_and(|old| !old.gone)
        };
        let kind = match (event.gone, known) {
            (true, _) => "DELETED",
            (false, true) => "MODIFIED",
            (false, false) => "ADDED",
        };
        self.lines.push_back(json!({"type": kind, "object": shown(event.object.clone(), self.asked.metadata)}));
    }

    fn mark(&mut self) {
        let meta = json!({"resourceVersion": self.told.to_string(), "creationTimestamp": null});
        let object = json!({"kind": self.asked.key.0, "metadata": meta});
        self.lines.push_back(json!({"type": "BOOKMARK", "object": shown(object, self.asked.metadata)}));
    }
}
