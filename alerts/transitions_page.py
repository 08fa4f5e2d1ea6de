"""Writes `docs/alarm-states.md` from the table: `python -m alerts.transitions_page`."""

from __future__ import annotations

from pathlib import Path

from alerts.transitions import TABLE, Happening, No, Standing

PAGE = Path(__file__).resolve().parents[1] / "docs" / "alarm-states.md"


def page() -> str:
    """Return the page: a row for each happening, a column for each state."""
    lines = [
        "# States of an alarm",
        "",
        "Written from `alerts/transitions.py` by `python -m alerts.transitions_page`; [alarms.md](alarms.md) says what "
        "it means. Readers: engineers.",
        "",
        f"| comes in | {' | '.join(f'`{one}`' for one in Standing)} |",
        f"|---|{'---|' * len(Standing)}",
        *(f"| `{one}` | {' | '.join(_cell(standing, one) for standing in Standing)} |" for one in Happening),
    ]
    return "\n".join(lines) + "\n"


def _cell(standing: Standing, happening: Happening) -> str:
    step = TABLE[standing][happening]
    if isinstance(step, No):
        return f"no: {step.reason}"
    return ", ".join([f"**{step.to}**", *sorted(step.effects)])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
