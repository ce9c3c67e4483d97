"""The objects that every contender gets: an identity, a server, and users as a bank has them."""

import base64
import concurrent.futures
import hashlib

from .aws import ACCOUNT, REGION

NAMESPACE = "bench"
API = "transfer-operator.dev/v1alpha1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sftp/users"
#: Requests at once while objects are put there: as many as keep the API server busy.
HANDS = 4


def identity():
    spec = {
        "accountId": ACCOUNT,
        "regions": [REGION],
        "credentials": {"source": "Operator"},
        "tags": {"owner": "platform"},
        "grants": [
            {
                "name": "bench",
                "kinds": ["TransferServer", "TransferUser"],
                "namespaces": {"from": "Names", "names": [NAMESPACE]},
                "roleArns": [f"arn:aws:iam::{ACCOUNT}:role/sftp/*"],
            }
        ],
    }
    return {"apiVersion": API, "kind": "AwsIdentity", "metadata": {"name": "default"}, "spec": spec}


def namespace():
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}


def server():
    meta = {"name": "files", "namespace": NAMESPACE}
    return {"apiVersion": API, "kind": "TransferServer", "metadata": meta, "spec": {"region": REGION}}


def public_key(name, number):
    """An Ed25519 key in its form; nobody logs in with it."""
    parts = (b"ssh-ed25519", hashlib.sha256(f"{name}/{number}".encode()).digest())
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} {name}@laptop{number}"


def user(name, keys=1):
    spec = {
        "serverRef": {"name": "files"},
        "role": ROLE,
        "home": {"s3": {"bucket": "bank-files", "prefix": name}},
        "sshPublicKeys": [{"publicKey": public_key(name, number)} for number in range(keys)],
        "tags": {"team": "payments"},
    }
    meta = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": API, "kind": "TransferUser", "metadata": meta, "spec": spec}


def names(count, prefix="user"):
    return [f"{prefix}-{number:05}" for number in range(count)]


def put(kube, manifests):
    """Applies them, several at once."""
    with concurrent.futures.ThreadPoolExecutor(HANDS) as hands:
        list(hands.map(kube.apply, manifests))


def patch_users(kube, users, change):
    """The same merge patch to these users, several at once."""
    path = f"/apis/{API}/namespaces/{NAMESPACE}/transferusers"
    with concurrent.futures.ThreadPoolExecutor(HANDS) as hands:
        list(hands.map(lambda name: kube.patch(f"{path}/{name}", change), users))
