"""What stands between the network and Gradio. From the outside in:

- compression.py: smaller answers
- responses.py: every answer has its headers; what is refused or fails is a sentence; refusals.py, words.json
- filter.py: what a request may be, of which
  - endpoints.py: the addresses that there are
  - hosts.py: the names that the demo has, and the pages that may ask it
  - visitors.py: who asks; limits.py: how much of it
  - bodies.py: bodies and uploads, read whole and within bounds; calls.py: what JSON may say
- the visitors who still listen, by ../shared/listeners.py
- front.py: the page itself
- static.py: files for browsers, and how many requests wait

Beside them: assistants.py, how tools take pictures; sessions.py, what Gradio keeps of visitors; housekeeping.py, what
is cleared away; lifetime.py, start and end.
"""

from contextlib import asynccontextmanager
from typing import Any

from starlette.middleware import Middleware

from ..shared.listeners import Listeners
from .assistants import pictures_as_data
from .bodies import LARGEST_FILE
from .compression import Compressed
from .filter import RequestFilter
from .front import About, FrontPage
from .hosts import Hosts
from .housekeeping import while_serving
from .lifetime import bounded, reach_directly, until_told
from .limits import Connections, Uploads
from .responses import Responses
from .sessions import light_sessions
from .static import files, queue
from .visitors import visitor

__all__ = [
    "LARGEST_FILE",
    "About",
    "Hosts",
    "bounded",
    "light_sessions",
    "options",
    "pictures_as_data",
    "reach_directly",
    "until_told",
    "visitor",
]


def options(blocks: Any, about: About, hosts: Hosts) -> dict[str, Any]:
    """What the server of `blocks` is to be made of, for Gradio's `app_kwargs`."""

    @asynccontextmanager
    async def lifespan(app: Any):
        async with while_serving(blocks):
            yield

    requests = Middleware(RequestFilter, blocks=blocks, hosts=hosts, connections=Connections(), uploads=Uploads())
    return {
        "middleware": [
            Middleware(Compressed),
            Middleware(Responses),
            requests,
            Middleware(Listeners),
            Middleware(FrontPage, about=about),
        ],
        "routes": [files(), queue()],
        "lifespan": lifespan,
    }
