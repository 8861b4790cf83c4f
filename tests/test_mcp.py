"""The demo as an assistant meets it: tools over the Model Context Protocol."""

import asyncio
import base64
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
import torch
from conftest import ROOT, free_port
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from PIL import Image

import gengallery
from demo.shared import models
from gengallery.data import as_images, enlarge, sheet

MODEL = models.encoding_models()[0]
LABELLED = gengallery.list_models(option="label")[0]


def red() -> str:
    """A small picture, as data."""
    file = BytesIO()
    Image.new("RGB", (40, 30), (200, 10, 10)).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


PICTURES = [red(), "http://127.0.0.1:9/red.png", "/etc/passwd"]


async def talk(url: str) -> tuple:
    """The tools there are, the answers to a call, to one with a class, to a foolish one, and to those with pictures."""
    async with streamable_http_client(url) as (reading, writing, _), ClientSession(reading, writing) as session:
        await session.initialize()
        tools = (await session.list_tools()).tools
        asked = ({"model": MODEL}, {"model": LABELLED, "label": "Bag"}, {"model": "nobody"})
        answers = [await session.call_tool("generate", {"count": 3, "seed": 1} | which) for which in asked]
        drawn = [await session.call_tool("reconstruct", {"model": MODEL, "picture": picture}) for picture in PICTURES]
        return tools, *answers, drawn


@pytest.mark.slow
def test_an_assistant_finds_documented_tools_and_gets_a_picture():
    port = free_port()
    options = {"GRADIO_MCP_SERVER": "True", "GRADIO_SERVER_PORT": str(port), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "demo/app.py"]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | options, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert any("MCP server" in line for line in server.stdout)
            talked = talk(f"http://127.0.0.1:{port}/gradio_api/mcp/")
            with ThreadPoolExecutor(1) as thread:  # of its own, since a browser's loop may be running in this one
                tools, plain, bagged, foolish, drawn = thread.submit(asyncio.run, talked).result()
        finally:
            server.terminate()
    assert {tool.name for tool in tools} == {"generate", "reconstruct", "latent_grid"}
    for tool in tools:
        assert tool.description
        assert all(field.get("description") for field in tool.inputSchema["properties"].values())
    reconstruct = next(tool for tool in tools if tool.name == "reconstruct")
    assert "http" not in str(reconstruct.inputSchema) and "data:image/png;base64" in str(reconstruct.inputSchema)
    assert "upload_file_to_gradio" not in reconstruct.description
    assert not drawn[0].isError
    image = np.asarray(Image.open(BytesIO(base64.b64decode(drawn[0].content[0].data))).convert("L"))
    seen = as_images(Image.open(BytesIO(base64.b64decode(PICTURES[0].partition(",")[2]))))
    expected = torch.cat([seen, gengallery.load(MODEL).reconstruct(seen)])
    np.testing.assert_array_equal(image, enlarge(sheet(expected, 2), 4))
    assert all("expected the picture itself" in answer.content[0].text for answer in drawn[1:])
    assert all(answer.isError for answer in drawn[1:])
    bags = gengallery.load(LABELLED).generate(3, 1, label="Bag")
    for answer, images in ((plain, gengallery.load(MODEL).generate(3, 1)), (bagged, bags)):
        picture = Image.open(BytesIO(base64.b64decode(answer.content[0].data)))
        np.testing.assert_array_equal(np.asarray(picture.convert("L")), enlarge(sheet(images, 3), 4))
    assert foolish.isError
    assert foolish.content[0].text.startswith("Model: expected one of")
