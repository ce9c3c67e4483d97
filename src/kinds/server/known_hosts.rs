//! The ConfigMap with lines for `known_hosts`, from what AWS shows and the Secrets hold. Pure.

use std::collections::BTreeMap;

use kube::ResourceExt;

use super::wanted::WantedServer;
use super::{ServerState, endpoints, host_keys};
use crate::api::TransferServer;
use crate::api::server::{HostKeyStatus, ServerEndpoint};
use crate::engine::kind::OwnedConfigMap;
use crate::ssh::known_hosts::{HeldKey, KnownHosts, Listed, at_ports, lines};

/// The key that the lines stand under, as clients call the file.
const KEY: &str = "known_hosts";

/// The ConfigMap that the spec names. While a Secret cannot be read, what it holds stands: a line that clients rely on
/// must not go for that.
#[must_use]
pub fn config_map(
    object: &TransferServer,
    want: &WantedServer,
    have: &ServerState,
    region: &str,
) -> Option<OwnedConfigMap> {
    let name = object.spec.known_hosts_config_map.as_ref()?.name.clone();
    let data = want.host_keys_complete.then(|| BTreeMap::from([(KEY.to_owned(), text(object, want, have, region))]));
    Some(OwnedConfigMap { name, data })
}

fn text(object: &TransferServer, want: &WantedServer, have: &ServerState, region: &str) -> String {
    let (server, before) = (&have.server, object.status.clone().unwrap_or_default());
    let all = endpoints::all(server, region, have.endpoints.as_deref(), &before);
    let names = all.iter().filter(|row| row.is_known_by()).map(|ServerEndpoint { host, .. }| host.as_str());
    let ports = server.settings.protocol_details.as_ref().and_then(|details| details.sftp_ports.as_ref());
    let ports: Vec<i32> = ports.into_iter().flatten().map(|port| port.sftp_port).collect();
    let held = |row: HostKeyStatus| HeldKey { kind: row.r#type, fingerprint: row.fingerprint, active: row.active };
    let rows = host_keys::status_rows(Some(want), &have.host_keys, &before.host_keys);
    let listed: Listed =
        want.host_keys.iter().flatten().map(|key| (key.name.clone(), Ok(key.public.clone()))).collect();
    lines(&KnownHosts {
        title: &format!("{}/{}, {}", object.namespace().unwrap_or_default(), object.name_any(), server.server_id),
        hosts: &at_ports(names, &ports),
        nameless: "no host name is known yet",
        keys: &rows.into_iter().map(held).collect::<Vec<_>>(),
        listed: &listed,
    })
}
