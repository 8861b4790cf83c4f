"""The gallery in a browser. It imports itself relatively, since an installed gengallery has it as gengallery.demo.

- app.py: starts it, `python demo/app.py`
- page.py: puts the page together
- api.py: what programs and assistants may call
- server/: what stands between the network and Gradio: who may ask for what, and how much
- tabs/: the tabs, a folder each; shared/: what they share
- static/: scripts, style and words that they share, for the browser
"""

import os

# Read when Gradio is imported: nothing leaves the machine, and it keeps no 10,000 calls to count them after each.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**9)

from .shared import files  # noqa: F401  names Gradio's folder, also before Gradio is imported
