"""`gengallery space`: what is uploaded, to a stand-in for the Hub on this machine."""

import base64
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import ROOT, offline

from gengallery import gallery

huggingface_hub = pytest.importorskip("huggingface_hub")
LARGE = (".safetensors",)  # what the Hub refuses in git itself


class Hub(ThreadingHTTPServer):
    """As much of the Hub as an upload asks for: it makes a repository, and takes a commit with large files apart."""

    def __init__(self, refuses: int = 0):
        super().__init__(("127.0.0.1", 0), Handler)
        self.refuses = refuses  # everything, with this status
        self.made: dict = {}
        self.stored: dict[str, bytes] = {}  # large files by their checksum
        self.files: dict[str, bytes] = {"gengallery/old.py": b"of an earlier upload", "mine.txt": b"the owner's"}
        self.unknown: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def commit(self, lines: list[dict]) -> None:
        for line in lines:
            value = line["value"]
            match line["key"]:
                case "file":
                    assert not value["path"].endswith(LARGE), "a large file in git itself"
                    self.files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    self.files[value["path"]] = self.stored[value["oid"]]
                case "deletedFile":
                    del self.files[value["path"]]


class Handler(BaseHTTPRequestHandler):
    """A request to the Hub."""

    server: Hub

    def do_GET(self) -> None:
        if self.path.startswith("/api/spaces/me/garments"):
            siblings = [{"rfilename": name} for name in self.server.files]
            tree = [{"type": "file", "path": name, "size": 1, "oid": "0"} for name in self.server.files]
            about = {"id": "me/garments", "sha": "1", "siblings": siblings}
            return self.answer(tree if "/tree/" in self.path else about)
        return self.missing()

    def do_PUT(self) -> None:
        self.server.stored[self.path.rpartition("/")[2]] = self.body()
        self.answer({})

    def do_POST(self) -> None:
        body, address = self.body(), self.server.address
        match self.path.partition("?")[0]:
            case "/api/repos/create":
                self.server.made = json.loads(body)
                return self.answer({"url": f"{address}/spaces/me/garments", "name": "me/garments", "id": "1"})
            case "/api/validate-yaml":
                return self.answer({"errors": [], "warnings": []})
            case "/api/spaces/me/garments/preupload/main":
                names = [file["path"] for file in json.loads(body)["files"]]
                modes = [("lfs" if name.endswith(LARGE) else "regular") for name in names]
                files = [
                    {"path": name, "uploadMode": mode, "shouldIgnore": False}
                    for name, mode in zip(names, modes, strict=True)
                ]
                return self.answer({"files": files})
            case "/spaces/me/garments.git/info/lfs/objects/batch":
                objects = json.loads(body)["objects"]
                for found in objects:
                    found["actions"] = {"upload": {"href": f"{address}/store/{found['oid']}"}}
                return self.answer({"transfer": "basic", "objects": objects})
            case "/api/spaces/me/garments/commit/main":
                self.server.commit([json.loads(line) for line in body.splitlines()])
                return self.answer({"success": True, "commitOid": "2", "commitUrl": f"{address}/spaces/me/garments"})
        return self.missing()

    def missing(self) -> None:
        self.server.unknown.append(f"{self.command} {self.path}")
        self.answer({"error": "not found"}, 404)

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, value: object, status: int = 200) -> None:
        status = self.server.refuses or status
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(request):
    server = Hub(**getattr(request, "param", {}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def folder(tmp_path) -> Path:
    """A gallery of two models, one with a history, and their classifier."""
    folder = tmp_path / "few"
    (folder / "history").mkdir(parents=True)
    for name in ("ae_2", "vae_2", "classifier", "history/vae_2"):
        (folder / f"{name}.safetensors").write_bytes((gallery.SHIPPED / f"{name}.safetensors").read_bytes())
    (folder / "._ae_2.safetensors").write_bytes(b"of another system")
    return folder


def upload(hub: Hub, folder: Path, tmp_path: Path, *more: str) -> subprocess.CompletedProcess:
    environment = offline(
        HF_ENDPOINT=hub.address, HF_TOKEN="hf_of_nobody", HF_HOME=str(tmp_path / "hf"), HF_HUB_DISABLE_XET="1",
        HF_HUB_DISABLE_PROGRESS_BARS="1", no_proxy="127.0.0.1", NO_PROXY="127.0.0.1",
    )  # fmt: skip
    command = (sys.executable, "-m", "gengallery", "space", "me/garments", "--gallery", str(folder), *more)
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_package_demo_and_weights_are_uploaded(hub, folder, tmp_path):
    done = upload(hub, folder, tmp_path, "--private")
    assert done.returncode == 0, (done.stderr, hub.unknown)
    assert done.stdout == f"{hub.address}/spaces/me/garments\n"
    assert (hub.made["type"], hub.made["sdk"]) == ("space", "gradio")
    assert (
        hub.made.get("private") is True or hub.made.get("visibility") == "private"
    )  # as huggingface_hub is old or new
    names = {*hub.files}
    weights = {name for name in names if "weights" in name}
    assert weights == {
        f"gengallery/weights/{name}.safetensors" for name in ("ae_2", "vae_2", "classifier", "history/vae_2")
    }
    for name in weights:
        assert hub.files[name] == (folder / name.removeprefix("gengallery/weights/")).read_bytes()
    assert {"README.md", "app.py", "requirements.txt", "gengallery/cli/__init__.py", "gengallery/demo/app.py"} <= names
    assert not [name for name in names if "__pycache__" in name or "/." in name]
    assert (
        "mine.txt" in names and "gengallery/old.py" not in names
    )  # the package is replaced, what is the owner's stays


@pytest.mark.slow
def test_what_is_uploaded_starts_and_says_what_it_needs(hub, folder, tmp_path):
    assert upload(hub, folder, tmp_path).returncode == 0
    head = dict(line.split(": ", 1) for line in hub.files["README.md"].decode().split("---\n")[1].splitlines())
    assert (head["sdk"], head["app_file"], head["title"]) == ("gradio", "app.py", "garments")
    assert len(head["short_description"]) <= 60  # more is refused
    pins = dict(line.split("==") for line in hub.files["requirements.txt"].decode().splitlines())
    assert {*pins} == {"filelock", "numpy", "pillow", "safetensors", "torch", "torchvision", "tqdm"}
    assert not any("+" in version for version in pins.values())  # of torch's build for the processor, which PyPI lacks
    space = tmp_path / "space"
    for name, content in hub.files.items():
        (space / name).parent.mkdir(parents=True, exist_ok=True)
        (space / name).write_bytes(content)
    code = "import gengallery; print(gengallery.__file__, *gengallery.list_models())"
    done = subprocess.run(
        (sys.executable, "-c", code), cwd=space, env=offline(PYTHONPATH=""), capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == [str(space / "gengallery" / "__init__.py"), "ae_2", "vae_2"], done.stderr
    compile(hub.files["app.py"], "app.py", "exec")


@pytest.mark.slow
@pytest.mark.parametrize("hub", [{"refuses": 401}, {"refuses": 403}], indirect=True)
def test_what_the_hub_refuses_is_one_sentence(hub, folder, tmp_path):
    done = upload(hub, folder, tmp_path)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.count("\n") == 1 and "hf auth login" in done.stderr
    assert done.stderr.startswith("python -m gengallery: expected to upload to the Space 'me/garments', found: ")


def test_without_the_package_it_says_what_to_install(monkeypatch, capsys):
    from gengallery import cli

    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert cli.main(["space", "me/garments"]) == 2
    says = "the upload needs huggingface_hub, which is not installed: pip install 'gengallery[hub]'"
    assert capsys.readouterr().err == f"gengallery: {says}\n"
