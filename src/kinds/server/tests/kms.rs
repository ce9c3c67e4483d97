//! KMS keys of host keys: AWS never returns them, so what was sent is remembered, and what AWS refused can be mended.

use serde_json::{Value, json};

use super::{held, operations, owner};
use crate::api::condition::reasons;
use crate::api::{HOST_KEY_SECRET_TYPE, TransferServer};
use crate::aws::Mutation;
use crate::aws::transfer::{HostKey, UpdateHostKey};
use crate::cluster::Name;
use crate::engine::kind::{Kind, Plan, Wanted};
use crate::kinds::fakes::{NOW, REGION, World, object};
use crate::kinds::server::wanted::WantedServer;
use crate::kinds::server::{ServerState, Servers};

const ED25519: &str = include_str!("../../../../tests/fixtures/keys/openssh-ed25519");
const FINGERPRINT: &str = "SHA256:KS1QW2D8k6LP1s7mn6BF91X5/qweoTSz6AGjU8Kh+ps";
const WRONG: &str = "arn:aws:kms:eu-central-1:123456789012:key/wrong";
const RIGHT: &str = "arn:aws:kms:eu-central-1:123456789012:key/right";

/// The server `files` with host key `a`, reconcile after reconcile, as the engine keeps its record.
struct Server {
    world: World,
    object: TransferServer,
    have: ServerState,
}

impl Server {
    fn new(kms: Option<&str>) -> Self {
        let world = World::open();
        let secret = Name { namespace: "team".to_owned(), name: "a".to_owned() };
        let data = [("ssh-privatekey".to_owned(), ED25519.to_owned())].into();
        world.cluster.secrets.lock().unwrap().insert(secret, (HOST_KEY_SECRET_TYPE.to_owned(), data));
        let mut server =
            Self { world, object: object("files", json!({"region": REGION}), Value::Null), have: held(json!({})) };
        server.wants(kms);
        server
    }

    fn wants(&mut self, kms: Option<&str>) {
        let mut key = json!({"name": "a", "secretKeyRef": {"name": "a"}, "storageType": "SECRETS_MANAGER"});
        if let Some(kms) = kms {
            key["kmsKey"] = json!(kms);
        }
        self.object.spec.host_keys = Some(serde_json::from_value(json!([key])).unwrap());
    }

    /// As AWS has the key.
    fn has(&mut self, storage: &str) {
        let (fingerprint, storage_type) = (Some(format!("{FINGERPRINT}=")), Some(storage.to_owned()));
        self.have.host_keys =
            vec![HostKey { id: "hostkey-a".to_owned(), fingerprint, storage_type, ..HostKey::default() }];
    }

    async fn reconcile(&self) -> (Wanted<WantedServer>, Plan) {
        let servers = Servers::new(self.world.deps.clone());
        let target = servers.resolve(&self.object).await.unwrap().unwrap();
        let wanted = servers.want(&self.object, &target, NOW.parse().unwrap()).await.unwrap();
        let plan = servers.plan(&self.object, &target, &wanted, &self.have, &owner(), NOW.parse().unwrap());
        (wanted, plan)
    }

    /// The record before a call: what was recorded stays.
    async fn sends(&mut self, expected: &[&str]) {
        let (wanted, plan) = self.reconcile().await;
        assert_eq!((operations(&plan).as_slice(), plan.blocks.as_slice()), (expected, &[][..]));
        self.remembers(&wanted);
    }

    fn remembers(&mut self, wanted: &Wanted<WantedServer>) {
        let applied = self.object.status.get_or_insert_default().common.applied.get_or_insert_default();
        applied.digest = None;
        for (path, hash) in &wanted.applied.hashes {
            applied.hashes.entry(path.clone()).or_insert_with(|| hash.clone());
        }
    }

    /// Nothing is left to do: the record is written anew, and what was seen beside it.
    async fn settles(&mut self) {
        self.concludes(&[]).await;
    }

    /// The same with what AWS took a moment ago and never shows.
    async fn concludes(&mut self, taken: &[&str]) {
        let (wanted, plan) = self.reconcile().await;
        assert_eq!((operations(&plan).as_slice(), plan.blocks.as_slice()), (taken, &[][..]));
        assert!(plan.calls.iter().all(|call| call.unseen), "{plan:?}");
        let servers = Servers::new(self.world.deps.clone());
        let target = servers.resolve(&self.object).await.unwrap().unwrap();
        let status = self.object.status.get_or_insert_default();
        servers.fill_status(status, &target, Some(&wanted), &self.have);
        let mut applied = wanted.applied;
        applied.digest = Some(wanted.digest);
        status.common.applied = Some(applied);
    }

    /// The one block, and whether it names the field.
    async fn blocked(&self) -> (&'static str, bool) {
        let plan = self.reconcile().await.1;
        let [block] = plan.blocks.as_slice() else { panic!("{:?}", plan.blocks) };
        (block.code, block.message.contains("spec.hostKeys[a].kmsKey"))
    }
}

#[tokio::test]
async fn a_kms_key_that_aws_refused_with_an_import_is_corrected_or_left_out() {
    for mended in [Some(RIGHT), None] {
        let mut server = Server::new(Some(WRONG));
        server.sends(&["ImportHostKey"]).await;
        server.wants(mended);
        server.sends(&["ImportHostKey"]).await;
        server.has("SECRETS_MANAGER");
        // Was the first one refused, or its answer lost? What is wanted is said once more, where it can be said.
        let again: &[&str] = if mended.is_some() { &["UpdateHostKey"] } else { &[] };
        server.concludes(again).await;
        server.settles().await;
    }
}

