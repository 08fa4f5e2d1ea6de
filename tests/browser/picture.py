"""`python -m tests.browser.picture ADDRESS FILE [--lang zh|en] [--size 1920x1080]`: a picture of a running wall.

The pictures of README.md and README.zh-CN.md are made with it, of `citywall up` after a quarter of an hour.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from tests.conftest import CHROMIUM_OPTIONS

SETTLE_MS = 4_000


def main() -> None:
    """Open the wall, let it settle, save what is seen."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="of the wall, as `citywall up` prints it")
    parser.add_argument("file", type=Path, help="PNG to write")
    parser.add_argument("--lang", choices=("zh", "en"), default="zh")
    parser.add_argument("--size", default="1920x1080", metavar="WxH")
    args = parser.parse_args()
    width, height = (int(side) for side in args.size.split("x"))
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(CHROMIUM_OPTIONS))
        page = chromium.new_page(viewport={"width": width, "height": height})
        page.goto(f"{args.address.rstrip('/')}/?lang={args.lang}")
        page.wait_for_timeout(SETTLE_MS)
        page.screenshot(path=args.file)
        print(f"{args.file}: the wall is {page.evaluate('document.documentElement.dataset.state')}")
        chromium.close()


if __name__ == "__main__":
    main()
