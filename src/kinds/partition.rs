//! AWS's partitions: what names and addresses of a region are made of.

/// AWS's partitions: prefix of the region, name in ARNs, suffix of host names.
const PARTITIONS: [(&str, &str, &str); 5] = [
    ("cn-", "aws-cn", "amazonaws.com.cn"),
    ("us-gov-", "aws-us-gov", "amazonaws.com"),
    ("us-isob-", "aws-iso-b", "sc2s.sgov.gov"),
    ("us-iso-", "aws-iso", "c2s.ic.gov"),
    ("eusc-", "aws-eusc", "amazonaws.eu"),
];

fn partition_row(region: &str) -> (&'static str, &'static str) {
    let row = PARTITIONS.iter().find(|(prefix, ..)| region.starts_with(prefix));
    row.map_or(("aws", "amazonaws.com"), |(_, name, suffix)| (name, suffix))
}

/// The partition of a region.
#[must_use]
pub fn partition(region: &str) -> &'static str {
    partition_row(region).0
}

/// What host names of AWS end with in a region.
#[must_use]
pub fn host_suffix(region: &str) -> &'static str {
    partition_row(region).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_and_host_names_follow_the_partition() {
        let rows = [
            ("eu-central-1", "aws", "amazonaws.com"),
            ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
            ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
            ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
            ("us-east-1", "aws", "amazonaws.com"),
        ];
        for (region, name, suffix) in rows {
            assert_eq!((partition(region), host_suffix(region)), (name, suffix), "{region}");
        }
    }
}
