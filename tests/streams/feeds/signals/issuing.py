"""CAP documents as authorities send them, and a real web server that has them, for tests."""

from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler

from tests.receiving import serving

ROAD = ((0.0, 0.0),)
"""(lng, lat) of a road of zone z0 in the small city."""


def iso(at_ms):
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")


def info(event="暴雨橙色预警", area="<areaDesc>somewhere</areaDesc>", expires="", language="zh-CN", more="", **of):
    said = {"urgency": "Immediate", "severity": "Severe", "certainty": "Observed", **of}
    fields = "".join(f"<{name}>{value}</{name}>" for name, value in said.items())
    until = f"<expires>{expires}</expires>" if expires else ""
    return (
        f"<info><language>{language}</language><event>{event}</event>{fields}{until}<headline>{event}</headline>"
        f"{more}<area>{area}</area></info>"
    )


def alert(name, sent, *infos, kind="Alert", refs=(), status="Actual", sender="nmc"):
    """Write a message; `refs`: (identifier, sent) of others."""
    references = " ".join(f"{sender},{of},{at}" for of, at in refs)
    referred = f"<references>{references}</references>" if refs else ""
    return (
        f'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>{name}</identifier><sender>{sender}</sender>'
        f"<sent>{sent}</sent><status>{status}</status><msgType>{kind}</msgType><scope>Public</scope>{referred}"
        f"{''.join(infos)}</alert>"
    )


def atom(*links):
    """Write an Atom list; `links`: (address, updated)."""
    entries = "".join(
        f'<entry><id>{href}</id><updated>{updated}</updated><link rel="alternate" type="text/html" href="/page"/>'
        f'<link type="application/cap+xml" href="{href}"/></entry>'
        for href, updated in links
    )
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>signals</title>{entries}</feed>'


def rss(*links):
    items = "".join(f"<item><link>{href}</link><pubDate>{updated}</pubDate></item>" for href, updated in links)
    return f'<rss version="2.0"><channel>{items}</channel></rss>'


class Authority:
    """What stands at its addresses, and what was asked for."""

    def __init__(self, server):
        self.root = f"http://127.0.0.1:{server.server_port}"
        self.address = f"{self.root}/alerts.xml?key=topsecret"
        self.pages = {}
        """Path → text, or a status of an error."""
        self.asked = []

    def lists(self, *names):
        """Let its list have these documents."""
        self.pages["/alerts.xml"] = atom(*((f"/{name}.xml", "1") for name in names))


@contextmanager
def authority():
    """Serve until left."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.partition("?")[0]
            made.asked.append(path)
            page = made.pages.get(path, 404)
            body = b"" if isinstance(page, int) else page.encode()
            try:
                self.send_response(page if isinstance(page, int) else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # the client is gone

        def log_message(self, *_):
            pass

    with serving(Handler) as server:
        made = Authority(server)
        yield made
