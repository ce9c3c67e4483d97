//! Status is written by the operator, and whoever else may write it is an administrator. All the same no forged field
//! makes the operator touch what is not ours: each field of the schema is set to what would lead elsewhere, and whole
//! reconciles follow, an edit, and a deletion. What of its own the object loses is said in docs/security.md.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::forged_rows::{Row, rows};
use super::rig::{FIRST, OLD, ROLE, Rig, connector_spec, name};
use crate::api::ManagedKind;
use crate::aws::transfer::{Access, LoginSettings, Tags, User};
use crate::cluster::Name;
use crate::engine::owner::Owner;
use crate::kinds::fakes::schema::leaves;
use crate::kinds::fakes::{ACCOUNT, CLUSTER, REGION};
use crate::sim::door;

use ManagedKind::{
    TransferAccess, TransferAgreement, TransferCertificate, TransferConnector, TransferProfile, TransferServer,
    TransferUser, TransferWebApp, TransferWorkflow,
};

/// A server of another object of this cluster.
pub const VAULT: &str = "s-0000000000000ba0c";
/// A server of another cluster.
pub const ABROAD: &str = "s-0000000000000abc0";
/// A profile of another object.
pub const THEIR_PROFILE: &str = "p-0000000000000ba0c";
/// A workflow of another object.
pub const THEIR_WORKFLOW: &str = "w-0000000000000ba0c";
/// A connector of another object.
pub const THEIR_CONNECTOR: &str = "c-0000000000000ba0c";
/// A certificate of another object.
pub const THEIR_CERTIFICATE: &str = "cert-0000000000000ba0c";
/// An agreement of another object, on a server of another object.
pub const THEIR_AGREEMENT: &str = "a-0000000000000ba0c";
/// A web app of another object.
pub const THEIR_WEB_APP: &str = "webapp-0000000000000ba0c";
/// All of these: no call is about one.
const THEIRS: [&str; 9] = [
    VAULT,
    ABROAD,
    OLD,
    THEIR_PROFILE,
    THEIR_WORKFLOW,
    THEIR_CONNECTOR,
    THEIR_CERTIFICATE,
    THEIR_AGREEMENT,
    THEIR_WEB_APP,
];
/// The object whose status is forged.
pub(super) const MINE: &str = "mine";
pub(super) const UID: &str = "uid-mine";
/// The group of an access.
pub(super) const OWN_GROUP: &str = "S-1-1";
/// A user and two accesses that others have on the object's own server.
const BOB: &str = "bob";
const GROUP: &str = "S-1-9";
const GROUP_OF_NO_ROW: &str = "S-1-8";
/// Long enough for every wait that a record asks for, and for what is done once it is over.
pub(super) const LONG: Duration = Duration::from_mins(40);

/// What every mutation sent, by its operation.
pub(super) type Sent = Arc<Mutex<Vec<(String, String)>>>;

pub(super) fn recording(rig: &Rig) -> Sent {
    let sent = Sent::default();
    let to = Arc::clone(&sent);
    rig.cloud.refuse("Recorded", "and let through", move |call| {
        let input = door::mutation(call).unwrap().to_string();
        to.lock().unwrap().push((call.operation().to_owned(), input));
        false
    });
    sent
}

