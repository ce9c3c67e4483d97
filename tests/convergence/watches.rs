//! The watches of a process of the harness, in place of kube's: each begins with a listing, and from then on tells what it
//! is told to. What is late and what is lost, who runs the process decides.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::Resource;
use kube::core::NamespaceResourceScope;
use kube::runtime::watcher::Event as WatchEvent;
use serde_json::Value;
use transfer_operator::fakes::api_server::{Event, text};
use transfer_operator::watch::{Source, Take, Watchable};

/// All objects of a kind, as a listing has them now.
pub type List = Arc<dyn Fn(&str) -> Vec<Value> + Send + Sync>;

/// The watches of one process.
#[derive(Clone)]
pub struct Watches {
    list: List,
    /// Without it every word is decoded, as in the program.
    decoded: Option<Arc<Decoded>>,
    kinds: Arc<Mutex<Vec<Watch>>>,
}

/// The watch of a kind.
struct Watch {
    kind: String,
    take: Box<dyn FnMut(Word) + Send>,
}

/// One word of a watch.
enum Word {
    Init,
    Listed(Value),
    Done,
    Is(Value),
    Gone(Value),
}

impl Word {
    fn event<W: Watchable>(self, decoded: Option<&Decoded>) -> WatchEvent<W> {
        let read = |object| match decoded {
            Some(decoded) => decoded.read(object),
            None => serde_json::from_value(object).unwrap(),
        };
        match self {
            Self::Init => WatchEvent::Init,
            Self::Listed(object) => WatchEvent::InitApply(read(object)),
            Self::Done => WatchEvent::InitDone,
            Self::Is(object) => WatchEvent::Apply(read(object)),
            Self::Gone(object) => WatchEvent::Delete(read(object)),
        }
    }
}

impl Watch {
    fn list(&mut self, list: &List) {
        (self.take)(Word::Init);
        for object in list(&self.kind) {
            (self.take)(Word::Listed(object));
        }
        (self.take)(Word::Done);
    }
}

impl Watches {
    pub fn new(list: List, decoded: Option<Arc<Decoded>>) -> Self {
        Self { list, decoded, kinds: Arc::default() }
    }

    /// Tells what became of an object.
    pub fn tell(&self, event: &Event) {
        let mut kinds = self.kinds.lock().unwrap();
        for watch in kinds.iter_mut().filter(|watch| watch.kind == event.key.0) {
            let object = event.object.clone();
            (watch.take)(if event.gone { Word::Gone(object) } else { Word::Is(object) });
        }
    }

    /// A complete listing of every kind.
    pub fn relist(&self) {
        self.kinds.lock().unwrap().iter_mut().for_each(|watch| watch.list(&self.list));
    }

    fn begin<W: Watchable>(&self, mut take: Take<W>) -> BoxFuture<'static, ()> {
        let decoded = self.decoded.clone();
        let take = Box::new(move |word: Word| take(0, word.event(decoded.as_deref())));
        let mut watch = Watch { kind: W::kind(&()).into_owned(), take };
        watch.list(&self.list);
        self.kinds.lock().unwrap().push(watch);
        pending().boxed()
    }
}

impl Source for Watches {
    fn everywhere<W: Watchable>(&self, take: Take<W>) -> BoxFuture<'static, ()> {
        self.begin(take)
    }

    fn namespaced<W>(&self, labels: Option<&str>, take: Take<W>) -> BoxFuture<'static, ()>
    where
        W: Watchable + Resource<Scope = NamespaceResourceScope>,
    {
        assert_eq!(labels, None, "no process of the harness watches a part of the cluster");
        self.begin(take)
    }
}

/// What was decoded of one API server, by version: each listing of each process shows the same objects again.
#[derive(Default)]
pub struct Decoded(Mutex<BTreeMap<String, Arc<dyn Any + Send + Sync>>>);

impl Decoded {
    fn read<W: Watchable>(&self, object: Value) -> W {
        let version = text(&object["metadata"]["resourceVersion"]);
        let known = self.0.lock().unwrap().get(&version).cloned();
        if let Some(known) = known.as_ref().and_then(|known| known.downcast_ref::<W>()) {
            return known.clone();
        }
        let new: W = serde_json::from_value(object).unwrap();
        self.0.lock().unwrap().insert(version, Arc::new(new.clone()));
        new
    }
}
