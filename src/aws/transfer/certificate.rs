//! Certificates for AS2: imported with their dates and description, which alone can be changed later. The certificate itself
//! cannot.

use aws_sdk_transfer::{Client, types as sdk};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::tag::{self, Tags};
use crate::aws::call::{Call, Change, Listing, Page, hashed_if_any};
use crate::aws::sdk::convert::{Complete, required, text, time, value};
use crate::aws::sdk::once::{Once, single_attempt};
use crate::aws::{AwsError, CallClass, CreateOutput};

/// What DescribeCertificate answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// ARN of the certificate.
    pub arn: String,
    /// `cert-` and 17 hexadecimal digits.
    pub certificate_id: String,
    /// `SIGNING`, `ENCRYPTION` or `TLS`.
    pub usage: String,
    /// `ACTIVE`, `PENDING_ROTATION` or `INACTIVE`.
    pub status: Option<String>,
    /// In PEM form.
    pub certificate: String,
    /// What follows it, in PEM form.
    pub certificate_chain: Option<String>,
    /// From when on it is used.
    pub active_date: Option<Timestamp>,
    /// Until when it is used.
    pub inactive_date: Option<Timestamp>,
    /// Serial number.
    pub serial: Option<String>,
    /// From when on it is valid.
    pub not_before_date: Option<Timestamp>,
    /// Until when it is valid.
    pub not_after_date: Option<Timestamp>,
    /// `CERTIFICATE` or [`WITH_PRIVATE_KEY`].
    pub certificate_type: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Tags.
    pub tags: Tags,
}

/// [`Certificate::certificate_type`] of one whose private key AWS has.
pub const WITH_PRIVATE_KEY: &str = "CERTIFICATE_WITH_PRIVATE_KEY";

/// One row of ListCertificates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListedCertificate {
    /// Id of the certificate.
    pub certificate_id: String,
}

/// ListCertificates.
#[derive(Clone, Debug)]
pub struct ListCertificates {
    /// The page; absent for the first.
    pub token: Option<String>,
}

impl Listing for ListCertificates {
    const OPERATION: &'static str = "ListCertificates";
    const LIST: &'static str = "Certificates";
    type Client = Client;
    type Row = ListedCertificate;

    async fn page(&self, client: &Client, once: &Once) -> Result<Page<ListedCertificate>, AwsError> {
        let Self { token } = self.clone();
        let call = client.list_certificates().max_results(super::PAGE).set_next_token(token);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        let row = |theirs: sdk::ListedCertificate| {
            Ok(ListedCertificate { certificate_id: required(theirs.certificate_id, "Certificates.CertificateId")? })
        };
        once.page(answer.certificates, row, answer.next_token)
    }

    fn turn(&mut self, token: String) {
        self.token = Some(token);
    }
}

/// DescribeCertificate.
#[derive(Clone, Debug)]
pub struct DescribeCertificate {
    /// Id of the certificate.
    pub certificate_id: String,
}

impl Call for DescribeCertificate {
    const OPERATION: &'static str = "DescribeCertificate";
    const CLASS: CallClass = CallClass::Read;
    const REQUIRED: &'static [&'static str] = &["Certificate"];
    type Client = Client;
    type Output = Box<Certificate>;

    async fn send(&self, client: &Client, once: &Once) -> Result<Box<Certificate>, AwsError> {
        let Self { certificate_id } = self.clone();
        let call = client.describe_certificate().certificate_id(certificate_id);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        once.complete(answer.certificate.ok_or("Certificate").and_then(certificate).map(Box::new))
    }
}

