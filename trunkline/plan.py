"""In which order an alias's targets are tried: as written, by weight, by speed, by price.

Odd here: an order is all there is. Whatever the strategy, a target that fails is followed by the next, so "weighted" is a shuffle with
a loaded die and "fastest" and "cheapest" are sorts; what they sort by is measured or read elsewhere and only looked up here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from .errors import CallerError
from .routing.resolve import resolve
from .target import Target

if TYPE_CHECKING:
    from .config.schema import ModelTable
    from .config.snapshot import Snapshot

SMOOTHING = 0.2
"""How much the newest answer counts in a target's speed."""


class Speeds:
    """Seconds to the first byte of each target's answers, smoothed. A failure counts as the time-out it might have been."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def note(self, target: Target, seconds: float) -> None:
        before = self.seconds.get(target.name)
        self.seconds[target.name] = seconds if before is None else before + SMOOTHING * (seconds - before)

    def failed(self, target: Target) -> None:
        self.note(target, 30.0)


def plan(
    snapshot: Snapshot,
    model: str,
    workspace: str,
    opik: bool,
    *,
    speeds: Mapping[str, float],
    costs: Mapping[str, float],
    random: Callable[[], float],
) -> Sequence[Target]:
    """The targets of a name, the one to try first before the others. `random` gives numbers in [0, 1). Raises as `resolve` does.

    A target whose speed is not known yet goes first, so that it becomes known; one whose price is not known goes last.
    """
    targets = resolve(snapshot, model, workspace, opik)
    table = snapshot.aliases.get(model)
    if table is None or table.strategy == "fallback" or len(targets) < 2:
        return targets
    match table.strategy:
        case "weighted":
            return shuffled(weighed(snapshot, table, workspace, opik), random)
        case "fastest":
            return sorted(targets, key=lambda target: speeds.get(target.name, -1.0))
        case "cheapest":
            return sorted(targets, key=lambda target: costs.get(target.name, float("inf")))


def weighed(snapshot: Snapshot, table: ModelTable, workspace: str, opik: bool) -> list[tuple[Target, float]]:
    """Each target with its weight, without those that have no key."""
    weights = table.weights or (1.0,) * len(table.targets)
    found = []
    for name, weight in zip(table.targets, weights, strict=False):
        try:
            found.append((resolve(snapshot, name, workspace, opik)[0], weight))
        except CallerError:
            continue
    return found


def shuffled(weighed: Iterable[tuple[Target, float]], random: Callable[[], float]) -> list[Target]:
    """An order in which each is first as often as its weight says (Efraimidis and Spirakis, 2006)."""
    return [target for target, _ in sorted(weighed, key=lambda pair: random() ** (1.0 / pair[1]), reverse=True)]
