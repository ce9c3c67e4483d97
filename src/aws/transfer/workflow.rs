//! Workflows: what is done with a file after its upload. AWS has no call that changes one.

use aws_sdk_transfer::{Client, types as sdk};
use aws_smithy_types::error::operation::BuildError;
use serde::{Deserialize, Serialize};

use super::tag::{self, Tags};
use crate::api::workflow::{
    CopyStepDetails, CustomStepDetails, DecryptStepDetails, DeleteStepDetails, EfsFileLocation, FileLocation,
    S3FileLocation, S3Tag, TagStepDetails, WorkflowStep,
};
use crate::aws::call::{Call, Change, Listing, Page};
use crate::aws::sdk::convert::{Complete, built, list, required, text, value};
use crate::aws::sdk::once::{Once, single_attempt};
use crate::aws::{AwsError, CallClass, CreateOutput};

/// What CreateWorkflow and DescribeWorkflow share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowSettings {
    /// A text of whoever made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What is done with a file.
    pub steps: Vec<WorkflowStep>,
    /// What is done where one of these fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_exception_steps: Option<Vec<WorkflowStep>>,
    /// Log group ARNs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structured_log_destinations: Option<Vec<String>>,
}

/// What DescribeWorkflow answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workflow {
    /// ARN of the workflow.
    pub arn: String,
    /// `w-` and 17 letters or digits.
    pub workflow_id: String,
    /// What it was made with.
    pub settings: WorkflowSettings,
    /// Tags.
    pub tags: Tags,
}

/// One row of ListWorkflows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListedWorkflow {
    /// Id of the workflow.
    pub workflow_id: String,
}

/// ListWorkflows.
#[derive(Clone, Debug)]
pub struct ListWorkflows {
    /// The page; absent for the first.
    pub token: Option<String>,
}

impl Listing for ListWorkflows {
    const OPERATION: &'static str = "ListWorkflows";
    const LIST: &'static str = "Workflows";
    type Client = Client;
    type Row = ListedWorkflow;

    async fn page(&self, client: &Client, once: &Once) -> Result<Page<ListedWorkflow>, AwsError> {
        let Self { token } = self.clone();
        let call = client.list_workflows().max_results(super::PAGE).set_next_token(token);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        let row = |theirs: sdk::ListedWorkflow| {
            Ok(ListedWorkflow { workflow_id: required(theirs.workflow_id, "Workflows.WorkflowId")? })
        };
        once.page(answer.workflows, row, answer.next_token)
    }

    fn turn(&mut self, token: String) {
        self.token = Some(token);
    }
}

/// DescribeWorkflow.
#[derive(Clone, Debug)]
pub struct DescribeWorkflow {
    /// Id of the workflow.
    pub workflow_id: String,
}

impl Call for DescribeWorkflow {
    const OPERATION: &'static str = "DescribeWorkflow";
    const CLASS: CallClass = CallClass::Read;
    const REQUIRED: &'static [&'static str] = &["Workflow"];
    type Client = Client;
    type Output = Box<Workflow>;

    async fn send(&self, client: &Client, once: &Once) -> Result<Box<Workflow>, AwsError> {
        let Self { workflow_id } = self.clone();
        let answer = single_attempt!(once, aws_sdk_transfer, client.describe_workflow().workflow_id(workflow_id))?;
        once.complete(answer.workflow.ok_or("Workflow").and_then(workflow).map(Box::new))
    }
}

/// CreateWorkflow.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CreateWorkflow {
    /// What it is made with.
    pub settings: WorkflowSettings,
    /// Tags, the owner tags among them.
    pub tags: Tags,
}

impl Call for CreateWorkflow {
    const OPERATION: &'static str = "CreateWorkflow";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["WorkflowId"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { settings, tags } = self.clone();
        let WorkflowSettings { description, steps, on_exception_steps, structured_log_destinations } = settings;
        let call = client
            .create_workflow()
            .set_description(description)
            .set_steps(once.built(built(Some(steps)))?)
            .set_on_exception_steps(once.built(built(on_exception_steps))?)
            .set_structured_log_destinations(structured_log_destinations)
            .set_tags(once.built(tag::of_new(tags))?);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        once.made(answer.workflow_id, "WorkflowId")
    }
}

