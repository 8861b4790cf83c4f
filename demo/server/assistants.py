"""How assistants hand over a picture: as data, in the call itself.

Gradio's tools ask for an address and fetch it, which would let anybody have this server open connections.
"""

from importlib.util import find_spec
from typing import Any

from ..shared.words import Refusal, Words
from .refusals import brief

say = Words(__file__)


def pictures_as_data() -> None:
    """Have the tools of Gradio's MCP server take files as `data:` only, and say so."""
    if find_spec("mcp") is None:
        return
    from gradio.mcp import GradioMCPServer

    server: Any = GradioMCPServer  # which has no other way to say so
    to_files, simplified = server.convert_strings_to_filedata, server.simplify_filedata_schema

    def convert(self: Any, value: Any, positions: list) -> Any:
        for name in {position[0] for position in positions if position}:
            given = value.get(name) if isinstance(value, dict) else None
            if not isinstance(given, str) or not given.startswith("data:"):
                raise Refusal(say("expected_data_url", field=name, found=brief(given)))
        return to_files(self, value, positions)

    def simplify(self: Any, schema: dict) -> tuple[dict, list]:
        simple, positions = simplified(self, schema)
        return _described(simple), positions

    server.convert_strings_to_filedata = convert
    server.simplify_filedata_schema = simplify
    server._file_data_tool_description = ""  # of a tool for uploads that there is not


def _described(node: Any) -> Any:
    if isinstance(node, dict):
        named = str(node.get("format", "")).startswith("Gradio File Input")
        return {key: "data:image/png;base64,..." if named and key == "format" else _described(value)
                for key, value in node.items()}  # fmt: skip
    return [_described(part) for part in node] if isinstance(node, list) else node
