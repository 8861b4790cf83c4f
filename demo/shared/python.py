"""Lines of Python that make the pictures of a panel."""

import json
from collections.abc import Sequence


def script(*lines: str) -> str:
    """A script of these lines, with the imports that they need, and a last one that saves the images in `rows`."""
    body = "\n".join([*lines, 'Image.fromarray(sheet(torch.cat(rows), columns=len(rows[0]))).save("picture.png")'])
    images = [name for name in ("as_images", "sheet") if f"{name}(" in body]
    imports = [
        *(f"import {name}" for name in ("base64",) if f"{name}." in body),
        *(["import numpy as np"] if "np." in body else []),
        "import torch",
        "from PIL import Image",
        "",
        "import gengallery",
        *(["from gengallery import data"] if "data." in body else []),
        f"from gengallery.data import {', '.join(images)}",
        *(["from gengallery.evaluation import metrics"] if "metrics." in body else []),
        *(["from gengallery.model.latents import latent_path"] if "latent_path(" in body else []),
        *(["from gengallery.priors.noise import Noise"] if "Noise(" in body else []),
    ]
    return "\n".join([*imports, "", body])


def quoted(text: str) -> str:
    """`text` as a string in Python, whatever it holds."""
    return json.dumps(text, ensure_ascii=False)


def listed(names: Sequence[str]) -> str:
    """Names as Python writes a list of them."""
    return "[" + ", ".join(map(quoted, names)) + "]"
