//! The four operations of EC2 that show and change the network of servers, in its query protocol: a form in, XML out.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::ec2_network::{self, addresses, endpoints, interfaces};
use super::error::{Answer, ApiError};
use super::page::{self, PageInput};
use super::sigv4::Refusal;
use super::state::{Context, Region};
use super::sts;

/// The members of a call.
pub type Form = BTreeMap<String, String>;

/// The operations that are there; what else is signed for EC2 is refused as unknown.
pub const OPERATIONS: [&str; 4] =
    ["DescribeVpcEndpoints", "ModifyVpcEndpoint", "DescribeAddresses", "DescribeNetworkInterfaces"];

const NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

/// The most rows that a page can be asked for.
const PAGE_MAX: usize = 1000;

/// What one of the describing operations lists, and how it is asked.
struct Listing {
    /// The member of the answer that holds the rows.
    set: &'static str,
    /// The parameter that names rows, and the member that it means.
    ids: (&'static str, &'static str),
    /// Code and words where a named row is not there.
    missing: (&'static str, &'static str),
    /// The least `MaxResults`, where there are pages at all.
    pages: Option<usize>,
    /// Filters by name, and where their value stands in a row.
    filters: &'static [(&'static str, &'static [&'static str])],
    rows: fn(&Region, &Context<'_>) -> Vec<Value>,
}

const ENDPOINTS: Listing = Listing {
    set: "vpcEndpointSet",
    ids: ("VpcEndpointId", "vpcEndpointId"),
    missing: ("InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id"),
    pages: Some(1),
    filters: &[
        ("vpc-endpoint-id", &["vpcEndpointId"]),
        ("vpc-endpoint-state", &["state"]),
        ("vpc-id", &["vpcId"]),
        ("service-name", &["serviceName"]),
    ],
    rows: endpoints,
};

const ADDRESSES: Listing = Listing {
    set: "addressesSet",
    ids: ("AllocationId", "allocationId"),
    missing: ("InvalidAllocationID.NotFound", "The allocation ID"),
    pages: None,
    filters: &[
        ("allocation-id", &["allocationId"]),
        ("association-id", &["associationId"]),
        ("network-interface-id", &["networkInterfaceId"]),
        ("public-ip", &["publicIp"]),
    ],
    rows: addresses,
};

const INTERFACES: Listing = Listing {
    set: "networkInterfaceSet",
    ids: ("NetworkInterfaceId", "networkInterfaceId"),
    missing: ("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID"),
    pages: Some(5),
    filters: &[
        ("network-interface-id", &["networkInterfaceId"]),
        ("subnet-id", &["subnetId"]),
        ("vpc-id", &["vpcId"]),
        ("group-id", &["groupSet", "groupId"]),
        ("interface-type", &["interfaceType"]),
    ],
    rows: interfaces,
};

/// Carries out an operation.
///
/// # Errors
/// The codes of EC2.
pub fn call(operation: &str, form: &Form, region: &mut Region, context: &mut Context<'_>) -> Answer<Value> {
    region.purge(context.now);
    match operation {
        "DescribeVpcEndpoints" => describe(&ENDPOINTS, form, region, context),
        "DescribeAddresses" => describe(&ADDRESSES, form, region, context),
        "DescribeNetworkInterfaces" => describe(&INTERFACES, form, region, context),
        "ModifyVpcEndpoint" => modify_endpoint(form, region, context),
        other => Err(ApiError::new("InvalidAction", format!("The action {other} is not valid"))),
    }
}

/// The body of an answer.
#[must_use]
pub fn success(operation: &str, output: &Value, request_id: &str) -> String {
    format!(
        "<{operation}Response xmlns=\"{NAMESPACE}\"><requestId>{request_id}</requestId>{}</{operation}Response>",
        xml(output)
    )
}

/// The body of a refusal.
#[must_use]
pub fn failure(error: &ApiError, request_id: &str) -> String {
    format!(
        "<Response><Errors><Error><Code>{}</Code><Message>{}</Message></Error></Errors>\
         <RequestID>{request_id}</RequestID></Response>",
        sts::escaped(&error.code),
        sts::escaped(error.message.as_deref().unwrap_or_default())
    )
}

