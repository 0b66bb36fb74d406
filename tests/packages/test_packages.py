"""What would be published, as it was built into target/packages: what it says of itself, what it needs, and whether it
works where nothing else is installed."""

from __future__ import annotations

import email
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
PACKAGES = ROOT / "target" / "packages"
VERSION = re.findall(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text("utf-8"), re.MULTILINE)[0]
WHEEL = next(PACKAGES.glob("bizkithub-*.whl"), PACKAGES).name
PLATFORMS = {f"linux-{cpu}-{libc}" for cpu in ("x64", "arm64") for libc in ("gnu", "musl")} | {
    *("darwin-x64", "darwin-arm64", "win32-x64-msvc"),
}
# What every Linux with glibc has (PEP 599, manylinux2014).
SYSTEM = re.compile(r"ld-linux-x86-64\.so\.2|lib(c|dl|m|pthread|rt)\.so\.\d|libgcc_s\.so\.1")


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """Run a program without what these tests run in, and not for longer than five minutes."""
    foreign = ("BIZKITHUB_", "NODE_OPTIONS", "NODE_PATH", "NODE_TEST", "PYTHON", "VIRTUAL_ENV")
    keep = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    found = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=keep | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert found.returncode == 0, f"{command}\n{found.stdout[-3000:]}\n{found.stderr[-3000:]}"
    return found.stdout


def pythons() -> Iterable[Path]:
    """Find every Python from 3.10 to 3.14 on this machine, one of each."""
    places = [
        *sorted((Path.home() / ".pyenv" / "versions").glob("3.*/bin/python")),
        *sorted(Path("/usr/bin").glob("python3.*")),
        Path(sys.executable),
    ]
    found: dict[str, Path] = {}
    for place in places:
        version = subprocess.run(
            [place, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        )
        if version.returncode == 0 and version.stdout.strip() in {f"3.{minor}" for minor in range(10, 15)}:
            found.setdefault(version.stdout.strip(), place)
    return found.values()


def nodes() -> Iterable[Path]:
    """The Node that there is, and those that the Makefile brought."""
    own = shutil.which("node")
    assert own is not None
    return [Path(own), *(Path(path) for path in os.environ.get("BIZKITHUB_NODES", "").split(":") if path)]


def readelf(library: Path, option: str) -> str:
    return run("readelf", "--wide", option, library)


def members(archive: Path) -> dict[str, bytes]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist()}
    with tarfile.open(archive) as tar:
        return {
            member.name.partition("/")[2]: tar.extractfile(member).read()  # type: ignore[union-attr]
            for member in tar.getmembers()
            if member.isfile()
        }


def test_nothing_more_and_nothing_less_is_published_for_this_machine() -> None:
    assert {path.name for path in PACKAGES.iterdir()} == {
        WHEEL,
        f"bizkithub-{VERSION}.tar.gz",
        f"airflow_provider_bizkithub-{VERSION}-py3-none-any.whl",
        f"airflow_provider_bizkithub-{VERSION}.tar.gz",
        f"bizkithub-{VERSION}.tgz",
        f"bizkithub-client-linux-x64-gnu-{VERSION}.tgz",
        f"n8n-nodes-bizkithub-{VERSION}.tgz",
        f"bizkithub-{VERSION}-x86_64-unknown-linux-gnu.tar.gz",
        *(f"{crate}-{VERSION}.crate" for crate in ("bizkithub", "bizkithub-sandbox", "bizkithub-cli")),
    }


def test_the_wheel_is_one_for_every_python_that_it_says() -> None:
    found = members(PACKAGES / WHEEL)
    metadata = email.message_from_bytes(found[f"bizkithub-{VERSION}.dist-info/METADATA"])
    assert metadata["Version"] == VERSION
    # The oldest Python of the stable interface that the extension is built for is the one that the package asks for.
    [oldest] = re.findall(r'"abi3-py3(\d+)"', (ROOT / "Cargo.toml").read_text("utf-8"))
    assert metadata["Requires-Python"] == f">=3.{oldest}"
    name, version, *tags, platforms = WHEEL.removesuffix(".whl").split("-")
    assert (name, version, tags) == ("bizkithub", VERSION, [f"cp3{oldest}", "abi3"])
    assert set(platforms.split(".")) == {"manylinux_2_17_x86_64", "manylinux2014_x86_64"}
    assert all("extra ==" in requirement for requirement in metadata.get_all("Requires-Dist"))
    assert metadata.get_all("License-File") == ["LICENSE-APACHE", "LICENSE-MIT"]
    assert {"bizkithub/py.typed", "bizkithub/_native.pyi", "bizkithub/_native.abi3.so"} <= found.keys()
    assert any(name.endswith(".cyclonedx.json") for name in found), "what it is made of"