impl Change for CreateWorkflow {
    fn target(&self) -> Option<String> {
        None
    }
}

/// DeleteWorkflow.
#[derive(Clone, Debug, Serialize)]
pub struct DeleteWorkflow {
    /// Id of the workflow.
    pub workflow_id: String,
}

impl Call for DeleteWorkflow {
    const OPERATION: &'static str = "DeleteWorkflow";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &[];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { workflow_id } = self.clone();
        single_attempt!(once, aws_sdk_transfer, client.delete_workflow().workflow_id(workflow_id))
            .map(|_| CreateOutput::default())
    }
}

impl Change for DeleteWorkflow {
    fn target(&self) -> Option<String> {
        Some(self.workflow_id.clone())
    }
}

fn workflow(theirs: sdk::DescribedWorkflow) -> Complete<Workflow> {
    Ok(Workflow {
        arn: required(theirs.arn, "Workflow.Arn")?,
        workflow_id: required(theirs.workflow_id, "Workflow.WorkflowId")?,
        settings: WorkflowSettings {
            description: theirs.description,
            steps: list(theirs.steps).ok_or("Workflow.Steps")?,
            on_exception_steps: list(theirs.on_exception_steps),
            structured_log_destinations: theirs.structured_log_destinations,
        },
        tags: tag::read(theirs.tags),
    })
}

impl TryFrom<WorkflowStep> for sdk::WorkflowStep {
    type Error = BuildError;

