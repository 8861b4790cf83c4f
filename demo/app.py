"""The gallery in a browser: `python demo/app.py`. The tabs are in tabs/, what they show in views/.

GRADIO_SERVER_NAME and GRADIO_SERVER_PORT say where it listens, http://127.0.0.1:7860 if they do not;
GRADIO_MCP_SERVER=True offers the calls of api.py as tools to assistants.
"""

import importlib.util
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)] if importlib.util.find_spec("views") is None else []
if importlib.util.find_spec("gengallery") is None:  # on a Space it is not installed but lies beside this folder
    sys.path.insert(0, str(HERE.parent))
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported: nothing leaves the machine

import api  # noqa: E402
import gradio as gr  # noqa: E402
import torch  # noqa: E402
from tabs import compare, explore, generate, learning, memory, morph, reconstruction, steer  # noqa: E402
from tabs.parts import I18N, LIVE, STATIC, VIEWS, T, View, restore, script  # noqa: E402
from views.common import models  # noqa: E402

gr.set_static_paths([STATIC])
torch.set_num_threads(2)  # no more for one visitor, so that others are served beside them

SESSIONS = 100  # that Gradio remembers, at 0.4 MB each; the page keeps nothing on the server, so none is missed

TABS = {
    "Explore": explore,
    "Morph": morph,
    "Generate": generate,
    "Steer": steer,
    "Reconstruction": reconstruction,
    "Memory": memory,
    "Learning": learning,
    "Compare": compare,
}

with gr.Blocks(title="gengallery", analytics_enabled=False, delete_cache=(60, 600)) as demo:
    gr.HTML(
        '<header class="title"><h1>gengallery</h1>'
        f"<p>{len(models())} models that learned what clothes look like from Fashion-MNIST.</p></header>",
        elem_classes="say",
        js_on_load=f"{script('page')}.then(page => page.attend());",
    )
    with gr.Tabs(overflow_behavior="wrap") as tabs:
        for name, module in TABS.items():
            with gr.Tab(T(name), id=name.lower()) as tab:
                module.build(tab)
            VIEWS.setdefault(str(tab.id), View(tab, {}))  # those that live in the page look after themselves
    api.offer()
    boxes = [box for view in VIEWS.values() for box in view.inputs.values()]
    demo.load(restore, None, [tabs, *boxes], api_visibility="private", **LIVE).then(
        None, None, None, js=f"async () => (await {script('page')}).restored()", api_visibility="private"
    )

# Gradio's default weights are 400 and 600, but the file of weight 600 that it brings lacks most letters.
SANS = gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700))
THEME = gr.themes.Base(
    primary_hue="stone",
    secondary_hue="stone",
    neutral_hue="stone",
    radius_size="sm",
    font=[SANS, "ui-sans-serif", "system-ui", "sans-serif"],
)


def launch(**options) -> str:
    """Start the server with the gallery's look, and `options` of Gradio's `launch`; returns its local address."""
    _, url, _ = demo.launch(
        theme=THEME,
        css_paths=[STATIC / "style.css"],
        i18n=I18N,
        ssr_mode=False,
        run_history=False,
        footer_links=[],
        show_error=True,
        max_file_size="10mb",
        state_session_capacity=SESSIONS,
        **options,
    )
    return url


if __name__ == "__main__":
    launch()
