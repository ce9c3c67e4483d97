#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::{Value, json};

use crate::sim::bench::{Bench, KEY_A, KEY_A_RENAMED, KEY_B, ROLE};

struct Users {
    bench: Bench,
    server: String,
}

impl Users {
    fn new(input: Value) -> Self {
        let mut bench = Bench::new();
        let server = bench.server(input);
        Self { bench, server }
    }

    fn named(&self, name: &str, more: Value) -> Value {
        let mut input = more;
        input["ServerId"] = self.server.clone().into();
        input["UserName"] = name.into();
        input
    }

    fn create(&mut self, name: &str, more: Value) -> Result<Value, String> {
        let mut input = self.named(name, more);
        input["Role"] = ROLE.into();
        self.bench.call("CreateUser", input)
    }

    fn update(&mut self, more: Value) -> Result<Value, String> {
        let input = self.named("ada", more);
        self.bench.call("UpdateUser", input)
    }

    fn import(&mut self, key: &str) -> Result<Value, String> {
        let input = self.named("ada", json!({"SshPublicKeyBody": key}));
        self.bench.call("ImportSshPublicKey", input)
    }

    fn described(&mut self) -> Value {
        let input = self.named("ada", json!({}));
        self.bench.ok("DescribeUser", input)["User"].clone()
    }
}

#[test]
fn a_bare_user_shows_its_type_of_home_and_no_more() {
    let mut users = Users::new(json!({}));
    users.create("ada", json!({"Tags": [{"Key": "a", "Value": "b"}]})).unwrap();
    let server = users.server.clone();
    assert_eq!(
        users.described(),
        json!({
            "Arn": format!("arn:aws:transfer:eu-west-1:123456789012:user/{server}/ada"),
            "HomeDirectoryType": "PATH", "Role": ROLE, "SshPublicKeys": [],
            "Tags": [{"Key": "a", "Value": "b"}], "UserName": "ada",
        })
    );
}

#[test]
fn names_are_taken_once_and_free_again_after_deletion() {
    let mut users = Users::new(json!({}));
    users.create("ada", json!({})).unwrap();
    assert_eq!(users.create("ada", json!({})).unwrap_err(), "ResourceExistsException: User already exists");
    users.create("Ada", json!({})).unwrap();
    let ada = users.named("ada", json!({}));
    users.bench.ok("DeleteUser", ada.clone());
    assert_eq!(users.bench.call("DeleteUser", ada).unwrap_err(), "ResourceNotFoundException: Unknown user");
    users.create("ada", json!({})).unwrap();
}

#[test]
fn a_dying_user_is_still_described_and_still_takes_its_name() {
    let mut users = Users::new(json!({}));
    users.bench.set(&json!({"deletion_time": "10s"}));
    users.create("ada", json!({})).unwrap();
    let ada = users.named("ada", json!({}));
    users.bench.ok("DeleteUser", ada);
    users.described();
    assert_eq!(users.create("ada", json!({})).unwrap_err(), "ResourceExistsException: User already exists");
    assert!(users.update(json!({})).is_err());
    users.bench.pass(10);
    users.create("ada", json!({})).unwrap();
}

#[test]
fn mappings_need_a_logical_home_and_leave_with_it() {
    let mut users = Users::new(json!({}));
    let mappings = json!([{"Entry": "/b", "Target": "/x"}, {"Entry": "/a", "Target": "/y", "Type": "FILE"}]);
    let refused = users.create("ada", json!({"HomeDirectoryMappings": mappings})).unwrap_err();
    assert!(refused.contains("only when HomeDirectoryType is LOGICAL"), "{refused}");
    let refused = users.create("ada", json!({"HomeDirectoryType": "LOGICAL"})).unwrap_err();
    assert!(refused.contains("HomeDirectoryMappings must be specified"), "{refused}");
    users.create("ada", json!({"HomeDirectoryType": "LOGICAL", "HomeDirectoryMappings": mappings})).unwrap();
    assert_eq!(users.described()["HomeDirectoryMappings"], mappings);
    users.update(json!({"HomeDirectory": "/z"})).unwrap();
    assert_eq!(users.described()["HomeDirectoryMappings"], mappings);
    users.update(json!({"HomeDirectoryType": "PATH", "HomeDirectory": "/h/"})).unwrap();
    assert!(users.described().get("HomeDirectoryMappings").is_none());
    assert_eq!(users.described()["HomeDirectory"], "/h/");
    users.update(json!({"HomeDirectory": ""})).unwrap();
    assert!(users.described().get("HomeDirectory").is_none());
}

