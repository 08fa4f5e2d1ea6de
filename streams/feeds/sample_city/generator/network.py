"""Roads to a network: crossings become junctions, what lies between two of them an edge."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from streams.feeds.sample_city.generator import terrain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.feeds.sample_city.generator.streets import Road
    from streams.feeds.sample_city.generator.terrain import Point

MERGE_M = 95.0
LONGEST_M = {"expressway": 1_300.0, "arterial": 1_150.0, "collector": 1_150.0, "local": 1_150.0}
RANK = {"expressway": 3, "arterial": 2, "collector": 1, "local": 0}


@dataclass(frozen=True, slots=True)
class Edge:
    """A piece of road between two junctions."""

    a: int
    b: int
    road: int
    line: tuple[Point, ...]

    @property
    def length_m(self) -> float:
        """Its length."""
        return math.fsum(math.dist(p, q) for p, q in zip(self.line, self.line[1:], strict=False))


def build(roads: Sequence[Road]) -> tuple[list[Point], list[Edge]]:
    """Return junctions and edges of the largest connected part; a road's end that leads nowhere is cut off."""
    lines = [_thinned(_reached(road, roads)) for road in roads]
    stops = _stops(roads, lines)
    nodes, edges = _edges(lines, stops)
    exits = {edge.b for edge in edges if roads[edge.road].kind == "radial" and not terrain.in_city(nodes[edge.b])}
    edges = _best(edges, roads)
    edges = _connected(_without_stubs(edges, exits))
    edges = _best(_joined(edges, exits), roads)
    return _split(nodes, edges, roads)


def _thinned(line: Sequence[Point], every: int = 3) -> tuple[Point, ...]:
    return (*line[:-1:every], line[-1])


def _reached(road: Road, roads: Sequence[Road]) -> tuple[Point, ...]:
    """Draw a street's two ends on until they meet another road, if one is near."""
    if road.kind in ("ring", "radial"):
        return road.line
    head = _reach(road.line[1], road.line[0], road, roads)
    tail = _reach(road.line[-2], road.line[-1], road, roads)
    return (*head, *road.line, *tail)


def _reach(before: Point, end: Point, road: Road, roads: Sequence[Road]) -> tuple[Point, ...]:
    reach_m = 150.0 + 0.085 * math.hypot(*end) + 200.0
    scale = reach_m / math.dist(before, end)
    far = end[0] + (end[0] - before[0]) * scale, end[1] + (end[1] - before[1]) * scale
    nearest = None
    for other in roads:
        if other is road or not _meet(road, other):
            continue
        for p, q in zip(other.line, other.line[1:], strict=False):
            if math.dist(p, end) > reach_m + 100.0:
                continue
            cut = _cut(end, far, p, q)
            if cut is not None and (nearest is None or cut[0] < nearest):
                nearest = cut[0]
    if nearest is None:
        return ()
    on = min(1.0, nearest + 0.02)
    point = end[0] + (far[0] - end[0]) * on, end[1] + (far[1] - end[1]) * on
    return () if terrain.in_water(point) else (point,)


def _meet(a: Road, b: Road) -> bool:
    """Say whether two roads join where they cross; small streets pass under an expressway."""
    ranks = sorted((RANK[a.road_class], RANK[b.road_class]))
    return ranks[1] < RANK["expressway"] or ranks[0] >= RANK["arterial"]


def _cut(p: Point, q: Point, r: Point, s: Point) -> tuple[float, float] | None:
    """Return the shares of pq and rs at which they cross."""
    dx, dy, ex, ey = q[0] - p[0], q[1] - p[1], s[0] - r[0], s[1] - r[1]
    area = dx * ey - dy * ex
    if area == 0:
        return None
    t = ((r[0] - p[0]) * ey - (r[1] - p[1]) * ex) / area
    u = ((r[0] - p[0]) * dy - (r[1] - p[1]) * dx) / area
    return (t, u) if 0 <= t <= 1 and 0 <= u <= 1 else None