    fn try_from(ours: WorkflowStep) -> Result<Self, BuildError> {
        let WorkflowStep {
            r#type,
            copy_step_details,
            custom_step_details,
            delete_step_details,
            tag_step_details,
            decrypt_step_details,
        } = ours;
        Ok(Self::builder()
            .set_type(value(r#type))
            .set_copy_step_details(copy_step_details.map(Into::into))
            .set_custom_step_details(custom_step_details.map(Into::into))
            .set_delete_step_details(delete_step_details.map(Into::into))
            .set_tag_step_details(tag_step_details.map(TryInto::try_into).transpose()?)
            .set_decrypt_step_details(decrypt_step_details.map(TryInto::try_into).transpose()?)
            .build())
    }
}

impl From<sdk::WorkflowStep> for WorkflowStep {
    fn from(theirs: sdk::WorkflowStep) -> Self {
        Self {
            r#type: text(theirs.r#type),
            copy_step_details: theirs.copy_step_details.map(Into::into),
            custom_step_details: theirs.custom_step_details.map(Into::into),
            delete_step_details: theirs.delete_step_details.map(Into::into),
            tag_step_details: theirs.tag_step_details.map(Into::into),
            decrypt_step_details: theirs.decrypt_step_details.map(Into::into),
        }
    }
}

impl From<CopyStepDetails> for sdk::CopyStepDetails {
    fn from(ours: CopyStepDetails) -> Self {
        let CopyStepDetails { name, destination_file_location, overwrite_existing, source_file_location } = ours;
        Self::builder()
            .set_name(name)
            .set_destination_file_location(destination_file_location.map(Into::into))
            .set_overwrite_existing(value(overwrite_existing))
            .set_source_file_location(source_file_location)
            .build()
    }
}

impl From<sdk::CopyStepDetails> for CopyStepDetails {
    fn from(theirs: sdk::CopyStepDetails) -> Self {
        Self {
            name: theirs.name,
            destination_file_location: theirs.destination_file_location.map(Into::into),
            overwrite_existing: text(theirs.overwrite_existing),
            source_file_location: theirs.source_file_location,
        }
    }
}

impl From<CustomStepDetails> for sdk::CustomStepDetails {
    fn from(ours: CustomStepDetails) -> Self {
        let CustomStepDetails { name, target, timeout_seconds, source_file_location } = ours;
        Self::builder()
            .set_name(name)
            .set_target(target)
            .set_timeout_seconds(timeout_seconds)
            .set_source_file_location(source_file_location)
            .build()
    }
}

impl From<sdk::CustomStepDetails> for CustomStepDetails {
    fn from(theirs: sdk::CustomStepDetails) -> Self {
        Self {
            name: theirs.name,
            target: theirs.target,
            timeout_seconds: theirs.timeout_seconds,
            source_file_location: theirs.source_file_location,
        }
    }
}

impl From<DeleteStepDetails> for sdk::DeleteStepDetails {
    fn from(ours: DeleteStepDetails) -> Self {
        let DeleteStepDetails { name, source_file_location } = ours;
        Self::builder().set_name(name).set_source_file_location(source_file_location).build()
    }
}

impl From<sdk::DeleteStepDetails> for DeleteStepDetails {
    fn from(theirs: sdk::DeleteStepDetails) -> Self {
        Self { name: theirs.name, source_file_location: theirs.source_file_location }
    }
}

impl TryFrom<TagStepDetails> for sdk::TagStepDetails {
    type Error = BuildError;

    fn try_from(ours: TagStepDetails) -> Result<Self, BuildError> {
        let TagStepDetails { name, tags, source_file_location } = ours;
        Ok(Self::builder().set_name(name).set_tags(built(tags)?).set_source_file_location(source_file_location).build())
    }
}

impl From<sdk::TagStepDetails> for TagStepDetails {
    fn from(theirs: sdk::TagStepDetails) -> Self {
        Self { name: theirs.name, tags: list(theirs.tags), source_file_location: theirs.source_file_location }
    }
}

impl TryFrom<S3Tag> for sdk::S3Tag {
    type Error = BuildError;

    fn try_from(ours: S3Tag) -> Result<Self, BuildError> {
        let S3Tag { key, value } = ours;
        Self::builder().key(key).value(value).build()
    }
}

impl From<sdk::S3Tag> for S3Tag {
    fn from(theirs: sdk::S3Tag) -> Self {
        Self { key: theirs.key, value: theirs.value }
    }
}

impl TryFrom<DecryptStepDetails> for sdk::DecryptStepDetails {
    type Error = BuildError;

    fn try_from(ours: DecryptStepDetails) -> Result<Self, BuildError> {
        let DecryptStepDetails { name, r#type, destination_file_location, overwrite_existing, source_file_location } =
            ours;
        Self::builder()
            .set_name(name)
            .r#type(r#type.as_str().into())
            .destination_file_location(destination_file_location.into())
            .set_overwrite_existing(value(overwrite_existing))
            .set_source_file_location(source_file_location)
            .build()
    }
}

impl From<sdk::DecryptStepDetails> for DecryptStepDetails {
    fn from(theirs: sdk::DecryptStepDetails) -> Self {
        Self {
            name: theirs.name,
            r#type: theirs.r#type.as_str().to_owned(),
            destination_file_location: theirs.destination_file_location.map(Into::into).unwrap_or_default(),
            overwrite_existing: text(theirs.overwrite_existing),
            source_file_location: theirs.source_file_location,
        }
    }
}

impl From<FileLocation> for sdk::InputFileLocation {
    fn from(ours: FileLocation) -> Self {
        let FileLocation { s3_file_location, efs_file_location } = ours;
        Self::builder()
            .set_s3_file_location(s3_file_location.map(Into::into))
            .set_efs_file_location(efs_file_location.map(Into::into))
            .build()
    }
}

impl From<sdk::InputFileLocation> for FileLocation {
    fn from(theirs: sdk::InputFileLocation) -> Self {
        Self {
            s3_file_location: theirs.s3_file_location.map(Into::into),
            efs_file_location: theirs.efs_file_location.map(Into::into),
        }
    }
}

impl From<S3FileLocation> for sdk::S3InputFileLocation {
    fn from(ours: S3FileLocation) -> Self {
        let S3FileLocation { bucket, key } = ours;
        Self::builder().set_bucket(bucket).set_key(key).build()
    }
}

impl From<sdk::S3InputFileLocation> for S3FileLocation {
    fn from(theirs: sdk::S3InputFileLocation) -> Self {
        Self { bucket: theirs.bucket, key: theirs.key }
    }
}

impl From<EfsFileLocation> for sdk::EfsFileLocation {
    fn from(ours: EfsFileLocation) -> Self {
        let EfsFileLocation { file_system_id, path } = ours;
        Self::builder().set_file_system_id(file_system_id).set_path(path).build()
    }
}

impl From<sdk::EfsFileLocation> for EfsFileLocation {
    fn from(theirs: sdk::EfsFileLocation) -> Self {
        Self { file_system_id: theirs.file_system_id, path: theirs.path }
    }
}
