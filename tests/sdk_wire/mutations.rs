//! What each mutation sends, and what is read of its answer.

use super::*;

/// Those of connectors, agreements, certificates and web apps.
fn of_partners_and_browsers() -> Vec<(Mutation, Value, Value, Option<&'static str>)> {
    let of_as2 = agreements::mutations().into_iter().chain(certificates::mutations());
    connectors::mutations().into_iter().chain(of_as2).chain(web_apps::mutations()).collect()
}

/// Every mutation with every member set, the body that must go out, AWS's answer and the id in it.
pub fn mutations() -> Vec<(Mutation, Value, Value, Option<&'static str>)> {
    let on_user = json!({"ServerId": "s-1", "UserName": "alice"});
    let on_access = json!({"ServerId": "s-1", "ExternalId": "S-1-5"});
    let workflow_id = || "w-1".to_owned();
    let on_workflow = json!({"WorkflowId": "w-1"});
    let profile_id = || "p-1".to_owned();
    let on_profile = json!({"ProfileId": "p-1"});
    let mut table = server_mutations();
    table.extend(of_partners_and_browsers());
    table.extend([
        (
            Mutation::CreateWorkflow(Box::new(CreateWorkflow { settings: workflow_settings(), tags: tags() })),
            with(workflow_json(), json!({"Tags": tags_json()})),
            on_workflow.clone(),
            Some("w-1"),
        ),
        (Mutation::DeleteWorkflow(DeleteWorkflow { workflow_id: workflow_id() }), on_workflow, json!({}), None),
        (
            Mutation::CreateProfile(Box::new(CreateProfile { settings: profile_settings(), tags: tags() })),
            with(profile_json(), json!({"Tags": tags_json()})),
            on_profile.clone(),
            Some("p-1"),
        ),
        (
            Mutation::UpdateProfile(UpdateProfile { profile_id: profile_id(), certificate_ids: Vec::new() }),
            // Of an absent list nothing could be taken out.
            with(on_profile.clone(), json!({"CertificateIds": []})),
            on_profile.clone(),
            None,
        ),
        (Mutation::DeleteProfile(DeleteProfile { profile_id: profile_id() }), on_profile, json!({}), None),
        (
            Mutation::CreateUser(Box::new(CreateUser {
                server_id: s(),
                user_name: u(),
                settings: login_settings(),
                ssh_public_key_body: some("ssh-ed25519 AAAA"),
                tags: tags(),
            })),
            with(
                with(login_json(), on_user.clone()),
                json!({"SshPublicKeyBody": "ssh-ed25519 AAAA", "Tags": tags_json()}),
            ),
            on_user.clone(),
            None,
        ),
        (
            Mutation::UpdateUser(UpdateUser { server_id: s(), user_name: u(), settings: Box::new(login_settings()) }),
            with(login_json(), on_user.clone()),
            on_user.clone(),
            None,
        ),
        (Mutation::DeleteUser(DeleteUser { server_id: s(), user_name: u() }), on_user.clone(), json!({}), None),
        (
            Mutation::ImportSshPublicKey(ImportSshPublicKey {
                server_id: s(),
                user_name: u(),
                body: "ssh-rsa B".to_owned(),
            }),
            with(on_user.clone(), json!({"SshPublicKeyBody": "ssh-rsa B"})),
            with(on_user.clone(), json!({"SshPublicKeyId": "key-1"})),
            Some("key-1"),
        ),
        (
            Mutation::DeleteSshPublicKey(DeleteSshPublicKey {
                server_id: s(),
                user_name: u(),
                key_id: "key-1".to_owned(),
            }),
            with(on_user, json!({"SshPublicKeyId": "key-1"})),
            json!({}),
            None,
        ),
        (
            Mutation::CreateAccess(Box::new(CreateAccess {
                server_id: s(),
                external_id: "S-1-5".to_owned(),
                settings: login_settings(),
            })),
            with(login_json(), on_access.clone()),
            on_access.clone(),
            None,
        ),
        (
            Mutation::UpdateAccess(UpdateAccess {
                server_id: s(),
                external_id: "S-1-5".to_owned(),
                settings: Box::new(login_settings()),
            }),
            with(login_json(), on_access.clone()),
            on_access.clone(),
            None,
        ),
        (
            Mutation::DeleteAccess(DeleteAccess { server_id: s(), external_id: "S-1-5".to_owned() }),
            on_access,
            json!({}),
            None,
        ),
    ]);
    table
}

