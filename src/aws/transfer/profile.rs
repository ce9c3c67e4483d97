//! AS2 profiles: who exchanges messages, and with which certificates. AWS changes nothing of one but its certificates and
//! its tags.

use aws_sdk_transfer::{Client, types as sdk};
use serde::{Deserialize, Serialize};

use super::tag::{self, Tags};
use crate::aws::call::{Call, Change, Listing, Page};
use crate::aws::sdk::convert::{Complete, required, text};
use crate::aws::sdk::once::{Once, single_attempt};
use crate::aws::{AwsError, CallClass, CreateOutput};

/// What CreateProfile and DescribeProfile share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfileSettings {
    /// The name that messages carry.
    pub as2_id: String,
    /// `LOCAL` or `PARTNER`.
    pub profile_type: String,
    /// Ids of its certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_ids: Option<Vec<String>>,
}

/// What DescribeProfile answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// ARN of the profile.
    pub arn: String,
    /// `p-` and 17 hexadecimal digits.
    pub profile_id: String,
    /// What it was made with, and its certificates as they are now.
    pub settings: ProfileSettings,
    /// Tags.
    pub tags: Tags,
}

/// One row of ListProfiles.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListedProfile {
    /// Id of the profile.
    pub profile_id: String,
}

/// ListProfiles, of both types.
#[derive(Clone, Debug)]
pub struct ListProfiles {
    /// The page; absent for the first.
    pub token: Option<String>,
}

impl Listing for ListProfiles {
    const OPERATION: &'static str = "ListProfiles";
    const LIST: &'static str = "Profiles";
    type Client = Client;
    type Row = ListedProfile;

    async fn page(&self, client: &Client, once: &Once) -> Result<Page<ListedProfile>, AwsError> {
        let Self { token } = self.clone();
        let call = client.list_profiles().max_results(super::PAGE).set_next_token(token);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        let row = |theirs: sdk::ListedProfile| {
            Ok(ListedProfile { profile_id: required(theirs.profile_id, "Profiles.ProfileId")? })
        };
        once.page(answer.profiles, row, answer.next_token)
    }

    fn turn(&mut self, token: String) {
        self.token = Some(token);
    }
}

/// DescribeProfile.
#[derive(Clone, Debug)]
pub struct DescribeProfile {
    /// Id of the profile.
    pub profile_id: String,
}

impl Call for DescribeProfile {
    const OPERATION: &'static str = "DescribeProfile";
    const CLASS: CallClass = CallClass::Read;
    const REQUIRED: &'static [&'static str] = &["Profile"];
    type Client = Client;
    type Output = Box<Profile>;

    async fn send(&self, client: &Client, once: &Once) -> Result<Box<Profile>, AwsError> {
        let Self { profile_id } = self.clone();
        let answer = single_attempt!(once, aws_sdk_transfer, client.describe_profile().profile_id(profile_id))?;
        once.complete(answer.profile.ok_or("Profile").and_then(profile).map(Box::new))
    }
}

/// CreateProfile.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CreateProfile {
    /// What it is made with.
    pub settings: ProfileSettings,
    /// Tags, the owner tags among them.
    pub tags: Tags,
}

impl Call for CreateProfile {
    const OPERATION: &'static str = "CreateProfile";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["ProfileId"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { settings, tags } = self.clone();
        let ProfileSettings { as2_id, profile_type, certificate_ids } = settings;
        let call = client
            .create_profile()
            .as2_id(as2_id)
            .profile_type(profile_type.as_str().into())
            .set_certificate_ids(certificate_ids)
            .set_tags(once.built(tag::of_new(tags))?);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        once.made(answer.profile_id, "ProfileId")
    }
}

impl Change for CreateProfile {
    fn target(&self) -> Option<String> {
        None
    }
}

/// UpdateProfile: the certificates, all of them.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateProfile {
    /// Id of the profile.
    pub profile_id: String,
    /// Ids of its certificates; empty for none.
    pub certificate_ids: Vec<String>,
}

impl Call for UpdateProfile {
    const OPERATION: &'static str = "UpdateProfile";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["ProfileId"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { profile_id, certificate_ids } = self.clone();
        let call = client.update_profile().profile_id(profile_id).set_certificate_ids(Some(certificate_ids));
        single_attempt!(once, aws_sdk_transfer, call).map(|_| CreateOutput::default())
    }
}

impl Change for UpdateProfile {
    fn target(&self) -> Option<String> {
        Some(self.profile_id.clone())
    }
}

/// DeleteProfile.
#[derive(Clone, Debug, Serialize)]
pub struct DeleteProfile {
    /// Id of the profile.
    pub profile_id: String,
}

impl Call for DeleteProfile {
    const OPERATION: &'static str = "DeleteProfile";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &[];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { profile_id } = self.clone();
        single_attempt!(once, aws_sdk_transfer, client.delete_profile().profile_id(profile_id))
            .map(|_| CreateOutput::default())
    }
}

impl Change for DeleteProfile {
    fn target(&self) -> Option<String> {
        Some(self.profile_id.clone())
    }
}

fn profile(theirs: sdk::DescribedProfile) -> Complete<Profile> {
    Ok(Profile {
        arn: required(theirs.arn, "Profile.Arn")?,
        profile_id: required(theirs.profile_id, "Profile.ProfileId")?,
        settings: ProfileSettings {
            as2_id: required(theirs.as2_id, "Profile.As2Id")?,
            profile_type: text(theirs.profile_type).ok_or("Profile.ProfileType")?,
            certificate_ids: theirs.certificate_ids,
        },
        tags: tag::read(theirs.tags),
    })
}