/// What is not the object's own: servers of another object, of another cluster and of nobody, a user on each of them and
/// on its own server, a workflow, a profile, and two ConfigMaps of its namespace.
fn put_others(rig: &Rig) {
    rig.cloud.put_server(VAULT, tags_of_vault(), |_| ());
    rig.cloud.put_server(ABROAD, Owner::new("abroad", "team", MINE, "uid-abroad").tags("attempt-of-theirs"), |_| ());
    rig.cloud.put_server(OLD, Tags::new(), |_| ());
    let scan = Owner::new(CLUSTER, "bank", "scan", "uid-scan").tags("attempt-of-theirs");
    rig.cloud.put_workflow(THEIR_WORKFLOW, &scan);
    let partner = Owner::new(CLUSTER, "bank", "partner", "uid-partner").tags("attempt-of-theirs");
    rig.cloud.put_profile(THEIR_PROFILE, &partner);
    let acme = Owner::new(CLUSTER, "bank", "acme", "uid-acme").tags("attempt-of-theirs");
    rig.cloud.put_connector(THEIR_CONNECTOR, &acme);
    let orders = Owner::new(CLUSTER, "bank", "orders", "uid-orders").tags("attempt-of-theirs");
    rig.cloud.put_agreement(VAULT, THEIR_AGREEMENT, &orders);
    let signing = Owner::new(CLUSTER, "bank", "signing", "uid-signing").tags("attempt-of-theirs");
    rig.cloud.put_certificate_of(THEIR_CERTIFICATE, &signing);
    let files = Owner::new(CLUSTER, "bank", "files", "uid-files").tags("attempt-of-theirs");
    rig.cloud.put_web_app(THEIR_WEB_APP, &files);
    let mut identity = rig.objects.stored(&("AwsIdentity".to_owned(), unspaced("default"))).unwrap();
    identity["spec"]["grants"][0]["serverIds"] = json!([]);
    rig.objects.put(identity.clone());
    identity["metadata"] = json!({"name": "bank", "uid": "uid-bank", "generation": 1});
    identity["spec"]["accountId"] = json!("210987654321");
    identity["spec"]["grants"][0]["namespaces"] = json!({"from": "Names", "names": ["bank"]});
    rig.objects.put(identity);
    for (config_map, owner) in [("texts", Value::Null), ("own", json!([{"uid": "uid-other", "name": "other"}]))] {
        rig.objects.put(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}, "metadata": {
            "name": config_map, "namespace": "team", "uid": config_map, "resourceVersion": "1", "ownerReferences": owner}}));
    }
}

fn tags_of_vault() -> Tags {
    Owner::new(CLUSTER, "bank", "vault", "uid-vault").tags("attempt-of-theirs")
}

fn unspaced(name: &str) -> Name {
    Name { namespace: String::new(), name: name.to_owned() }
}

fn put_users(rig: &Rig, servers: &[&str]) {
    let tags = Owner::new(CLUSTER, "bank", BOB, "uid-bob").tags("attempt-of-theirs");
    for server in servers {
        let user = User {
            arn: format!("arn:aws:transfer:{REGION}:{ACCOUNT}:user/{server}/{BOB}"),
            user_name: BOB.to_owned(),
            settings: LoginSettings { role: Some(ROLE.to_owned()), ..LoginSettings::default() },
            tags: tags.clone(),
            ..User::default()
        };
        rig.cloud.users().insert(((*server).to_owned(), BOB.to_owned()), user);
    }
}

/// What is not the object's own, and the server that it would be on: nothing of the object yet.
pub(super) async fn around(kind: ManagedKind) -> Rig {
    let rig = Rig::new();
    put_others(&rig);
    let on_directory = kind == TransferAccess;
    if kind == TransferAgreement {
        rig.allow_agreements();
    }
    if matches!(kind, TransferUser | TransferAccess | TransferAgreement) {
        let directory = json!({"identityProviderType": "AWS_DIRECTORY_SERVICE"});
        rig.server("files", if on_directory { directory } else { json!({}) });
        rig.settle("TransferServer", "files").await;
    }
    if on_directory {
        put_accesses(&rig);
    } else {
        put_users(&rig, if kind == TransferUser { &[VAULT, ABROAD, OLD, FIRST] } else { &[VAULT, ABROAD, OLD] });
    }
    rig
}

/// Accesses of others on the object's server; on the server of another object also one of the object's own group.
fn put_accesses(rig: &Rig) {
    rig.cloud.put_server(VAULT, tags_of_vault(), |server| {
        server.settings.identity_provider_type = Some("AWS_DIRECTORY_SERVICE".to_owned());
    });
    for (server, group) in [(FIRST, GROUP), (FIRST, GROUP_OF_NO_ROW), (VAULT, GROUP), (VAULT, OWN_GROUP)] {
        let access = Access {
            external_id: group.to_owned(),
            settings: LoginSettings { role: Some(ROLE.to_owned()), ..LoginSettings::default() },
        };
        rig.cloud.accesses().insert((server.to_owned(), group.to_owned()), access);
    }
}

