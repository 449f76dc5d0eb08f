"""The site: what its files are called and what stands in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from kedge.model.facts import Facts
from kedge.model.finding import Finding, Text
from kedge.model.inventory import Inventory
from kedge.model.observation import Observation
from kedge.publish.data import dump_status
from kedge.publish.folder import write_folder
from kedge.publish.private import PrivateView, build_private_view
from kedge.publish.private_texts import PRIVATE
from kedge.publish.render import as_web_address, link_contact, link_web, render
from kedge.publish.texts import LANGUAGES, PUBLIC
from kedge.publish.view import Material, OrganisationView, PublicView, build_view
from kedge.publish.wording import Wording

STATES = ("ok", "degraded", "down", "unknown", "unobserved")


def publish_site(
    inventory: Inventory,
    facts: Facts,
    findings: Sequence[Finding] = (),
    levels: Mapping[str, int] | None = None,
    statuses: Mapping[str, Observation] | None = None,
    *,
    out: Path,
    private: bool = False,
    missing: Mapping[str, Text] | None = None,
) -> list[Path]:
    """Return the files written into `out`, made for the moment `facts.now`; the same input gives the same bytes.

    `missing` says in the private edition what each service's next level asks for (else: what any service's does).
    The public edition holds what `view.build_view` allows; `private` writes the edition that shows everything.
    Raises Refused if `out` is not kedge's to replace, OutsideError if the disk fails.
    """
    material = Material(inventory, facts, tuple(findings), levels or {}, statuses or {}, missing or {})
    if private:
        return write_folder(out, private_files(build_private_view(material)), "private")
    return write_folder(out, public_files(build_view(material)), "public")


def public_files(view: PublicView) -> dict[str, bytes]:
    """Return the public edition: file name -> content."""
    pages = {f"index.{language}.html": _public_page(view, language) for language in LANGUAGES}
    main = pages[f"index.{view.organisation.language}.html"]
    return {**pages, "index.html": main, "status.json": dump_status(view)}


def private_files(view: PrivateView) -> dict[str, bytes]:
    """Return the private edition: file name -> content. No `index.html`: a web server shows none of it by itself."""
    pages = {f"private.{language}.html": _private_page(view, language) for language in LANGUAGES}
    return {**pages, "private.html": pages[f"private.{view.organisation.language}.html"]}


def _private_page(view: PrivateView, language: str) -> bytes:
    home = as_web_address(view.organisation.url)
    values = {"view": view, "edition": "private", "stem": "private", "home": home}
    wording = Wording(language, {**PUBLIC, **PRIVATE}, view.organisation.zone)
    return render("private.html.j2", wording, values, "private.css")


def _public_page(view: PublicView, language: str) -> bytes:
    wording = Wording(language, PUBLIC, view.organisation.zone)
    found = Counter(service.status.now.value if service.status.now else "unobserved" for service in view.services)
    values = {
        "view": view,
        "edition": "public",
        "stem": "index",
        "home": as_web_address(view.organisation.url),
        "states": {state: found[state] for state in STATES},
        "keeping": sum(service.keeps_data for service in view.services),
        "proven": sum(service.restored is not None for service in view.services if service.keeps_data),
        "help": _how_to_help(wording, view.organisation),
    }
    return render("public.html.j2", wording, values)


def _how_to_help(wording: Wording, organisation: OrganisationView) -> Markup:
    home = as_web_address(organisation.url)
    if organisation.contact:
        key = "help-visit" if as_web_address(organisation.contact) else "help-contact"
        return wording.say(key, contact=link_contact(organisation.contact))
    if home:
        return wording.say("help-visit", contact=link_web(home))
    return wording.say("help-ask", name=organisation.name)
