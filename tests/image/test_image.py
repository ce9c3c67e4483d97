"""tools/image and tools/image-check without an image: what each builder is told, and what is found in bad layers."""

import importlib.machinery
import importlib.util
import io
import os
import pathlib
import stat
import subprocess
import tarfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Writes down how it was called; as docker it also has a daemon.
STUB = '#!/bin/sh\necho "$(basename "$0") $*" >>"$CALLS"\n'


def built(tmp_path, builder, *arguments):
    """What tools/image calls with only this builder, one line for each call; and what it printed."""
    programs, target = tmp_path / "programs", tmp_path / "target"
    (target / "release").mkdir(parents=True)
    programs.mkdir()
    for stub in (programs / builder, target / "release/transfer-operator"):
        stub.write_text(STUB)
        stub.chmod(0o755)
    calls = tmp_path / "calls"
    calls.touch()
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "CALLS": str(calls),
        "CARGO_TARGET_DIR": str(target),
        "BUILDER": builder,
        "BASE": "registry.example/base:1",
        "IMAGE": "registry.example/transfer-operator:1",
        "SOURCE_DATE_EPOCH": "1700000000",
    }
    command = [str(ROOT / "tools/image"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return done, calls.read_text().splitlines()


@pytest.mark.parametrize(
    ("builder", "wanted"),
    [
        ("docker", "docker build --quiet --tag"),
        ("podman", "podman build --quiet --timestamp 1700000000 --tag"),
        ("buildah", "bud --quiet --isolation chroot --timestamp 1700000000 --tag"),
    ],
)
def test_each_builder_gets_the_dockerfile_the_base_and_the_labels(tmp_path, builder, wanted):
    done, calls = built(tmp_path, builder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "registry.example/transfer-operator:1\n"
    build = [call for call in calls if f"{wanted} registry.example/transfer-operator:1" in call]
    assert len(build) == 1, calls
    for part in (f"--file {ROOT}/Dockerfile", "BASE=registry.example/base:1", "VERSION=0.", "REVISION="):
        assert part in build[0], build


def test_podman_writes_the_layout_and_docker_says_that_it_cannot(tmp_path):
    done, calls = built(tmp_path / "podman", "podman", "--oci", str(tmp_path / "oci"))
    assert done.returncode == 0, done.stderr
    assert calls[-1] == f"podman save --quiet --format oci-dir --output {tmp_path}/oci registry.example/transfer-operator:1"
    done, calls = built(tmp_path / "docker", "docker", "--oci", str(tmp_path / "oci"))
    assert (done.returncode, calls) == (1, [])
    assert "docker writes no OCI layout" in done.stderr


class Image:
    """An image of one layer with these members."""

    def __init__(self, **members):
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as layer:
            for name, mode in {"transfer-operator": 0o755, "LICENSE": 0o644, **members}.items():
                member = tarfile.TarInfo(name)
                member.mode, member.size = mode, len(b".dep-v0")
                layer.addfile(member, io.BytesIO(b".dep-v0"))
        self.content = content.getvalue()
        self.manifest = {"layers": [{"size": len(self.content)}]}

    def layers(self):
        """The layers as open archives."""
        yield tarfile.open(fileobj=io.BytesIO(self.content))


def problems_of(image):
    """What tools/image-check finds in the files of an image."""
    loader = importlib.machinery.SourceFileLoader("image_check", str(ROOT / "tools/image-check"))
    check = importlib.util.module_from_spec(importlib.util.spec_from_loader("image_check", loader))
    loader.exec_module(check)
    check.check_files(image)
    return check.problems


def test_a_good_layer_has_no_problem():
    assert problems_of(Image()) == []


@pytest.mark.parametrize(
    ("name", "mode", "found"),
    [
        ("su", 0o755 | stat.S_ISUID, "su is setuid or setgid"),
        ("write", 0o755 | stat.S_ISGID, "write is setuid or setgid"),
        ("transfer-operator", 0o755 | stat.S_ISUID, "transfer-operator is setuid or setgid"),
        ("open", 0o666, "open is writable by all"),
        ("bash", 0o755, "bash is a shell"),
    ],
)
def test_what_must_not_be_in_a_layer_is_found(name, mode, found):
    assert found in problems_of(Image(**{name: mode}))
