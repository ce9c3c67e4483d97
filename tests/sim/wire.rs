//! What goes over the wire: members, times, errors, signatures.

use std::time::{Duration, SystemTime};

use aws_sdk_transfer::config::Credentials;
use aws_sdk_transfer::config::retry::RetryConfig;
use aws_sdk_transfer::error::ProvideErrorMetadata;
use aws_sdk_transfer::types::{
    CopyStepDetails, DeleteStepDetails, EndpointDetails, EndpointType, HomeDirectoryMapEntry, HomeDirectoryType,
    InputFileLocation, PosixProfile, ProtocolDetails, S3InputFileLocation, SetStatOption, SftpPortWithOptions, State,
    Tag, WorkflowDetail, WorkflowDetails, WorkflowStep, WorkflowStepType,
};
use aws_smithy_async::time::StaticTimeSource;
use serde_json::json;

use crate::process::{ROLE, Sim, code, created, listed};

#[tokio::test]
async fn a_server_comes_back_through_describe() {
    let sim = Sim::start(&["--transition-time", "0s"]);
    let client = sim.client();
    let ports = SftpPortWithOptions::builder().sftp_port(2222).build().unwrap();
    let protocol = ProtocolDetails::builder().set_stat_option(SetStatOption::EnableNoOp).sftp_ports(ports.clone());
    let tag = Tag::builder().key("a").value("b").build().unwrap();
    let server =
        client.create_server().protocol_details(protocol.build()).tags(tag.clone()).send().await.unwrap().server_id;
    let shown = client.describe_server().server_id(&server).send().await.unwrap();
    let shown = shown.server.unwrap();
    assert_eq!(shown.state, Some(State::Online));
    assert_eq!(shown.tags(), [tag]);
    assert_eq!(shown.protocol_details.unwrap().sftp_ports(), [ports]);
}

#[tokio::test]
async fn a_user_comes_back_through_describe_and_goes_with_its_server() {
    let sim = Sim::start(&[]);
    let client = sim.client();
    let server = created(&client).await;
    let entry = HomeDirectoryMapEntry::builder().entry("/").target("/bucket").build().unwrap();
    let posix = PosixProfile::builder().uid(4_294_967_295).gid(1).secondary_gids(2).build().unwrap();
    client
        .create_user()
        .server_id(&server)
        .user_name("ada")
        .role(ROLE)
        .home_directory_type(HomeDirectoryType::Logical)
        .home_directory_mappings(entry.clone())
        .posix_profile(posix.clone())
        .ssh_public_key_body("ssh-ed25519  AAAAC3NzaC1lZDI1NTE5AAAAIC3z9WW/uVR8kU0EYgWlx8btjZDmBeu0rg2WOcATs5sq ada\n")
        .send()
        .await
        .unwrap();
    let user = client.describe_user().server_id(&server).user_name("ada").send().await.unwrap();
    let user = user.user.unwrap();
    assert_eq!(user.home_directory_mappings(), [entry]);
    assert_eq!(user.posix_profile, Some(posix));
    let key = &user.ssh_public_keys()[0];
    assert!(key.ssh_public_key_body.ends_with(" ada"));
    assert!(key.date_imported.secs() > 1_700_000_000);
    client.delete_server().server_id(&server).send().await.unwrap();
    let gone = client.describe_server().server_id(&server).send().await.unwrap_err();
    let gone = gone.into_service_error();
    assert!(gone.is_resource_not_found_exception());
    assert_eq!(gone.meta().message(), Some("Unknown server"));
}

#[tokio::test]
async fn a_workflow_comes_back_through_describe() {
    let sim = Sim::start(&[]);
    let client = sim.client();
    let place = S3InputFileLocation::builder().bucket("kept").key("in/").build();
    let place = InputFileLocation::builder().s3_file_location(place).build();
    let copy = CopyStepDetails::builder().destination_file_location(place).build();
    let copy = WorkflowStep::builder().r#type(WorkflowStepType::Copy).copy_step_details(copy).build();
    let remove = WorkflowStep::builder()
        .r#type(WorkflowStepType::Delete)
        .delete_step_details(DeleteStepDetails::builder().build())
        .build();
    let tag = Tag::builder().key("a").value("b").build().unwrap();
    let log_group = "arn:aws:logs:eu-west-1:123456789012:log-group:workflows:*";
    let made = client
        .create_workflow()
        .description("kept")
        .steps(copy.clone())
        .on_exception_steps(remove.clone())
        .structured_log_destinations(log_group)
        .tags(tag.clone());
    let id = made.send().await.unwrap().workflow_id;
    let shown = client.describe_workflow().workflow_id(&id).send().await.unwrap().workflow.unwrap();
    assert_eq!((shown.steps(), shown.on_exception_steps()), (&[copy][..], &[remove][..]));
    assert_eq!((shown.description(), shown.tags()), (Some("kept"), &[tag][..]));
    assert_eq!(shown.structured_log_destinations(), [log_group]);
    let used = WorkflowDetail::builder().workflow_id(&id).execution_role(ROLE).build().unwrap();
    let used = WorkflowDetails::builder().on_upload(used).build();
    let server = client.create_server().workflow_details(used).send().await.unwrap().server_id;
    let refused = client.delete_workflow().workflow_id(&id).send().await.unwrap_err().into_service_error();
    assert!(refused.is_invalid_request_exception());
    let told = format!("Workflow is still in use by server {server}");
    assert_eq!(refused.meta().message(), Some(told.as_str()));
    client.delete_server().server_id(&server).send().await.unwrap();
    client.delete_workflow().workflow_id(&id).send().await.unwrap();
    assert!(client.list_workflows().send().await.unwrap().workflows.is_empty());
    let gone = client.describe_workflow().workflow_id(&id).send().await.unwrap_err().into_service_error();
    assert!(gone.is_resource_not_found_exception());
}

