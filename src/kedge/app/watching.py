"""The daemon: looks at everything again and again, decides what is told, and sees to it that it is."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from kedge.app.alerting import overview
from kedge.app.delivering import Postman
from kedge.app.facts_seen import facts_of, growth_of, is_news, repeated, statuses_of
from kedge.app.hearing import HEARTBEAT, PEER, Agreement, Heartbeats, Peer, ask_peers, certain, hearsay
from kedge.app.jobs import Jobs
from kedge.app.listening import Page, json_page, listening
from kedge.app.lookout import Key, Lookout, Rhythm
from kedge.app.opening import open_inventory
from kedge.app.probing import Look, Sweep
from kedge.app.publishing import publish
from kedge.app.status_answer import metrics, status_answer
from kedge.app.steady_clock import SteadyClock
from kedge.app.targets import Target
from kedge.app.uplink import Uplink
from kedge.app.vantage import VantageNet
from kedge.app.watch_keeping import Keeper
from kedge.app.watch_scene import Scene, fingerprint, set_scene
from kedge.app.workshop import Workshop
from kedge.errors import KedgeError
from kedge.inventory.index import build_index
from kedge.model.observation import Observation, Status
from kedge.probes.rest import fetch_page
from kedge.rules.case import DEFAULT_RPO
from kedge.watch.letter import Letter
from kedge.watch.machine import advance
from kedge.watch.post import things_lost, unreached, write_letters
from kedge.watch.sender import Copy
from kedge.watch.state import State
from kedge.watch.verdict import Seen

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
BEAT_LIMIT = timedelta(seconds=10)


@dataclass(frozen=True)
class Company:
    """What the watch does besides: rewrites a site, listens, asks peers, sends a heartbeat, makes due backups."""

    site: Path | None = None
    listen: str = ""
    peers: tuple[str, ...] = ()
    beat: str = ""
    works: bool = False


@dataclass
class Watch:
    """Watches one inventory from one vantage."""

    workshop: Workshop
    vantage: str
    rhythm: Rhythm = field(default_factory=Rhythm)
    company: Company = field(default_factory=Company)
    clock: SteadyClock = field(default_factory=SteadyClock)

    def __post_init__(self) -> None:
        self.scene: Scene = set_scene(self.workshop.opened, self.workshop, self.rhythm)
        self.keeper = Keeper(self.workshop.database, self.vantage)
        self.state: State = self.keeper.load()
        self.postman = Postman(self.keeper, self._send, self._address, self.clock.now)
        self.uplink = Uplink()
        self.lookout = Lookout(Sweep(self.vantage, now=self.clock.now), self.rhythm, self._see, self._is_settled)
        self.jobs = Jobs(self.workshop, self.clock.now)
        self.heard: dict[Key, Target] = {}
        self.heartbeats = Heartbeats(self._silence)
        self.agreement = Agreement([Peer(url) for url in self.company.peers], self.rhythm.every)
        for thing, probe in self.state.standings:
            if probe in (HEARTBEAT, PEER):
                self.heard[thing, probe] = hearsay(thing, probe)
            if probe == HEARTBEAT:
                self.heartbeats.last[thing] = self.clock.now()
        self.scene.heard = self.heard
        self.seen: list[tuple[Seen, Look]] = []
        self.newest: dict[Key, tuple[Target, Look]] = {}
        self.blind_since: datetime | None = None
        self.turning = asyncio.Lock()
        self.is_frozen = False
        self.aside = ThreadPoolExecutor(1)
        self.trouble = ""
        """Why the inventory that is watched is not the one that lies there now."""

    async def run(self) -> None:
        """Watch until cancelled."""
        await self._aside(self.keeper.lay_ballast)
        self.lookout.watch(self.scene.targets)
        self._say_who_hears_nothing()
        async with contextlib.AsyncExitStack() as stack:
            if self.company.listen:
                await stack.enter_async_context(listening(self.company.listen, self._answer))
            await self._run()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.lookout.run())
            group.create_task(self._repeat(self.rhythm.beat.total_seconds(), self._turn))
            group.create_task(self._repeat(self.rhythm.every.total_seconds(), self._tend))
            if self.company.works:
                group.create_task(self._repeat(self.rhythm.every.total_seconds(), self._work))

    async def once(self) -> None:
        """Look at everything as often as it takes to be certain, tell what has to be told, and end."""
        self.lookout.watch(self.scene.targets)
        for _ in range(max(self.scene.policy.thresholds.failures, 1)):
            await self.lookout.once()
            await self._turn()
            if all(self._is_settled(key) for key in self.scene.targets):
                break
        await self._turn()
        await self.postman.finish()
        await self._tend()

    # -- what was seen -------------------------------------------------------------------------

    def _see(self, target: Target, look: Look) -> None:
        key = (target.thing, target.name)
        self.uplink.take(key, look.seen.status)
        self.newest[key] = (target, look)
        seen = self.agreement.weigh(Seen(look.thing, look.probe, look.at, look.seen, target.is_shallow), look.at)
        if seen:
            self.seen.append((seen, look))

    def _hear(self, thing: str, probe: str, what: Observation, *, is_certain: bool) -> None:
        """Take what was said of a thing as if it had been seen."""
        now = self.clock.now()
        self.heard.setdefault((thing, probe), hearsay(thing, probe))
        thresholds = self.scene.policy.thresholds
        looks = certain(thing, probe, now, what, thresholds) if is_certain else [Seen(thing, probe, now, what)]
        self.seen += [(one, Look(thing, probe, self.vantage, one.at, what)) for one in looks]

    def _is_settled(self, key: Key) -> bool:
        """Whether the newest look confirms what is held; what nobody has taken to heart yet is certain to differ."""
        newest, known = self.newest.get(key), self.state.standings.get(key)
        if newest is None:
            return False
        look = newest[1]
        if known is None:
            return look.seen.status is Status.OK
        return known.status is look.seen.status or (known.is_bad and look.seen.status is Status.UNKNOWN)

    async def _turn(self) -> None:
        """Take to heart what was seen since the last turn, keep what follows from it, and send it on its way."""
        for name, what in self.heartbeats.overdue(self.clock.now()):
            self._hear(name, HEARTBEAT, what, is_certain=True)
        if self.agreement.is_in_doubt:
            await self._ask_peers(self.rhythm.retry)
        taken, self.seen = self.seen, []
        if self.uplink.is_suspect and await self._is_blind():
            taken = []
        async with self.turning:
            wanted = await self._aside(self._advance, taken)
        self.lookout.want(wanted)
        await self.postman.go()

    async def _is_blind(self) -> bool:
        """Whether it is this machine that is cut off; then what was seen says nothing."""
        is_cut = await self.uplink.is_cut(self.scene.office, self.rhythm.retry)
        if is_cut and self.blind_since is None:
            self.blind_since = self.clock.now()
            _LOG.error("nothing answers, not even what alerts leave by: this machine is cut off")
        if not is_cut and self.blind_since:
            _LOG.warning("this machine was cut off since %s", self.blind_since)
            self.blind_since = None
        return is_cut

    def _advance(self, taken: list[tuple[Seen, Look]]) -> frozenset[str]:
        now, before = self.clock.now(), self.keeper.recall(self.state)
        world = replace(self.scene.world, rounds_within=self.lookout.rounds.within)
        step = advance(before, [seen for seen, _ in taken], now, world, self.keeper.answered(before))
        letters: list[Letter] = []
        if step.notices:
            letters = write_letters(
                self.scene.case_at(now), step.notices, things_lost(step.state), self.scene.office.obstacle
            )
        for notice in step.notices:
            _LOG.info("%s: %s", notice.kind, notice.incident.finding.title.en)
        for person in unreached(letters):
            _LOG.error("nobody could tell %s: no channel of theirs is one that kedge can send through", person)
        self.keeper.keep(before, step, letters, [look for _, look in taken])
        self.state = step.state
        return step.wanted

    # -- others --------------------------------------------------------------------------------

    async def _ask_peers(self, pause: timedelta) -> None:
        now = self.clock.now()
        due = [one for one in self.agreement.peers if one.may_ask(now, pause)]
        for peer, said in await ask_peers(due, VantageNet(names=self.scene.office.names), now):
            self._hear(peer.name, PEER, said, is_certain=False)

    async def _beat(self, url: str) -> None:
        """Say to somebody else that this watch is alive; whether that arrives is their matter."""
        try:
            await fetch_page(VantageNet(names=self.scene.office.names), url, BEAT_LIMIT)
        except Exception as failure:
            _LOG.warning("the heartbeat did not arrive: %s", failure)

    def _silence(self, name: str) -> timedelta:
        """Return how long a job may be silent: its promised RPO."""
        case = self.scene.case_at(self.clock.now())
        service = case.sections.services.get(name)
        return case.rpo(service) if service else DEFAULT_RPO

    async def _answer(self, path: str) -> Page:
        """Return a page of the watch's own little web."""
        first, *rest = path.strip("/").split("/")
        if first == "ping" and 1 <= len(rest) <= 2:
            return self._ping(rest[0], rest[1] if len(rest) == 2 else "")
        if path not in ("/status.json", "/metrics"):
            return Page(404, "/ping/NAME, /status.json, /metrics\n")
        try:
            now = await self._aside(overview, self.scene.opened, self.clock.now())
        except KedgeError as failure:
            return Page(503, f"{failure.message}\n")
        if path == "/metrics":
            return Page(200, metrics(now), "text/plain; version=0.0.4; charset=utf-8")
        looks = [
            {"thing": one.thing, "probe": one.probe, "status": str(one.seen.status), "at": one.at.isoformat()}
            for _, one in self.newest.values()
        ]
        return json_page({**status_answer(now), "vantage": self.vantage, "looks": looks})

    def _ping(self, name: str, word: str) -> Page:
        if name not in self.scene.opened.inventory.sections.services:
            return Page(404, "no service has this name\n")
        if word not in ("", "start", "fail") and not (word.isascii() and word.isdigit() and len(word) <= 3):
            return Page(404, "expected /start, /fail or an exit status\n")
        if what := self.heartbeats.ping(name, word, self.clock.now()):
            self._hear(name, HEARTBEAT, what, is_certain=True)
        return Page(200, "OK\n")

    # -- telling -------------------------------------------------------------------------------

    def _address(self, channel: str) -> str:
        declared = self.scene.opened.inventory.sections.channels.get(channel)
        return declared.address if declared else ""

    async def _send(self, channel: str, copy: Copy) -> Observation:
        return await self.scene.office.send(channel, copy)

    def _say_who_hears_nothing(self) -> None:
        """Say whom no alert can ever reach, before there is one."""
        inventory = self.scene.opened.inventory
        channels_of = build_index(inventory).channels_of
        for person in inventory.sections.people:
            ways = channels_of.get(person, ())
            obstacles = [why for channel in ways if (why := self.scene.office.obstacle(channel))]
            if ways and len(obstacles) == len(ways):
                _LOG.error("no alert can reach %s: %s", person, "; ".join(map(str, obstacles)))

    # -- tending -------------------------------------------------------------------------------

    async def _tend(self) -> None:
        """Once a round: keep what looks tell as facts, rewrite the site, look whether the inventory has changed."""
        self._clean_memory()
        await self._aside(self._keep_facts)
        await self._aside(self.keeper.lay_ballast)
        if self.company.site:
            await self._aside(self._publish, self.company.site)
        await self._ask_peers(self.rhythm.every / 2)
        if self.company.beat:
            await self._beat(self.company.beat)
        if fingerprint(self.scene.opened.path) != self.scene.fingerprint:
            async with self.turning:
                await self._aside(self._reload)
                self.lookout.watch(self.scene.targets)

    def _clean_memory(self) -> None:
        """Collect garbage, with the inventory out of the collector's sight.

        Left alone it counts objects, and those few of an ended TLS connection hold large buffers.
        """
        if not self.is_frozen:
            gc.unfreeze()
        gc.collect()
        if not self.is_frozen:
            gc.freeze()
        self.is_frozen = True

    async def _work(self) -> None:
        await self.jobs.work(self.scene.case_at(self.clock.now()))

    def _keep_facts(self) -> None:
        pairs = [self.newest[key] for key in list(self.newest) if key in self.scene.targets]
        if not pairs:
            return
        with contextlib.suppress(KedgeError):
            known = self.workshop.database.facts(max(look.at for _, look in pairs))
            told = [fact for target, look in pairs for fact in facts_of(target, look)]
            grown = [fact for one in told for fact in growth_of(one, known)]
            states = statuses_of([look for _, look in pairs])
            if news := [fact for fact in (*told, *grown, *states) if is_news(fact, known)]:
                self.workshop.database.record(news, repeated(news, known))

    def _publish(self, site: Path) -> None:
        try:
            publish(self.scene.opened.case(self.clock.now()), site, private=False)
        except KedgeError as failure:
            _LOG.error("the site was not rewritten: %s", failure.message)

    def _reload(self) -> None:
        """Take the inventory as it is now; one with mistakes is told of, and the last good one stays."""
        now = fingerprint(self.scene.opened.path)
        try:
            opened = open_inventory(str(self.scene.opened.path))
            scene = set_scene(opened, replace(self.workshop, opened=opened), self.rhythm)
        except KedgeError as failure:
            self.trouble = failure.message
            self.scene.fingerprint = now
            _LOG.error("the inventory has mistakes; the last good one is watched on:\n%s", failure.message)
            return
        scene.heard = self.heard
        self.scene, self.trouble, self.is_frozen = scene, "", False
        self.jobs.workshop = replace(self.workshop, opened=opened)
        known = {**scene.targets, **self.heard}
        kept = {key: one for key, one in self.state.standings.items() if key in known}
        self.keeper.forget([key for key in self.state.standings if key not in known])
        self.state = replace(self.state, standings=kept)
        self.newest = {key: one for key, one in self.newest.items() if key in scene.targets}
        self.uplink.forget(scene.targets)
        _LOG.info("the inventory was read anew: %d looks", len(scene.targets))

    async def _aside(self, act: Callable[..., T], *arguments: object) -> T:
        """Return what a slow call returns, made in the one thread that is there for it.

        One, since each thread that did something large once keeps the memory for it (glibc's arenas).
        """
        return await asyncio.get_running_loop().run_in_executor(self.aside, act, *arguments)

    async def _repeat(self, pause_s: float, act: Callable[[], object]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await act()  # type: ignore[misc]
            except Exception:
                _LOG.exception("a turn failed; the next one tries again")
            await asyncio.sleep(max(0.01, pause_s - (loop.time() - began)))
