"""The Faust app of a stage, with the settings that its promises rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faust

from streams.contract.stage import LINGER_S, RUN_BYTES, RUN_RECORDS, StaysWhole, TakesFrames

if TYPE_CHECKING:
    from pathlib import Path

    from streams.contract.stage import Stage

SESSION_S = 6.0
HEARTBEAT_S = 1.0
"""Also how long a member takes to learn that the partitions are shared out anew."""
PAUSE_S = 7 * 86_400.0
"""A stage without room may stay in its group so long without fetching; its heartbeats say that it lives."""
METADATA_MAX_AGE_MS = 1_000
"""A broker that has just come back may not know its topics yet. A worker that joins then is given none of their
partitions, and asks for them when it next looks what topics there are: by default only 5 min later."""


class StageApp(faust.App):
    """A Faust app whose consumer asks `positions` where to start and says `begun`; see `streams.transport.chunks`."""

    positions: Any = None
    begun: Any = None
    linger_s = LINGER_S
    """The stage's."""
    run_records = RUN_RECORDS
    """Most records of a chunk of it."""


def stage_app(stage: Stage, broker: str, data: Path, queued_events: int) -> StageApp:
    """Make that of a stage; so many events may wait in Faust.

    Where the stage stays whole, Faust's own assignor gives topics with as many partitions to one member, and leaves
    them there. What Faust takes without standbys gives partitions out in turn: two members would halve the topics.
    """
    app_id = app_id_of(stage)
    (data / "faust").mkdir(parents=True, exist_ok=True)
    app = StageApp(
        app_id,
        broker=broker,
        store="memory://",
        datadir=str(data / "faust" / app_id),
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        stream_wait_empty=False,
        stream_buffer_maxsize=queued_events,
        stream_recovery_delay=0.0,
        table_standby_replicas=1 if isinstance(stage, StaysWhole) else 0,
        broker_session_timeout=SESSION_S,
        broker_heartbeat_interval=HEARTBEAT_S,
        broker_max_poll_interval=PAUSE_S,
        broker_commit_interval=2.8,
        broker_check_crcs=True,
        consumer_max_fetch_size=RUN_BYTES,
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=METADATA_MAX_AGE_MS,
        producer_acks=-1,
        worker_redirect_stdouts=False,
    )
    app.linger_s = stage.linger_s
    app.run_records = stage.run_records if isinstance(stage, TakesFrames) else RUN_RECORDS
    return app


def app_id_of(stage: Stage) -> str:
    """Return the id of its app, which is its consumer group."""
    return f"citywall-{stage.name}"
