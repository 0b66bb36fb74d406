"""Takes the pictures of `docs/airflow.md` from the real Airflow in a real browser.

pip install playwright            # into the environment of Airflow; the browser is Debian's
python take_screenshots.py FOLDER
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import bizkithub as bk
from playwright.sync_api import sync_playwright  # type: ignore[import-not-found]
from stack import Postgres, Stack

BROWSER = {
    "executable_path": "/usr/bin/chromium",
    "args": ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
}


def main(target: Path) -> None:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    quota: Any = {"model": "fixed_block", "limit": 40, "block_seconds": 12}
    with bk.Sandbox(quota=quota) as sandbox:
        postgres = Postgres(folder / "postgres")
        connection = {"conn_type": "bizkithub", "host": sandbox.url, "password": sandbox.api_key}
        database = {"conn_type": "postgres", "host": "127.0.0.1", "port": postgres.port, "login": "postgres"}
        stack = Stack(
            folder,
            {
                "small_quota": {**connection, "extra": {"quota": "40/12s"}},
                "warehouse": {**database, "schema": "postgres"},
            },
        )
        try:
            lines = "".join(f"customer{number}@example.com\n" for number in range(100))
            (folder / "customers.csv").write_text(f"email\n{lines}nobody\n", encoding="utf-8")
            run = stack.trigger("in_legs", file="customers.csv")
            run.wait("success", "failed")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(**BROWSER)
                page = browser.new_page(viewport={"width": 1280, "height": 980}, color_scheme="light")
                page.goto(f"{stack.url}/connections")
                page.get_by_role("button", name="Add Connection").click()
                page.locator("input[name=connection_id]").fill("bizkithub_default")
                page.get_by_role("combobox").first.click()
                page.keyboard.type("bizkithub")
                page.keyboard.press("Enter")
                page.wait_for_timeout(1_500)
                page.screenshot(path=target / "airflow-connection.png")
                page.get_by_text("Extra Fields", exact=True).click()
                page.wait_for_timeout(1_500)
                page.screenshot(path=target / "airflow-connection-extras.png")
                page.goto(f"{stack.url}/dags/in_legs/runs/{run.path.rpartition('/')[2]}/tasks/add_groups")
                page.wait_for_timeout(4_000)
                page.screenshot(path=target / "airflow-run.png")
                browser.close()
        finally:
            stack.stop()
            postgres.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
