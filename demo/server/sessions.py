"""Sessions of Gradio, made light. For each, it would work out the configuration of every component anew, in 40 ms and
0.4 MB, for links to a page as it stands; this page has its own."""

from types import SimpleNamespace
from typing import Any

from gradio.state_holder import SessionState, StateHolder


class _Session(SessionState):
    """What one visitor's components became, without that configuration."""

    def __init__(self, blocks: Any):
        super().__init__(SimpleNamespace(default_config=blocks.default_config, blocks={}))  # type: ignore[arg-type]

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass


class _Sessions(StateHolder):
    """All of them, the last ones."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = _Session(self.blocks)
        return super().__getitem__(session_id)


def light_sessions(blocks: Any) -> None:
    """Have the server of `blocks`, which runs, keep its sessions so."""
    sessions = _Sessions()
    sessions.set_blocks(blocks)
    blocks.app.state_holder = sessions
