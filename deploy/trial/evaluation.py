"""What `citywall evaluate` does: judge the scores of series, or a processor's findings, by what really happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.trial import judged_findings, judged_scores
from deploy.trial.judged_scores import UNUSUAL

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def evaluate(args: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Judge the detector or processor that the command line names.

    Raises ConfigError when something asked for is not there, ServerError when Kafka cannot be used.
    """
    (judged_scores if args.name == UNUSUAL else judged_findings).judge(args, say)
