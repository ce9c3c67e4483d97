//! docs/features.md says of every member what the tables say by which the operator compares and resets.

use super::super::members::MEMBERS;
use crate::engine::diff::{Effect, Member, Reset};
use crate::kinds::{agreement, connector, login};

const PAGE: &str = include_str!("../../../../docs/features.md");

/// The cells of the table below a heading, without its head.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let section = PAGE.split(&format!("### {heading}\n")).nth(1).unwrap_or_else(|| panic!("no table of {heading}"));
    let section = section.split("\n#").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with("| `"));
    lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// The words that the column of changes begins with.
fn changed(effect: Effect) -> &'static str {
    match effect {
        Effect::Live => "live",
        Effect::Restart => "restart",
        Effect::Offline => "offline",
        Effect::Ec2 => "EC2",
        Effect::Replace => "replace",
        Effect::Refused => "refused",
    }
}

fn cleared(reset: Reset) -> String {
    match reset {
        Reset::Send(text) => format!("`{text}`"),
        Reset::Follows => "with its group".to_owned(),
        Reset::Never => "never".to_owned(),
    }
}

/// Whether a field of a row is the member, or inside it. What is named by an object or by an id has two.
fn is_of(row: &[&str], member: &Member) -> bool {
    // What a status shows is no member, though one is called status.
    let mut fields =
        row[1].split(", ").map(|field| field.trim_matches('`')).filter(|field| !field.starts_with("status."));
    let within = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
    fields.any(|field| field.strip_prefix(member.path).is_some_and(within))
}

fn faults(heading: &str, members: &[Member]) -> Vec<String> {
    let rows = rows(heading);
    assert!(rows.len() > 10, "only {} rows of {heading}", rows.len());
    let mut faults = Vec::new();
    for member in members {
        let of_member: Vec<_> = rows.iter().filter(|row| is_of(row, member)).collect();
        if of_member.is_empty() {
            faults.push(format!("{heading}: no row of {}", member.path));
        }
        for row in of_member {
            let (change, clear) = (changed(member.effect), cleared(member.reset));
            if row[3].split([';', ',']).next() != Some(change) || row[4] != "yes" || row[5] != clear {
                faults.push(format!("{heading}, {}: {row:?}, and it is {change}, yes, {clear}", member.path));
            }
        }
    }
    faults
}

#[test]
fn the_page_of_features_says_what_the_tables_of_members_say() {
    let mut found = faults("TransferServer", MEMBERS);
    found.extend(faults("TransferUser", &login::MEMBERS));
    found.extend(faults("TransferAccess", &login::MEMBERS));
    let servers = |member: &Member| match member.path {
        "as2Config.asyncMdnConfig.serverIds" => Member { path: "as2Config.asyncMdnConfig.serverRefs", ..*member },
        _ => *member,
    };
    found.extend(faults("TransferConnector", &connector::members::MEMBERS.iter().map(servers).collect::<Vec<_>>()));
    found.extend(faults("TransferAgreement", agreement::members::MEMBERS));
    assert!(found.is_empty(), "{found:#?}");
}
