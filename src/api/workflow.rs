//! The steps of a workflow, as a person writes them and as the AWS door sends and reads them. Pure types.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{pattern, workflow_rules};

/// A place in S3.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["bucket"]))]
pub struct S3FileLocation {
    /// The bucket, in the region of the workflow.
    #[x_kube(validation = pattern::S3_BUCKET)]
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
    #[x_kube(validation = pattern::FILE_SYSTEM)]
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
#[schemars(extend("required" = ["destinationFileLocation"]))]
pub struct CopyStepDetails {
    /// Name of the step: letters, digits, _ and -.
    #[x_kube(validation = pattern::STEP_NAME)]
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
    #[x_kube(validation = pattern::SOURCE_FILE)]
    #[schemars(length(max = 256))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_file_location: Option<String>,
}

/// A step that calls a Lambda function.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["target", "timeoutSeconds"]))]
pub struct CustomStepDetails {
    /// Name of the step: letters, digits, _ and -.
    #[x_kube(validation = pattern::STEP_NAME)]
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
    #[x_kube(validation = pattern::SOURCE_FILE)]
    #[schemars(length(max = 256))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_file_location: Option<String>,
}

/// A step that deletes the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeleteStepDetails {
    /// Name of the step: letters, digits, _ and -.
    #[x_kube(validation = pattern::STEP_NAME)]
    #[schemars(length(max = 30))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The file that the step takes: previous.file, what the step before left (AWS takes that when absent), or
    /// original.file, what was uploaded; each in braces behind a dollar sign.
    #[x_kube(validation = pattern::SOURCE_FILE)]
    #[schemars(length(max = 256))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_file_location: Option<String>,
}

/// A tag of an object in S3.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct S3Tag {
    /// Key of the tag: letters, digits, spaces and _ . : / = + - @.
    #[x_kube(validation = pattern::S3_TAG)]
    #[schemars(length(min = 1, max = 128))]
    pub key: String,
    /// Value of the tag, of the same characters.
    #[x_kube(validation = pattern::S3_TAG)]
    #[schemars(length(max = 256))]
    pub value: String,
}

/// A step that tags the object in S3.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("required" = ["tags"]))]
pub struct TagStepDetails {
    /// Name of the step: letters, digits, _ and -.
    #[x_kube(validation = pattern::STEP_NAME)]
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
    #[x_kube(validation = pattern::SOURCE_FILE)]
    #[schemars(length(max = 256))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_file_location: Option<String>,
}

/// A step that decrypts the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecryptStepDetails {
    /// Name of the step: letters, digits, _ and -.
    #[x_kube(validation = pattern::STEP_NAME)]
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
    #[x_kube(validation = pattern::SOURCE_FILE)]
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
