//! EC2, as far as the network of servers needs it: one file for each resource, with its types and its calls.
//!
//! The SDK's crate of EC2 costs more to build than all the rest of the program, so its query protocol is spoken here:
//! `client` signs a form and reads the answer, `xml` reads documents. States and the like stay strings, so that an
//! unknown one survives; an empty element is no text, as EC2 has it for an address that nothing holds.

mod client;
mod elastic_address;
mod network_interface;
mod vpc_endpoint;
mod xml;

use std::collections::BTreeMap;

pub use client::{Ec2Client, address};
pub use elastic_address::{DescribeAddresses, ElasticAddress};
pub use network_interface::{DescribeNetworkInterfaces, NetworkInterface};
pub use vpc_endpoint::{DescribeVpcEndpoints, ModifyVpcEndpoint, VpcEndpoint};

use super::sdk::convert::Complete;
use xml::Element;

/// The members of a call, as EC2's query protocol names them.
pub type Form = BTreeMap<String, String>;

/// A list as the members `Name.1`, `Name.2` and so on.
fn numbered(name: &str, values: &[String]) -> Form {
    let numbers = 1..;
    values.iter().zip(numbers).map(|(value, number): (_, usize)| (format!("{name}.{number}"), value.clone())).collect()
}

/// The rows of an answer. EC2 refuses an id that it does not know; an answer that leaves one out is none, and nothing is
/// missing only because the answer is.
fn rows<T>(
    answer: &Element,
    set: &'static str,
    (key, ids): (&str, &[String]),
    row: fn(&Element) -> Complete<T>,
) -> Complete<Vec<T>> {
    let items = answer.items(set)?;
    if !ids.iter().all(|id| items.iter().any(|item| item.text(key).as_ref() == Some(id))) {
        return Err("row of each id that was asked for");
    }
    items.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::CallClass;
    use crate::aws::call::Call;

    /// AWS counts EC2 apart from Transfer: what one throttles must not slow the other.
    #[test]
    fn calls_of_ec2_are_of_classes_of_their_own() {
        let reads = [DescribeAddresses::CLASS, DescribeNetworkInterfaces::CLASS, DescribeVpcEndpoints::CLASS];
        assert_eq!((reads, ModifyVpcEndpoint::CLASS), ([CallClass::Ec2Read; 3], CallClass::Ec2Write));
    }
}