/// The object `mine` of a kind.
pub(super) fn put_mine(rig: &Rig, kind: ManagedKind) {
    match kind {
        TransferServer => rig.server(MINE, json!({})),
        TransferUser => rig.user(MINE, json!({})),
        TransferAccess => {
            rig.put(kind.name(), MINE, json!({"serverRef": {"name": "files"}, "role": ROLE, "externalId": OWN_GROUP}));
        }
        TransferConnector => rig.connector(MINE, json!({})),
        TransferAgreement => rig.agreement(MINE, json!({})),
        TransferCertificate => rig.certificate(MINE, json!({})),
        TransferWebApp => rig.web_app(MINE, json!({})),
        TransferWorkflow => {
            let step = json!([{"type": "DELETE", "deleteStepDetails": {}}]);
            let lifecycle = json!({"deletionProtection": false});
            rig.put(kind.name(), MINE, json!({"region": REGION, "steps": step, "lifecycle": lifecycle}));
        }
        TransferProfile => rig.put(kind.name(), MINE, json!({"region": REGION, "as2Id": "us", "profileType": "LOCAL"})),
    }
}

/// The object `mine` of a kind, Ready, among what is not its own.
pub(super) async fn ready(kind: ManagedKind) -> Rig {
    let rig = around(kind).await;
    put_mine(&rig, kind);
    rig.settle(kind.name(), MINE).await;
    rig.settle(kind.name(), MINE).await;
    assert_eq!(rig.says(kind.name(), MINE, "Ready").unwrap().0, "True", "{}", rig.message(kind.name(), MINE));
    rig
}

/// All that is not the object's own, as it is, but for the access that may go.
pub(super) fn others(rig: &Rig, may_go: OfGroup) -> Vec<String> {
    let mut all = Vec::new();
    let servers = rig.cloud.servers();
    all.extend([VAULT, ABROAD, OLD].map(|id| format!("{:?}", servers.get(id))));
    drop(servers);
    let users = rig.cloud.users();
    all.extend(users.iter().filter(|((_, name), _)| name == BOB).map(|user| format!("{user:?}")));
    drop(users);
    let accesses = rig.cloud.accesses();
    let gone = |server: &str, group: &str| [may_go, (FIRST, OWN_GROUP)].contains(&(server, group));
    let kept = accesses.iter().filter(|((server, group), _)| !gone(server, group));
    all.extend(kept.map(|access| format!("{access:?}")));
    drop(accesses);
    let workflow = rig.cloud.sim().world.region(ACCOUNT, REGION).workflows.get(THEIR_WORKFLOW).cloned();
    all.extend([serde_json::to_string(&workflow).unwrap(), rig.cloud.profile(THEIR_PROFILE)]);
    let connector = rig.cloud.sim().world.region(ACCOUNT, REGION).connectors.get(THEIR_CONNECTOR).cloned();
    all.extend([serde_json::to_string(&connector.unwrap()).unwrap(), rig.cloud.agreement(THEIR_AGREEMENT)]);
    all.push(rig.cloud.certificate(THEIR_CERTIFICATE));
    all.push(rig.cloud.web_app(THEIR_WEB_APP));
    all.extend(["texts", "own"].map(|map| format!("{:?}", rig.objects.stored(&("ConfigMap".to_owned(), name(map))))));
    all
}

/// Writes the forged field, with what lies on its way.
pub(super) fn forge(rig: &Rig, kind: ManagedKind, row: &Row) {
    Rig::write_status(&rig.objects, kind.name(), MINE, |status| {
        let members: Vec<&str> = row.path.split('.').skip(1).collect();
        let (last, before) = members.split_last().unwrap();
        let mut at = status;
        for member in before {
            if at[*member].is_null() {
                // The least that the record needs.
                at[*member] = if *member == "create" { json!({"uid": UID, "phase": "None"}) } else { json!({}) };
            }
            at = &mut at[*member];
        }
        at[*last] = row.value.clone();
    });
}

/// An edit that AWS is told of.
pub(super) fn edit(rig: &Rig, kind: ManagedKind) {
    rig.edit(kind.name(), MINE, |object| match kind {
        TransferServer => object["spec"]["preAuthenticationLoginBanner"] = json!("hello"),
        TransferUser | TransferAccess => object["spec"]["homeDirectory"] = json!("/b/mine"),
        TransferWorkflow | TransferProfile | TransferCertificate => object["spec"]["tags"] = json!({"a": "1"}),
        TransferAgreement => object["spec"]["baseDirectory"] = json!("/b/mine"),
        TransferWebApp => object["spec"]["webAppUnits"] = json!({"provisioned": 2}),
        TransferConnector => object["spec"] = connector_spec(&json!({"url": "sftp://other.example.com"})),
    });
}

