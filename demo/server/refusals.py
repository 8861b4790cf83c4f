"""What the server says of requests that it doesn't answer."""

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from ..shared.words import Text


class Refused(Exception):
    """A request that is not answered: the status of the answer, and the sentence that says why."""

    def __init__(self, status: int, text: Text, headers: dict[str, str] | None = None):
        super().__init__(str(text))
        self.status, self.text, self.headers = status, text, headers

    def response(self, scope: Scope) -> Response:
        """The sentence as JSON, under both of the names by which Gradio's clients look for one."""
        sentence = self.text.translated(language(scope))
        return JSONResponse({"error": sentence, "detail": sentence}, self.status, headers=self.headers)


def language(scope: Scope) -> str:
    """The language that the request asks for first."""
    return Headers(scope=scope).get("accept-language", "en")[:2].lower()


def brief(found: object) -> str:
    """What was found, for a sentence: a line that is not long, and that every terminal can show."""
    text = ascii(found)
    return text if len(text) <= 60 else text[:57] + "..."
