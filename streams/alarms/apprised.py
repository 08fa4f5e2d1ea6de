"""Sends a message through Apprise, which says only whether it believes that it was taken."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping


def send(url: str, title: str, body: str, options: Mapping[str, str]) -> bool:
    """Send, once → whether it was taken; `options` are added to the address. False, too, for no address of its."""
    import apprise  # only where a route needs it: it brings more than a hundred services

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # when it fails it names the host and what it was given
    asset = apprise.AppriseAsset(app_id="CityWall", app_desc="CityWall", async_mode=False, storage_mode="memory")
    service = apprise.Apprise(asset=asset)
    query = "&".join(f"{quote(key, safe='+')}={quote(value, safe='')}" for key, value in options.items())
    if not service.add(f"{url}{'&' if '?' in url else '?'}{query}"):
        return False
    return bool(service.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT))
