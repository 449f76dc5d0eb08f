"""The Debian packages of the image, as files: what a mirror near the lab's hosts would have.

They come from where the image's own came from, and are kept beside it.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.lab.cache import Cache, digest
from tests.lab.errors import NoGroundError
from tests.lab.image import Image

# $1 the folder, then what apt is to fetch. The index is one that apt can read without Release and signature.
FETCH = """
cd "$1" && chmod 777 . && shift && apt-get -q -q -o Acquire::Retries=3 download "$@" || exit 1
chmod 755 .
for file in *.deb; do
  dpkg-deb --field "$file" || exit 1
  printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n\\n' "$file" "$(stat -c %s "$file")" "$(sha256sum < "$file" | cut -c-64)"
done > Packages
"""


def mirror(image: Image, cache: Cache) -> Path:
    """Return a folder with every package of the image and their index, fetched now if the cache has none."""
    root = cache.path("image", image.key)
    listed = subprocess.run(
        ["dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f", "${Package}=${Version}\\n"],
        text=True, capture_output=True, check=True,
    ).stdout.split()  # fmt: skip
    return cache.entry("debs", digest(FETCH, *listed), lambda half: _fetch(half, listed))


def _fetch(half: Path, listed: list[str]) -> None:
    argv = ["sh", "-c", FETCH, "sh", str(half), *listed]
    done = subprocess.run(argv, text=True, capture_output=True)
    if done.returncode:  # the machine's own lists may be older than the image
        subprocess.run(["apt-get", "update", "-qq"], capture_output=True)
        done = subprocess.run(argv, text=True, capture_output=True)
    if done.returncode:
        raise NoGroundError(f"the image's packages are no longer to be had: {done.stderr.strip()[-400:]}")
