"""The form that asks a browser once who sits there; the answer stays in the browser's own storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import ClientsideFunction, Input, Output, State, no_update

from dashboard.labels import text
from dashboard.order_fields import unreadable
from dashboard.problems import invalid
from streams.contract.name import Name

if TYPE_CHECKING:
    from dash import Dash

MAX_LENGTH = 64


def check(who: str | None, desk: str | None, language: str) -> tuple[dict[str, str] | None, str]:
    """Return the operator as stored, or what is missing, in the page's language."""
    found = {"who": (who or "").strip(), "desk": (desk or "").strip()}
    missing = [name for name, value in found.items() if not value or len(value) > MAX_LENGTH]
    odd = next((fault for value in found.values() if (fault := unreadable(value)) is not None), None)
    if not missing:
        return (found, "") if odd is None else (None, getattr(odd, language))
    message = text(f"operator.missing_{missing[0]}")
    return None, "" if message is None else getattr(message, language)


def install(app: Dash) -> None:
    """Connect the form; the second callback tells the page's scripts who is there."""

    @app.callback(
        Output("citywall-operator", "data"),
        Output("operator-error", "children"),
        Input("operator-save", "n_clicks"),
        State("operator-who", "value"),
        State("operator-desk", "value"),
        State("language", "data"),
        prevent_initial_call=True,
    )
    async def save(_: Any, who: Any, desk: Any, language: Any) -> tuple[Any, str]:  # noqa: ANN401 - JSON
        odd = [at for at, one in enumerate((who, desk)) if not isinstance(one, str | None)]
        if odd:
            raise invalid([(f"/body/state/{at}/value", Name("应为文本", "Write a text")) for at in odd])
        operator, problem = check(who, desk, "en" if language == "en" else "zh")
        return (no_update, problem) if operator is None else (operator, "")

    app.clientside_callback(  # type: ignore[no-untyped-call]  # Dash leaves it untyped
        ClientsideFunction("citywall", "operatorSaved"),
        Input("citywall-operator", "modified_timestamp"),
        State("citywall-operator", "data"),
        prevent_initial_call=True,
    )
