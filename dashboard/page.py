"""The page's frame in Dash: panels, drawer and forms. Live content is put in by the scripts under assets/wall."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dash import Dash, dcc, html

from dashboard.callback_door import failed
from dashboard.drawers import install as install_drawer
from dashboard.operator_form import install as install_operator_form

if TYPE_CHECKING:
    from dash.development.base_component import Component
    from fastapi import FastAPI

    from dashboard.hub import Hub

ASSETS = Path(__file__).parent / "assets"
STYLES = (
    "vendor/fonts.css",
    "wall/theme.css",
    "wall/frame.css",
    "wall/panels.css",
    "wall/alarms.css",
    "wall/drawer.css",
)

INDEX = """<!DOCTYPE html>
<html lang="zh-CN" data-state="connecting">
<head>
{%metas%}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{%title%}</title>
<link rel="icon" type="image/svg+xml" href="/assets/wall/icon.svg">
STYLE_LINKS
{%css%}
<script src="/assets/wall/early.js"></script>
<script type="module" src="/assets/wall/main.js"></script>
</head>
<body>
{%app_entry%}
<footer>{%config%}{%scripts%}{%renderer%}</footer>
</body>
</html>
"""


def create_page(server: FastAPI, hub: Hub) -> Dash:
    """Put Dash on the server: layout and callbacks."""
    app = Dash(
        __name__,
        server=server,  # type: ignore[arg-type]  # Dash takes it; its annotation knows Flask alone
        title=f"{hub.config.city.called.zh} CityWall",
        update_title=None,  # type: ignore[arg-type]  # Dash: None = leave the title alone
        assets_folder=str(ASSETS),
        assets_ignore=".*",  # our scripts are modules and our styles have an order: INDEX names them
        serve_locally=True,
        add_log_handler=False,
        enable_mcp=False,
        on_error=failed,
    )
    app.backend.websocket_capability = False  # the page then opens no socket of Dash's
    links = "\n".join(f'<link rel="stylesheet" href="/assets/{name}">' for name in STYLES)
    app.index_string = INDEX.replace("STYLE_LINKS", links)
    app.layout = layout()
    install_drawer(app, hub)
    install_operator_form(app)
    return app


def layout() -> Component:
    """Return the whole page; texts come by their keys (`data-i18n`), so that a language switch redraws nothing."""
    return html.Div(
        [
            _header(),
            html.Div(
                [html.Div(id="strip", role="status", className="strip"), html.Div(id="tools", className="tools")],
                className="under",
            ),
            html.Main([_vitals(), _map(), _alarms(), *(_trend(index) for index in (0, 1)), _matrix(), _pipeline()]),
            _drawer(),
            _operator_form(),
            dcc.Store(id="selection"),
            dcc.Store(id="drawer-series"),
            dcc.Store(id="drawer-alarm"),
            dcc.Store(id="language"),
            dcc.Store(id="citywall-operator", storage_type="local"),
        ],
        id="wall",
        className="wall",
    )


def _i18n(key: str) -> dict[str, Any]:
    return {"data-i18n": key}


def _i18n_label(key: str) -> dict[str, Any]:
    return {"data-i18n-label": key}


def _aria(**values: str) -> dict[str, Any]:
    return {f"aria-{name}": value for name, value in values.items()}


def _panel(name: str, body: list[Component], aside: Component | None = None) -> Component:
    head: list[Component] = [html.H2(id=f"{name}-title", **_i18n(f"panel.{name}"))]
    if aside is not None:
        head.append(aside)
    return html.Section(
        [html.Div(head, className="panel-head"), *body],
        id=name,
        className="panel",
        **_aria(labelledby=f"{name}-title"),
    )


def _header() -> Component:
    return html.Header(
        [
            html.Div([html.H1(**_i18n("title")), html.Span(id="city-name")], className="brand"),
            html.Div(id="mode", className="mode"),
            html.Div(id="levels", className="levels", role="status", **_aria(live="polite")),
            html.Div(id="fresh", className="fresh"),
            html.Div(id="clock", className="clock"),
        ],
        className="top",
    )


def _vitals() -> Component:
    return _panel("vitals", [html.Div(id="tiles", className="tiles")])


def _map() -> Component:
    return html.Section(
        [html.Div(id="map-view", className="map-view"), html.Div(id="map-side", className="map-side")],
        id="map",
        className="panel map",
        **_aria(label="map"),
    )


def _alarms() -> Component:
    head = html.Div(
        [
            html.Span(id="alarm-load", className="load"),
            html.Button(id="alarm-new", className="new", hidden=True),
            html.Button(id="alarm-chip", className="chip", hidden=True),
            html.Div(id="alarm-count", className="count"),
            html.Button(id="filter-open", className="quiet", **_i18n("filter.open"), **_aria(expanded="false")),
        ],
        className="alarm-head",
    )
    foot = html.Div(
        [
            html.Button("▲", id="alarm-up", **_i18n_label("alarm.up")),
            html.Span(id="alarm-range", role="status"),
            html.Button("▼", id="alarm-down", **_i18n_label("alarm.down")),
            html.Span(id="alarm-aside", className="aside"),
        ],
        className="alarm-foot",
    )
    body = [
        html.Div(id="alarm-filter", className="alarm-filter", hidden=True),
        html.Ol(id="alarm-rows", className="alarm-rows", **_aria(labelledby="alarms-title")),
    ]
    return _panel("alarms", [*body, foot], head)


def _trend(index: int) -> Component:
    return html.Section(id=f"trend-{index}", className="panel trend")


def _matrix() -> Component:
    return _panel("matrix", [html.Div(id="matrix-body", className="matrix-body")])


def _pipeline() -> Component:
    return _panel("pipeline", [html.Div(id="pipeline-body", className="pipeline-body")])


def _drawer() -> Component:
    return html.Aside(
        [
            html.Div(id="drawer-head", className="drawer-head"),
            html.Button("✕", id="drawer-close", className="close", **_i18n_label("close")),
            html.Div(id="drawer-action", className="drawer-action"),
            html.Div(id="drawer-chart", className="drawer-chart"),
            html.Div(id="drawer-facts", className="drawer-facts"),
        ],
        id="drawer",
        className="drawer",
        hidden=True,
        role="dialog",
        **_aria(labelledby="drawer-head"),
    )


def _operator_form() -> Component:
    fields = [
        html.Label(
            [
                html.Span(**_i18n(f"operator.{name}")),
                dcc.Input(id=f"operator-{name}", type="text", maxLength=64),
                *([html.Select(id="operator-desks", hidden=True)] if name == "desk" else []),
            ]
        )
        for name in ("who", "desk")
    ]
    return html.Div(
        html.Div(
            [
                html.H2(**_i18n("operator.title")),
                html.P(**_i18n("operator.why")),
                *fields,
                html.P(id="operator-error", className="error", role="alert"),
                html.Div(
                    [
                        html.Button(id="operator-cancel", className="quiet", **_i18n("cancel")),
                        html.Button(id="operator-save", className="act", **_i18n("operator.save")),
                    ],
                    className="buttons",
                ),
            ],
            className="card",
        ),
        id="operator-form",
        className="veil",
        hidden=True,
        role="dialog",
        **_aria(modal="true"),
    )