/// Server and group of an access.
pub(super) type OfGroup = (&'static str, &'static str);

/// The one access of somebody else that may go with the object: as AWS has no tags on accesses, nothing but its record says
/// which one is its own (docs/limits.md).
pub(super) fn may_go<'a>(kind: ManagedKind, rows: impl IntoIterator<Item = &'a Row>) -> OfGroup {
    let paths: Vec<&str> = rows.into_iter().filter(|_| kind == TransferAccess).map(|row| row.path).collect();
    (
        if paths.contains(&"status.serverId") { VAULT } else { FIRST },
        if paths.contains(&"status.externalId") { GROUP } else { OWN_GROUP },
    )
}

/// What reconciles sent so far, and no more.
pub(super) fn taken(sent: &Sent, (server, group): OfGroup) -> Vec<String> {
    let all = std::mem::take(&mut *sent.lock().unwrap());
    let may = |operation: &str, input: &str| {
        operation == "DeleteAccess" && [server, group].iter().all(|part| input.contains(&format!("\"{part}\"")))
    };
    let aimed =
        all.iter().find(|(operation, input)| THEIRS.iter().any(|id| input.contains(id)) && !may(operation, input));
    assert!(aimed.is_none(), "{aimed:?} is about what is not ours");
    all.into_iter().map(|(operation, _)| operation).collect()
}

/// A forged object that nobody touches, then edits, then deletes; and one that is deleted at once.
async fn lives(kind: ManagedKind, row: &Row) -> Vec<String> {
    let called = format!("{} {} = {}", kind.name(), row.path, row.value);
    let may_go = may_go(kind, [row]);
    let mut wrong = Vec::new();
    for at_once in [false, true] {
        let rig = ready(kind).await;
        let (sent, before) = (recording(&rig), others(&rig, may_go));
        forge(&rig, kind, row);
        let mut all = Vec::new();
        if !at_once {
            rig.run(kind.name(), MINE, LONG).await;
            let (calls, says) = (taken(&sent, may_go), rig.says(kind.name(), MINE, "Ready").unwrap().1);
            if calls != row.sent || says != row.says {
                wrong.push(format!("{called}: sent {calls:?}, says {says}: {}", rig.message(kind.name(), MINE)));
            }
            all.extend(calls);
            edit(&rig, kind);
            rig.run(kind.name(), MINE, LONG).await;
            all.extend(taken(&sent, may_go));
        }
        if rig.get(kind.name(), MINE).is_some() {
            rig.delete(kind.name(), MINE);
            rig.run(kind.name(), MINE, LONG).await;
        }
        all.extend(taken(&sent, may_go));
        // Of another account or region nothing is concluded, not even that something is gone.
        if ["AccountChanged", "RegionChanged"].contains(&row.says) && !all.is_empty() {
            wrong.push(format!("{called}: sent {all:?}, and nothing should be"));
        }
        let after = others(&rig, may_go);
        if after != before {
            wrong.push(format!("{called}: something that is not ours changed: {after:?}"));
        }
    }
    wrong
}