/// A signature that is not good, in EC2's codes: it tells a wrong key from wrong credentials in no way.
#[must_use]
pub fn refused(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Expired => ApiError::new("RequestExpired", "Request has expired."),
        Refusal::Wrong(text) if text.starts_with("Signature expired") => ApiError::new("RequestExpired", text),
        Refusal::UnknownKey | Refusal::Wrong(_) => {
            ApiError::new("AuthFailure", "AWS was not able to validate the provided access credentials")
        }
        other @ (Refusal::Missing | Refusal::Incomplete(_)) => other.error(true),
    }
}

/// A refusal with the name that EC2 has for it.
#[must_use]
pub fn renamed(mut error: ApiError) -> ApiError {
    let own = match error.code.as_str() {
        "ThrottlingException" => "RequestLimitExceeded",
        "InvalidNextTokenException" => "InvalidPaginationToken",
        _ => return error,
    };
    own.clone_into(&mut error.code);
    error
}

fn describe(listing: &Listing, form: &Form, region: &Region, context: &Context<'_>) -> Answer<Value> {
    let (parameter, id) = listing.ids;
    let paged: &[&str] = if listing.pages.is_some() { &["MaxResults", "NextToken"] } else { &[] };
    known_only(form, &[&[parameter, "Filter"], paged].concat())?;
    let wanted = list(form, parameter);
    let filters = filters(listing, form)?;
    let key = |row: &Value| row.get(id).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut rows = (listing.rows)(region, context);
    rows.retain(|row| !region.hides(&key(row), None, context.now));
    if let Some(missing) = wanted.iter().find(|id| !rows.iter().any(|row| key(row) == **id)) {
        let (code, words) = listing.missing;
        return Err(ApiError::new(code, format!("{words} '{missing}' does not exist")));
    }
    rows.retain(|row| wanted.is_empty() || wanted.contains(&key(row)));
    rows.retain(|row| filters.iter().all(|(path, values)| texts(row, path).iter().any(|text| values.contains(text))));
    rows.sort_by_key(key);
    let input = page_input(listing, form, !wanted.is_empty())?;
    let (Some(_), true) = (listing.pages, wanted.is_empty()) else {
        return Ok(json!({listing.set: rows}));
    };
    let keyed = rows.into_iter().map(|row| (key(&row), row));
    let page = page::cut(listing.set, &input, context, keyed, |row| row.0.as_str()).map_err(renamed)?;
    let rows: Vec<Value> = page.items.into_iter().map(|(_, row)| row).collect();
    Ok(json!({listing.set: rows, "nextToken": page.next_token}))
}

fn page_input(listing: &Listing, form: &Form, by_id: bool) -> Answer<PageInput> {
    let next_token = form.get("NextToken").cloned();
    let (Some(least), Some(given)) = (listing.pages, form.get("MaxResults")) else {
        return Ok(PageInput { max_results: None, next_token });
    };
    if by_id {
        let text = format!("The parameter {} cannot be used with the parameter MaxResults", listing.ids.0);
        return Err(ApiError::new("InvalidParameterCombination", text));
    }
    let size = given.parse().ok().filter(|size| (least..=PAGE_MAX).contains(size));
    let max_results = Some(size.ok_or_else(|| {
        let text = format!("Value ( {given} ) for parameter maxResults is invalid. Expecting {least} to {PAGE_MAX}.");
        ApiError::new("InvalidParameterValue", text)
    })?);
    Ok(PageInput { max_results, next_token })
}

/// `Filter.N.Name` with its `Filter.N.Value.M`, as the place of the value in a row.
fn filters(listing: &Listing, form: &Form) -> Answer<Vec<(&'static [&'static str], Vec<String>)>> {
    let numbered = form.iter().filter_map(|(key, name)| {
        let number = key.strip_prefix("Filter.")?.strip_suffix(".Name")?;
        Some((number, name))
    });
    numbered
        .map(|(number, name)| {
            let known = listing.filters.iter().find(|(known, _)| known == name);
            let invalid = || ApiError::new("InvalidParameterValue", format!("The filter '{name}' is invalid"));
            let (_, path) = known.ok_or_else(invalid)?;
            Ok((*path, list(form, &format!("Filter.{number}.Value"))))
        })
        .collect()
}

