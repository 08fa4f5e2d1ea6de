"""Columns of a city's own domains that zones and city would call as something else: refused before they mix."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.city.folder import DOMAINS
from streams.contract.spec import column_metric
from streams.domains.schema import load_schemas, shipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streams.city.findings import Findings
    from streams.city.folder import Folder
    from streams.contract.spec import Spec


class Clash(NamedTuple):
    """A column, and what else would have the name of its mean."""

    domain: str
    column: str
    other: str


def judge(folder: Folder, specs: Mapping[str, Spec], findings: Findings) -> None:
    """Note the clashes of the folder's own domains, which this process has taken in."""
    for one in clashes(specs):
        if one.domain not in shipped():
            cure = f"give the column another name, such as {one.domain}_{one.column}"
            text = f"its mean would mix with {one.other}; {cure}"
            findings.problem(f"{folder.name}/{DOMAINS}/{one.domain}.toml", text, f"column {one.column}")


def clashes(specs: Mapping[str, Spec]) -> list[Clash]:
    """List the columns of all domains whose means would come under the name of something else."""
    averaging = [spec for spec in specs.values() if spec.column_metrics and not spec.second_level]
    columns = {
        (domain, column): column_metric(domain, column)
        for domain, schema in load_schemas().items()
        if any(spec.takes(domain) for spec in averaging)
        for column in schema.names
    }
    found = []
    for (domain, column), wide_name in columns.items():
        others = [
            *_metrics(specs, domain, column, wide_name),
            *(
                f"the mean of {their_domain}'s column {their_column!r}, called {wide_name!r} for zones and city"
                for (their_domain, their_column), name in columns.items()
                if name == wide_name and (their_domain, their_column) != (domain, column)
            ),
        ]
        found += [Clash(domain, column, other) for other in others[:1]]
    return found


def _metrics(specs: Mapping[str, Spec], domain: str, column: str, wide_name: str) -> Iterator[str]:
    """Yield the metrics of processors that have the column's name in its own domain, or for zones and city."""
    for name, spec in specs.items():
        near = column if not spec.second_level and spec.takes(domain) else wide_name
        for metric in spec.metrics:
            if {near, wide_name} & {metric.name, metric.sums.wide_name}:
                yield f"the metric {metric.name!r} ({metric.en}) of the processor {name}"
