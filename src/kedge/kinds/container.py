"""Containers that a service of a host runs in: how a command gets in, as root, with what the server's image was told.

Nothing secret is in a command line: the password of an official image is in the container's own environment, or in
the file that a variable with `_FILE` names, and is read there.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from kedge.model.service import Service

CONTAINER = r"^([A-Za-z0-9][A-Za-z0-9_.-]*)?$"
PROJECT = "^[a-z0-9._-]*$"

# $1 project, $2 container, $3 what is run first inside, then its arguments and the command. The container is looked up
# each time: its id changes with every update. One that only happens to have the name, in another project, is somebody
# else's. 255 is the code of an entry that failed, as ssh(1) has it: nothing is known then.
ENTER = r"""
project=$1 container=$2 inside=$3; shift 3; said= asked= lf='
'
for engine in docker podman; do
  command -v $engine >/dev/null 2>&1 || continue
  asked=yes of=label=com.docker.compose.service=$container
  [ -z "$project" ] && found= || found=$($engine ps -q --no-trunc --filter "$of" \
    --filter "label=com.docker.compose.project=$project" 2>&1) || { said=$found; continue; }
  if [ -z "$found" ]; then
    found=$($engine ps -q --no-trunc --filter "name=^/?$container\$" 2>&1) || { said=$found; continue; }
    [ -z "$found" ] || [ -z "$project" ] ||
      case $($engine inspect --format '{{index .Config.Labels "com.docker.compose.project"}}' "$found" 2>&1) in
        ''|'<no value>'|"$project") ;;
        *) found= ;;
      esac
  fi
  case $found in
    '') ;;
    *"$lf"*) echo "the container $container runs more than once" >&2; exit 255 ;;
    *) exec $engine exec -i --user 0 "$found" sh -c "$inside" kedge "$@" ;;
  esac
done
what="the container $container${project:+ of the project $project}"
if [ -n "$said" ]; then echo "the engine does not tell of $what: $said" >&2
elif [ -z "$asked" ]; then echo "no docker and no podman is there for $what" >&2
else echo "$what does not run" >&2; fi
exit 255
"""
# $1 the user to become, "" for root; then the command. busybox's setpriv(1) (Alpine) cannot change users.
INSIDE = r"""
as=$1; shift
told() {
  for name; do
    eval "value=\${$name-} file=\${${name}_FILE-}"
    [ -n "$value" ] || [ -z "$file" ] || value=$(cat "$file" 2>/dev/null)
    [ -z "$value" ] || return 0
  done
  return 1
}
export LC_ALL=C.UTF-8 HOME=/root
if told MARIADB_ROOT_PASSWORD MYSQL_ROOT_PASSWORD; then export MYSQL_PWD="$value"; fi
told POSTGRES_USER || value=postgres; export PGUSER="$value"
if told POSTGRES_PASSWORD; then export PGPASSWORD="$value"; fi
unset value file name
if [ -z "$as" ] || ! id "$as" >/dev/null 2>&1; then exec "$@"; fi
if setpriv --reuid="$as" --regid="$as" --init-groups -- true 2>/dev/null; then
  exec setpriv --reuid="$as" --regid="$as" --init-groups -- "$@"
fi
exec su -s /bin/sh -c 'exec "$0" "$@"' -- "$as" "$@"
"""


def enter(project: str, container: str, acts_as: str = "") -> tuple[str, ...]:
    """Return the words by which a host lets a command into a container of a project ("": whichever has the name)."""
    return ("sh", "-c", ENTER, "kedge", project, container, INSIDE, acts_as)


class Containable(Service):
    """A kind that may run in a container of its host."""

    acts_as: ClassVar[str] = ""
    """The user in the container that asks its server; empty: root."""

    container: str = Field(
        "", pattern=CONTAINER, description="the container it runs in, as its engine or compose file calls it"
    )
    project: str = Field("", pattern=PROJECT, description="the compose project of that container")

    def entry(self) -> tuple[str, ...]:
        """Return the words by which its host lets a command into the container."""
        return enter(self.project, self.container, self.acts_as) if self.container else ()
