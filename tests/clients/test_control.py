"""The control path as docs/transfer-sim.md describes it, and what a restart leaves."""

import re
from pathlib import Path

from conftest import ACCOUNT, REGION, Sim, role

MANUAL = Path(__file__).parents[2] / "docs" / "transfer-sim.md"


def test_calls_are_logged_and_read_on_from_a_number(sim, transfer):
    server = transfer.create_server()["ServerId"]
    log = sim.get("calls")
    call = log["calls"][-1]
    assert (call["operation"], call["outcome"], call["mutated"]) == ("CreateServer", "ok", True)
    assert call["created_server_id"] == server
    assert (call["account"], call["region"]) == (ACCOUNT, REGION)
    transfer.list_servers()
    newer = sim.get(f"calls?since={log['last']}")["calls"]
    assert [c["operation"] for c in newer] == ["ListServers"]
    sim.control("DELETE", "calls")
    assert sim.get("calls")["calls"] == []


def test_a_fault_strikes_the_call_it_names(sim, transfer, server):
    sim.post(
        "faults",
        {
            "operation": "CreateUser",
            "input": {"UserName": "bob"},
            "call": 2,
            "fault": {"kind": "error", "code": "InternalServiceError", "effect": "done"},
        },
    )
    transfer.create_user(ServerId=server, UserName="alice", Role=role())
    transfer.create_user(ServerId=server, UserName="bob", Role=role())
    transfer.delete_user(ServerId=server, UserName="bob")
    try:
        transfer.create_user(ServerId=server, UserName="bob", Role=role())
    except transfer.exceptions.InternalServiceError:
        pass
    else:
        raise AssertionError("the second creation of bob was not struck")
    # The error was a lie: the call was carried out.
    assert [u["UserName"] for u in transfer.list_users(ServerId=server)["Users"]] == ["alice", "bob"]
    armed = sim.get("faults")["faults"][0]
    assert (armed["matched"], armed["struck"]) == (2, 1)


def test_a_wrong_script_is_refused_whole(sim):
    good = {"fault": {"kind": "throttle"}}
    status, answer = sim.control("POST", "faults", [good, {"fault": {"kind": "earthquake"}}])
    assert status == 400
    assert "earthquake" in answer["error"]
    assert sim.get("faults")["faults"] == []


def test_changes_out_of_band_carry_no_signature_and_no_log(sim, transfer, server):
    before = sim.get("calls")["last"]
    change = {"ServerId": server, "PreAuthenticationLoginBanner": "changed"}
    sim.post("change", {"operation": "UpdateServer", "input": change})
    assert sim.get("calls")["last"] == before
    assert transfer.describe_server(ServerId=server)["Server"]["PreAuthenticationLoginBanner"] == "changed"
    sim.post("change", {"set_state": {"server_id": server, "state": "START_FAILED"}})
    assert transfer.describe_server(ServerId=server)["Server"]["State"] == "START_FAILED"


def test_unknown_switches_and_paths_are_named(sim):
    status, answer = sim.control("POST", "config", {"colour": "red"})
    assert status == 400
    assert "colour" in answer["error"]
    assert sim.control("GET", "nothing")[0] == 404
    assert sim.control("DELETE", "clock")[0] == 405


def test_a_new_server_is_listed_late(tmp_path):
    sim = Sim(tmp_path, "--listing-lag", "1h", "--signature-tolerance", "48h")
    try:
        transfer = sim.client()
        server = transfer.create_server()["ServerId"]
        assert transfer.list_servers()["Servers"] == []
        sim.post("clock", {"advance": "1h"})
        assert [s["ServerId"] for s in transfer.list_servers()["Servers"]] == [server]
    finally:
        sim.stop()


def test_the_state_file_survives_a_kill(tmp_path):
    sim = Sim(tmp_path, "--state-file", str(tmp_path / "state.json"))
    try:
        transfer = sim.client()
        server = transfer.create_server()["ServerId"]
        transfer.create_user(ServerId=server, UserName="alice", Role=role())
        sim.stop()
        sim.start()
        user = sim.client().describe_user(ServerId=server, UserName="alice")["User"]
        assert user["Role"] == role()
    finally:
        sim.stop()


def test_the_same_seed_gives_the_same_identifiers(tmp_path):
    made = []
    for folder in ["one", "two"]:
        (tmp_path / folder).mkdir()
        sim = Sim(tmp_path / folder, "--seed", "7")
        try:
            made.append(sim.client().create_server()["ServerId"])
        finally:
            sim.stop()
    assert made[0] == made[1]


def test_the_manual_has_every_switch_with_its_default(tmp_path):
    sim = Sim(tmp_path, transition_time="2s")
    try:
        switches = sim.get("config")
    finally:
        sim.stop()
    rows = re.findall(r"^\| (`.*?) \| (.*?) \|", MANUAL.read_text().split("### Switches")[1], re.MULTILINE)
    written = {}
    for names, defaults in rows:
        written |= dict(zip(re.findall(r"`(\w+)`", names), re.findall(r"`(.*?)`", defaults) or ["AWS's"], strict=True))
    assert set(written) == set(switches)
    for name, default in switches.items():
        if not isinstance(default, (dict, list)):  # those are told in words
            assert written[name] == (default if isinstance(default, str) else str(default).lower().replace("none", "null"))
