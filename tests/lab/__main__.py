"""The command line of the lab: `script/lab`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable

from tests.lab.errors import LabError
from tests.lab.host import Host
from tests.lab.keeper import CHECKOUT
from tests.lab.lab import Lab
from tests.lab.progress import Progress

Command = Callable[[argparse.Namespace], int | None]


def main() -> int:
    """Do what the command line says; 0 fine, 1 something is not as it should be, 2 usage."""
    argv, _, rest = (list(part) for part in _split(sys.argv[1:]))
    arguments = parser().parse_args(argv)
    arguments.command = rest
    try:
        done = int(arguments.do(arguments) or 0)
        sys.stdout.flush()
        return done
    except BrokenPipeError:  # whoever read has gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except LabError as error:
        say(f"lab: {error}")
        return 1


def _split(words: list[str]) -> tuple[list[str], list[str], list[str]]:
    """What stands before and after the first `--`."""
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at : at + 1], words[at + 1 :]


def parser() -> argparse.ArgumentParser:
    """What the command line can say."""
    top = argparse.ArgumentParser(
        prog="script/lab", description="A small organisation on this machine; see docs/lab.md."
    )
    top.add_argument("--name", default=os.environ.get("KEDGE_LAB", "lab"), help="which lab, if there are several")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, do: Command, summary: str, *words: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=summary, description=summary)
        for word in words:
            one.add_argument(
                word.strip("?"), metavar=word.strip("?").upper(), nargs="?" if word.endswith("?") else None
            )
        one.set_defaults(do=do)
        return one

    story = add("up", up, "bring the lab up; nothing happens if it runs already")
    story.add_argument(
        "--story", choices=["2007"], default="", help="as it was that night, instead of built conservatively"
    )
    add("down", down, "end the lab; nothing stays but the cache")
    add("status", status, "which hosts run and which services answer; 1 if not all do")
    add("kill", lambda a: host(a).kill(), "cut a host's power; its disk stays", "host")
    add("halt", lambda a: host(a).halt(), "end all that runs on a host; its network still answers", "host")
    add("start", start, "switch a dead host on again, or start one of its services", "host", "service?")
    add("stop", lambda a: host(a).stop(a.service), "stop a service as an admin would", "host", "service")
    cable = add("cable", pull, "pull a host's network cable", "host")
    cable.add_argument("--plug", action="store_true", help="plug it in again")
    fill = add("fill", fill_up, "fill the partition that holds a folder", "host", "path")
    fill.add_argument("--free", action="store_true", help="free what was filled")
    add(
        "freeze",
        lambda a: host(a).freeze(a.service),
        "let a service hang: it accepts and says nothing",
        "host",
        "service",
    )
    add("thaw", lambda a: host(a).thaw(a.service), "let a frozen service go on", "host", "service")
    add("filter", filter_port, "let a firewall drop or reject a TCP port, or `clear` it", "host", "verdict", "port?")
    add("reset", reset, "give a host (default: all) a fresh disk", "host?")
    add("shell", shell, "a shell on a host", "host")
    add("run", run, "a command on a host: run HOST -- CMD…", "host")
    add("image", image, "print the root of all packages, for drills: --root folder:PATH")
    add("vantage", vantage, "a command outside the organisation: vantage -- CMD…")
    add("secret", secret, "print one of the lab's secrets, or the names of all", "secret?")
    return top


def say(text: str) -> None:
    """Talk; not data."""
    sys.stderr.write(text + "\n")


def running(arguments: argparse.Namespace) -> Lab:
    """The lab that runs; LabError if none does."""
    lab = Lab.find(arguments.name, progress=Progress())
    if lab is None:
        raise LabError("no lab runs; 'script/lab up' starts one")
    return lab


def host(arguments: argparse.Namespace) -> Host:
    """The host named."""
    return running(arguments).host(arguments.host)


def up(arguments: argparse.Namespace) -> None:
    """Bring the lab up."""
    progress = Progress()
    lab = Lab.find(arguments.name, progress=progress)
    if lab and not lab.is_complete():
        progress.say("a lab that never came up is in the way: it goes")
        lab.down()
        lab = None
    if lab is None:
        Lab.up(arguments.name, arguments.story, progress=progress)
        progress.say("the lab is up")
    elif lab.plan.story != arguments.story:
        raise LabError("a lab with another story runs already; 'script/lab down' ends it")
    else:
        progress.say("the lab runs already")


def down(arguments: argparse.Namespace) -> None:
    """End the lab."""
    lab = Lab.find(arguments.name, progress=Progress())
    if lab is None:
        say("no lab runs")
    else:
        lab.down()


def status(arguments: argparse.Namespace) -> int:
    """Print one line per host and service; 1 if anything does not answer."""
    silent = 0
    for one in running(arguments).hosts():
        alive = one.is_alive()
        sys.stdout.write(f"{one.name:<14} {one.plug.address():<15} {'runs' if alive else 'OFF'}\n")
        for service in one.services():
            answers = alive and one.answers(service)
            silent += not answers
            sys.stdout.write(f"  {service:<12} {'answers' if answers else 'DOES NOT ANSWER'}\n")
    return 1 if silent else 0


def start(arguments: argparse.Namespace) -> None:
    """Switch a host on, or start a service."""
    lab = running(arguments)
    if arguments.service:
        lab.host(arguments.host).start(arguments.service)
    else:
        lab.start(arguments.host)


def pull(arguments: argparse.Namespace) -> None:
    """Pull the cable or plug it in."""
    one = host(arguments)
    (one.plug_in if arguments.plug else one.cable)()


def fill_up(arguments: argparse.Namespace) -> None:
    """Fill a partition or free it."""
    one = host(arguments)
    (one.free if arguments.free else one.fill)(arguments.path)


def filter_port(arguments: argparse.Namespace) -> None:
    """Set or clear a firewall rule."""
    if arguments.verdict == "clear":
        host(arguments).unfilter()
    elif arguments.verdict in ("drop", "reject") and arguments.port:
        host(arguments).filter(int(arguments.port), arguments.verdict)
    else:
        raise LabError("filter HOST drop|reject PORT, or filter HOST clear")


def reset(arguments: argparse.Namespace) -> None:
    """Give fresh disks."""
    running(arguments).reset(*([arguments.host] if arguments.host else []))


def shell(arguments: argparse.Namespace) -> int:
    """A shell on the host."""
    return subprocess.run(host(arguments).argv(["bash", "-l"], {"TERM": os.environ.get("TERM", "dumb")})).returncode


def run(arguments: argparse.Namespace) -> int:
    """A command on the host; its exit code."""
    return subprocess.run(host(arguments).argv(arguments.command)).returncode


def vantage(arguments: argparse.Namespace) -> int:
    """A command at the vantage; its exit code. This checkout's kedge is found there without a path."""
    env = {**os.environ, "PATH": f"{CHECKOUT / '.venv/bin'}:{os.environ.get('PATH', os.defpath)}"}
    return subprocess.run(running(arguments).vantage.argv(arguments.command), env=env).returncode


def image(arguments: argparse.Namespace) -> None:
    """Print where the programs of every host lie on this machine."""
    sys.stdout.write(f"{running(arguments).image}\n")


def secret(arguments: argparse.Namespace) -> None:
    """Print a secret, or all names."""
    secrets = running(arguments).secrets
    names = secrets.names()
    if arguments.secret and arguments.secret not in names:
        raise LabError(f"no secret {arguments.secret!r}; there are: {', '.join(names)}")
    sys.stdout.write((secrets[arguments.secret] if arguments.secret else "\n".join(names)) + "\n")


if __name__ == "__main__":
    sys.exit(main())
