//! `TransferWorkflow`: what a person writes about a workflow, its steps as the AWS door uses them too, and what is
//! reported back. AWS has no way to change a workflow: all but tags and policies of one is what it was made with.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::lifecycle::{
    Approval, DeletionPolicy, Disruption, IdAdoption, ManagementPolicy, Policies, RecreatePolicy, TakeOver,
};
use super::namespaces::AllowedReferences;
use super::object_ref::IdentityRef;
use super::status::{CommonStatus, Replacing, ReplacingPhase};
use super::{Managed, ManagedKind, Reference, pattern, resync, rules, workflow_rules};

/// A place in S3.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["bucket"]))]
pub struct S3FileLocation {
    /// The bucket, in the region of the workflow.
    #[x_kube(validation = workflow_rules::S3_BUCKET)]
    #[schemars(length(min = 3, max = 63))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// The key of the object. One that ends in a slash is a folder, and the file keeps its name in it. AWS puts in the
    /// name of the user and the date of the upload for its variables Transfer:UserName and Transfer:UploadDate.
    #[schemars(length(max = 1024))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A place on EFS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["fileSystemId", "path"]))]
pub struct EfsFileLocation {
    /// Id or ARN of the file system or of an access point of it, such as fs-0123456789abcdef0.
    #[x_kube(validation = workflow_rules::FILE_SYSTEM)]
    #[schemars(length(max = 128))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_system_id: Option<String>,
    /// The path; one that ends in a slash is a folder.
    #[schemars(length(min = 1, max = 4096))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// Where a step puts a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = workflow_rules::file_location)]
pub struct FileLocation {
    /// A place in S3. Either this or efsFileLocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_file_location: Option<S3FileLocation>,
    /// A place on EFS. Either this or s3FileLocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub efs_file_location: Option<EfsFileLocation>,
}

/// A step that copies the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = workflow_rules::STEP_NAME.of("name"), transform = workflow_rules::SOURCE_FILE.of("sourceFileLocation"))]
#[schemars(extend("required" = ["destinationFileLocation"]))]
pub struct CopyStepDetails {
    /// Name of the step: letters, digits, _ and -.
    #[schemars(length(max = 30))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the copy goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_file_location: Option<FileLocation>,
    /// Whether a file that is there already is replaced: "TRUE", or "FALSE" (what AWS takes when absent), with which
    /// the workflow stops. In quotes: without them YAML reads no text.
    #[schemars(extend("enum" = ["TRUE", "FALSE"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overwrite_existing: Option<String>,
    /// The file that the step takes: previous.file, what the step before left (AWS takes that when absent), or
    /// original.file, what was uploaded; each in braces behind a dollar sign.
    #[schemars(length(max = 256))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_file_location: Option<String>,
}

/// A step that calls a Lambda function.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = workflow_rules::STEP_NAME.of("name"), transform = workflow_rules::SOURCE_FILE.of("sourceFileLocation"))]
#[schemars(extend("required" = ["target", "timeoutSeconds"]))]
pub struct CustomStepDetails {
    /// Name of the step: letters, digits, _ and -.
    #[schemars(length(max = 30))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// ARN of the Lambda function. It tells AWS how it went by SendWorkflowStepState; the role of the server's
    /// workflowDetails must be allowed to invoke it.
    #[x_kube(validation = pattern::FUNCTION)]
    #[schemars(length(max = 170))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Seconds after which the step has failed, 1 to 1800.
    #[schemars(range(min = 1, max = 1800))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<i32>,
    /// The file that the step takes: previous.file, what the step before left (AWS takes that when absent), or
    /// original.file, what was uploaded; each in braces behind a dollar sign.
    #[schemars(length(max = 256))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_file_location: Option<String>,
}

/// A step that deletes the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = workflow_rules::STEP_NAME.of("name"), transform = workflow_rules::SOURCE_FILE.of("sourceFileLocation"))]
pub struct DeleteStepDetails {
    /// Name of the step: letters, digits, _ and -.
    #[schemars(length(max = 30))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The file that the step takes: previous.file, what the step before left (AWS takes that when absent), or
    /// original.file, what was uploaded; each in braces behind a dollar sign.
    #[schemars(length(max = 256))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_file_location: Option<String>,
}

/// A tag of an object in S3.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = workflow_rules::S3_TAG.of("key"), transform = workflow_rules::S3_TAG.of("value"))]
pub struct S3Tag {
    /// Key of the tag: letters, digits, spaces and _ . : / = + - @.
    #[schemars(length(min = 1, max = 128))]
    pub key: String,
    /// Value of the tag, of the same characters.
    #[schemars(length(max = 256))]
    pub value: String,
}

/// A step that tags the object in S3.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = workflow_rules::STEP_NAME.of("name"), transform = workflow_rules::SOURCE_FILE.of("sourceFileLocation"))]
#[schemars(extend("required" = ["tags"]))]
pub struct TagStepDetails {
    /// Name of the step: letters, digits, _ and -.
    #[schemars(length(max = 30))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Tags for the object in S3, 1 to 10.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["key".to_owned()]))]
    #[schemars(length(min = 1, max = 10))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<S3Tag>>,
    /// The file that the step takes: previous.file, what the step before left (AWS takes that when absent), or
    /// original.file, what was uploaded; each in braces behind a dollar sign.
    #[schemars(length(max = 256))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_file_location: Option<String>,
}

/// A step that decrypts the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = workflow_rules::STEP_NAME.of("name"), transform = workflow_rules::SOURCE_FILE.of("sourceFileLocation"))]
pub struct DecryptStepDetails {
    /// Name of the step: letters, digits, _ and -.
    #[schemars(length(max = 30))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How the file is encrypted: PGP. AWS reads the private key from Secrets Manager, in a secret under
    /// aws/transfer/ and the id of the server.
    #[schemars(extend("enum" = ["PGP"]))]
    pub r#type: String,
    /// Where the decrypted file goes.
    pub destination_file_location: FileLocation,
    /// Whether a file that is there already is replaced: "TRUE", or "FALSE" (what AWS takes when absent), with which
    /// the workflow stops. In quotes: without them YAML reads no text.
    #[schemars(extend("enum" = ["TRUE", "FALSE"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overwrite_existing: Option<String>,
    /// The file that the step takes: previous.file, what the step before left (AWS takes that when absent), or
    /// original.file, what was uploaded; each in braces behind a dollar sign.
    #[schemars(length(max = 256))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_file_location: Option<String>,
}

/// One step, with the details of its own type and no others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["type"]), transform = workflow_rules::step)]
pub struct WorkflowStep {
    /// What the step does: COPY, CUSTOM (calls a Lambda function), TAG, DELETE or DECRYPT.
    #[schemars(extend("enum" = ["COPY", "CUSTOM", "TAG", "DELETE", "DECRYPT"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// With type COPY: where to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_step_details: Option<CopyStepDetails>,
    /// With type CUSTOM: which function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_step_details: Option<CustomStepDetails>,
    /// With type DELETE: which file. It may be empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_step_details: Option<DeleteStepDetails>,
    /// With type TAG: which tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag_step_details: Option<TagStepDetails>,
    /// With type DECRYPT: where to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decrypt_step_details: Option<DecryptStepDetails>,
}

/// Policies of a workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::lifecycle)]
pub struct WorkflowLifecycle {
    /// Full applies the spec and puts drift right. ReportDrift applies the spec after each edit of it, and in between only
    /// reports in status.drift what changed in AWS. ObserveOnly never changes anything, holds no finalizer and shows in
    /// status.drift what would be changed, as a plan. Reported differences set condition Drifted and leave Ready True.
    #[serde(default)]
    pub management_policy: ManagementPolicy,
    /// What happens in AWS when this object is deleted. Delete (what absent means) deletes it there too, once no server
    /// uses it. Retain leaves everything in AWS as it is and takes the owner tags off. Must be stated together with
    /// adoption or managementPolicy ObserveOnly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// While true, the API server refuses to delete this object. To delete it, set this to false first. What the
    /// operator never began to create in AWS (it has no finalizer of the operator) can be deleted at any time.
    #[serde(default)]
    pub deletion_protection: bool,
    /// Take over a workflow that exists in AWS already; none is ever created instead. Acts until the owner tags were seen
    /// on it, and again if they get lost. One that carries the tags of another object is refused. With mode Converge a
    /// workflow that differs is replaced as after an edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<IdAdoption>,
    /// What to do when AWS no longer has the workflow: Manual says so and waits, Automatic creates a new one (with a new
    /// id) and moves the servers that name this object to it.
    #[serde(default)]
    pub recreate_policy: RecreatePolicy,
    /// None, or Required: a change for which a new workflow must be made waits until annotation
    /// transfer-operator.dev/approve holds the hash of its plan. Condition DisruptionPending shows the hash and the
    /// command, status.plan the changes; tags go on. Another edit is another plan with another hash.
    #[serde(default)]
    pub approval: Approval,
}

impl From<&WorkflowLifecycle> for Policies {
    fn from(lifecycle: &WorkflowLifecycle) -> Self {
        Self {
            management: lifecycle.management_policy,
            deletion: lifecycle.deletion_policy.unwrap_or_default(),
            protected: lifecycle.deletion_protection,
            adoption: lifecycle.adoption.clone().map(TakeOver::from),
            recreate: lifecycle.recreate_policy,
            disruption: Disruption::default(),
            approval: lifecycle.approval,
        }
    }
}

/// What the workflow shall be. AWS cannot change one: where anything but tags or lifecycle changes, a new workflow is
/// made, the servers that name this object are moved to it, and the old one is deleted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "transfer-operator.dev",
    version = "v1alpha1",
    kind = "TransferWorkflow",
    plural = "transferworkflows",
    shortname = "twf",
    category = "transfer",
    namespaced,
    status = "TransferWorkflowStatus",
    derive = "PartialEq",
    doc = "A workflow of AWS Transfer Family: what is done with a file after its upload.",
    validation = workflow_rules::REGION_IMMUTABLE,
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "WorkflowId", type_ = "string", json_path = ".status.workflowId"),
    printcolumn(name = "Drifted", type_ = "string", json_path = ".status.conditions[?(@.type==\"Drifted\")].status"),
    printcolumn(name = "Suspended", type_ = "string", json_path = ".status.conditions[?(@.type==\"Suspended\")].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = resync::written)]
#[schemars(transform = workflow_rules::WORKFLOW_DESCRIPTION.of("description"))]
pub struct TransferWorkflowSpec {
    /// The AwsIdentity that AWS is called with: which account and whose credentials. It must grant this namespace
    /// the kind TransferWorkflow.
    #[serde(default)]
    pub aws_identity_ref: IdentityRef,
    /// The region that the workflow lives in, which is that of the servers that use it. Cannot be changed once it
    /// lives there.
    #[x_kube(validation = pattern::REGION)]
    #[schemars(length(max = 32))]
    pub region: String,
    /// True: nothing is changed in AWS, except that deletion goes on.
    #[serde(default)]
    pub suspend: bool,
    /// How often the workflow at rest is compared with AWS, on average: 1m to 24h, such as 10m or 1h30m. Absent means
    /// as the operator is told by --resync-interval. Seldom means that what others change in AWS is seen, and put right,
    /// that much later; an edit of this object is acted on at once all the same.
    #[schemars(length(max = 18))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resync_interval: Option<String>,
    /// How much may be changed in AWS, and what deletion does.
    #[serde(default)]
    pub lifecycle: WorkflowLifecycle,
    /// Tags of the workflow in AWS, over those of its AwsIdentity. Tags that others set in AWS stay.
    #[schemars(schema_with = "rules::tags")]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Whose servers may refer to this workflow.
    #[serde(default)]
    pub allowed_references: AllowedReferences,

    /// Description of the workflow in AWS: letters, digits, spaces, _ and -.
    #[schemars(length(max = 256))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What is done with a file, in this order; 1 to 8 steps.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[schemars(length(min = 1, max = 8))]
    pub steps: Vec<WorkflowStep>,
    /// What is done where one of the steps fails, at most 8.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[schemars(length(max = 8))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_exception_steps: Option<Vec<WorkflowStep>>,
    /// ARN of the log group for JSON logs of the workflow, ending in :*; at most one.
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = rules::LOG_DESTINATION)]
    #[schemars(length(max = 1), inner(length(min = 20, max = 1600)), transform = pattern::LOG_GROUP_ARN.each())]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured_log_destinations: Option<Vec<String>>,
}