#[tokio::test]
async fn the_sdk_reads_every_style_of_error() {
    let sim = Sim::start(&["--transition-time", "0s"]);
    let client = sim.client();
    let server = created(&client).await;
    for error_type in ["body", "namespaced", "header", "both"] {
        for error_message in ["mixed", "capital", "lower"] {
            for status in ["documented", "smithy"] {
                sim.post(
                    "config",
                    &json!({"error_type": error_type, "error_message": error_message, "status": status}),
                );
                let refused = client.describe_user().server_id(&server).user_name("nobody").send().await;
                let refused = refused.unwrap_err().into_service_error();
                assert!(refused.is_resource_not_found_exception(), "{error_type} {error_message} {status}");
                assert_eq!(refused.meta().message(), Some("Unknown user"));
                let refused = client.describe_server().server_id("x").send().await.unwrap_err();
                assert_eq!(code(&refused), "ValidationException");
                assert!(refused.message().unwrap().contains("'serverId'"));
            }
        }
    }
}

#[tokio::test]
async fn the_sdk_reads_every_style_of_answer_and_values_of_tomorrow() {
    let sim = Sim::start(&["--transition-time", "0s"]);
    let client = sim.client();
    let server = created(&client).await;
    sim.post("config", &json!({"absent": "null", "unknown_members": true, "empty_body": "object", "unset": "empty"}));
    let shown = client.describe_server().server_id(&server).send().await.unwrap().server.unwrap();
    assert!(shown.endpoint_details.is_none());
    assert_eq!(shown.logging_role.as_deref(), Some(""));
    client.stop_server().server_id(&server).send().await.unwrap();
    sim.post("change", &json!({"region": "eu-west-1", "set_state": {"server_id": server, "state": "HIBERNATING"}}));
    let shown = client.describe_server().server_id(&server).send().await.unwrap().server.unwrap();
    assert_eq!(shown.state.unwrap().as_str(), "HIBERNATING");
    let disguise = json!({"server_id": server, "members": {"EndpointType": "ORBIT", "NotThere": 1}});
    sim.post("change", &json!({"region": "eu-west-1", "show_as": disguise}));
    let listed = client.list_servers().send().await.unwrap().servers;
    assert_eq!(listed[0].endpoint_type.as_ref().unwrap().as_str(), "ORBIT");
}

#[tokio::test]
async fn throttling_is_typed_where_the_model_says_so_and_a_code_elsewhere() {
    let sim = Sim::start(&[]);
    let client = sim.client();
    let server = created(&client).await;
    sim.fault("StartServer", &json!({"kind": "throttle", "retry_after_seconds": 3}));
    let refused = client.start_server().server_id(&server).send().await.unwrap_err();
    match refused.into_service_error() {
        aws_sdk_transfer::operation::start_server::StartServerError::ThrottlingException(e) => {
            assert_eq!(e.retry_after_seconds(), Some("3"));
        }
        other => panic!("{other}"),
    }
    sim.fault("DescribeServer", &json!({"kind": "throttle"}));
    let refused = client.describe_server().server_id(&server).send().await.unwrap_err();
    assert_eq!(code(&refused), "ThrottlingException");
    assert_eq!(refused.message(), None);
}

