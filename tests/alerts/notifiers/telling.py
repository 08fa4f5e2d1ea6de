"""Rows of alarms as the engine publishes them, and a dispatch that is asked what it sends."""

import json

from alerts.notifiers.dispatch import Dispatch, written
from alerts.notifiers.routes import Route
from alerts.notifiers.texts import Setting
from alerts.notifiers.verdicts import Sent
from deploy.config.notifying import reading
from streams.contract.name import Name

NOW_MS = 1_700_000_000_000


def place(entity, zone):
    return Name(f"望江路{entity}下穿", f"Wangjiang Road underpass {entity}")


SETTING = Setting(Name("柳江市", "Liujiang"), "Asia/Shanghai", False, "https://wall.example/", place, reading)


def route(name="duty", channel="webhook", **more):
    """Return a route that tells ends at once, unless told otherwise."""
    return Route(name=name, channel=channel, url="https://hook.example/secret-token", **{"end_wait_s": 0, **more})


def row(number=1, level=3, at_ms=NOW_MS, **more):
    """Return the row of an alarm that waits for a person since `at_ms`."""
    return {
        "id": f"a{number}",
        "domain": "water",
        "kind": "underpass_flooding",
        "entity": f"u{number}",
        "zone": "z1",
        "level": level,
        "raised_at_ms": NOW_MS,
        "waiting_since_ms": at_ms,
        "value": 0.31,
        "unit": "m",
        "process": "returned" if more.get("state") == "cleared" else "active",
        "state": "active",
        "standing": "unacknowledged",
        **more,
    }


class Telling:
    """A dispatch with a clock, whose receivers take everything unless told otherwise. `sent` holds what they got."""

    def __init__(self, *routes):
        self.routes = {one.name: one for one in routes}
        self.now_ms = NOW_MS
        self.verdict = lambda letter: Sent()
        self.sent = []
        self.kept = {}
        self.notes = []
        self.dispatch = Dispatch(routes, lambda: SETTING)
        self.dispatch.begin({})

    def alarm(self, **row_of):
        one = row(**row_of)
        self.dispatch.alarm(one["id"], json.dumps(one).encode(), self.now_ms)

    def close(self, number=1):
        self.dispatch.alarm(f"a{number}", None, self.now_ms)

    def turn(self):
        """Do what the stage does in a tick."""
        letters = self.dispatch.due(self.now_ms)
        self.keep()
        for one in letters:
            verdict = self.verdict(one)
            self.sent.append((self.now_ms, one, verdict))
            self.dispatch.done(one, verdict, self.now_ms)
        self.keep()

    def keep(self):
        for key, value in self.dispatch.changes():
            if value is None:
                self.kept.pop(key, None)
            else:
                self.kept[key] = value
        self.notes += [json.loads(one) for one in self.dispatch.notes()]

    def wait(self, seconds):
        """Let time pass in turns of a quarter of a second."""
        for _ in range(round(seconds * 4)):
            self.turn()
            self.now_ms += 250
        self.turn()

    def restart(self, *stood):
        """Begin again from what was kept; the rows go on after `stood`."""
        self.dispatch = Dispatch(self.routes.values(), lambda: SETTING)
        self.dispatch.begin(self.kept)
        told = {key.decode().split("/", 2)[2] for key in self.kept if key.startswith(b"told/")}
        self.dispatch.stood({one["id"]: json.dumps(one).encode() for one in stood}, told, self.now_ms)

    def told(self, of=None):
        """Return (what, alarm) of all that was delivered, in order."""
        return [
            (item.what, item.face.alarm)
            for _, one, verdict in self.sent
            if verdict == Sent() and of in {None, one.route}
            for item in one.items
        ]

    def texts(self, of=0):
        return [written(self.routes[one.route], SETTING, one)[0].text for _, one, _ in self.sent]