def _stops(roads: Sequence[Road], lines: Sequence[tuple[Point, ...]]) -> list[list[tuple[float, Point]]]:
    """Return, for each line, its crossings as (place along it, point), its ends included."""
    cells: defaultdict[tuple[int, int], set[tuple[int, int]]] = defaultdict(set)
    for index, line in enumerate(lines):
        for place, (p, q) in enumerate(itertools.pairwise(line)):
            for x in range(int(min(p[0], q[0]) // 300), int(max(p[0], q[0]) // 300) + 1):
                for y in range(int(min(p[1], q[1]) // 300), int(max(p[1], q[1]) // 300) + 1):
                    cells[x, y].add((index, place))
    pairs = {(one, two) for found in cells.values() for one in found for two in found if one[0] < two[0]}
    stops = [[(0.0, line[0]), (float(len(line) - 1), line[-1])] for line in lines]
    for (i, m), (j, n) in sorted(pairs):
        if not _meet(roads[i], roads[j]):
            continue
        cut = _cut(lines[i][m], lines[i][m + 1], lines[j][n], lines[j][n + 1])
        if cut is None:
            continue
        (px, py), (qx, qy) = lines[i][m], lines[i][m + 1]
        point = px + (qx - px) * cut[0], py + (qy - py) * cut[0]
        stops[i].append((m + cut[0], point))
        stops[j].append((n + cut[1], point))
    return [sorted(set(found)) for found in stops]


def _edges(
    lines: Sequence[tuple[Point, ...]], stops: Sequence[list[tuple[float, Point]]]
) -> tuple[list[Point], list[Edge]]:
    nodes: list[Point] = []
    edges = []
    for index, found in enumerate(stops):
        ids = [_node(nodes, point) for _, point in found]
        for k in range(len(found) - 1):
            if ids[k] == ids[k + 1]:
                continue
            start, end = found[k][0], found[k + 1][0]
            inner = lines[index][int(start) + 1 : math.ceil(end)]
            inner = tuple(
                p for p in inner if min(math.dist(p, nodes[ids[k]]), math.dist(p, nodes[ids[k + 1]])) > MERGE_M / 2
            )
            edges.append(Edge(ids[k], ids[k + 1], index, (nodes[ids[k]], *inner, nodes[ids[k + 1]])))
    return nodes, edges


def _node(nodes: list[Point], point: Point) -> int:
    for index, other in enumerate(nodes):
        if abs(other[0] - point[0]) < MERGE_M and math.dist(other, point) < MERGE_M:
            return index
    nodes.append(point)
    return len(nodes) - 1


def _best(edges: Iterable[Edge], roads: Sequence[Road]) -> list[Edge]:
    """Keep one edge between two junctions: that of the highest class."""
    best: dict[tuple[int, int], Edge] = {}
    for edge in edges:
        ends = min(edge.a, edge.b), max(edge.a, edge.b)
        if edge.a != edge.b and (
            ends not in best or RANK[roads[edge.road].road_class] > RANK[roads[best[ends].road].road_class]
        ):
            best[ends] = edge
    return list(best.values())


def _without_stubs(edges: list[Edge], exits: set[int]) -> list[Edge]:
    while True:
        degree = _degree(edges)
        kept = [edge for edge in edges if all(degree[end] > 1 or end in exits for end in (edge.a, edge.b))]
        if len(kept) == len(edges):
            return kept
        edges = kept


def _degree(edges: Iterable[Edge]) -> defaultdict[int, int]:
    degree: defaultdict[int, int] = defaultdict(int)
    for edge in edges:
        degree[edge.a] += 1
        degree[edge.b] += 1
    return degree


def _connected(edges: list[Edge]) -> list[Edge]:
    part: dict[int, int] = {}
    for edge in edges:
        part.setdefault(edge.a, edge.a)
        part.setdefault(edge.b, edge.b)

    def root(node: int) -> int:
        while part[node] != node:
            node = part[node]
        return node

    for edge in edges:
        part[root(edge.a)] = root(edge.b)
    sizes: defaultdict[int, int] = defaultdict(int)
    for edge in edges:
        sizes[root(edge.a)] += 1
    largest = max(sizes, key=lambda node: sizes[node])
    return [edge for edge in edges if root(edge.a) == largest]


def _joined(edges: list[Edge], exits: set[int]) -> list[Edge]:
    """Join two edges of one road at a junction where nothing else meets."""
    at: defaultdict[int, list[Edge]] = defaultdict(list)
    for edge in edges:
        at[edge.a].append(edge)
        at[edge.b].append(edge)
    for node in sorted(at):
        if len(at[node]) != 2 or node in exits or at[node][0].road != at[node][1].road:  # noqa: PLR2004 - a mere passage
            continue
        first, second = at[node]
        first = first if first.b == node else _turned(first)
        second = second if second.a == node else _turned(second)
        if first.a == second.b:
            continue
        whole = Edge(first.a, second.b, first.road, (*first.line, *second.line[1:]))
        for end, old in ((first.a, at[node][0]), (second.b, at[node][1])):
            at[end] = [whole if edge == old else edge for edge in at[end]]
        at[node] = []
    return list(dict.fromkeys(edge for found in at.values() for edge in found))


def _turned(edge: Edge) -> Edge:
    return replace(edge, a=edge.b, b=edge.a, line=edge.line[::-1])


def _split(nodes: list[Point], edges: list[Edge], roads: Sequence[Road]) -> tuple[list[Point], list[Edge]]:
    """Cut long edges into even pieces; number the junctions anew."""
    number: dict[int, int] = {}
    kept: list[Point] = []
    pieces = []

    def renumber(node: int) -> int:
        if node not in number:
            number[node] = len(kept)
            kept.append(nodes[node])
        return number[node]

    for edge in edges:
        parts = math.ceil(edge.length_m / LONGEST_M[roads[edge.road].road_class])
        cuts = [_at_share(edge, i / parts) for i in range(1, parts)]
        ends = [renumber(edge.a)]
        for _, point in cuts:
            ends.append(len(kept))
            kept.append(point)
        ends.append(renumber(edge.b))
        bounds = [(0, edge.line[0]), *cuts, (len(edge.line) - 1, edge.line[-1])]
        for i in range(parts):
            inner = edge.line[bounds[i][0] + 1 : bounds[i + 1][0] + (i + 1 < parts)]
            line = tuple(dict.fromkeys((bounds[i][1], *inner, bounds[i + 1][1])))
            pieces.append(Edge(ends[i], ends[i + 1], edge.road, line))
    return kept, pieces


def _at_share(edge: Edge, share: float) -> tuple[int, Point]:
    """Return (index of the line's point before it, the point) at a share of an edge's length."""
    left = share * edge.length_m
    for index, (p, q) in enumerate(zip(edge.line, edge.line[1:], strict=False)):
        length_m = math.dist(p, q)
        if left <= length_m:
            return index, (p[0] + (q[0] - p[0]) * left / length_m, p[1] + (q[1] - p[1]) * left / length_m)
        left -= length_m
    return len(edge.line) - 2, edge.line[-1]
