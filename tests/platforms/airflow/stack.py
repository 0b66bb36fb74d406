"""The real Airflow: its four processes with one worker, a PostgreSQL server, and what a person does in the browser."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

DAGS = Path(__file__).parent / "dags"
PATIENCE = 120.0
"""How long anything may take, in seconds, before a test has failed."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def eventually(what: str, look: Callable[[], Any]) -> Any:
    """Wait for something to become true."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen in {PATIENCE} s")


class Postgres:
    """A PostgreSQL server of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        binaries = max(Path("/usr/lib/postgresql").glob("*/bin"))
        # The server refuses to be run by root.
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        folder.mkdir()
        if as_user:
            shutil.chown(folder, "postgres", "postgres")
        data = folder / "data"
        subprocess.run(
            [*as_user, binaries / "initdb", "-D", data, "-A", "trust", "-U", "postgres"],
            check=True,
            capture_output=True,
            cwd="/",
        )
        self._process = subprocess.Popen(
            [*as_user, binaries / "postgres", "-D", data, "-p", str(self.port), "-k", folder, "-h", "127.0.0.1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        ready = [binaries / "pg_isready", "-h", "127.0.0.1", "-p", str(self.port)]
        eventually("PostgreSQL", lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(PATIENCE)


class Stack:
    """Airflow 3 with an api-server, a scheduler, a dag-processor and a triggerer."""

    def __init__(self, folder: Path, connections: dict[str, dict[str, Any]]) -> None:
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self._folder = folder
        binaries = Path(sys.executable).parent
        self._environment = {
            **os.environ,
            **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(values) for name, values in connections.items()},
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "TEST_FOLDER": str(folder),
            "NO_PROXY": "localhost,127.0.0.1",
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "1",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API_AUTH__JWT_SECRET": "a secret that is long enough for its algorithm, for tests only",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "5",
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        self._airflow = binaries / "airflow"
        subprocess.run([self._airflow, "db", "migrate"], env=self._environment, check=True, capture_output=True)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for name in ("api-server", "scheduler", "dag-processor", "triggerer"):
                self.start(name)
            eventually("the api-server", self._is_healthy)
            self._token: str = self._send("GET", "/auth/token")["access_token"]
            eventually("the DAGs", lambda: len(self.ask("GET", "/dags")["dags"]) >= 3)
        except BaseException:
            # They have sessions of their own, and would go on.
            self.stop()
            raise

    def start(self, name: str) -> None:
        """Start one of the processes, in a session of its own: some leave children behind."""
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [self._airflow, name], env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """End one of the processes, with all that it has started."""
        process = self._processes.pop(name)
        os.killpg(process.pid, number)
        process.wait(PATIENCE)

    def stop(self) -> None:
        for name in list(self._processes):
            self.kill(name)

    def ask(self, method: str, path: str, body: Any = None, tries: int = 5) -> Any:
        """Ask Airflow's public interface, again when its own database, here a file of SQLite, was locked too long."""
        try:
            return self._send(method, f"/api/v2{path}", body, {"Authorization": f"Bearer {self._token}"})
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.INTERNAL_SERVER_ERROR or tries == 1:
                raise
        return self.ask(method, path, body, tries - 1)

    def trigger(self, dag: str, **conf: Any) -> Run:
        run = self.ask("POST", f"/dags/{dag}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"]
        return Run(self, dag, run)

    def _is_healthy(self) -> bool:
        try:
            health = self._send("GET", "/api/v2/monitor/health")
        except OSError:
            return False
        return all(health[name]["status"] == "healthy" for name in ("scheduler", "dag_processor", "triggerer"))

    def _send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data, {"Content-Type": "application/json", **(headers or {})}, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")


class Run:
    """A run of a DAG."""

    def __init__(self, stack: Stack, dag: str, run: str) -> None:
        self._stack = stack
        self.dag = dag
        self.id = run
        self.path = f"/dags/{dag}/dagRuns/{urllib.parse.quote(run, safe='')}"

    def task(self, name: str = "add_groups") -> dict[str, Any]:
        task: dict[str, Any] = self._stack.ask("GET", f"{self.path}/taskInstances/{name}")
        return task

    def wait(self, *states: str, name: str = "add_groups") -> dict[str, Any]:
        """Wait until a task is in one of some states."""

        def look() -> dict[str, Any] | None:
            task = self.task(name)
            return task if task["state"] in states else None

        task: dict[str, Any] = eventually(f"{states} of {self.dag}", look)
        return task

    def mark_failed(self) -> None:
        self._stack.ask("PATCH", f"{self.path}/taskInstances/add_groups", {"new_state": "failed"})

    def clear(self) -> None:
        """Let the task begin again, as a person does with a button."""
        body = {"dry_run": False, "task_ids": ["add_groups"], "dag_run_id": self.id, "only_failed": False}
        self._stack.ask("POST", f"/dags/{self.dag}/clearTaskInstances", body)

    def xcom(self, key: str) -> Any:
        path = f"{self.path}/taskInstances/add_groups/xcomEntries/{key}?deserialize=true"
        return self._stack.ask("GET", path)["value"]

    def links(self) -> dict[str, str]:
        """Wait until the links of the task lead somewhere: Airflow writes them down after its state."""

        def look() -> dict[str, str] | None:
            path = f"{self.path}/taskInstances/add_groups/links"
            links: dict[str, str | None] = self._stack.ask("GET", path)["extra_links"]
            found = {name: link for name, link in links.items() if link is not None}
            return found if len(found) == len(links) else None

        links: dict[str, str] = eventually(f"links of {self.dag}", look)
        return links
