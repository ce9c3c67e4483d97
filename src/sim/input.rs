//! The inputs of operations, from JSON to types; those that only one operation has stand beside it.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{Answer, ApiError};
use super::model::{EndpointDetails, IdentityProviderDetails, ProtocolDetails, S3StorageOptions, WorkflowDetails};

/// The typed input of an operation.
///
/// # Errors
/// `SerializationException`; validation leaves little that could still fail.
pub fn parse<T: DeserializeOwned>(input: Value) -> Answer<T> {
    serde_json::from_value(input).map_err(|e| ApiError::new("SerializationException", e.to_string()))
}

/// The members that `CreateServer` and `UpdateServer` share; what is absent stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct Changes {
    pub certificate: Option<String>,
    pub endpoint_details: Option<EndpointDetails>,
    pub endpoint_type: Option<String>,
    pub identity_provider_details: Option<IdentityProviderDetails>,
    pub identity_provider_type: Option<String>,
    pub ip_address_type: Option<String>,
    pub logging_role: Option<String>,
    pub post_authentication_login_banner: Option<String>,
    pub pre_authentication_login_banner: Option<String>,
    pub protocols: Option<Vec<String>>,
    pub protocol_details: Option<ProtocolDetails>,
    pub security_policy_name: Option<String>,
    pub workflow_details: Option<WorkflowDetails>,
    pub structured_log_destinations: Option<Vec<String>>,
    #[serde(rename = "S3StorageOptions")]
    pub s3_storage_options: Option<S3StorageOptions>,
}
