"""How Argo CD tells the health of our kinds: the Lua of deploy/argocd/argocd-cm.yaml, run as Argo CD runs it."""

import pathlib

import lupa
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((ROOT / "deploy/argocd/argocd-cm.yaml").read_text())
PREFIX = "resource.customizations.health.transfer-operator.dev_"


def scripts():
    """Kind to Lua."""
    return {key.removeprefix(PREFIX): text for key, text in CONFIG["data"].items()}


def health(script, generation=2, observed=2, deleted=False, **conditions):
    """Status and message for an object with these conditions, as NAME=(status, message)."""
    obj = {"metadata": {"generation": generation}}
    if deleted:
        obj["metadata"]["deletionTimestamp"] = "2026-11-29T00:00:00Z"
    if observed is not None:
        told = [{"type": name, "status": status, "message": message} for name, (status, message) in conditions.items()]
        obj["status"] = {"observedGeneration": observed, "conditions": told}
    lua = lupa.LuaRuntime(unpack_returned_tuples=True)
    lua.globals().obj = lua.table_from(obj, recursive=True)
    result = lua.execute(script)
    return result["status"], result["message"]


def test_every_kind_has_a_script_and_all_are_one():
    """The CRDs say which kinds there are."""
    crds = [yaml.safe_load(file.read_text()) for file in (ROOT / "crds").glob("*.yaml")]
    assert set(scripts()) == {crd["spec"]["names"]["kind"] for crd in crds}
    assert len(set(scripts().values())) == 1


READY = ("True", "all is in force")
WAITING = ("False", "waits for AWS")
CASES = {
    "never seen": ({"observed": None}, "Progressing", "the operator has not seen this generation yet"),
    "seen, no condition yet": ({}, "Progressing", "is not Ready yet"),
    "ready": ({"Ready": READY}, "Healthy", "all is in force"),
    "ready, with drift": ({"Ready": READY, "Drifted": ("True", "tags")}, "Healthy", "all is in force"),
    "ready for an older spec": ({"observed": 1, "Ready": READY}, "Progressing", None),
    "being made": ({"Ready": WAITING, "Reconciling": ("True", "x")}, "Progressing", "waits for AWS"),
    "ready and at work": ({"Ready": READY, "Reconciling": ("True", "x")}, "Progressing", "all is in force"),
    "waits, does nothing": ({"Ready": WAITING}, "Progressing", "waits for AWS"),
    "unknown": ({"Ready": ("Unknown", "no answer")}, "Progressing", "no answer"),
    "a person must act": ({"Ready": WAITING, "Stalled": ("True", "no such role")}, "Degraded", "no such role"),
    "stalled for an older spec": ({"observed": 1, "Stalled": ("True", "x")}, "Progressing", None),
    "no longer stalled": ({"Ready": READY, "Stalled": ("False", "")}, "Healthy", "all is in force"),
    "deleted": ({"deleted": True, "Ready": ("False", "2 users are left")}, "Progressing", "2 users are left"),
    "deleted, never seen": ({"deleted": True, "observed": None}, "Progressing", "is being deleted"),
    "deleted and stalled": ({"deleted": True, "Stalled": ("True", "x")}, "Progressing", "is being deleted"),
}


@pytest.mark.parametrize("case", CASES)
def test_health_follows_the_conditions(case):
    """One row of the table."""
    given, status, message = CASES[case]
    told = health(scripts()["TransferServer"], **given)
    assert told[0] == status
    assert message is None or told[1] == message