async fn no_forgery(kind: ManagedKind) {
    let mut wrong = Vec::new();
    for row in rows(kind, UID) {
        wrong.extend(lives(kind, &row).await);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The same life without a forgery does change and delete the object's own: else the rows below would show nothing.
#[tokio::test(start_paused = true)]
async fn an_object_that_nobody_forged_is_changed_and_deleted_in_aws() {
    for (kind, changes, deletes) in [
        (TransferServer, "UpdateServer", "DeleteServer"),
        (TransferUser, "UpdateUser", "DeleteUser"),
        (TransferAccess, "UpdateAccess", "DeleteAccess"),
        (TransferWorkflow, "TagResource", "DeleteWorkflow"),
        (TransferProfile, "TagResource", "DeleteProfile"),
        (TransferConnector, "UpdateConnector", "DeleteConnector"),
        (TransferAgreement, "UpdateAgreement", "DeleteAgreement"),
        (TransferCertificate, "TagResource", "DeleteCertificate"),
        (TransferWebApp, "UpdateWebApp", "DeleteWebApp"),
    ] {
        let rig = ready(kind).await;
        let own = (FIRST, OWN_GROUP);
        let (sent, before) = (recording(&rig), others(&rig, own));
        edit(&rig, kind);
        rig.run(kind.name(), MINE, LONG).await;
        let edited = taken(&sent, own);
        assert!(edited.iter().any(|call| call == changes), "{}: {edited:?}", kind.name());
        rig.delete(kind.name(), MINE);
        rig.run(kind.name(), MINE, LONG).await;
        let deleted = taken(&sent, own);
        assert!(deleted.iter().any(|call| call == deletes), "{}: {deleted:?}", kind.name());
        assert_eq!(others(&rig, own), before, "{}", kind.name());
    }
}

#[tokio::test(start_paused = true)]
async fn no_forged_field_of_a_server_touches_what_is_not_its_own() {
    no_forgery(TransferServer).await;
}

#[tokio::test(start_paused = true)]
async fn no_forged_field_of_a_user_touches_what_is_not_its_own() {
    no_forgery(TransferUser).await;
}

#[tokio::test(start_paused = true)]
async fn a_forged_field_of_an_access_touches_one_access_and_no_more() {
    no_forgery(TransferAccess).await;
}

#[tokio::test(start_paused = true)]
async fn no_forged_field_of_a_workflow_touches_what_is_not_its_own() {
    no_forgery(TransferWorkflow).await;
}

#[tokio::test(start_paused = true)]
async fn no_forged_field_of_a_profile_touches_what_is_not_its_own() {
    no_forgery(TransferProfile).await;
}

#[tokio::test(start_paused = true)]
async fn no_forged_field_of_a_connector_touches_what_is_not_its_own() {
    no_forgery(TransferConnector).await;
}

#[tokio::test(start_paused = true)]
async fn no_forged_field_of_an_agreement_touches_what_is_not_its_own() {
    no_forgery(TransferAgreement).await;
}

#[tokio::test(start_paused = true)]
async fn no_forged_field_of_a_certificate_touches_what_is_not_its_own() {
    no_forgery(TransferCertificate).await;
}

#[tokio::test(start_paused = true)]
async fn no_forged_field_of_a_web_app_touches_what_is_not_its_own() {
    no_forgery(TransferWebApp).await;
}

/// Rows that no test runs would show nothing.
#[test]
fn the_status_of_each_kind_is_forged_by_a_test() {
    let sources = [include_str!("forged.rs"), include_str!("forged_together.rs")];
    for (source, runner) in sources.into_iter().zip(["no_forgery", "no_forgeries_together"]) {
        for kind in ManagedKind::ALL {
            assert!(source.contains(&format!("{runner}({})", kind.name())), "{runner} of {}", kind.name());
        }
    }
}

pub(super) fn covers(path: &str, leaf: &str) -> bool {
    leaf.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', '{']))
}

/// The fields that docs/security.md tells of below this heading.
pub(super) fn told(heading: &str) -> BTreeSet<String> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security.md")).unwrap();
    let part = page.split("\n### ").find(|part| part.lines().next() == Some(heading)).unwrap().to_owned();
    let fields = part.lines().filter(|line| line.starts_with("| `status.")).map(|line| line.split('|').nth(1).unwrap());
    fields.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn every_field_of_a_status_is_forged_and_told_of() {
    let told = told("Forged status");
    let mut wrong = Vec::new();
    let mut known = Vec::new();
    for kind in ManagedKind::ALL {
        let forged: Vec<&str> = rows(*kind, UID).into_iter().map(|row| row.path).collect();
        for (leaf, _) in leaves(*kind, "status") {
            if !forged.iter().any(|path| covers(path, &leaf)) {
                wrong.push(format!("{} {leaf} is not forged", kind.name()));
            }
            if !told.iter().any(|path| covers(path, &leaf)) {
                wrong.push(format!("{} {leaf} is not told of", kind.name()));
            }
            known.push(leaf);
        }
    }
    let gone = told.iter().filter(|path| !known.iter().any(|leaf| covers(path, leaf)));
    wrong.extend(gone.map(|path| format!("{path} is told of, and no field of a status")));
    assert!(wrong.is_empty(), "{wrong:#?}");
}