/// `ModifyVpcEndpoint`, of which security groups are there. A group that is on it already, or is not, is no fault.
fn modify_endpoint(form: &Form, region: &mut Region, context: &mut Context<'_>) -> Answer<Value> {
    known_only(form, &["VpcEndpointId", "AddSecurityGroupId", "RemoveSecurityGroupId"])?;
    let (added, removed) = (list(form, "AddSecurityGroupId"), list(form, "RemoveSecurityGroupId"));
    let absent =
        |name: &str| ApiError::new("MissingParameter", format!("The request must contain the parameter {name}"));
    let id = form.get("VpcEndpointId").filter(|id| !id.is_empty()).ok_or_else(|| absent("VpcEndpointId"))?;
    if added.is_empty() && removed.is_empty() {
        return Err(absent("AddSecurityGroupId or RemoveSecurityGroupId"));
    }
    let hidden = region.hides(id, None, context.now);
    let found = ec2_network::groups_of(region, id, context.now).filter(|_| !hidden);
    let groups = found.ok_or_else(|| {
        let (code, words) = ENDPOINTS.missing;
        ApiError::new(code, format!("{words} '{id}' does not exist"))
    })?;
    if groups.pending {
        return Err(ApiError::new("IncorrectState", format!("The VPC endpoint {id} is in state pending")));
    }
    let missing = &context.config.missing_security_groups;
    if let Some(group) = added.iter().chain(&removed).find(|group| missing.contains(group)) {
        return Err(ApiError::new("InvalidGroup.NotFound", format!("The security group '{group}' does not exist")));
    }
    let mut next = groups.held.clone();
    next.extend(added.into_iter().filter(|group| !groups.held.contains(group)));
    next.retain(|group| !removed.contains(group));
    if next.is_empty() {
        return Err(ApiError::new("InvalidParameter", format!("The VPC endpoint {id} needs a security group")));
    }
    context.changed |= next != groups.held;
    groups.set(next);
    Ok(json!({"return": true}))
}

/// Refuses parameters that the simulator would silently leave out of account.
fn known_only(form: &Form, known: &[&str]) -> Answer<()> {
    let name = |key: &str| key.split('.').next().unwrap_or_default().to_owned();
    let mut names = form.keys().map(|key| name(key)).filter(|name| !["Action", "Version"].contains(&name.as_str()));
    names.find(|name| !known.contains(&name.as_str())).map_or(Ok(()), |name| {
        Err(ApiError::new("UnknownParameter", format!("The parameter {name} is not recognized")))
    })
}

/// `Name.1`, `Name.2` and so on, in the order of the numbers.
fn list(form: &Form, name: &str) -> Vec<String> {
    let numbered = form.iter().filter_map(|(key, value)| {
        let number: usize = key.strip_prefix(name)?.strip_prefix('.')?.parse().ok()?;
        Some((number, value.clone()))
    });
    numbered.collect::<BTreeMap<_, _>>().into_values().collect()
}

/// The texts at a place in a row; of a list those of every entry.
fn texts(value: &Value, path: &[&str]) -> Vec<String> {
    match (value, path) {
        (Value::Array(items), _) => items.iter().flat_map(|item| texts(item, path)).collect(),
        (Value::String(text), []) => vec![text.clone()],
        (_, [first, rest @ ..]) => value.get(first).map(|value| texts(value, rest)).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// A value as EC2 writes it: the entries of a list are items, what is null is left out.
fn xml(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let shown = members.iter().filter(|(_, value)| !value.is_null());
            shown.map(|(name, value)| element(name, value)).collect()
        }
        Value::Array(items) => items.iter().map(|item| element("item", item)).collect(),
        Value::String(text) => sts::escaped(text),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn element(name: &str, value: &Value) -> String {
    format!("<{name}>{}</{name}>", xml(value))
}

#[cfg(test)]
#[path = "ec2_tests.rs"]
mod tests;
