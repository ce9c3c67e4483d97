//! What calls about agreements send, and what is read of AWS's answers.

use transfer_operator::aws::transfer::{
    AgreementSettings, CreateAgreement, CustomDirectories, DeleteAgreement, DescribeAgreement, ListAgreements,
    UpdateAgreement,
};

use super::*;

/// Every member set, also those that exclude each other.
fn settings() -> AgreementSettings {
    AgreementSettings {
        local_profile_id: some("p-1"),
        partner_profile_id: some("p-2"),
        access_role: some("arn:role"),
        base_directory: some("/b/in"),
        custom_directories: Some(CustomDirectories {
            failed_files_directory: "/f".to_owned(),
            mdn_files_directory: "/m".to_owned(),
            payload_files_directory: "/p".to_owned(),
            status_files_directory: "/s".to_owned(),
            temporary_files_directory: "/t".to_owned(),
        }),
        status: some("FUTURE"),
        preserve_filename: some("ENABLED"),
        enforce_message_signing: some("DISABLED"),
        description: some("orders"),
    }
}

fn settings_json() -> Value {
    json!({
        "LocalProfileId": "p-1", "PartnerProfileId": "p-2", "AccessRole": "arn:role", "BaseDirectory": "/b/in",
        "CustomDirectories": {
            "FailedFilesDirectory": "/f", "MdnFilesDirectory": "/m", "PayloadFilesDirectory": "/p",
            "StatusFilesDirectory": "/s", "TemporaryFilesDirectory": "/t",
        },
        "Status": "FUTURE", "PreserveFilename": "ENABLED", "EnforceMessageSigning": "DISABLED", "Description": "orders",
    })
}

fn id() -> String {
    "a-1".to_owned()
}

/// As `mutations::mutations` has those of others.
pub fn mutations() -> Vec<(Mutation, Value, Value, Option<&'static str>)> {
    let on_it = || json!({"ServerId": "s-1", "AgreementId": "a-1"});
    let answer = || json!({"AgreementId": "a-1"});
    let create = CreateAgreement { server_id: s(), settings: settings(), tags: tags() };
    let update = UpdateAgreement { server_id: s(), agreement_id: id(), settings: Box::new(settings()) };
    vec![
        (
            Mutation::CreateAgreement(Box::new(create)),
            with(settings_json(), json!({"ServerId": "s-1", "Tags": tags_json()})),
            answer(),
            // AWS's own id leads nowhere without the server.
            Some("s-1/a-1"),
        ),
        (Mutation::UpdateAgreement(update), with(settings_json(), on_it()), answer(), None),
        (Mutation::DeleteAgreement(DeleteAgreement { server_id: s(), agreement_id: id() }), on_it(), json!({}), None),
    ]
}

/// As `reads::reads` has those of others.
pub fn reads() -> Vec<(Read, Value, Value, Vec<&'static str>)> {
    let shown = json!({"Arn": "arn:a", "AgreementId": "a-1", "ServerId": "s-1"});
    vec![
        (
            Read::ListAgreements(ListAgreements { server_id: s(), token: some("t") }),
            json!({"ServerId": "s-1", "MaxResults": 1000, "NextToken": "t"}),
            json!({"NextToken": "n", "Agreements": [{"Arn": "arn:a", "AgreementId": "a-1", "Status": "FUTURE"}]}),
            vec!["a-1", "next_token: Some(\"n\")"],
        ),
        (
            Read::DescribeAgreement(DescribeAgreement { server_id: s(), agreement_id: id() }),
            json!({"ServerId": "s-1", "AgreementId": "a-1"}),
            json!({"Agreement": with(settings_json(), shown)}),
            vec!["arn:a", "FUTURE", "/t"],
        ),
    ]
}

#[tokio::test]
async fn a_described_agreement_arrives_whole_or_is_none() {
    let wire = Wire::start();
    let more = json!({"Arn": "arn:a", "AgreementId": "a-1", "ServerId": "s-1", "Tags": tags_json(), "New": 1});
    let described = with(settings_json(), more);
    let read = Read::DescribeAgreement(DescribeAgreement { server_id: s(), agreement_id: id() });
    wire.reply(ok(json!({"Agreement": described})));
    let answer = door(&wire.url).read(None, read.clone()).await.unwrap();
    let Answer::Agreement(agreement) = answer.value else { panic!("{answer:?}") };
    assert_eq!((agreement.settings, agreement.tags), (settings(), tags()));
    // No directory is as good as an empty one.
    wire.reply(ok(json!({"Agreement": with(described.clone(), json!({"BaseDirectory": ""}))})));
    let answer = door(&wire.url).read(None, read.clone()).await.unwrap();
    let Answer::Agreement(agreement) = answer.value else { panic!("{answer:?}") };
    assert_eq!(agreement.settings.base_directory, None);
    for member in ["ServerId", "AgreementId"] {
        wire.reply(ok(json!({"Agreement": with(described.clone(), json!({member: null}))})));
        let fault = door(&wire.url).read(None, read.clone()).await.unwrap_err();
        assert!(fault.message.contains(&format!("no Agreement.{member}")), "it says which one it is: {fault}");
    }
}
