"""The names of the compiled rules' nodes and components: one aspect of one thing each.

A component is a loss (`web1`, `wiki:emptied`) or an assumption (`?wiki.save`: a value nobody gave, taken as fine).
A node is `aspect:thing`; the aspects are listed here and nowhere else.
"""

from __future__ import annotations

from kedge.model.finding import LOSS_MODES, Loss

UP = "up"
"""It runs and can be used (greatest fixpoint)."""
SOLID = "solid"
"""Its own substance is there, whatever it needs to run."""
KEPT = "kept"
"""The data it holds has neither been deleted nor overwritten."""
AGAIN = "again"
"""It is up, or can be made to run again, if need be empty."""
BACK = "back"
"""It is up, or can be recovered with its data."""
HAS = "has"
"""It is up or back."""
TOLD = "told"
"""A service: somebody responsible learns of its loss. A person: some channel reaches them."""
NOTICE = "notice"
"""A provider's messages arrive with somebody."""
WORKS = "works"
"""A channel delivers."""
OPEN = "open"
"""An account can be used by somebody."""
ABLE = "able"
"""A person can act."""
HAND = "hand"
"""A copy of a secret or document can be reached."""
COPY = "copy"
"""A store holds snapshots that can be read."""
PLACE = "place"
"""There is a place, with room, to run a service."""
DATA = "data"
"""There is data to recover a service from."""
ROUTE = "route"
"""Users can be led to the place a service runs at."""
CHANGE = "change"
"""A domain's records can be changed."""
COLD = "cold"
"""It starts when everything is off and intact (least fixpoint over run and start)."""
ALERTS = "alerts"
"""kedge's own alerts leave its vantages."""

ASSUMED = "?"


def node_name(aspect: str, thing: str) -> str:
    """Return the name of a node."""
    return f"{aspect}:{thing}"


def split_node(name: str) -> tuple[str, str]:
    """Return aspect and thing of a node; parts of a needs expression keep their number in the thing."""
    aspect, _, thing = name.partition(":")
    return aspect, thing


def assumption(thing: str, field: str) -> str:
    """Return the component that stands for a value nobody gave."""
    return f"{ASSUMED}{thing}.{field}"


def split_assumption(name: str) -> tuple[str, str]:
    """Return thing and field of an assumption; thing names may contain dots, fields never do."""
    thing, _, field = name.removeprefix(ASSUMED).rpartition(".")
    return thing, field


def is_assumption(component: str) -> bool:
    """Return whether a component is an assumption rather than a loss."""
    return component.startswith(ASSUMED)


def read_loss(text: str) -> Loss:
    """Return the loss written as `thing` or `thing:mode`; raises ValueError for an unknown mode."""
    thing, colon, mode = text.rpartition(":")
    if not colon:
        return Loss(text)
    if mode not in LOSS_MODES:
        raise ValueError(f"unknown mode '{mode}': expected one of {', '.join(LOSS_MODES)}")
    return Loss(thing, mode)
