"""The gallery in a browser. It imports itself relatively, since an installed gengallery has it as gengallery.demo.

- app.py: starts it, `python demo/app.py`
- page.py: puts the page together
- api.py: what programs and assistants may call
- tabs/: the tabs, a folder each; shared/: what they share
- static/: scripts, style and words that they share, for the browser
"""

import os

from gengallery.threads import wait_passively

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported: nothing leaves the machine
wait_passively()  # before torch is imported
