//! What calls about certificates send, and what is read of AWS's answers.

use jiff::Timestamp;
use transfer_operator::aws::transfer::{
    DeleteCertificate, DescribeCertificate, ImportCertificate, ListCertificates, UpdateCertificate,
};

use super::*;

fn id() -> String {
    "cert-1".to_owned()
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// As `mutations::mutations` has those of others.
pub fn mutations() -> Vec<(Mutation, Value, Value, Option<&'static str>)> {
    let on_it = || json!({"CertificateId": "cert-1"});
    let import = ImportCertificate {
        usage: "FUTURE".to_owned(),
        certificate: "PEM".to_owned(),
        certificate_chain: some("CHAIN"),
        private_key: Some("KEY".to_owned().into()),
        active_date: Some(second(100)),
        inactive_date: Some(second(200)),
        description: some("signing"),
        tags: tags(),
    };
    let update = UpdateCertificate {
        certificate_id: id(),
        active_date: Some(second(100)),
        inactive_date: Some(second(200)),
        description: some("signing"),
    };
    let dated = json!({"ActiveDate": 100, "InactiveDate": 200, "Description": "signing"});
    let whole = json!({"Usage": "FUTURE", "Certificate": "PEM", "CertificateChain": "CHAIN", "PrivateKey": "KEY",
        "Tags": tags_json()});
    vec![
        (Mutation::ImportCertificate(Box::new(import)), with(whole, dated.clone()), on_it(), Some("cert-1")),
        (Mutation::UpdateCertificate(update), with(on_it(), dated), on_it(), None),
        (Mutation::DeleteCertificate(DeleteCertificate { certificate_id: id() }), on_it(), json!({}), None),
    ]
}

fn described() -> Value {
    json!({"Arn": "arn:c", "CertificateId": "cert-1", "Usage": "FUTURE", "Status": "PENDING_ROTATION", "Certificate": "PEM",
        "CertificateChain": "CHAIN", "ActiveDate": 100.5, "InactiveDate": 200, "Serial": "1001", "NotBeforeDate": 50,
        "NotAfterDate": 300, "Type": "CERTIFICATE", "Description": "signing", "Tags": tags_json(), "New": 1})
}

/// As `reads::reads` has those of others.
pub fn reads() -> Vec<(Read, Value, Value, Vec<&'static str>)> {
    vec![
        (
            Read::ListCertificates(ListCertificates { token: some("t") }),
            json!({"MaxResults": 1000, "NextToken": "t"}),
            json!({"NextToken": "n", "Certificates": [{"Arn": "arn:c", "CertificateId": "cert-1", "Usage": "TLS"}]}),
            vec!["cert-1", "next_token: Some(\"n\")"],
        ),
        (
            Read::DescribeCertificate(DescribeCertificate { certificate_id: id() }),
            json!({"CertificateId": "cert-1"}),
            json!({"Certificate": described()}),
            vec!["arn:c", "FUTURE", "PENDING_ROTATION", "1970-01-01T00:01:40.5Z", "1970-01-01T00:05:00Z"],
        ),
    ]
}

#[tokio::test]
async fn a_described_certificate_arrives_whole_or_is_none() {
    let wire = Wire::start();
    let read = Read::DescribeCertificate(DescribeCertificate { certificate_id: id() });
    for member in ["Arn", "CertificateId", "Usage", "Certificate"] {
        wire.reply(ok(json!({"Certificate": with(described(), json!({member: null}))})));
        let fault = door(&wire.url).read(None, read.clone()).await.unwrap_err();
        assert!(fault.message.contains(&format!("no Certificate.{member}")), "it says which one it is: {fault}");
    }
}
