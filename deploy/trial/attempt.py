"""What `citywall try` does: run the trial, say its tables, write what was found and the plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.config import settings
from deploy.trial import found, page, plot, summary
from deploy.trial.opening import tried

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from alerts.kinds import Lang


def attempt(args: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Run the trial that the command line asks for, say its tables, then draw.

    Raises ConfigError when something asked for is not there, ServerError when Kafka cannot be used.
    """
    plot.check(args.plot)
    hosted, behind, recording, outcome = tried(args)
    language: Lang = "zh" if (args.lang or settings.language()) == "zh" else "en"
    rows = summary.newest(outcome.rows)
    say(page.page(page.Shown(hosted, recording, outcome, summary.by_metric(rows), behind), language))
    if args.events is not None:
        found.write(found.each(outcome.detections), args.events)
        say(f"{page.word('events', language)}: {args.events}")
    if args.plot is not None:
        wish = plot.Wish(args.metric, tuple(args.entity), language)
        picture = plot.picture(hosted, recording.city, rows, outcome, wish)
        plot.write(picture, args.plot)
        say(f"{page.word('plot', language)}: {args.plot}")