/// ImportCertificate.
#[derive(Clone, Debug, Serialize)]
pub struct ImportCertificate {
    /// What it is for.
    pub usage: String,
    /// In PEM form.
    pub certificate: String,
    /// What follows it, in PEM form.
    pub certificate_chain: Option<String>,
    /// Its private key, in PEM form.
    #[serde(serialize_with = "hashed_if_any")]
    pub private_key: Option<SecretString>,
    /// From when on it is used. Of a renewed one this is counted from when it is sent, so that the same call is recognised
    /// without it.
    #[serde(skip)]
    pub active_date: Option<Timestamp>,
    /// Until when it is used.
    pub inactive_date: Option<Timestamp>,
    /// Free text.
    pub description: Option<String>,
    /// Tags, the owner tags among them.
    pub tags: Tags,
}

impl Call for ImportCertificate {
    const OPERATION: &'static str = "ImportCertificate";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["CertificateId"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { usage, certificate, certificate_chain, private_key, active_date, inactive_date, description, tags } =
            self.clone();
        let call = client
            .import_certificate()
            .set_usage(value(Some(usage)))
            .certificate(certificate)
            .set_certificate_chain(certificate_chain)
            .set_private_key(private_key.map(|key| key.expose_secret().to_owned()))
            .set_active_date(active_date.map(moment))
            .set_inactive_date(inactive_date.map(moment))
            .set_description(description)
            .set_tags(once.built(tag::of_new(tags))?);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        once.made(answer.certificate_id, "CertificateId")
    }
}

impl Change for ImportCertificate {
    fn target(&self) -> Option<String> {
        None
    }
}

/// UpdateCertificate. Whether AWS keeps a date that is absent is not documented, so both are always said.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateCertificate {
    /// Id of the certificate.
    pub certificate_id: String,
    /// From when on it is used.
    pub active_date: Option<Timestamp>,
    /// Until when it is used.
    pub inactive_date: Option<Timestamp>,
    /// Free text.
    pub description: Option<String>,
}

impl Call for UpdateCertificate {
    const OPERATION: &'static str = "UpdateCertificate";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["CertificateId"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { certificate_id, active_date, inactive_date, description } = self.clone();
        let call = client
            .update_certificate()
            .certificate_id(certificate_id)
            .set_active_date(active_date.map(moment))
            .set_inactive_date(inactive_date.map(moment))
            .set_description(description);
        single_attempt!(once, aws_sdk_transfer, call).map(|_| CreateOutput::default())
    }
}

impl Change for UpdateCertificate {
    fn target(&self) -> Option<String> {
        Some(self.certificate_id.clone())
    }
}

/// DeleteCertificate.
#[derive(Clone, Debug, Serialize)]
pub struct DeleteCertificate {
    /// Id of the certificate.
    pub certificate_id: String,
}

impl Call for DeleteCertificate {
    const OPERATION: &'static str = "DeleteCertificate";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &[];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { certificate_id } = self.clone();
        single_attempt!(once, aws_sdk_transfer, client.delete_certificate().certificate_id(certificate_id))
            .map(|_| CreateOutput::default())
    }
}

impl Change for DeleteCertificate {
    fn target(&self) -> Option<String> {
        Some(self.certificate_id.clone())
    }
}

fn moment(at: Timestamp) -> aws_smithy_types::DateTime {
    aws_smithy_types::DateTime::from_secs(at.as_second())
}

fn certificate(theirs: sdk::DescribedCertificate) -> Complete<Certificate> {
    Ok(Certificate {
        arn: required(theirs.arn, "Certificate.Arn")?,
        certificate_id: required(theirs.certificate_id, "Certificate.CertificateId")?,
        usage: text(theirs.usage).ok_or("Certificate.Usage")?,
        status: text(theirs.status),
        certificate: required(theirs.certificate, "Certificate.Certificate")?,
        certificate_chain: theirs.certificate_chain,
        active_date: theirs.active_date.and_then(time),
        inactive_date: theirs.inactive_date.and_then(time),
        serial: theirs.serial,
        not_before_date: theirs.not_before_date.and_then(time),
        not_after_date: theirs.not_after_date.and_then(time),
        certificate_type: text(theirs.r#type),
        description: theirs.description,
        tags: tag::read(theirs.tags),
    })
}
