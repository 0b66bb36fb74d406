"""Takes the README's pictures: the bill of examples/customers.csv, and its run under a quota, as a notebook shows them.

python docs/pictures.py, with the wheel installed, Pillow, and Chromium on the path; `make pictures` does it.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageChops

import bizkithub as bk

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
SCALE, MARGIN = 2, 24
PAGE = "<meta charset=utf-8><style>body{font-family:system-ui,sans-serif;color:#24292f;margin:24px;width:600px}</style>"


def take(name: str, html: str, folder: Path) -> None:
    """Show the page in a browser, and keep what is on it."""
    page, image = folder / "page.html", folder / "page.png"
    page.write_text(PAGE + html, "utf-8")
    browser = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    settings = [f"--force-device-scale-factor={SCALE}", "--window-size=660,1200", f"--screenshot={image}"]
    subprocess.run([*browser, *settings, page.as_uri()], check=True, capture_output=True)
    with Image.open(image) as shown:
        picture = shown.convert("RGB")
    _, _, right, bottom = ImageChops.difference(picture, Image.new("RGB", picture.size, "white")).getbbox()
    edge = SCALE * MARGIN
    picture.crop((0, 0, min(right + edge, picture.width), min(bottom + edge, picture.height))).quantize(255).save(
        IMAGES / f"{name}.png", optimize=True
    )


def main() -> None:
    """Plan, run, and take both pictures."""
    quota = {"model": "sliding_window", "limit": 60, "window_seconds": 4}
    with tempfile.TemporaryDirectory() as name, bk.Sandbox(quota=quota) as sandbox:
        client = sandbox.client(ledger=Path(name) / "groups.ledger", quota="60/4s")
        plan = client.plan(ROOT / "examples" / "customers.csv", email="email", cu_ref_no="cuRefNo", groups="segment")
        take("bill", plan._repr_html_(), Path(name))
        take("run", plan.run(pace="fast")._repr_html_(), Path(name))


if __name__ == "__main__":
    main()