#[test]
fn entries_of_mappings_do_not_overlap() {
    let mut users = Users::new(json!({}));
    let mut mapped = |entries: &[&str], target: &str| {
        let maps: Vec<Value> = entries.iter().map(|e| json!({"Entry": e, "Target": target})).collect();
        let name = format!("user{}", entries.concat().replace('/', "_"));
        users.create(&name, json!({"HomeDirectoryType": "LOGICAL", "HomeDirectoryMappings": maps}))
    };
    mapped(&["/"], "/x").unwrap();
    mapped(&["/a", "/ab", "/b"], "/x").unwrap();
    mapped(&["/c"], "/").unwrap();
    assert!(mapped(&["/", "/a"], "/x").unwrap_err().contains("overlap"));
    assert!(mapped(&["/a/b", "/a-", "/a"], "/x").unwrap_err().contains("overlap at: /a/b"));
    assert!(mapped(&["/a", "/a"], "/y").unwrap_err().contains("overlap"));
    assert!(mapped(&["/d"], "/x/").unwrap_err().contains("slash"));
}

#[test]
fn policies_are_kept_as_sent_and_checked_by_the_service() {
    let mut users = Users::new(json!({}));
    let policy = format!("{{ \"Statement\": [], \"x\": \"{}\" }}", "y".repeat(2020));
    assert_eq!(policy.len(), 2048);
    users.create("ada", json!({"Policy": policy})).unwrap();
    assert_eq!(users.described()["Policy"], policy);
    assert_eq!(
        users.update(json!({"Policy": format!("{policy} ")})).unwrap_err(),
        "InvalidRequestException: Cannot exceed quota for PolicySize: 2048"
    );
    let refused = users.update(json!({"Policy": "{"})).unwrap_err();
    assert!(refused.starts_with("InvalidRequestException: Policy is not a va"), "{refused}");
    users.update(json!({"Policy": ""})).unwrap();
    assert!(users.described().get("Policy").is_none());
}

#[test]
fn efs_needs_posix_ids_and_knows_no_policies() {
    let mut users = Users::new(json!({"Domain": "EFS"}));
    assert!(users.create("ada", json!({})).unwrap_err().contains("PosixProfile"));
    let posix = json!({"Uid": 4_294_967_295_i64, "Gid": 0, "SecondaryGids": [7]});
    assert!(users.create("ada", json!({"PosixProfile": posix, "Policy": "{}"})).unwrap_err().contains("EFS"));
    users.create("ada", json!({"PosixProfile": posix})).unwrap();
    users.update(json!({"HomeDirectory": "/fs-1"})).unwrap();
    assert_eq!(users.described()["PosixProfile"], posix);
}

#[test]
fn keys_are_normalised_and_known_by_their_material() {
    let mut users = Users::new(json!({}));
    users.create("ada", json!({"SshPublicKeyBody": format!("\n {}  \n", KEY_A.replace(' ', " \t "))})).unwrap();
    assert_eq!(users.described()["SshPublicKeys"][0]["SshPublicKeyBody"], KEY_A);
    let refused = users.import(KEY_A_RENAMED).unwrap_err();
    assert!(refused.starts_with("ResourceExistsException"), "{refused}");
    let id = users.import(KEY_B).unwrap()["SshPublicKeyId"].as_str().unwrap().to_owned();
    let one = users.named("ada", json!({"SshPublicKeyId": id}));
    users.bench.ok("DeleteSshPublicKey", one.clone());
    assert!(users.bench.call("DeleteSshPublicKey", one).unwrap_err().starts_with("ResourceNotFoundException"));
    users.bench.set(&json!({"duplicate_ssh_key": "body"}));
    users.import(KEY_A_RENAMED).unwrap();
    assert!(users.import(KEY_A).unwrap_err().starts_with("ResourceExistsException"));
}

