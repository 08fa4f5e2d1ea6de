"""Who hangs on whom in a city, by its relations: pump → underpass → road.

What happens at a relation's `source` is felt at its `target`. An entity depends on all from which relations lead to it,
over however many others.

source  own choice; breadth-first search, and depth-first search for cycles (Tarjan 1972)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streams.city.parts import Relation

    Step = Callable[["Relation"], str]

Chain = tuple["Relation", ...]
"""Relations from a cause to where it is felt, each beginning where the one before ends."""


@dataclass(frozen=True)
class Dependence:
    """The relations of a city, found by either end. Ends in cycles too, though a checked city has none."""

    relations: Sequence[Relation]

    @cached_property
    def leaving(self) -> Mapping[str, Chain]:
        """Entity → relations that lead from it, in the order of the file."""
        return _grouped(self.relations, lambda one: one.source)

    @cached_property
    def reaching(self) -> Mapping[str, Chain]:
        """Entity → relations that lead to it, in the order of the file."""
        return _grouped(self.relations, lambda one: one.target)

    def depends_on(self, entity: str) -> dict[str, Chain]:
        """Return what an entity depends on, the nearest first, each with the shortest path from there to it."""
        return _found(self.reaching, entity, lambda one: one.source, lambda one, path: (one, *path))

    def felt_at(self, entity: str) -> dict[str, Chain]:
        """Return what depends on an entity, the nearest first, each with the shortest path from it to there."""
        return _found(self.leaving, entity, lambda one: one.target, lambda one, path: (*path, one))

    def cycles(self) -> list[Chain]:
        """Return the cycles: without the last relation of each of them there would be none."""
        found: list[Chain] = []
        done: set[str] = set()
        for root in self.leaving:
            if root not in done:
                self._walk(root, done, found)
        return found

    def _walk(self, root: str, done: set[str], found: list[Chain]) -> None:
        """Go on from an entity depth first; a relation back to one that the way came over closes a cycle."""
        way: list[Relation] = []
        place = {root: 0}
        ahead = [iter(self.leaving[root])]
        while ahead:
            step = next(ahead[-1], None)
            if step is None:
                ahead.pop()
                left = way.pop().target if way else root
                done.add(left)
                del place[left]
            elif step.target in place:
                found.append((*way[place[step.target] :], step))
            elif step.target not in done:
                way.append(step)
                place[step.target] = len(way)
                ahead.append(iter(self.leaving.get(step.target, ())))


def _grouped(relations: Sequence[Relation], end: Step) -> dict[str, Chain]:
    groups: dict[str, list[Relation]] = {}
    for one in relations:
        groups.setdefault(end(one), []).append(one)
    return {entity: tuple(found) for entity, found in groups.items()}


def _found(
    near: Mapping[str, Chain], entity: str, end: Step, longer: Callable[[Relation, Chain], Chain]
) -> dict[str, Chain]:
    """Search breadth first from an entity, itself left out."""
    paths: dict[str, Chain] = {entity: ()}
    ahead = [entity]
    for here in ahead:  # it grows as it is read
        for relation in near.get(here, ()):
            other = end(relation)
            if other not in paths:
                paths[other] = longer(relation, paths[here])
                ahead.append(other)
    del paths[entity]
    return paths
