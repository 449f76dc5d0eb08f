"""A named volume of a container engine: a folder of which only the engine knows where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import PurePosixPath
from typing import ClassVar

from kedge.errors import OutsideError
from kedge.model.census import Census
from kedge.model.instance import ROOT, Instance, Obstacle
from kedge.model.room import Fit, Growth, Survey
from kedge.parts.folder import FolderPart

VOLUMES = "/var/lib/docker/volumes"
"""Where Docker keeps named volumes, unless it was told otherwise (`docker info`: Docker Root Dir)."""
LIMIT = timedelta(minutes=1)
# $1 project, $2 volume, $3 where Docker has it when nobody can be asked, $4 `make` to have it made. By the labels that
# Compose gives it, else by its name; one that another project has labelled is somebody else's. Not by two filters at
# once: to Podman (4.3) a volume with either label is one.
FIND = r"""
project=$1 volume=$2 usual=$3 make=$4 said= asked= lf='
'
label=com.docker.compose
whose() { $engine volume inspect --format "{{index .Labels \"$label.project\"}}" "$1" 2>/dev/null; }
for engine in docker podman; do
  command -v $engine >/dev/null 2>&1 || continue
  called=$($engine volume ls -q --filter "label=$label.volume=$volume" 2>&1) || { said=$called; continue; }
  asked=$engine found=
  for name in $called; do [ "$(whose "$name")" != "$project" ] || found=$found${found:+$lf}$name; done
  for name in "${project}_$volume" "$volume"; do
    [ -z "$found" ] && has=$(whose "$name") || continue
    case $has in ''|'<no value>'|"$project") found=$name ;; esac
  done
  case $found in
    '') ;;
    *"$lf"*) echo "the volume $volume is there more than once" >&2; exit 1 ;;
    *) exec $engine volume inspect --format '{{.Mountpoint}}' "$found" ;;
  esac
done
[ -n "$asked" ] || [ ! -d "$usual" ] || { echo "$usual"; exit 0; }
if [ -z "$asked" ]; then echo "no docker and no podman tells of the volume $volume${said:+: $said}" >&2; exit 1; fi
[ "$make" = make ] || exit 3
$asked volume create --label "com.docker.compose.project=$project" --label "com.docker.compose.volume=$volume" \
  "${project}_$volume" >/dev/null && exec $asked volume inspect --format '{{.Mountpoint}}' "${project}_$volume"
"""
ABSENT = 3


@dataclass(frozen=True, slots=True)
class VolumePart:
    """One named volume with everything in it, wherever Docker or Podman keeps it; made anew where it is not there."""

    growth: ClassVar[Growth] = (1.0, 1.0)
    volume: str
    project: str
    name: str
    of: str = "self"
    needs_running: bool = False
    writer: str = ""

    @property
    def folder(self) -> str:
        """Where Docker has it, and a copy that no engine knows."""
        return f"{VOLUMES}/{self.project}_{self.volume}/_data"

    async def preflight(self, at: Instance) -> Sequence[Obstacle]:
        """Return what stands in the way: nobody who knows the volume, and whatever does with any folder."""
        return list((await self.survey(at)).obstacles)

    async def survey(self, at: Instance) -> Survey:
        """Return what stands in the way, and how large the archive will be."""
        try:
            return await (await self._files(at)).survey(at)
        except OutsideError as failure:
            return Survey([Obstacle(failure.message, failure.hint or "let kedge's login use the engine")])

    async def save(self, at: Instance, spool: PurePosixPath) -> Census:
        """Write the archive and return its census."""
        return await (await self._files(at)).save(at, spool)

    async def fit(self, at: Instance, saved: Census | None) -> Fit:
        """Return whether it is empty, or not there yet."""
        folder = await self._find(at)
        if not folder:
            return Fit()
        listed = await at.site.shell.run(("ls", "-A", "--", folder), limit=LIMIT)
        if listed.code == 0 and listed.stdout and at.mode == "target":
            what = f"the volume {self.volume} is not empty"
            return Fit([Obstacle(what, f"stop what writes there, and move away what is in {folder}")])
        return Fit(place=PurePosixPath(folder))

    async def restore(self, at: Instance, spool: PurePosixPath) -> None:
        """Unpack into an empty volume, which is made if it is not there."""
        await (await self._files(at, "make")).restore(at, spool)

    async def census(self, at: Instance) -> Census:
        """Count what is there now."""
        return await (await self._files(at)).census(at)

    async def _files(self, at: Instance, make: str = "") -> FolderPart:
        folder = await self._find(at, make)
        if not folder:
            what = f"there is no volume {self.volume} of the project {self.project}"
            raise OutsideError(what, hint="correct `volumes` or `project` in the inventory")
        return replace(FolderPart(folder, self.name, self.of), writer=self.writer)

    async def _find(self, at: Instance, make: str = "") -> str:
        """Return its folder on a host; empty if the engine has no such volume. A copy elsewhere needs no engine."""
        if at.mode == "sandbox" or at.data != ROOT:
            return self.folder
        words = ("sh", "-c", FIND, "kedge", self.project, self.volume, self.folder, make)
        ended = await at.site.shell.run(words, limit=LIMIT)
        said = ended.stdout.decode(errors="replace").strip()
        if ended.code == 0 and said.startswith("/"):
            return said
        if ended.code == ABSENT:
            return ""
        why = " ".join(ended.stderr.decode(errors="replace").split())[:300]
        raise OutsideError(why or f"nobody tells where the volume {self.volume} is")
