"""Every processor passes the same suite; a new one joins by its file name, a new promise by being a function."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.config.components import discover
from streams.contract.spec import EVERY_DOMAIN, Spec
from tests.processors import promises_edits, promises_first, promises_second, promises_stage, stages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SPECS = discover()
FIRST = {name: spec for name, spec in SPECS.items() if not spec.second_level}
SECOND = {name: spec for name, spec in SPECS.items() if spec.second_level}
FIRST_CASES = [
    promises_first.Subject(name, spec, domain)
    for name, spec in FIRST.items()
    for domain in sorted({spec.taken()[0], spec.taken()[-1]})
]
SECOND_CASES = [
    promises_second.Subject(name, spec, domain, FIRST)
    for name, spec in SECOND.items()
    for domain in (("traffic", "weather") if spec.domains == EVERY_DOMAIN else spec.taken())
]
DECLARED = ("config_", "empty_state_", "domains_")
"""What those promises say is the same for both levels."""
GENERATED = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])


STAGED = settings(GENERATED, max_examples=5)
"""What costs more: stages, or the metrics of two zones."""


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the contract's city."""
    return stages.write_city(tmp_path_factory.mktemp("city"))


def promises(module: ModuleType, *, generated: bool) -> list[Callable[..., None]]:
    """Every promise of a module: those that need generated logs, or the others."""
    found = [one for _, one in inspect.getmembers(module, inspect.isfunction) if one.__module__ == module.__name__]
    return [
        one
        for one in found
        if not one.__name__.startswith("_") and ("data" in inspect.signature(one).parameters) == generated
    ]


def each(found: list[Callable[..., None]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("promise", found, ids=lambda promise: promise.__name__)


first_level = pytest.mark.parametrize("subject", FIRST_CASES, ids=lambda one: f"{one.name}-{one.domain}")
second_level = pytest.mark.parametrize("subject", SECOND_CASES, ids=lambda one: f"{one.name}-{one.domain}")
ONCE_FIRST, ONCE_SECOND = (promises(module, generated=False) for module in (promises_first, promises_second))


@first_level
@each([*promises(promises_first, generated=True), *promises(promises_edits, generated=True)])
@GENERATED
@given(data=st.data())
def test_first_level(promise: Callable[..., None], subject: promises_first.Subject, data: st.DataObject):
    promise(subject, data)


@first_level
@each(ONCE_FIRST)
def test_first_level_once(promise: Callable[..., None], subject: promises_first.Subject):
    promise(subject)


@first_level
@each(promises(promises_stage, generated=True))
@STAGED
@given(data=st.data())
def test_in_its_stage(promise: Callable[..., None], subject: promises_first.Subject, city: Path, data: st.DataObject):
    promise(stages.Hosting(subject.name, subject.spec, subject.domain, city), data)


@second_level
@each(promises(promises_second, generated=True))
@STAGED
@given(data=st.data())
def test_second_level(promise: Callable[..., None], subject: promises_second.Subject, city: Path, data: st.DataObject):
    promise(subject._replace(city=city), data)


@second_level
@each([*ONCE_SECOND, *(one for one in ONCE_FIRST if one.__name__.startswith(DECLARED))])
def test_second_level_once(promise: Callable[..., None], subject: promises_second.Subject):
    promise(subject)


def test_every_spec_is_one():
    assert all(isinstance(spec, Spec) for spec in SPECS.values())
    assert {"congestion", "slow_traffic", "threshold", "feed_health"} <= set(FIRST)
    assert {"network", "feed_outage"} <= set(SECOND)
