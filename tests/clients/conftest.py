"""A running transfer-sim, and the two clients of AWS that talk to it.

The environment variable TRANSFER_SIM names the program; without it the tests fail, they are never skipped.
"""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

ACCOUNT = "123456789012"
REGION = "us-east-1"
KEYS = Path(__file__).parents[1] / "fixtures" / "keys"
CERTIFICATES = Path(__file__).parents[1] / "fixtures" / "certificates"

# What Python's patterns spell otherwise than Java's; of letters and digits those of Europe's scripts.
JAVA_CLASSES = {
    r"\p{Print}": r"\x20-\x7E",
    r"\P{M}\p{M}": r"\s\S",
    r"\p{L}\p{Z}\p{N}": r"0-9A-Za-z\u00c0-\u1fff\s",
    r"[\w- ]": r"[\w\- ]",
}

# No retries: a refusal has to be seen as it came. No validation in the client: it is the server that has to refuse.
PLAIN = Config(retries={"total_max_attempts": 1}, parameter_validation=False)


class Sim:
    """A process of transfer-sim and its control path."""

    def __init__(self, folder, *args, transition_time="100ms"):
        self.folder = folder
        self.args = ["--transition-time", transition_time, *args]
        self.start()

    def start(self):
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        program = os.environ["TRANSFER_SIM"]
        command = [program, "--listen", "127.0.0.1:0", "--port-file", str(port_file), *self.args]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        # The file appears whole or not at all, so its existence is enough.
        deadline = time.monotonic() + 30
        while not port_file.exists():
            assert self.process.poll() is None, "transfer-sim ended before it served"
            assert time.monotonic() < deadline, "transfer-sim wrote no port file"
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{int(port_file.read_text())}"

    def stop(self):
        self.process.kill()
        self.process.wait()

    def control(self, method, path, body=None):
        """Calls the control path and returns status and JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_sim/{path}", data, method=method)
        try:
            with urllib.request.urlopen(request) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.load(refusal)

    def get(self, path):
        status, value = self.control("GET", path)
        assert status == 200, value
        return value

    def post(self, path, body):
        status, value = self.control("POST", path, body)
        assert status == 200, value
        return value

    def client(self, service="transfer", config=PLAIN, **kwargs):
        """A boto3 client with the credentials of the first account, unless others are given."""
        credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
        return boto3.client(service, endpoint_url=self.url, config=config, **(credentials | kwargs))


@pytest.fixture
def sim(tmp_path):
    """A simulator of its own for each test: it starts in milliseconds, and no test has to clean up."""
    sim = Sim(tmp_path)
    yield sim
    sim.stop()


@pytest.fixture
def transfer(sim):
    return sim.client()


@pytest.fixture
def server(transfer):
    return transfer.create_server()["ServerId"]


@pytest.fixture
def directory_server(transfer):
    details = {"DirectoryId": "d-1234567890"}
    created = transfer.create_server(IdentityProviderType="AWS_DIRECTORY_SERVICE", IdentityProviderDetails=details)
    return created["ServerId"]


@pytest.fixture
def as2_server(transfer):
    network = {"VpcId": "vpc-12345678", "SubnetIds": ["subnet-1"]}
    as2 = {"Protocols": ["AS2"], "ProtocolDetails": {"As2Transports": ["HTTP"]}}
    return transfer.create_server(EndpointType="VPC", EndpointDetails=network, **as2)["ServerId"]


@pytest.fixture
def partners(transfer):
    """A profile of each side, as agreements and connectors name them."""
    made = {}
    for side, member in [("LOCAL", "LocalProfileId"), ("PARTNER", "PartnerProfileId")]:
        made[member] = transfer.create_profile(As2Id=side.lower(), ProfileType=side)["ProfileId"]
    return made


@pytest.fixture
def aws(sim, tmp_path):
    """The AWS CLI: `aws("list-servers")` returns its JSON, `aws(..., refused=True)` its error text."""

    def run(operation, *args, service="transfer", refused=False, **parameters):
        given = []
        for name, value in parameters.items():
            text = value if isinstance(value, str) else json.dumps(value)
            given += ["--" + name.replace("_", "-"), text]
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": sim.url,
            "AWS_MAX_ATTEMPTS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = ["aws", service, operation, *args, *given, "--output", "json"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if refused:
            assert done.returncode != 0, done.stdout
            return done.stderr
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else {}

    return run


def python_pattern(pattern):
    """A pattern of the API model as Python writes it."""
    for java, python in JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    return pattern


def role(name="transfer"):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def private_key(name="openssh-ed25519"):
    return (KEYS / name).read_text()


def public_key(name="openssh-ed25519"):
    return (KEYS / f"{name}.pub").read_text().strip()


def pem(name):
    return (CERTIFICATES / name).read_text()


def as2_config(partners):
    """The least that an AS2 connector between two profiles needs."""
    algorithms = {"EncryptionAlgorithm": "AES256_CBC", "SigningAlgorithm": "SHA256"}
    return partners | algorithms | {"Compression": "ZLIB", "MdnResponse": "SYNC"}


def sftp_connector(**more):
    """The least that an SFTP connector needs, and more of its configuration."""
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:partner-AbCdEf"
    return {"Url": "sftp://partner.example.com", "AccessRole": role(), "SftpConfig": {"UserSecretId": secret} | more}


def web_app():
    """The least that a web app needs."""
    center = {"InstanceArn": "arn:aws:sso:::instance/ssoins-0123456789abcdef", "Role": role("web")}
    return {"IdentityProviderDetails": {"IdentityCenterConfig": center}}


def fingerprint(name):
    for line in (KEYS / "fingerprints.txt").read_text().splitlines():
        key, _, digest = line.split()
        if key == name:
            return digest
    raise AssertionError(f"no fingerprint of {name} in the fixtures")