@pytest.mark.parametrize(
    ("archive", "library"),
    [
        (WHEEL, "bizkithub/_native.abi3.so"),
        (f"bizkithub-client-linux-x64-gnu-{VERSION}.tgz", "bizkithub.node"),
        (f"bizkithub-{VERSION}-x86_64-unknown-linux-gnu.tar.gz", "bizkithub"),
    ],
)
def test_what_is_compiled_runs_on_a_linux_of_2014(archive: str, library: str, tmp_path: Path) -> None:
    path = tmp_path / "library"
    path.write_bytes(members(PACKAGES / archive)[library])
    needed = re.findall(r"NEEDED.*\[(.*)\]", readelf(path, "--dynamic"))
    assert [name for name in needed if not SYSTEM.fullmatch(name)] == []
    versions = re.findall(r"GLIBC_(\d+)\.(\d+)", readelf(path, "--version-info"))
    assert max((int(major), int(minor)) for major, minor in versions) <= (2, 17)


@pytest.mark.parametrize(
    ("archive", "megabytes"),
    [
        (WHEEL, 9.5),
        (f"bizkithub-{VERSION}.tar.gz", 1.5),
        (f"airflow_provider_bizkithub-{VERSION}-py3-none-any.whl", 0.1),
        (f"bizkithub-{VERSION}.tgz", 1.0),
        (f"bizkithub-client-linux-x64-gnu-{VERSION}.tgz", 9.0),
        (f"n8n-nodes-bizkithub-{VERSION}.tgz", 0.8),
        (f"bizkithub-{VERSION}-x86_64-unknown-linux-gnu.tar.gz", 9.0),
    ],
)
def test_nothing_grows_unnoticed(archive: str, megabytes: float) -> None:
    assert (PACKAGES / archive).stat().st_size < megabytes * 1e6


def test_the_source_distribution_is_all_that_a_build_needs() -> None:
    found = members(PACKAGES / f"bizkithub-{VERSION}.tar.gz")
    assert {"Cargo.lock", "PKG-INFO", "pyproject.toml"} <= {name.rpartition("/")[2] for name in found}
    for crate in ("bizkithub", "bizkithub-cli", "bizkithub-python", "bizkithub-sandbox"):
        assert any(f"{crate}/src/lib.rs" in name for name in found), crate


def test_the_npm_package_brings_the_addon_of_its_platform_and_types() -> None:
    found = members(PACKAGES / f"bizkithub-{VERSION}.tgz")
    manifest = json.loads(found["package.json"])
    assert manifest["optionalDependencies"] == {f"@bizkithub/client-{platform}": VERSION for platform in PLATFORMS}
    assert "bizkithub.node" not in found
    assert "dependencies" not in manifest
    for entry in (manifest["exports"]["."], manifest["exports"]["./wasm"]):
        for kind in ("import", "require"):
            assert entry[kind]["types"].removeprefix("./") in found
            assert entry[kind]["default"].removeprefix("./") in found


def test_the_addon_tells_npm_what_it_is_for() -> None:
    manifest = json.loads(members(PACKAGES / f"bizkithub-client-linux-x64-gnu-{VERSION}.tgz")["package.json"])
    assert (manifest["name"], manifest["version"]) == ("@bizkithub/client-linux-x64-gnu", VERSION)
    assert (manifest["os"], manifest["cpu"], manifest["libc"]) == (["linux"], ["x64"], ["glibc"])


def test_the_platforms_are_the_same_wherever_they_are_named() -> None:
    for place in (".ci/build-platform", ".github/workflows/release.yml", "node/bizkithub/src/addon.ts"):
        text = (ROOT / place).read_text("utf-8")
        assert set(re.findall(r"\b(?:linux|darwin|win32)-(?:x64|arm64)(?:-(?:gnu|musl|msvc))?\b", text)) == PLATFORMS


def test_the_crates_bring_their_licences_and_no_paths() -> None:
    for crate in ("bizkithub", "bizkithub-sandbox", "bizkithub-cli"):
        found = members(PACKAGES / f"{crate}-{VERSION}.crate")
        assert {"Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "src/lib.rs"} <= found.keys()
        assert b'path = "../' not in found["Cargo.toml"]


@pytest.mark.parametrize("python", pythons(), ids=lambda path: path.parents[1].name)
def test_the_wheel_passes_its_tests_where_nothing_else_is_installed(python: Path, tmp_path: Path) -> None:
    run(python, "-m", "venv", tmp_path)
    own = tmp_path / "bin" / "python"
    path = f"{own.parent}:{os.environ['PATH']}"
    output = run("sh", ROOT / ".ci" / "test-packages", "python", PATH=path)
    assert output.startswith(f"bizkithub {VERSION}\n")
    assert int(re.findall(r"(\d+) passed", output)[0]) > 200, output


@pytest.mark.parametrize("node", nodes(), ids=lambda path: re.sub(r"[^0-9.]", "", run(path, "--version")))
def test_the_npm_packages_pass_their_tests_where_nothing_else_is_installed(node: Path) -> None:
    output = run("sh", ROOT / ".ci" / "test-packages", "node", PATH=f"{node.parent}:{os.environ['PATH']}")
    assert output.startswith(f"bizkithub {VERSION}\n")
    assert int(re.findall(r"^# pass (\d+)$", output, re.MULTILINE)[-1]) > 700, output[-500:]
