"""`zones.geojson`, `segments.geojson` and `places.geojson`, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.city.fields import repeated
from streams.city.findings import needed, shown
from streams.city.geometry import length_m, points_of
from streams.city.parts import Segment, Zone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.city.fields import Entry
    from streams.city.formats import Source
    from streams.city.geometry import Point

ROAD_CLASSES = ("expressway", "arterial", "collector", "local")
PLACE_KINDS = ("water", "district", "label")
PLACE_SHAPES = ("Point", "LineString", "MultiLineString", "Polygon", "MultiPolygon")
NO_PLACES: Mapping[str, Any] = {"type": "FeatureCollection", "features": []}
MOST_LANES = 50
LONGEST_M = 500_000
FASTEST_KM_H = 250
LENGTHS_APART = 5.0
"""A length that differs by this factor from the line's own is in other units, or of another road."""
UNUSUAL_KM_H = (5, 150)


def read_zones(source: Source) -> tuple[tuple[Zone, ...], list[tuple[Entry, Point]]] | None:
    """Return the zones that are there, and a point of each; None = the file cannot be read."""
    found = source.collection()
    if found is None:
        return None
    features = source.features(found, "zone")
    zones, places = [], []
    for entry, geometry in features:
        rings = points_of(entry, geometry, ("Polygon", "MultiPolygon"))
        if rings:
            places.append((entry, rings[0][0]))
        zones.append(Zone(entry.identifier("id", is_entity=False), entry.name("name_zh"), entry.name("name_en")))
    repeated(((entry, zone.id) for (entry, _), zone in zip(features, zones, strict=True)), "id")
    if not found["features"]:
        source.problem(needed("a zone", None), field="features")
    return tuple(zones), places


def read_segments(
    source: Source, zone_code: Mapping[str, int] | None
) -> tuple[tuple[Segment, ...], list[tuple[Entry, Point]]] | None:
    """Return the segments that are there, and a point of each; None = the file cannot be read."""
    found = source.collection()
    if found is None:
        return None
    features = source.features(found, "segment")
    segments = [_segment(entry, geometry, zone_code) for entry, geometry in features]
    entries = [entry for entry, _ in features]
    repeated(((entry, segment.id) for entry, segment in zip(entries, segments, strict=True)), "id")
    codes = {segment.id: index for index, segment in enumerate(segments)}
    for entry, segment in zip(entries, segments, strict=True):
        _check_upstream(entry, segment, codes)
    if not found["features"]:
        source.problem(needed("a segment", None), field="features")
    places = [(entry, segment.line[0]) for entry, segment in zip(entries, segments, strict=True) if segment.line]
    return tuple(segments), places


def _segment(entry: Entry, geometry: Any, zone_code: Mapping[str, int] | None) -> Segment:  # noqa: ANN401 - from a file
    lines = points_of(entry, geometry, ("LineString",))
    segment = Segment(
        id=entry.identifier("id"),
        zone=entry.reference("zone", "zone", zone_code),
        name_zh=entry.name("name_zh"),
        name_en=entry.name("name_en"),
        road_class=entry.choice("road_class", ROAD_CLASSES),
        lanes=entry.whole("lanes", 1, MOST_LANES),
        length_m=entry.number("length_m", 0.1, LONGEST_M, "m"),
        free_flow_km_h=entry.number("free_flow_km_h", 1, FASTEST_KM_H, "km/h"),
        upstream=_upstream(entry),
        line=tuple(lines[0]) if lines else (),
    )
    drawn_m = length_m(segment.line)
    if segment.line and not drawn_m:
        entry.findings.notice(entry.file, "its line begins and ends at one point", entry.place, "geometry")
    if segment.length_m > LENGTHS_APART * drawn_m > 0 or 0 < segment.length_m < drawn_m / LENGTHS_APART:
        entry.notice("length_m", f"{segment.length_m:g} m, but its line is {drawn_m:,.0f} m long")
    slow, fast = UNUSUAL_KM_H
    if segment.free_flow_km_h < slow or segment.free_flow_km_h > fast:
        entry.notice("free_flow_km_h", f"{segment.free_flow_km_h:g} km/h is unusual for a road")
    return segment


def _upstream(entry: Entry) -> tuple[str, ...]:
    found = entry.values.get("upstream", [])
    if not isinstance(found, list):
        entry.problem("upstream", needed("a list of segment ids", found) + "; [] where nothing leads into it")
        return ()
    whole = [str(one) if isinstance(one, int) and not isinstance(one, bool) else one for one in found]
    for one in whole:
        if not isinstance(one, str):
            entry.problem("upstream", needed("a segment's id", one))
    return tuple(one for one in whole if isinstance(one, str))


def _check_upstream(entry: Entry, segment: Segment, codes: Mapping[str, int]) -> None:
    for other in segment.upstream:
        if other not in codes:
            entry.problem("upstream", f"no segment is called {shown(other)}{entry.nearest(other, codes)}")
    if segment.id in segment.upstream:
        entry.notice("upstream", "it leads into itself")


def read_places(source: Source) -> Mapping[str, Any]:
    """Return the map's GeoJSON as it stands there."""
    found = source.collection()
    if found is None:
        return NO_PLACES
    for entry, geometry in source.features(found, "place"):
        points_of(entry, geometry, PLACE_SHAPES)
        kind = entry.text("kind")
        if kind and kind not in PLACE_KINDS:
            entry.notice(
                "kind", f"{shown(kind)} is not one of {', '.join(PLACE_KINDS)}{entry.nearest(kind, PLACE_KINDS)}"
            )
        _check_names(entry, ("name_zh", "name_en"))
    return found


def _check_names(entry: Entry, names: Sequence[str]) -> None:
    for name in names:
        if not entry.is_empty(name):
            entry.name(name)
