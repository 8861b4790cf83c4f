"""The server's start and its end."""

import os
import signal
import threading
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any

from ..shared import files

MOST_CONNECTIONS = 2000
PATIENCE = 10  # seconds for what is still being computed, once the server is to stop


def reach_directly(hosts: Iterable[str | None] = ()) -> None:
    """Keep proxies out of calls to this machine, by its usual names and `hosts`: Gradio asks itself whether it runs."""
    own = ["localhost", "127.0.0.1", "::1", *(host for host in hosts if host and host not in ("0.0.0.0", "::"))]
    for variable in ("NO_PROXY", "no_proxy"):
        before = [host for host in os.environ.get(variable, "").split(",") if host.strip()]
        os.environ[variable] = ",".join(dict.fromkeys([*before, *own]))


def bounded(config: Any) -> None:
    """Have uvicorn, by its `config`, refuse connections before the process can open no more files."""
    most = MOST_CONNECTIONS
    if find_spec("resource") is not None:
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard == resource.RLIM_INFINITY or hard > soft:
            soft = max(soft, 2 * most if hard == resource.RLIM_INFINITY else min(hard, 2 * most))
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        most = min(most, soft // 2)
    config.limit_concurrency = most  # read anew by each connection


def until_told(close: Callable[[], object]) -> None:
    """Wait for Ctrl-C or SIGTERM, then `close`, and end the process soon, whatever is still being computed; no
    temporary file stays."""
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    told.wait()
    close()
    last = threading.Timer(PATIENCE, _end)
    last.daemon = True
    last.start()


def _end() -> None:
    files.remove()
    os._exit(0)
