"""The files of the demo's own, for browsers; and the length of its queue."""

import os
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ..shared.files import FOLDER
from ..shared.static import ROUTE, address, served
from ..shared.work import waiting

QUEUE = "queue"  # where the page asks how many requests wait for their turn


class _Files(StaticFiles):
    """Those that `served()` lists, and those made at the start, under the addresses that `address` gives them."""

    def __init__(self) -> None:
        super().__init__()
        self.paths = {address(path): path for path in served()}

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        file = self.paths.get(f"{ROUTE}/{path}") or _made(path)
        return (str(file), file.stat()) if file else ("", None)

    def file_response(self, full_path, stat_result, scope: Scope, status_code: int = 200):
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["cache-control"] = "no-cache"  # asked for again, and not sent again: a new release is seen
        return response


def _made(path: str) -> Path | None:
    folder, _, name = path.partition("/")
    file = FOLDER / name
    return file if folder == FOLDER.name and file.parent == FOLDER and file.is_file() else None


def files() -> Mount:
    """The route to them."""
    return Mount(f"/{ROUTE}", _Files())


def queue() -> Route:
    """The route to how many requests wait for their turn."""

    async def tell(_: Request) -> JSONResponse:
        return JSONResponse({"waiting": waiting()}, headers={"cache-control": "no-store"})

    return Route(f"/{QUEUE}", tell)
