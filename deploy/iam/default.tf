data "aws_iam_policy_document" "transfer_operator" {
  statement {
    sid       = "Anywhere"
    actions   = [
      "transfer:CreateConnector",
      "transfer:CreateProfile",
      "transfer:CreateServer",
      "transfer:CreateWebApp",
      "transfer:CreateWorkflow",
      "transfer:DescribeSecurityPolicy",
      "transfer:ImportCertificate",
      "transfer:ListCertificates",
      "transfer:ListConnectors",
      "transfer:ListProfiles",
      "transfer:ListSecurityPolicies",
      "transfer:ListServers",
      "transfer:ListWebApps",
      "transfer:ListWorkflows",
      "transfer:UpdateAccess",
    ]
    resources = [
      "*",
    ]
  }
  statement {
    sid       = "Servers"
    actions   = [
      "transfer:CreateAccess",
      "transfer:CreateAgreement",
      "transfer:CreateUser",
      "transfer:DeleteAccess",
      "transfer:DeleteServer",
      "transfer:DescribeAccess",
      "transfer:DescribeServer",
      "transfer:ImportHostKey",
      "transfer:ListAccesses",
      "transfer:ListAgreements",
      "transfer:ListHostKeys",
      "transfer:ListUsers",
      "transfer:StartServer",
      "transfer:StopServer",
      "transfer:TagResource",
      "transfer:UntagResource",
      "transfer:UpdateServer",
    ]
    resources = [
      "arn:aws:transfer:*:*:server/*",
    ]
  }
  statement {
    sid       = "Users"
    actions   = [
      "transfer:DeleteSshPublicKey",
      "transfer:DeleteUser",
      "transfer:DescribeUser",
      "transfer:ImportSshPublicKey",
      "transfer:TagResource",
      "transfer:UntagResource",
      "transfer:UpdateUser",
    ]
    resources = [
      "arn:aws:transfer:*:*:user/*",
    ]
  }
  statement {
    sid       = "HostKeys"
    actions   = [
      "transfer:DeleteHostKey",
      "transfer:DescribeHostKey",
      "transfer:TagResource",
      "transfer:UntagResource",
      "transfer:UpdateHostKey",
    ]
    resources = [
      "arn:aws:transfer:*:*:host-key/*",
    ]
  }
  statement {
    sid       = "Workflows"
    actions   = [
      "transfer:DeleteWorkflow",
      "transfer:DescribeWorkflow",
      "transfer:TagResource",
      "transfer:UntagResource",
    ]
    resources = [
      "arn:aws:transfer:*:*:workflow/*",
    ]
  }
  statement {
    sid       = "Profiles"
    actions   = [
      "transfer:DeleteProfile",
      "transfer:DescribeProfile",
      "transfer:TagResource",
      "transfer:UntagResource",
      "transfer:UpdateProfile",
    ]
    resources = [
      "arn:aws:transfer:*:*:profile/*",
    ]
  }
  statement {
    sid       = "Connectors"
    actions   = [
      "transfer:DeleteConnector",
      "transfer:DescribeConnector",
      "transfer:TagResource",
      "transfer:TestConnection",
      "transfer:UntagResource",
      "transfer:UpdateConnector",
    ]
    resources = [
      "arn:aws:transfer:*:*:connector/*",
    ]
  }
  statement {
    sid       = "Agreements"
    actions   = [
      "transfer:DeleteAgreement",
      "transfer:DescribeAgreement",
      "transfer:TagResource",
      "transfer:UntagResource",
      "transfer:UpdateAgreement",
    ]
    resources = [
      "arn:aws:transfer:*:*:agreement/*",
    ]
  }
  statement {
    sid       = "Certificates"
    actions   = [
      "transfer:DeleteCertificate",
      "transfer:DescribeCertificate",
      "transfer:TagResource",
      "transfer:UntagResource",
      "transfer:UpdateCertificate",
    ]
    resources = [
      "arn:aws:transfer:*:*:certificate/*",
    ]
  }
  statement {
    sid       = "WebApps"
    actions   = [
      "transfer:DeleteWebApp",
      "transfer:DeleteWebAppCustomization",
      "transfer:DescribeWebApp",
      "transfer:DescribeWebAppCustomization",
      "transfer:TagResource",
      "transfer:UntagResource",
      "transfer:UpdateWebApp",
      "transfer:UpdateWebAppCustomization",
    ]
    resources = [
      "arn:aws:transfer:*:*:webapp/*",
    ]
  }
  statement {
    sid       = "PassRoles"
    actions   = [
      "iam:PassRole",
    ]
    resources = [
      "arn:aws:iam::*:role/*",
    ]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["transfer.amazonaws.com"]
    }
  }
  statement {
    sid       = "ByTransferForTheCaller"
    actions   = [
      "sso:CreateApplication",
      "sso:DeleteApplication",
      "sso:DescribeApplication",
      "sso:GetApplicationAccessScope",
      "sso:GetApplicationAuthenticationMethod",
      "sso:GetApplicationGrant",
      "sso:ListApplicationAccessScopes",
      "sso:ListApplicationAuthenticationMethods",
      "sso:ListApplicationGrants",
      "sso:ListApplications",
      "sso:PutApplicationAccessScope",
      "sso:PutApplicationAuthenticationMethod",
      "sso:PutApplicationGrant",
      "sso:UpdateApplication",
    ]
    resources = [
      "*",
    ]
  }
}
