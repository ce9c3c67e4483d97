//! What many certificates and connectors at rest cost, and how soon it is seen what somebody else changed: no listing shows
//! anything of them, and the Secret of a certificate is watched by nobody. Counted in virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use transfer_operator::sim::operation::Operation;

use crate::certificates::{OWN, RENEWED};
use crate::connectors::SECRET;
use crate::crowd::{Crowd, Operator};
use crate::workflows::ROLE;

/// What AWS lets an account have by its default quotas is about so much.
const CERTIFICATES: usize = 900;
const CONNECTORS: usize = 100;
/// A thousand full looks, of 833 an hour.
const FULL_LOOK: Duration = Duration::from_mins(75);
const HOUR: Duration = Duration::from_hours(1);
/// Calls an hour at rest, however many objects there are.
const AT_REST: u64 = 1000;
/// The ten minutes in which a source is read, a fifth more at the most.
const READ: Duration = Duration::from_mins(13);

/// Once all are there and each was looked at in its turn.
async fn settled(crowd: &Arc<Crowd>) -> Operator {
    let mut operator = Operator::start(crowd, |stores| stores as _);
    operator.run_for(FULL_LOOK * 2).await;
    assert_eq!(crowd.ready_of("TransferCertificate"), CERTIFICATES);
    assert_eq!(crowd.ready_of("TransferConnector"), CONNECTORS);
    crowd.spent();
    operator
}

fn partners() -> Arc<Crowd> {
    let crowd = Crowd::on(0, 0);
    apply(&crowd, CERTIFICATES, CONNECTORS);
    crowd
}

/// So many of one's own certificates, which a Secret each holds, and connectors to partners.
fn apply(crowd: &Crowd, certificates: usize, connectors: usize) {
    let place = json!({"region": "eu-central-1", "awsIdentityRef": {"name": "default"}});
    let spec = |more: Value| {
        let mut spec = place.clone();
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        spec
    };
    for number in 0..certificates {
        let secret = format!("tls-{number}");
        crowd.put_certificate(&secret, OWN);
        let more = json!({"usage": "SIGNING", "secretRef": {"name": secret}, "description": "own",
            "rotation": {"notice": "24h"}});
        crowd.apply("TransferCertificate", &format!("own-{number}"), &spec(more));
    }
    for number in 0..connectors {
        let more =
            json!({"accessRole": ROLE, "url": "sftp://sftp.example.com", "sftpConfig": {"userSecretId": SECRET}});
        crowd.apply("TransferConnector", &format!("to-{number}"), &spec(more));
    }
}

fn of(spent: &BTreeMap<String, u64>, what: &str) -> u64 {
    spent.get(what).copied().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn many_partners_at_rest_cost_no_more_than_the_budget() {
    let crowd = partners();
    let mut operator = settled(&crowd).await;
    let (version, hours) = (crowd.version(), 3);
    operator.run_for(HOUR * hours).await;
    let spent = crowd.spent();
    println!("{CERTIFICATES} certificates and {CONNECTORS} connectors at rest for {hours} hours: {spent:?}");
    assert_eq!(crowd.version(), version, "nothing is written");
    let calls = spent.iter().filter(|(what, _)| what.starts_with(char::is_uppercase));
    let calls: u64 = calls.map(|(_, calls)| calls / u64::from(hours)).sum();
    assert!(calls <= AT_REST, "{spent:?}");
    let looks = [of(&spent, "DescribeCertificate"), of(&spent, "DescribeConnector")];
    let hourly = looks.iter().sum::<u64>() / u64::from(hours);
    assert!((800..=850).contains(&hourly), "all of the budget where nobody else wants it: {spent:?}");
    assert!((looks[0] / 12..=looks[0] / 7).contains(&looks[1]), "{spent:?}: each has its turn");
    // The ten minutes of reading a source are not those of a look.
    let reads = of(&spent, "secret Secret") / u64::from(hours);
    let each = 6 * CERTIFICATES as u64;
    assert!((each * 9 / 10..=each * 12 / 10).contains(&reads), "{spent:?}");
}

#[tokio::test(start_paused = true)]
async fn among_many_a_renewed_secret_is_imported_in_about_ten_minutes() {
    let crowd = partners();
    let mut operator = settled(&crowd).await;
    for number in [7, 300, CERTIFICATES - 1] {
        crowd.put_certificate(&format!("tls-{number}"), RENEWED);
    }
    operator.run_for(READ).await;
    assert_eq!(crowd.calls().get("ImportCertificate"), Some(&3));
}

#[tokio::test(start_paused = true)]
async fn among_many_what_somebody_else_changed_is_put_right_in_its_turn() {
    let crowd = partners();
    let mut operator = settled(&crowd).await;
    let id = crowd.status("TransferCertificate", "own-5")["certificateId"].clone();
    crowd.by_hand(Operation::UpdateCertificate, json!({"CertificateId": id, "Description": "another"}));
    operator.run_for(FULL_LOOK).await;
    assert_eq!(crowd.calls().get("UpdateCertificate"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn a_few_partners_are_looked_at_as_often_as_ever_beside_many_users() {
    let crowd = Crowd::of(400);
    apply(&crowd, 6, 6);
    let mut operator = Operator::start(&crowd, |stores| stores as _);
    operator.run_for(HOUR).await;
    crowd.spent();
    let hours = 3;
    operator.run_for(HOUR * hours).await;
    let spent = crowd.spent();
    let hourly = |what| of(&spent, what) / u64::from(hours);
    for what in ["DescribeCertificate", "DescribeConnector"] {
        assert!((33..=39).contains(&hourly(what)), "six of them every ten minutes: {spent:?}");
    }
    let users = hourly("DescribeUser");
    assert!((720..=780).contains(&users), "{spent:?}: users have what is left of 833");
}