fn server_mutations() -> Vec<(Mutation, Value, Value, Option<&'static str>)> {
    let on_server = json!({"ServerId": "s-1"});
    let on_key = json!({"ServerId": "s-1", "HostKeyId": "hostkey-1"});
    let key = || "hostkey-1".to_owned();
    vec![
        (
            Mutation::CreateServer(Box::new(CreateServer {
                domain: some("S3"),
                host_key: Some(SecretString::from("PRIVATE")),
                host_key_storage_type: some("SECRETS_MANAGER"),
                settings: server_settings(),
                tags: tags(),
            })),
            with(
                server_json(),
                json!({"Domain": "S3", "HostKey": "PRIVATE", "HostKeyStorageType": "SECRETS_MANAGER", "Tags": tags_json()}),
            ),
            on_server.clone(),
            Some("s-1"),
        ),
        (
            Mutation::UpdateServer(UpdateServer { server_id: s(), settings: Box::new(server_settings()) }),
            with(server_json(), json!({"ServerId": "s-1"})),
            on_server.clone(),
            None,
        ),
        (Mutation::StartServer(StartServer { server_id: s() }), on_server.clone(), json!({}), None),
        (Mutation::StopServer(StopServer { server_id: s() }), on_server.clone(), json!({}), None),
        (Mutation::DeleteServer(DeleteServer { server_id: s() }), on_server, json!({}), None),
        (
            Mutation::ImportHostKey(Box::new(ImportHostKey {
                server_id: s(),
                body: SecretString::from("PRIVATE"),
                description: some("d"),
                storage_type: some("SECRETS_MANAGER"),
                kms_key: some("arn:kms"),
                tags: tags(),
            })),
            json!({
                "ServerId": "s-1", "HostKeyBody": "PRIVATE", "Description": "d", "StorageType": "SECRETS_MANAGER",
                "KmsKey": "arn:kms", "Tags": tags_json(),
            }),
            on_key.clone(),
            Some("hostkey-1"),
        ),
        (
            Mutation::UpdateHostKey(UpdateHostKey {
                server_id: s(),
                host_key_id: key(),
                description: some("d"),
                storage_type: some("SERVICE_MANAGED"),
                kms_key: some("arn:kms"),
            }),
            with(on_key.clone(), json!({"Description": "d", "StorageType": "SERVICE_MANAGED", "KmsKey": "arn:kms"})),
            on_key.clone(),
            None,
        ),
        (Mutation::DeleteHostKey(DeleteHostKey { server_id: s(), host_key_id: key() }), on_key, json!({}), None),
        (
            Mutation::TagResource(TagResource { arn: "arn:x".to_owned(), tags: tags() }),
            json!({"Arn": "arn:x", "Tags": tags_json()}),
            json!({}),
            None,
        ),
        (
            Mutation::UntagResource(UntagResource { arn: "arn:x".to_owned(), keys: vec!["a".to_owned()] }),
            json!({"Arn": "arn:x", "TagKeys": ["a"]}),
            json!({}),
            None,
        ),
    ]
}

#[tokio::test]
async fn every_mutation_carries_every_member_and_returns_the_id_that_aws_chose() {
    let wire = Wire::start();
    let door = door(&wire.url);
    let table = mutations();
    assert_eq!(table.len(), 37, "one row per mutation");
    for (call, sent, answer, id) in table {
        let operation = call.operation();
        wire.reply(ok(answer));
        let reply = door.mutate(permit().await, noon(), call).await.unwrap();
        assert_eq!(reply.value, CreateOutput { id: id.map(str::to_owned) }, "{operation}");
        assert_eq!(reply.date, Some(at("2026-01-01T00:00:00Z")), "{operation}");
        let [request] = &wire.take()[..] else { panic!("{operation} was not sent once") };
        assert_eq!(request.operation(), operation);
        assert_eq!(request.json(), sent, "{operation}");
        assert_eq!(request.signed_at(), "20260101T120000Z", "{operation}");
    }
}

#[tokio::test]
async fn an_empty_body_is_an_answer_where_the_operation_has_no_output() {
    let wire = Wire::start();
    let door = door(&wire.url);
    for (call, _, answer, _) in mutations() {
        let operation = call.operation();
        wire.reply(ok(""));
        let outcome = door.mutate(permit().await, noon(), call).await;
        if answer == json!({}) {
            outcome.unwrap();
        } else {
            assert_eq!(outcome.unwrap_err().kind, AwsErrorKind::Lost, "{operation}");
        }
    }
}

#[tokio::test]
async fn what_is_absent_is_not_sent_and_an_empty_list_is() {
    let wire = Wire::start();
    let door = door(&wire.url);
    let update = |settings| Mutation::UpdateServer(UpdateServer { server_id: s(), settings: Box::new(settings) });
    let empty = ServerSettings {
        endpoint_details: Some(EndpointDetails { address_allocation_ids: Some(vec![]), ..Default::default() }),
        structured_log_destinations: Some(vec![]),
        workflow_details: Some(WorkflowDetails { on_upload: Some(vec![]), on_partial_upload: None }),
        logging_role: some(""),
        ..Default::default()
    };
    for (settings, sent) in [
        (ServerSettings::default(), json!({"ServerId": "s-1"})),
        (
            empty,
            json!({
                "ServerId": "s-1", "EndpointDetails": {"AddressAllocationIds": []}, "StructuredLogDestinations": [],
                "WorkflowDetails": {"OnUpload": []}, "LoggingRole": "",
            }),
        ),
    ] {
        wire.reply(ok(json!({"ServerId": "s-1"})));
        door.mutate(permit().await, noon(), update(settings)).await.unwrap();
        assert_eq!(wire.take()[0].json(), sent);
    }
    wire.reply(ok(json!({"ServerId": "s-1"})));
    door.mutate(permit().await, noon(), Mutation::CreateServer(Box::default())).await.unwrap();
    assert_eq!(wire.take()[0].json(), json!({}), "no tags are no member: AWS refuses an empty list");
}
