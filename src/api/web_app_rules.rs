//! What the API server takes of a web app: the shapes of its texts, rules between its fields, and what cannot be changed, in
//! CEL. Those of the other kinds are in `pattern` and `rules`.

use schemars::Schema;

use super::pattern::Pattern;
use super::rules::{self, Rule, attach};

/// An instance of IAM Identity Center, in AWS's own pattern.
pub(super) const INSTANCE_ARN: Pattern = Pattern::new(
    r"^arn:[a-zA-Z0-9_-]+:sso:::instance/(sso)?ins-[a-zA-Z0-9.-]{16}$",
    "the ARN of an instance of IAM Identity Center, such as arn:aws:sso:::instance/ssoins-0123456789abcdef",
);

/// Where people find the web app.
pub(super) const ACCESS_ENDPOINT: Pattern = Pattern::new(
    r"^https?://[!-~]+$",
    "an address that begins with https:// or http://, such as https://files.example.com",
);

/// The rules between the fields of a web app.
pub(super) fn web_app(schema: &mut Schema) {
    attach(
        schema,
        &[
            (
                "!has(self.accessEndpoint) || !has(self.endpointDetails)",
                "accessEndpoint goes only with a public web app: AWS takes none of one in a VPC",
            ),
            (
                "!has(self.webAppEndpointPolicy) || self.webAppEndpointPolicy != 'FIPS' || self.region.startsWith('us-gov-')",
                "webAppEndpointPolicy FIPS is taken only in the regions of AWS GovCloud (us-gov-...)",
            ),
        ],
    );
}

/// As of a server: its address is there.
pub(super) const REGION_IMMUTABLE: Rule = (
    rules::REGION_IMMUTABLE.0,
    "spec.region cannot be changed: the web app lives there; make a new TransferWebApp for another region",
);

/// Once AWS has it. The first term keeps a false value in status from blocking every later write, even the removal of the
/// finalizer; the last lets somebody return to what AWS has.
pub(super) const INSTANCE_IMMUTABLE: Rule = (
    "self.spec.identityProviderDetails.identityCenterConfig.instanceArn \
     == oldSelf.spec.identityProviderDetails.identityCenterConfig.instanceArn \
     || !has(oldSelf.status) || !has(oldSelf.status.instanceArn) \
     || self.spec.identityProviderDetails.identityCenterConfig.instanceArn == oldSelf.status.instanceArn",
    "spec.identityProviderDetails.identityCenterConfig.instanceArn cannot be changed: AWS has no way to; make a new \
     TransferWebApp for another instance",
);

/// The same of the policy, of which absent means STANDARD.
pub(super) const POLICY_IMMUTABLE: Rule = (
    "(has(self.spec.webAppEndpointPolicy) ? self.spec.webAppEndpointPolicy : 'STANDARD') \
     == (has(oldSelf.spec.webAppEndpointPolicy) ? oldSelf.spec.webAppEndpointPolicy : 'STANDARD') \
     || !has(oldSelf.status) || !has(oldSelf.status.webAppEndpointPolicy) \
     || (has(self.spec.webAppEndpointPolicy) ? self.spec.webAppEndpointPolicy : 'STANDARD') \
     == oldSelf.status.webAppEndpointPolicy",
    "spec.webAppEndpointPolicy cannot be changed: AWS has no way to; make a new TransferWebApp",
);

/// A web app is public or in one VPC for good: UpdateWebApp takes subnets and no VPC.
pub(super) const VPC_IMMUTABLE: Rule = (
    "(has(self.spec.endpointDetails) ? self.spec.endpointDetails.vpc.vpcId : 'PUBLIC') \
     == (has(oldSelf.spec.endpointDetails) ? oldSelf.spec.endpointDetails.vpc.vpcId : 'PUBLIC') \
     || !has(oldSelf.status) || !has(oldSelf.status.endpointType) \
     || (has(self.spec.endpointDetails) ? self.spec.endpointDetails.vpc.vpcId : 'PUBLIC') \
     == (has(oldSelf.status.vpcId) ? oldSelf.status.vpcId : 'PUBLIC')",
    "spec.endpointDetails.vpc.vpcId cannot be changed, and a web app cannot be moved into a VPC or out of it: AWS has no \
     way to; make a new TransferWebApp",
);
