"""What is left to do of a plan, in pieces that this process claims: runs of one setting stay together."""

from collections import Counter, deque
from collections.abc import Iterable
from itertools import groupby
from time import sleep

from experiments.store.engines import PAUSE_S
from experiments.store.tasks import Lane, Task
from experiments.sweep.campaign import Campaign
from experiments.sweep.plan import Member

CHUNK = 10
"""Runs that are claimed together."""
Shard = tuple[int, int]
"""Number of a shard, from 1, and how many there are."""


class Worklist:
    """The source of runs: each lane goes on with its setting, whose equilibrium it has, while there is some of it."""

    def __init__(self, campaign: Campaign, shard: Shard = (1, 1)) -> None:
        """Take what is missing of the plan, or of a *shard* of it."""
        self._campaign = campaign
        number, of = shard
        chunks = list(_chunks(campaign.plan.members))[number - 1 :: of]
        self._chunks = dict(chunks)
        self._open: dict[str, deque[Member]] = {}
        self._left, self._chunk_of = Counter[str](), dict[str, str]()
        self._lanes: dict[Lane, str] = {}
        self._drop_finished()

    def _drop_finished(self) -> None:
        waiting = self._campaign.waiting()
        self._chunks = {
            name: left
            for name, members in self._chunks.items()
            if (left := [member for member in members if member.run in waiting])
        }

    @property
    def runs(self) -> int:
        """Number of runs that are not begun."""
        return sum(map(len, self._chunks.values())) + sum(map(len, self._open.values()))

    def next(self, lane: Lane) -> Task | None:
        """Return a run for a lane: of its own piece, of a new one, or of that of another lane."""
        name = self._lanes.get(lane, "")
        if not self._open.get(name):
            name = self._claim(_setting(name)) or max(
                self._open, key=lambda n: len(self._open[n]), default=""
            )
            self._lanes[lane] = name
        if not self._open.get(name):
            return None
        member = self._open[name].popleft()
        plan = self._campaign.plan
        return Task(member.run, (plan.settings[member.setting - 1], member, plan.request.keep))

    def _claim(self, setting: str) -> str:
        """Return the name of a piece that is claimed now, best of this *setting*; empty if there is none."""
        writer = self._campaign.writer
        taken = writer.claimed()
        busy = {_setting(name) for name in taken}
        free = [name for name in self._chunks if name not in taken]
        for name in sorted(free, key=lambda n: (_setting(n) != setting, _setting(n) in busy)):
            if not writer.claim(name):
                continue
            members = self._chunks.pop(name)
            if writer.others():  # one of them may have finished it before it was claimed
                waiting = self._campaign.waiting()
                members = [member for member in members if member.run in waiting]
            if members:
                self._open[name], self._left[name] = deque(members), len(members)
                self._chunk_of |= {member.run: name for member in members}
                return name
            writer.release(name)
        return ""

    def done(self, run: str) -> None:
        """Note that a run is finished; a piece of which all are is given back."""
        name = self._chunk_of.pop(run)
        self._left[name] -= 1
        if not self._left[name]:
            del self._open[name], self._left[name]
            self._campaign.writer.release(name)

    def is_over(self) -> bool:
        """Whether nothing is left; while other processes are at something, wait for a moment."""
        if self._chunks:
            sleep(PAUSE_S)
            self._campaign.bury()
            self._drop_finished()
        return not self._chunks


def _setting(name: str) -> str:
    return name.partition("-")[0]


def _chunks(members: Iterable[Member]) -> Iterable[tuple[str, list[Member]]]:
    """Yield the runs of a plan, each once, in named pieces: the same in all processes."""
    once = {member.run: member for member in members}.values()
    for setting, alike in groupby(once, key=lambda member: member.setting):
        runs = list(alike)
        for number, first in enumerate(range(0, len(runs), CHUNK), start=1):
            yield f"{setting:07d}-{number:04d}", runs[first : first + CHUNK]