/// What is known of the workflow.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferWorkflowStatus {
    /// What all kinds have.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Id in AWS. It is another one after each change of the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<String>,
    /// ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// While a new workflow takes the place of the one before it. Servers use the old one until workflowId is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacing: Option<Replacing>,
}

impl TransferWorkflowStatus {
    /// The id that servers are to use: the old one as long as the new one is being made.
    #[must_use]
    pub fn in_force(&self) -> Option<&str> {
        let creating = |replacing: &&Replacing| replacing.phase == ReplacingPhase::Creating;
        let old = || self.replacing.as_ref().filter(creating).map(|replacing| replacing.old_id.as_str());
        self.workflow_id.as_deref().or_else(old)
    }
}

impl Managed for TransferWorkflow {
    const NOUN: &'static str = "workflow";

    from_its_members!(TransferWorkflowStatus);

    fn replacing(status: &mut Self::Status) -> Option<&mut Option<Replacing>> {
        Some(&mut status.replacing)
    }

    fn references(&self) -> Vec<Reference> {
        let status = self.status.as_ref();
        let made = status.and_then(|status| status.workflow_id.clone());
        let old = status.and_then(|status| status.replacing.as_ref().map(|replacing| replacing.old_id.clone()));
        let ids = made.into_iter().chain(old).map(|id| Reference::Id(ManagedKind::TransferWorkflow, id));
        [Reference::Identity(self.spec.aws_identity_ref.name.clone())].into_iter().chain(ids).collect()
    }
}
