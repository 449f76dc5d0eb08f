"""Containers of a real engine, started from a root file system that is there: no registry is asked."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from kedge.adapters.local import LocalShell
from tests.integration.conftest import need

# crun refuses the mix of both versions of control groups that some virtual machines have; where nothing is mounted, it
# does without. The mounts of the containers are in here as well, and gone with it.
APART = """
[ ! -d /sys/fs/cgroup/unified ] || mount -t tmpfs none /sys/fs/cgroup || exit 1
echo ready; exec cat
"""
WRAPPER = """#!/bin/sh
exec nsenter --mount=/proc/{pid}/ns/mnt -- {podman} --root {folder}/store --runroot {run} --storage-driver vfs \\
  --cgroup-manager cgroupfs --events-backend none "$@"
"""


class Engine:
    """podman(1) with a store of its own, called `podman` in the folder `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def shell(self) -> LocalShell:
        """A host on which this is the only engine."""
        return LocalShell(env={"PATH": f"{self.path}:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"})

    def run(self, root: Path, labels: Mapping[str, str], env: Mapping[str, str], *argv: str, name: str = "") -> str:
        """Return the id of a new container that runs a command on a copy-on-write view of a root file system."""
        words = [f"--label=com.docker.compose.{key}={value}" for key, value in labels.items()]
        words += [f"--env={key}={value}" for key, value in env.items()] + ([f"--name={name}"] if name else [])
        soft = ((kind, min(resource.getrlimit(number)[1], 4096)) for kind, number in LIMITS.items())
        words += [f"--ulimit={kind}={hard}:{hard}" for kind, hard in soft]
        tied = ("--network=none", "--cgroups=disabled", "--tmpfs=/run:rw,mode=755", "--tmpfs=/data:rw,mode=755")
        return self.ask("run", "--detach", *tied, *words, "--rootfs", f"{root}:O", *argv)

    def ask(self, *argv: str) -> str:
        """Return what the engine says."""
        asked = subprocess.run([self.path / "podman", *argv], capture_output=True, text=True, timeout=120)
        assert asked.returncode == 0, asked.stderr
        return asked.stdout.strip()


LIMITS = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}


@contextlib.contextmanager
def open_engine(folder: Path) -> Iterator[Engine]:
    """Yield an engine whose containers end with it; skips the test where there can be none."""
    need("podman", "podman")
    if os.geteuid() != 0:
        pytest.skip("needs root: containers with users of their own")
    unshared = ("unshare", "--mount", "--propagation", "private", "sh", "-c", APART)
    with (  # podman takes no longer path than 50 characters for what it keeps while it runs
        tempfile.TemporaryDirectory(prefix="kedge-run-", ignore_cleanup_errors=True) as run,
        subprocess.Popen(unshared, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as apart,
    ):
        assert apart.stdout is not None
        assert apart.stdout.readline() == "ready\n"
        wrapper = folder / "bin" / "podman"
        wrapper.parent.mkdir()
        wrapper.write_text(WRAPPER.format(pid=apart.pid, podman=shutil.which("podman"), folder=folder, run=run))
        wrapper.chmod(0o755)
        engine = Engine(wrapper.parent)
        try:
            yield engine
        finally:
            engine.ask("rm", "--all", "--force", "--time=0")


def labels(project: str, service: str) -> Mapping[str, str]:
    """Return the labels that Compose gives to the container of a service."""
    return {"project": project, "service": service}


def in_shell(script: str) -> Sequence[str]:
    """Return the words that run a script."""
    return ("sh", "-c", script)