#[test]
fn what_looks_like_a_key_and_is_none_is_refused_by_the_service() {
    let mut users = Users::new(json!({}));
    users.create("ada", json!({})).unwrap();
    for body in ["ssh-rsa AAAA", "ssh-dss AAAAB3NzaC1kc3MAAACBAA==", "ssh-ed25519 AAAAB3NzaC1yc2EAAAADAQAB"] {
        assert_eq!(
            users.import(body).unwrap_err(),
            "InvalidRequestException: Unsupported or invalid SSH public key format"
        );
    }
    let sk = "sk-ssh-ed25519@openssh.com AAAA";
    assert!(users.import(sk).unwrap_err().starts_with("ValidationException"));
    let missing = json!({"ServerId": "s-00000000000000000", "UserName": "ada", "SshPublicKeyBody": "ssh-rsa AAAA"});
    assert_eq!(
        users.bench.call("ImportSshPublicKey", missing).unwrap_err(),
        "ResourceNotFoundException: Unknown server",
        "existence comes before meaning"
    );
}

#[test]
fn quotas_of_users_and_keys_hold() {
    let mut users = Users::new(json!({}));
    users.bench.set(&json!({"quotas": {"users": 1, "ssh_keys": 1}}));
    users.create("ada", json!({"SshPublicKeyBody": KEY_A})).unwrap();
    assert!(users.create("bob", json!({})).unwrap_err().contains("Cannot exceed quota for UsersPerServer: 1"));
    assert!(users.import(KEY_B).unwrap_err().contains("Cannot exceed quota for SshPublicKeysPerUser: 1"));
}

#[test]
fn accesses_live_on_directory_servers_only() {
    let mut users = Users::new(json!({
        "IdentityProviderType": "AWS_DIRECTORY_SERVICE", "IdentityProviderDetails": {"DirectoryId": "d-0123456789"},
    }));
    let server = users.server.clone();
    let group = |more: Value| {
        let mut input = more;
        input["ServerId"] = server.clone().into();
        input["ExternalId"] = "S-1-5-21".into();
        input
    };
    let bench = &mut users.bench;
    bench.ok("CreateAccess", group(json!({"Role": ROLE, "HomeDirectory": "/b/"})));
    let twice = bench.call("CreateAccess", group(json!({"Role": ROLE}))).unwrap_err();
    assert!(twice.starts_with("ResourceExistsException"), "{twice}");
    let shown = bench.ok("DescribeAccess", group(json!({})))["Access"].clone();
    assert_eq!(
        shown,
        json!({"HomeDirectory": "/b/", "HomeDirectoryType": "PATH", "Role": ROLE, "ExternalId": "S-1-5-21"})
    );
    bench.set(&json!({"access_role": false, "quotas": {"accesses": 1}}));
    assert!(bench.ok("DescribeAccess", group(json!({})))["Access"].get("Role").is_none());
    let other = json!({"ServerId": server, "ExternalId": "S-1-6", "Role": ROLE});
    assert!(bench.invalid("CreateAccess", other).contains("AccessesPerServer: 1"));
    bench.ok("DeleteAccess", group(json!({})));
    let missing = bench.call("DescribeAccess", group(json!({}))).unwrap_err();
    assert!(missing.starts_with("ResourceNotFoundException"), "{missing}");
    let refused = users.create("ada", json!({})).unwrap_err();
    assert_eq!(refused, "InvalidRequestException: Cannot create user on server with IdP type: AWS_DIRECTORY_SERVICE");
}

#[test]
fn the_users_name_replaces_its_variable_if_the_switch_says_so() {
    let mut users = Users::new(json!({}));
    let mapping = |target: &str| json!([{"Entry": "/", "Target": target}]);
    let logical = |target: &str| json!({"HomeDirectoryType": "LOGICAL", "HomeDirectoryMappings": mapping(target)});
    users.create("ada", logical("/b/${Transfer:UserName}")).unwrap();
    assert_eq!(users.described()["HomeDirectoryMappings"], mapping("/b/${Transfer:UserName}"));
    users.bench.set(&json!({"user_name_variable": "expanded"}));
    assert_eq!(users.described()["HomeDirectoryMappings"], mapping("/b/ada"));
    users.update(logical("/b/${transfer:UserName}/x${transfer:HomeBucket}")).unwrap();
    assert_eq!(users.described()["HomeDirectoryMappings"], mapping("/b/ada/x${transfer:HomeBucket}"));
    users.update(json!({"HomeDirectoryType": "PATH", "HomeDirectory": "/b/${transfer:UserName}"})).unwrap();
    assert_eq!(users.described()["HomeDirectory"], "/b/ada");
    let listed = users.bench.ok("ListUsers", json!({"ServerId": users.server}));
    assert_eq!(listed["Users"][0]["HomeDirectory"], "/b/ada");
}
