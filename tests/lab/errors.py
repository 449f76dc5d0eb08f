"""What can go wrong with the lab itself (not with what it shows)."""


class LabError(Exception):
    """The lab cannot do its job; the text says where, what was found and what to do."""


class NoGroundError(LabError):
    """This machine cannot carry the lab: not root, no namespaces, no overlayfs, or not Debian 12."""


class CommandError(LabError):
    """A command on a host ended with another exit code than 0."""

    def __init__(self, where: str, argv: list[str], code: int, said: str) -> None:
        self.code = code
        self.said = said
        super().__init__(f"{where}: {' '.join(argv)[:200]!r} ended with {code}: {said.strip()[-2000:]}")


class DialogueError(LabError):
    """A dialogue at the vantage failed; `kind` is the error's name, `took_s` how long that took."""

    def __init__(self, kind: str, text: str, took_s: float) -> None:
        self.kind = kind
        self.took_s = took_s
        super().__init__(f"{kind}: {text} (after {took_s:.1f} s)")
