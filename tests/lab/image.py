"""The package root: one Debian 12 file system with every package of the lab, the lowest layer of all hosts.

The package mirror is the machine's own: apt's index targets say which one that is. Python packages come
through the machine's own pip, as wheels, so that its configuration (index, certificates) counts as well.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.lab.cache import Cache, digest
from tests.lab.errors import LabError, NoGroundError
from tests.lab.progress import Progress, side_by_side

SUITE = "bookworm"
TOOLS = """
bind9-dnsutils bubblewrap ca-certificates curl ejabberd iproute2 iputils-ping mount netcat-openbsd nftables openssl
procps psmisc python3 python3-venv rsync sqlite3 sudo
"""
INIT = Path(__file__).with_name("init.py")
APART = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation=private"]
POLICY = "#!/bin/sh\n# apt starts no service while the image is made\nexit 101\n"
HERE_ONLY = (
    "etc/ssh/ssh_host_*",
    "etc/bind/rndc.key",
    "etc/ejabberd/ejabberd.pem",
    "var/lib/ejabberd/.erlang.cookie",
    "etc/machine-id",
    "var/lib/dbus/machine-id",
    "var/cache/apt/*.bin",
)
"""What an installation makes once and a copy must not share."""


class Image:
    """The package root for these Debian packages and these Python packages (in `/opt/python`)."""

    def __init__(self, packages: set[str], python_packages: set[str]) -> None:
        self.packages = sorted(packages | set(TOOLS.split()))
        self.python_packages = sorted(python_packages)
        recipe = Path(__file__).read_text() + INIT.read_text()
        self.key = digest(SUITE, *self.packages, *self.python_packages, recipe)

    def folder(self, cache: Cache, progress: Progress) -> Path:
        """The image's folder, built now if the cache has none for this key (two to four minutes)."""
        if cache.has("image", self.key):
            return cache.entry("image", self.key, _never)
        title = f"image {self.key}: {len(self.packages)} packages and what they need"
        with progress.step(title, announce=True):
            return cache.entry("image", self.key, lambda half: self._build(half, cache, progress))

    def _build(self, half: Path, cache: Cache, progress: Progress) -> None:
        side_by_side(
            lambda: self._install(half, progress),
            lambda: self._wheels(cache, progress),
        )
        if self.python_packages:
            with progress.step("Python packages into the image"):
                install_wheels(half, self._wheels(cache, progress), self.python_packages)
        finish(half)

    def _wheels(self, cache: Cache, progress: Progress) -> Path:
        key = digest(*self.python_packages)
        return cache.entry("wheels", key, lambda half: self._make_wheels(half, progress))

    def _install(self, half: Path, progress: Progress) -> None:
        # In namespaces of its own: what it mounts in the new root is gone with it, even if it is killed.
        argv = [*APART, "mmdebstrap", "--quiet", "--variant=apt", f"--include={','.join(self.packages)}"]
        argv += [*apt_options(), *dpkg_options(), *hooks(), SUITE, str(half), "-"]
        with progress.step("Debian packages into the image"):
            _run(argv, input="\n".join(apt_sources()) + "\n", env=apt_environment())

    def _make_wheels(self, folder: Path, progress: Progress) -> None:
        if not self.python_packages:
            return
        with progress.step("wheels for the image"), tempfile.TemporaryDirectory() as place:
            _run([image_python(), "-m", "venv", place])
            _run([f"{place}/bin/pip", "wheel", "--quiet", "--use-pep517", "-w", str(folder), *self.python_packages])


def _run(argv: list[str], **options: Any) -> None:
    done = subprocess.run(["nice", "-n", "10", *argv], text=True, capture_output=True, **options)
    if done.returncode:
        raise LabError(f"{' '.join(argv)[:200]} ended with {done.returncode}: {done.stderr.strip()[-3000:]}")


def _never(_: Path) -> None:
    raise AssertionError("the entry was there a moment ago")


