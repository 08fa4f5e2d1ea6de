"""Directed road segments with all that `segments.geojson` says of them."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from streams.contract.name import Name
from streams.feeds.sample_city.generator import names, network, terrain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from streams.feeds.sample_city.generator.network import Edge
    from streams.feeds.sample_city.generator.streets import Road
    from streams.feeds.sample_city.generator.terrain import Point

FREE_FLOW_KM_H = {"expressway": 80, "arterial": 55, "collector": 45, "local": 35}
LANES = {"expressway": (3, 4), "arterial": (3, 3, 2, 4), "collector": (2,), "local": (1,)}
SIDE_M = 9.0
"""How far right of the road's middle each direction is drawn."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One direction of an edge."""

    id: str
    zone: int
    name: Name
    road: Name
    road_class: str
    lanes: int
    length_m: float
    free_flow_km_h: int
    start: int
    end: int
    line: tuple[Point, ...]
    upstream: tuple[str, ...] = ()


def build(random: Random, roads: Sequence[Road]) -> list[Piece]:
    """Return both directions of every edge, ordered by zone, each with its upstream list."""
    _, edges = network.build(roads)
    road_names = names.road_names(roads)
    crossing = _crossings(edges, roads)
    lanes = {index: random.choice(LANES[road.road_class]) for index, road in enumerate(roads)}
    pace = {index: random.choice((-5, 0, 0, 5)) for index in range(len(roads))}
    drafts = []
    for edge in edges:
        zone = terrain.zone_of(edge.line[len(edge.line) // 2])
        for forward in (True, False):
            start, end = (edge.a, edge.b) if forward else (edge.b, edge.a)
            line = edge.line if forward else edge.line[::-1]
            drafts.append((zone, edge, start, end, line))
    drafts.sort(key=lambda draft: draft[0])
    pieces = []
    for number, (zone, edge, start, end, line) in enumerate(drafts, start=1):
        road = roads[edge.road]
        name = road_names[edge.road]
        ends = [
            road_names[other] if (other := crossing[node].get(edge.road)) is not None else None for node in (start, end)
        ]
        piece = Piece(
            id=f"S{number:04d}",
            zone=zone,
            name=names.between(name, ends[0], ends[1], names.ZONES[zone][1]),
            road=name,
            road_class=road.road_class,
            lanes=lanes[edge.road],
            length_m=round(edge.length_m, 1),
            free_flow_km_h=FREE_FLOW_KM_H[road.road_class] + pace[edge.road],
            start=start,
            end=end,
            line=_drawn(line),
        )
        pieces.append(piece)
    return _with_upstream(pieces)


def _crossings(edges: Sequence[Edge], roads: Sequence[Road]) -> defaultdict[int, dict[int, int]]:
    """Return, for each junction and road there, the greatest other road that meets it."""
    at: defaultdict[int, set[int]] = defaultdict(set)
    for edge in edges:
        at[edge.a].add(edge.road)
        at[edge.b].add(edge.road)
    found: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for node, here in at.items():
        for road in here:
            others = sorted(here - {road}, key=lambda other: (-network.RANK[roads[other].road_class], other))
            if others:
                found[node][road] = others[0]
    return found


def _drawn(line: Sequence[Point]) -> tuple[Point, ...]:
    """Shift a line to its right, so that the two directions lie side by side; drop points that bend it little."""
    shifted = []
    for i, (x, y) in enumerate(line):
        (x0, y0), (x1, y1) = line[max(i - 1, 0)], line[min(i + 1, len(line) - 1)]
        length = math.hypot(x1 - x0, y1 - y0)
        shifted.append((x + SIDE_M * (y1 - y0) / length, y - SIDE_M * (x1 - x0) / length))
    return _simplified(tuple(shifted))


def _simplified(line: tuple[Point, ...], slack_m: float = 4.0) -> tuple[Point, ...]:
    """Drop points nearer than `slack_m` to the line without them (Douglas and Peucker 1973)."""
    (x0, y0), (x1, y1) = line[0], line[-1]
    length = math.hypot(x1 - x0, y1 - y0)
    off = [abs((x - x0) * (y1 - y0) - (y - y0) * (x1 - x0)) / length for x, y in line[1:-1]]
    if not off or max(off) < slack_m:
        return line[0], line[-1]
    cut = off.index(max(off)) + 1
    return (*_simplified(line[: cut + 1], slack_m)[:-1], *_simplified(line[cut:], slack_m))


def _with_upstream(pieces: Sequence[Piece]) -> list[Piece]:
    """Fill in what leads into each segment; a turn back counts only at a dead end."""
    into: defaultdict[int, list[Piece]] = defaultdict(list)
    for piece in pieces:
        into[piece.end].append(piece)
    found = []
    for piece in pieces:
        ahead = [other for other in into[piece.start] if other.start != piece.end]
        found.append(replace(piece, upstream=tuple(other.id for other in ahead)))
    return found
