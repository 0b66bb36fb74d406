"""What the READMEs and the documentation show runs, as it stands there, against the sandbox."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bizkithub as bk

PACKAGE = Path(__file__).parents[1]
ROOT = PACKAGE.parents[1]
# The pages of the platforms are run where the platforms are.
PAGES = [
    PACKAGE / "README.md",
    ROOT / "README.md",
    *(ROOT / "docs" / f"{name}.md" for name in ("frames", "notebooks", "observability")),
    *(ROOT / "docs" / f"{name}.md" for name in ("start/notebook", "how-to/nightly-segment", "how-to/resume")),
]
EXAMPLES = [
    pytest.param(block, id=f"{page.parent.name}-{page.stem}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= len(PAGES)


@pytest.mark.parametrize("block", EXAMPLES)
def test_an_example_runs(block: str, tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("email,segment\njan@barasek.com,VIP;news\nnobody,VIP\n", encoding="utf-8")
    with bk.Sandbox() as sandbox:
        environment = {
            **os.environ,
            "BIZKITHUB_BASE_URL": sandbox.url,
            "BIZKITHUB_API_KEY": sandbox.api_key,
            # A bar is no complaint.
            "TQDM_DISABLE": "1",
        }
        ran = subprocess.run(
            [sys.executable, "-c", block], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
    assert (ran.returncode, ran.stderr) == (0, "")