def apt_sources() -> list[str]:
    """The machine's own Debian sources for this suite, as one-line entries for a sources.list."""
    found = _known_sources()
    if not found:  # apt knows origins only from lists it has fetched
        subprocess.run(["apt-get", "update", "-qq"], capture_output=True)
        found = _known_sources()
    if not found:
        raise NoGroundError(f"apt knows no Debian source for {SUITE}: the lab needs a Debian 12 machine")
    return found


def _known_sources() -> list[str]:
    wanted = "$(ORIGIN)|$(CODENAME)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    argv = ["apt-get", "indextargets", "--format", wanted, "Created-By: Packages"]
    lines = subprocess.run(argv, text=True, capture_output=True, check=True).stdout.splitlines()
    return list(
        dict.fromkeys(
            f"deb {uri} {release} {component}"
            for origin, codename, uri, release, component in (line.split("|") for line in lines)
            if origin == "Debian" and codename.split("-")[0] == SUITE
        )
    )


def apt_options() -> list[str]:
    """mmdebstrap's apt options: no recommends, and the machine's own proxies and certificates."""
    dump = subprocess.run(["apt-config", "dump", "Acquire"], text=True, capture_output=True, check=True).stdout
    asked = ("Proxy", "CaInfo", "CaPath", "SslCert", "SslKey", "Verify-")
    own = [line for line in dump.splitlines() if any(word in line for word in asked) and not line.endswith('"";')]
    fixed = ['APT::Install-Recommends "0";', 'Acquire::Languages "none";', 'Acquire::Retries "3";']
    return [f"--aptopt={line.rstrip(';')}" for line in fixed + own]


def dpkg_options() -> list[str]:
    """mmdebstrap's dpkg options: no fsync per file, and no manual pages or translations."""
    keep = ["/usr/share/doc/*/copyright", "/usr/share/doc/mailman3*", "/usr/share/locale/locale.alias"]
    drop = ["/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*"]
    options = [
        "force-unsafe-io",
        *(f"path-exclude={path}" for path in drop),
        *(f"path-include={path}" for path in keep),
    ]
    return [f"--dpkgopt={option}" for option in options]


def hooks() -> list[str]:
    """Commands mmdebstrap runs before the packages are set up: start nothing, ask nothing."""
    answer = "postfix postfix/main_mailer_type select No configuration"
    policy = '"$1/usr/sbin/policy-rc.d"'
    return [
        f"--essential-hook=printf %s {_quoted(POLICY)} > {policy}; chmod 755 {policy}",
        f'--essential-hook=echo {_quoted(answer)} | chroot "$1" debconf-set-selections',
    ]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def apt_environment() -> dict[str, str]:
    """The environment for an installation that asks nothing."""
    return {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}


def image_python() -> str:
    """A Python 3.11 of the machine, with venv: the image's own version, so that compiled wheels fit."""
    candidates = ("/usr/bin/python3", sys.executable, shutil.which("python3.11"), shutil.which("python3"))
    for candidate in candidates:
        look = "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))"
        if candidate and subprocess.run([candidate, "-c", look], capture_output=True).returncode == 0:
            return candidate
    raise NoGroundError("no Python 3.11 with venv on this machine: apt install python3-venv")


def install_wheels(root: Path, wheels: Path, packages: list[str]) -> None:
    """Make `/opt/python` in the image, a virtual environment with these packages, from the wheels alone."""
    inside = root / "wheels"
    shutil.copytree(wheels, inside)
    script = (
        "python3 -m venv /opt/python && "
        "/opt/python/bin/pip install --quiet --no-index --no-cache-dir --find-links /wheels " + " ".join(packages)
    )
    clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8"]
    _run(["chroot", str(root), *clean, "sh", "-c", script])
    shutil.rmtree(inside)


def finish(root: Path) -> None:
    """Remove what no two hosts may share, and put process 1 in."""
    for pattern in HERE_ONLY:
        for path in root.glob(pattern):
            path.unlink()
    target = root / "usr/sbin/labinit"
    shutil.copyfile(INIT, target)
    target.chmod(0o755)