#[tokio::test]
async fn a_call_signed_in_the_past_is_refused_and_logged_with_its_time() {
    let sim = Sim::start(&["--signature-tolerance", "60s"]);
    let client = sim.client();
    assert_eq!(listed(&client).await, 0);
    for (ago, outcome) in [(0, "ok"), (120, "InvalidSignatureException")] {
        #[allow(clippy::disallowed_methods, reason = "the simulator runs by the machine's clock")]
        let signed = SystemTime::now() - Duration::from_secs(ago);
        let override_config = aws_sdk_transfer::Config::builder()
            .time_source(StaticTimeSource::new(signed))
            .disable_clock_skew_correction(true)
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .retry_config(RetryConfig::disabled());
        let sent = client.create_server().customize().config_override(override_config).send().await;
        assert_eq!(sent.map_or_else(|e| code(&e), |_| "ok".to_owned()), outcome);
        let calls = sim.get("calls")["calls"].clone();
        let call = calls.as_array().unwrap().last().unwrap();
        assert_eq!(call["outcome"], outcome);
        let seconds = signed.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let logged: jiff::Timestamp = call["signed_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(logged.as_second(), i64::try_from(seconds).unwrap());
    }
    assert_eq!(listed(&client).await, 1);
}

#[tokio::test]
async fn answers_carry_the_simulated_time() {
    let sim = Sim::start(&[]);
    let before = sim.get("clock")["now"].as_str().unwrap().to_owned();
    let now = sim.post("clock", &json!({"advance": "24h"}))["now"].as_str().unwrap().to_owned();
    let day = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
    assert!(day(&now) - day(&before) >= 86_400);
    let (_, reply, _) = sim.raw("POST", "/", "{}");
    let date = reply.lines().find_map(|l| l.strip_prefix("date: ")).unwrap();
    let date = httpdate::parse_http_date(date).unwrap();
    let date = date.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    assert!(date >= u64::try_from(day(&now)).unwrap());
    assert!(reply.contains("x-amzn-requestid: "));
    // The SDK learns the simulated time from these answers, so its second call is signed with it.
    let client = sim.client();
    let first = client.list_servers().send().await.unwrap_err();
    assert_eq!(code(&first), "InvalidSignatureException");
    assert_eq!(listed(&client).await, 0);
}

#[tokio::test]
async fn a_vpc_server_conflicts_until_its_endpoint_is_there() {
    let sim = Sim::start(&["--transition-time", "1h", "--signature-tolerance", "24h"]);
    let client = sim.client();
    let details = EndpointDetails::builder().vpc_id("vpc-1").subnet_ids("subnet-1").build();
    let made = client.create_server().endpoint_type(EndpointType::Vpc).endpoint_details(details).send();
    let server = made.await.unwrap().server_id;
    sim.post("clock", &json!({"advance": "1h"}));
    let shown = client.describe_server().server_id(&server).send().await;
    assert_eq!(shown.unwrap().server.unwrap().state, Some(State::Online));
    let update = || client.update_server().server_id(&server).send();
    assert!(update().await.unwrap_err().into_service_error().is_conflict_exception());
    sim.post("clock", &json!({"advance": "1h"}));
    update().await.unwrap();
}

#[tokio::test]
async fn an_assumed_role_acts_in_its_own_account_until_it_expires() {
    let sim = Sim::start(&["--signature-tolerance", "24h"]);
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(aws_sdk_sts::config::BehaviorVersion::latest())
        .region(aws_sdk_sts::config::Region::new("eu-west-1"))
        .endpoint_url(format!("http://127.0.0.1:{}", sim.port))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled());
    let sts = aws_sdk_sts::Client::from_conf(config.build());
    let role = "arn:aws:iam::210987654321:role/operator";
    let assume = || sts.assume_role().role_arn(role).role_session_name("test");
    let made = assume().duration_seconds(900).send().await.unwrap().credentials.unwrap();
    let session = Credentials::new(made.access_key_id, made.secret_access_key, Some(made.session_token), None, "test");
    let there = aws_sdk_transfer::Client::from_conf(sim.config().credentials_provider(session).build());
    let server = created(&there).await;
    let shown = there.describe_server().server_id(&server).send().await.unwrap();
    let arn = shown.server.unwrap().arn;
    assert_eq!(arn, format!("arn:aws:transfer:eu-west-1:210987654321:server/{server}"));
    assert_eq!(listed(&sim.client()).await, 0);
    let call = &sim.get("calls?since=1")["calls"][0];
    assert_eq!(call["account"], "210987654321");
    assert_eq!(call["principal"], "arn:aws:sts::210987654321:assumed-role/operator/test");
    sim.fault("AssumeRole", &json!({"kind": "error", "code": "AccessDenied", "message": "not you", "status": 403}));
    let refused = assume().send().await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDenied"));
    let refused = assume().duration_seconds(1).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationError"));
    sim.post("clock", &json!({"advance": "15m"}));
    let refused = there.list_servers().send().await.unwrap_err();
    assert_eq!(code(&refused), "ExpiredTokenException");
}
