//! Objects that an earlier version stored: a new one takes them as they are.

use serde_json::{Value, json};

use super::rig::{FIRST, ROLE, Rig};

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const ACCESS: &str = "TransferAccess";
const BANNER: &str = "preAuthenticationLoginBanner";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB laptop";

/// What the version of 26 November 2026 wrote as digest of what is wanted. Another digest of the same spec reads as an
/// edit: under ReportDrift it would change AWS at the upgrade. Should one have to change, the old one must be taken
/// too.
const DIGESTS: [(&str, &str, &str); 3] = [
    (SERVER, "files", "bdc7b1c283886909"),
    (USER, "alice", "fb10bbdfb10204e4"),
    (ACCESS, "finance", "1a837acecaaa2c55"),
];

fn report() -> Value {
    json!({"managementPolicy": "ReportDrift", "deletionProtection": false})
}

#[tokio::test(start_paused = true)]
async fn what_the_former_version_stored_changes_nothing_in_aws() {
    let mut rig = Rig::new();
    rig.server(
        "files",
        json!({BANNER: "ours", "tags": {"team": "a"}, "desiredState": "ONLINE", "lifecycle": report()}),
    );
    rig.server("groups", json!({"identityProviderType": "AWS_DIRECTORY_SERVICE"}));
    let more = json!({"homeDirectory": "/a", "sshPublicKeys": [{"publicKey": KEY}], "tags": {"team": "a"},
        "policy": "{\"Version\": \"2012-10-17\", \"Statement\": []}", "lifecycle": {"managementPolicy": "ReportDrift"}});
    rig.user("alice", more);
    rig.put(
        ACCESS,
        "finance",
        json!({"serverRef": {"name": "groups"}, "role": ROLE, "externalId": "S-1-5-21-1",
        "homeDirectory": "/a", "lifecycle": {"managementPolicy": "ReportDrift"}}),
    );
    for (kind, object) in [(SERVER, "files"), (SERVER, "groups"), (USER, "alice"), (ACCESS, "finance")] {
        rig.settle(kind, object).await;
        assert_eq!(rig.says(kind, object, "Ready").unwrap().0, "True", "{}", rig.message(kind, object));
    }
    let stored = DIGESTS.map(|(kind, object, _)| rig.status(kind, object)["applied"]["digest"].clone());
    assert_eq!(stored, DIGESTS.map(|(_, _, digest)| json!(digest)));
    rig.cloud.calls();
    // AWS drifted meanwhile, which is only to be reported.
    rig.cloud.servers().get_mut(FIRST).unwrap().settings.pre_authentication_login_banner = None;
    let other = || Some("/other".to_owned());
    rig.cloud.users().values_mut().for_each(|user| user.settings.home_directory = other());
    rig.cloud.accesses().values_mut().for_each(|access| access.settings.home_directory = other());
    rig.restart();
    for (kind, object, _) in DIGESTS {
        // The former version did not write down what listings show, so everything is looked at.
        Rig::write_status(&rig.objects, kind, object, |status| {
            status["applied"].as_object_mut().unwrap().remove("listed");
        });
        rig.settle(kind, object).await;
        assert_eq!(rig.says(kind, object, "Ready").unwrap(), ("True".to_owned(), "DriftDetected".to_owned()));
        assert_eq!(rig.says(kind, object, "Stalled"), None);
    }
    assert_eq!(rig.cloud.calls(), Vec::<String>::new());
}
