"""Join the notifiers' routes with what really sends, and with the city that their messages speak of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.notifiers.channels import Answer, channel
from alerts.notifiers.dispatch import written
from alerts.notifiers.texts import Setting
from alerts.notifiers.verdicts import Retry, Sent
from dashboard.alarm_list import Places, reading_of
from streams.alarms import apprised
from streams.alarms.posting import post
from streams.broker.arrivals import now_ms
from streams.errors import UnreachableError, UnresolvedError, UntrustedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alerts.notifiers.letters import Face, Letter
    from alerts.notifiers.routes import Route
    from alerts.notifiers.verdicts import Reason, Verdict
    from deploy.config.run import Run
    from streams.city.known import Cities
    from streams.city.registry import City
    from streams.contract.name import Name


_WHY: Mapping[type[UnreachableError], Reason] = {UnresolvedError: "unresolved", UntrustedError: "untrusted"}


class FromCity:
    """Tells where messages come from: the newest version of the city, and whether it is a real one."""

    def __init__(self, run: Run, cities: Cities) -> None:
        self._run = run
        self._cities = cities
        self._made: tuple[City, Setting] | None = None

    def __call__(self) -> Setting:
        """Return it as it is now."""
        city, made = self._cities.newest.city, self._made
        if made is None or made[0] is not city:
            made = self._made = (city, self._setting(city))
        return made[1]

    def _setting(self, city: City) -> Setting:
        places = Places(city)

        def called(entity: str, zone: str) -> Name:
            return places.find(entity, zone).name

        drill, link = self._run.mode != "live", self._run.notifiers.link
        return Setting(city.called, city.time_zone, drill, link, called, reading)


def reading(face: Face) -> Name:
    """Return what was read, and its limit, in the words of the wall."""
    evidence = {"column": face.column, "of": face.of, "over_s": face.over_s}
    of = {"entity": face.entity, "value": face.value, "limit": face.limit, "unit": face.unit}
    return reading_of({**of, "evidence": evidence})


def deliver(routes: Mapping[str, Route], setting: Callable[[], Setting], letter: Letter) -> Verdict:
    """Try once to deliver a letter → what became of it."""
    route = routes[letter.route]
    draft, _ = written(route, setting(), letter)
    way = channel(route.channel)
    if way.request is None or way.verdict is None:
        wait_s = f"{route.timeout_s:g}"
        options = {"cto": wait_s, "rto": wait_s}
        if route.channel == "email":
            options["+X-CityWall-Message"] = draft.id
        return Sent() if apprised.send(route.url, draft.subject, draft.text, options) else Retry("not_confirmed")
    url, body, headers = way.request(route, draft, now_ms())
    try:
        answer = post(url, body, headers, route.timeout_s)
    except TimeoutError:
        return Retry("timed_out")
    except UnreachableError as exc:
        return Retry(_WHY.get(type(exc), "unreachable"))
    return way.verdict(Answer(*answer), now_ms())