#[tokio::test]
async fn a_kms_key_that_aws_refused_with_the_move_to_a_secret_is_corrected() {
    let mut server = Server::new(Some(WRONG));
    server.has("SERVICE_MANAGED");
    server.sends(&["UpdateHostKey"]).await;
    server.wants(Some(RIGHT));
    server.sends(&["UpdateHostKey"]).await;
    server.has("SECRETS_MANAGER");
    // The very call that moved it: where AWS took that one, it is not sent again.
    let before = server.reconcile().await.1.calls[0].mutation.plain();
    server.has("SERVICE_MANAGED");
    assert_eq!(server.reconcile().await.1.calls[0].mutation.plain(), before);
    server.has("SECRETS_MANAGER");
    server.concludes(&["UpdateHostKey"]).await;
    server.settles().await;
}

#[tokio::test]
async fn an_edit_is_sent_until_aws_took_it_whatever_else_is_recorded() {
    let mut server = Server::new(Some(WRONG));
    server.has("SECRETS_MANAGER");
    server.settles().await;
    server.wants(Some(RIGHT));
    for _ in 0..3 {
        server.sends(&["UpdateHostKey"]).await;
    }
    let plan = server.reconcile().await.1;
    let Mutation::UpdateHostKey(UpdateHostKey { description, storage_type, kms_key, .. }) = &plan.calls[0].mutation
    else {
        panic!("{plan:?}")
    };
    let sent = (description.as_deref(), storage_type.as_deref(), kms_key.as_deref());
    assert_eq!(sent, (Some(""), Some("SECRETS_MANAGER"), Some(RIGHT)));
    let paths: Vec<&str> = plan.changes.iter().map(|change| change.path.as_str()).collect();
    assert_eq!(paths, ["hostKeys[a].kmsKey"]);
    server.concludes(&["UpdateHostKey"]).await;
    server.settles().await;
    assert_eq!(server.object.status.clone().unwrap().common.applied.unwrap().hashes.len(), 1);
}

#[tokio::test]
async fn what_left_the_spec_is_told_whatever_else_is_recorded() {
    let mut server = Server::new(Some(WRONG));
    server.has("SECRETS_MANAGER");
    server.settles().await;
    server.wants(None);
    for _ in 0..3 {
        assert_eq!(server.blocked().await, (reasons::CANNOT_CLEAR, true));
        // The removal of a key, or whatever else goes on, writes the record.
        let wanted = server.reconcile().await.0;
        server.remembers(&wanted);
    }
    server.wants(Some(WRONG));
    server.settles().await;
    assert_eq!(server.object.status.clone().unwrap().common.applied.unwrap().hashes.len(), 1);
}

#[tokio::test]
async fn a_host_key_that_was_seen_without_one_gets_one() {
    let mut server = Server::new(None);
    server.has("SECRETS_MANAGER");
    server.settles().await;
    server.wants(Some(RIGHT));
    server.sends(&["UpdateHostKey"]).await;
    // Whoever died before the call went out has not sent it.
    server.sends(&["UpdateHostKey"]).await;
    server.concludes(&["UpdateHostKey"]).await;
    server.settles().await;
    server.wants(None);
    assert_eq!(server.blocked().await, (reasons::CANNOT_CLEAR, true));
}

#[tokio::test]
async fn of_what_is_taken_over_the_kms_key_is_believed() {
    let mut server = Server::new(Some(RIGHT));
    server.has("SECRETS_MANAGER");
    server.settles().await;
}

#[tokio::test]
async fn an_edit_before_the_answer_was_seen_is_sent() {
    let mut server = Server::new(Some(WRONG));
    server.sends(&["ImportHostKey"]).await;
    server.has("SECRETS_MANAGER");
    server.wants(Some(RIGHT));
    server.sends(&["UpdateHostKey"]).await;
    server.concludes(&["UpdateHostKey"]).await;
    server.settles().await;
}

#[tokio::test]
async fn a_kms_key_goes_with_the_secret_that_it_encrypts() {
    let mut server = Server::new(Some(WRONG));
    server.has("SECRETS_MANAGER");
    server.settles().await;
    server.object.spec.host_keys.as_mut().unwrap()[0].kms_key = None;
    server.object.spec.host_keys.as_mut().unwrap()[0].storage_type = Some("SERVICE_MANAGED".to_owned());
    let plan = server.reconcile().await.1;
    assert_eq!((operations(&plan), plan.blocks.as_slice()), (vec!["UpdateHostKey"], &[][..]));
}

#[tokio::test]
async fn a_record_in_its_former_form_still_counts() {
    let mut server = Server::new(Some(RIGHT));
    server.has("SECRETS_MANAGER");
    let mut old = crate::api::status::Applied::default();
    old.hashes.insert("hostKeys[a].kmsKey".to_owned(), crate::engine::digest::keyed("uid-files", WRONG));
    server.object.status.get_or_insert_default().common.applied = Some(old);
    assert_eq!(operations(&server.reconcile().await.1), ["UpdateHostKey"]);
    server.wants(Some(WRONG));
    server.settles().await;
}

#[tokio::test]
async fn an_edit_of_a_kms_key_holds_up_nothing_else() {
    let mut server = Server::new(Some(WRONG));
    server.has("SECRETS_MANAGER");
    server.settles().await;
    server.wants(Some(RIGHT));
    server.object.spec.ip_address_type = Some("DUALSTACK".to_owned());
    let plan = server.reconcile().await.1;
    assert_eq!((operations(&plan), plan.blocks.as_slice()), (vec!["UpdateHostKey"], &[][..]));
    assert!(plan.operation.is_some(), "the stop is recorded first: {plan:?}");
}
