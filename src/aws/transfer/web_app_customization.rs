//! How a web app looks: its title, its logo and its icon. AWS keeps that apart from the web app, and takes a single image out
//! only together with everything else.

use std::fmt;

use aws_sdk_transfer::Client;
use aws_sdk_transfer::primitives::Blob;
use aws_sdk_transfer::types::DescribedWebAppCustomization;
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::aws::call::{Call, Change};
use crate::aws::sdk::convert::{Complete, required};
use crate::aws::sdk::once::{Once, single_attempt};
use crate::aws::{Account, AwsError, AwsErrorKind, CallClass, CreateOutput};

/// An image. Whoever prints or compares it as text gets its digest: its bytes are only sent.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Image(pub Vec<u8>);

impl fmt::Display for Image {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("sha256:")?;
        Sha256::digest(&self.0).iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self} ({} bytes)", self.0.len())
    }
}

impl Serialize for Image {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What UpdateWebAppCustomization and DescribeWebAppCustomization share. An update leaves alone what is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebAppCustomization {
    /// Title of the page; an update with an empty one takes it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The logo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_file: Option<Image>,
    /// The icon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub favicon_file: Option<Image>,
}

/// DescribeWebAppCustomization. Of a web app that has none, AWS may say that it is not found.
#[derive(Clone, Debug)]
pub struct DescribeWebAppCustomization {
    /// Id of the web app.
    pub web_app_id: String,
}

impl Call for DescribeWebAppCustomization {
    const OPERATION: &'static str = "DescribeWebAppCustomization";
    const CLASS: CallClass = CallClass::Read;
    const REQUIRED: &'static [&'static str] = &["WebAppCustomization"];
    type Client = Client;
    type Output = Box<WebAppCustomization>;

    async fn send(&self, client: &Client, once: &Once) -> Result<Box<WebAppCustomization>, AwsError> {
        let Self { web_app_id } = self.clone();
        let call = client.describe_web_app_customization().web_app_id(web_app_id);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        once.complete(answer.web_app_customization.ok_or("WebAppCustomization").and_then(customization).map(Box::new))
    }
}

/// How a web app looks; empty where it has no customization, of which AWS may say that it is not found.
///
/// # Errors
/// The fault that AWS answered with.
pub async fn customization_of(account: &Account, web_app_id: &str) -> Result<WebAppCustomization, AwsError> {
    match account.read(DescribeWebAppCustomization { web_app_id: web_app_id.to_owned() }).await {
        Ok(look) => Ok(*look),
        Err(fault) if fault.kind == AwsErrorKind::NotFound => Ok(WebAppCustomization::default()),
        Err(fault) => Err(fault),
    }
}

/// UpdateWebAppCustomization, which also makes the first one.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateWebAppCustomization {
    /// Id of the web app.
    pub web_app_id: String,
    /// What changes.
    pub customization: Box<WebAppCustomization>,
}

impl Call for UpdateWebAppCustomization {
    const OPERATION: &'static str = "UpdateWebAppCustomization";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["WebAppId"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { web_app_id, customization } = self.clone();
        let WebAppCustomization { title, logo_file, favicon_file } = *customization;
        let blob = |image: Image| Blob::new(image.0);
        let call = client
            .update_web_app_customization()
            .web_app_id(web_app_id)
            .set_title(title)
            .set_logo_file(logo_file.map(blob))
            .set_favicon_file(favicon_file.map(blob));
        single_attempt!(once, aws_sdk_transfer, call).map(|_| CreateOutput::default())
    }
}

impl Change for UpdateWebAppCustomization {
    fn target(&self) -> Option<String> {
        Some(self.web_app_id.clone())
    }
}

/// DeleteWebAppCustomization.
#[derive(Clone, Debug, Serialize)]
pub struct DeleteWebAppCustomization {
    /// Id of the web app.
    pub web_app_id: String,
}

impl Call for DeleteWebAppCustomization {
    const OPERATION: &'static str = "DeleteWebAppCustomization";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &[];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { web_app_id } = self.clone();
        let call = client.delete_web_app_customization().web_app_id(web_app_id);
        single_attempt!(once, aws_sdk_transfer, call).map(|_| CreateOutput::default())
    }
}

impl Change for DeleteWebAppCustomization {
    fn target(&self) -> Option<String> {
        Some(self.web_app_id.clone())
    }
}

/// One that does not say whose it is may not be read as one without title and images.
fn customization(theirs: DescribedWebAppCustomization) -> Complete<WebAppCustomization> {
    required(theirs.web_app_id, "WebAppCustomization.WebAppId")?;
    // An empty one is none.
    let image = |blob: Blob| Some(Image(blob.into_inner())).filter(|image| !image.0.is_empty());
    Ok(WebAppCustomization {
        title: theirs.title,
        logo_file: theirs.logo_file.and_then(image),
        favicon_file: theirs.favicon_file.and_then(image),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_told_by_its_digest_and_never_by_its_bytes() {
        let image = Image(b"abc".to_vec());
        let digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(image.to_string(), digest);
        assert_eq!(format!("{image:?}"), format!("{digest} (3 bytes)"));
        assert_eq!(serde_json::json!(image), serde_json::json!(digest));
    }
}
