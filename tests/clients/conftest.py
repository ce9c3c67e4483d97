"""A simulator per test, and the clients that talk to it. TRANSFER_SIM names the binary."""

import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.config import Config

ACCOUNT = "123456789012"
REGION = "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sftp"

OPERATIONS = """
CreateServer UpdateServer DescribeServer DeleteServer StartServer StopServer ListServers
CreateUser UpdateUser DescribeUser DeleteUser ListUsers ImportSshPublicKey DeleteSshPublicKey
CreateAccess UpdateAccess DescribeAccess DeleteAccess ListAccesses
ImportHostKey UpdateHostKey DescribeHostKey DeleteHostKey ListHostKeys
TagResource UntagResource ListTagsForResource
DescribeSecurityPolicy ListSecurityPolicies TestIdentityProvider
""".split()


class Sim:
    """A running transfer-sim and its control path."""

    def __init__(self, folder, *arguments):
        binary = os.environ.get("TRANSFER_SIM")
        assert binary, "TRANSFER_SIM must name the transfer-sim binary"
        port_file = folder / "port"
        command = [binary, "--listen", "127.0.0.1:0", "--port-file", str(port_file), *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        for _ in range(1000):
            if port_file.exists():
                break
            assert self.process.poll() is None, "transfer-sim ended at once"
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{port_file.read_text().strip()}"

    def stop(self):
        self.process.kill()
        self.process.wait()

    def control(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_sim/{path}", data, method=method)
        try:
            with urllib.request.urlopen(request) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            pytest.fail(f"{method} {path}: {error.code} {error.read().decode()}")

    def configure(self, **switches):
        return self.control("POST", "config", switches)

    def fault(self, operation, fault, **when):
        return self.control("POST", "faults", {"operation": operation, "fault": fault, **when})

    def advance(self, span):
        return self.control("POST", "clock", {"advance": span})

    def calls(self):
        return self.control("GET", "calls")["calls"]

    def client(self, service="transfer", region=REGION, key="test", secret="test", token=None, **config):
        config.setdefault("retries", {"total_max_attempts": 1})
        return boto3.session.Session().client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(**config),
        )

    def cli(self, *arguments, status=0, **environment):
        """Runs the AWS CLI and returns what it printed, as JSON if it is."""
        program = pathlib.Path(sys.executable).with_name("aws")
        settings = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_MAX_ATTEMPTS": "1",
            "PATH": os.environ["PATH"],
            **environment,
        }
        done = subprocess.run(
            [sys.executable, program, *arguments], env=settings, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, f"aws {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
        text = done.stdout if status == 0 else done.stderr
        return json.loads(text) if text.lstrip().startswith("{") else text


@pytest.fixture
def sim(tmp_path):
    running = Sim(tmp_path, "--transition-time", "0s")
    yield running
    running.stop()


@pytest.fixture
def transfer(sim):
    return sim.client()


@pytest.fixture
def server_id(transfer):
    return transfer.create_server()["ServerId"]


@pytest.fixture
def directory_id(transfer):
    """A server whose users are groups of a directory."""
    return transfer.create_server(
        IdentityProviderType="AWS_DIRECTORY_SERVICE", IdentityProviderDetails={"DirectoryId": "d-0123456789"}
    )["ServerId"]


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """Pairs of private and public keys by type, made and fingerprinted by OpenSSH."""
    folder = tmp_path_factory.mktemp("keys")
    made = {}
    for name, arguments in {
        "rsa": ["-t", "rsa", "-b", "2048", "-m", "PEM"],
        "ecdsa": ["-t", "ecdsa", "-b", "256"],
        "ed25519": ["-t", "ed25519"],
        "other": ["-t", "ed25519"],
    }.items():
        file = folder / name
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-C", f"{name} key", "-f", file, *arguments], check=True)
        shown = subprocess.run(["ssh-keygen", "-l", "-f", file], check=True, capture_output=True, text=True)
        made[name] = {
            "private": file.read_text(),
            "public": file.with_suffix(".pub").read_text().strip(),
            "fingerprint": shown.stdout.split()[1],
        }
    return made
