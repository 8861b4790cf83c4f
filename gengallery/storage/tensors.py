"""Safetensors files: the one way in which this project reads and writes them, whatever they hold.

A file is the length of its layout, the layout in JSON, and the bytes of its tensors. Of each tensor the layout says the
type, the shape and where its bytes lie; under the metadata key `gengallery` it holds a header, JSON again:

    format    the version of this layout, 3
    kind      what the file is: weights, history, ...
    ...       what the kind says of itself
    checksum  SHA-256 over names, types, shapes and bytes of the tensors
    seal      SHA-256 over all the rest of the header

so that whatever a file says is as it was written. Format 2 had no seal, and is read where a kind had it.

Reading is strict. A file may have been made to do harm: what it claims is compared with its size before memory is
taken, and whatever is wrong is the error of its kind, a `FileError`. Nothing is pickled. This module imports torch only
where tensors are touched.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gengallery.data.opening import opened
from gengallery.storage.files import write_atomically
from gengallery.text import harmless

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 3
KEY = "gengallery"
MOST_NUMBERS = 50_000_000  # in a file, unless its size is trusted: 200 MB of float32
# A megabyte of JSON may become 30 of Python objects. Our longest layouts have 20 kB.
MOST_BYTES = 1_000_000  # of a layout
DEEPEST = 8  # objects and lists inside each other; ours go half as deep
MOST_TENSORS, MOST_AXES = 10_000, 8
LONGEST_INTEGER = 40  # digits: the state of a random generator has 39
# The types by the names of safetensors: torch's name, and bytes a number. It has no room for booleans, since most bytes
# are none.
TYPES = {
    "F64": ("float64", 8), "F32": ("float32", 4), "F16": ("float16", 2), "BF16": ("bfloat16", 2),
    "I64": ("int64", 8), "I32": ("int32", 4), "I16": ("int16", 2), "I8": ("int8", 1), "U8": ("uint8", 1),
}  # fmt: skip
LFS = b"version https://git-lfs"  # how a pointer begins, which stands where a file was not downloaded


class FileError(ValueError):
    """A file is not what it should be: names the file, what was expected and found, and what to do."""

    def __init__(self, path: str | os.PathLike[str], expected: str, found: str, remedy: str):
        super().__init__(harmless(f"{path}: expected {expected}; found {found}. {remedy}"))
        self.path = Path(path)


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name in the header, what errors call it, their type, and what they tell to do."""

    name: str
    title: str
    error: type[FileError]
    remedy: str
    unsealed: str = ""  # what to do about a file without a header, where it differs
    halved: bool = False  # float32 numbers that half precision has may be stored so; they are read as float32


@dataclass(frozen=True)
class File:
    """What a file holds: its header and its tensors by name."""

    path: Path
    header: dict[str, Any]
    tensors: dict[str, "Tensor"]


class _Wrong(Exception):
    """What was expected of a file, what was found, and what to do, where the kind of file does not say it."""

    def __init__(self, expected: str, found: str, remedy: str = ""):
        self.expected, self.found, self.remedy = expected, found, remedy


@dataclass(frozen=True)
class _Entry:
    """A tensor in the layout of a file."""

    name: str
    type: str  # by the name of safetensors
    shape: tuple[int, ...]
    begin: int  # of its bytes, after the layout
    end: int


@dataclass(frozen=True)
class _Layout:
    header: dict[str, Any]  # empty where the file has none
    entries: list[_Entry] = field(default_factory=list)


def read_header(path: str | os.PathLike[str], kind: Kind) -> dict[str, Any]:
    """The header of the file at `path`, with its seal checked; reads no tensor. Raises the error of the `kind`."""
    with _errors(path, kind), opened(path) as (file, size):
        return _layout(file, size, kind, None).header


def read(
    path: str | os.PathLike[str], kind: Kind, most: int | None = MOST_NUMBERS, *, older: bool = False
) -> File:  # fmt: skip
    """Header and tensors of the file at `path`, the tensors whole, finite and as they were written.

    Raises the error of the `kind`, also for a file of more than `most` numbers; None takes any. With `older`, a file of
    the time before its kind had headers is read too: its header is empty.
    """
    with _errors(path, kind):
        with opened(path) as (file, size):
            layout = _layout(file, size, kind, most, older)
            # Read once, never mapped: what was checked stays true if the file is replaced.
            tensors = {entry.name: _tensor(file, entry, kind) for entry in layout.entries}
        header = layout.header
        if header and (found := checksum(tensors)) != header.get("checksum"):
            raise _Wrong(f"tensors with the checksum {str(header.get('checksum'))[:12]}...", f"{found[:12]}...")
    return File(Path(path), header, tensors)


def write(
    path: str | os.PathLike[str], kind: Kind, tensors: dict[str, "Tensor"], header: dict[str, Any]
) -> None:  # fmt: skip
    """Write `tensors` under `header`, without format, kind, checksum and seal, to `path`, whole or not at all.

    Raises ValueError for numbers that are not finite: what `read` would refuse is never written.
    """
    import safetensors.torch

    for name, tensor in tensors.items():
        if not _finite(tensor):
            raise ValueError(f"{path}: the tensor {name!r} holds NaN or infinity; not written")
    # safetensors stores rows in order; weights trained as channels_last have to be laid out anew.
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    whole = {**header, "format": FORMAT, "kind": kind.name, "checksum": checksum(tensors)}
    whole["seal"] = seal(whole)
    stored = {name: _shortest(tensor) if kind.halved else tensor for name, tensor in tensors.items()}
    metadata = {KEY: json.dumps(whole, allow_nan=False)}
    content = safetensors.torch.save(stored, metadata)
    if int.from_bytes(content[:8], "little") > MOST_BYTES:
        raise ValueError(f"{path}: expected a header of at most {MOST_BYTES:,} bytes; not written")
    write_atomically(path, content)


def checksum(tensors: dict[str, "Tensor"]) -> str:
    """SHA-256 over the names, types, shapes and bytes of `tensors`, in the order of their names."""
    import torch

    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {form(tensors[name])}".encode())
        # As bytes, since numpy lacks some of torch's types; flat, since a scalar has no axis to cut in bytes.
        digest.update(tensors[name].contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def seal(header: dict[str, Any]) -> str:
    """SHA-256 over everything in `header` but its seal."""
    rest = {key: value for key, value in header.items() if key != "seal"}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def form(tensor: "Tensor | None") -> str:
    """Shape and type of `tensor` in words; "" for None."""
    return "" if tensor is None else f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"


# -- reading


@contextmanager
def _errors(path: str | os.PathLike[str], kind: Kind) -> Iterator[None]:
    """Make whatever goes wrong inside the error of the `kind`, for the file at `path`."""
    try:
        yield
    except _Wrong as wrong:
        raise kind.error(path, wrong.expected, wrong.found, wrong.remedy or kind.remedy) from None
    except OSError as error:
        raise kind.error(path, kind.title, error.strerror or str(error), kind.remedy) from error
    except MemoryError as error:
        raise kind.error(path, kind.title, "one that does not fit into the memory", kind.remedy) from error
    # ValueError: a path that no file can have, text that is no UTF-8; RuntimeError: of torch, or nested without end
    except (ValueError, TypeError, KeyError, OverflowError, RuntimeError) as error:
        raise kind.error(path, kind.title, f"something else ({error!r})"[:200], kind.remedy) from error


def _layout(file: IO[bytes], size: int, kind: Kind, most: int | None, older: bool = False) -> _Layout:
    """The layout of `file`, which has `size` bytes, checked."""
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if len(start) == 8 and LFS.startswith(start):
        raise _Wrong(
            "a safetensors file", "a pointer of Git LFS, in place of the file", "Download it with git lfs pull."
        )
    if len(start) < 8 or length > size - 8:
        found = f"{size} bytes, which end inside the header" if size else "an empty file"
        raise _Wrong("a whole safetensors file", found)
    if length > MOST_BYTES:
        raise _Wrong(f"a header of at most {MOST_BYTES:,} bytes", f"one of {length:,}")
    found = _parsed(file.read(length), "a safetensors header")
    if not isinstance(found, dict):
        raise _Wrong("a safetensors header", type(found).__name__)
    metadata = found.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise _Wrong("a safetensors header", "metadata that is no text")
    entries = [_entry(name, entry) for name, entry in found.items()]
    _check_layout(entries, size - 8 - length, most)
    if KEY not in metadata and older:
        return _Layout({}, entries)
    return _Layout(_header(metadata, kind), entries)


def _header(metadata: dict[str, str], kind: Kind) -> dict[str, Any]:
    """The header among the `metadata` of a file, with its seal checked."""
    ours = _parsed(metadata[KEY], f"the metadata key {KEY!r} as JSON") if KEY in metadata else None
    if not isinstance(ours, dict) or "format" not in ours:
        remedy = kind.unsealed or "Give a file made by gengallery."
        raise _Wrong(f"the metadata key {KEY!r}", "a file that gengallery did not write", remedy)
    version = ours["format"]
    known = range(FORMAT if kind.unsealed else 1, FORMAT + 1)
    if type(version) is not int or version not in known:
        formats = " or ".join(map(str, known))
        remedy = "Update gengallery to read it, or make it again with `gengallery train`."
        raise _Wrong(f"format {formats}", f"format {version!r}"[:80], remedy)
    # Also where an older format has one, which it would have by a flipped bit of its number.
    if (version >= FORMAT or "seal" in ours) and ours.get("seal") != seal(ours):
        raise _Wrong("a header as it was written, with its seal", "one that was changed")
    if version >= FORMAT and ours.get("kind") != kind.name:
        raise _Wrong(kind.title, f"a file of the kind {ours.get('kind')!r}"[:80])
    return ours


def _parsed(text: str | bytes, expected: str) -> Any:
    """The JSON `text`, in UTF-8, strictly: each key once, finite numbers of a sane length, not nested deeply."""
    try:
        found = json.loads(
            text.decode() if isinstance(text, bytes) else text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_float,
        )
    except (ValueError, RecursionError) as error:
        raise _Wrong(expected, f"something else ({error})"[:200]) from error
    level, depth = [found], 0
    while level := [value for value in level if type(value) in (dict, list)]:
        depth += 1
        if depth > DEEPEST:
            raise _Wrong(expected, f"one that is nested more than {DEEPEST} deep")
        level = [inner for value in level for inner in (value.values() if type(value) is dict else value)]
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key that stands twice")
    return found


def _integer(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise ValueError(f"an integer of {len(text)} digits")
    return int(text)


def _float(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise ValueError("a number that is not finite")
    return found


def _entry(name: str, found: Any) -> _Entry:
    """A tensor of the layout, from its JSON."""
    if not isinstance(found, dict) or found.keys() != {"dtype", "shape", "data_offsets"}:
        raise _Wrong("type, shape and offsets of each tensor", f"something else for {name[:80]!r}")
    kind, shape, offsets = found["dtype"], found["shape"], found["data_offsets"]
    if not isinstance(kind, str) or kind not in TYPES:
        raise _Wrong(f"tensors of the types {', '.join(TYPES)}", f"{name[:80]!r} of {str(kind)[:80]!r}")
    if not _are_whole(shape) or len(shape) > MOST_AXES or not _are_whole(offsets) or len(offsets) != 2:
        raise _Wrong("shape and offsets of each tensor in whole numbers", f"other ones for {name[:80]!r}")
    begin, end = offsets
    if end - begin != math.prod(shape) * TYPES[kind][1]:
        raise _Wrong(f"{math.prod(shape) * TYPES[kind][1]} bytes of {name[:80]!r}", f"{end - begin}")
    return _Entry(name, kind, tuple(shape), begin, end)


def _are_whole(numbers: Any) -> bool:
    return isinstance(numbers, list) and all(type(number) is int and 0 <= number < 1 << 40 for number in numbers)


def _check_layout(entries: list[_Entry], size: int, most: int | None) -> None:
    """Make sure that the tensors lie one after another, and that they are all of the `size` bytes after the layout."""
    if len(entries) > MOST_TENSORS:
        raise _Wrong(f"at most {MOST_TENSORS:,} tensors", f"{len(entries):,}")
    entries.sort(key=lambda entry: (entry.begin, entry.end))
    end = 0
    for entry in entries:
        if entry.begin != end:
            raise _Wrong("tensors that lie one after another", f"{entry.name[:80]!r} at {entry.begin}, not at {end}")
        end = entry.end
    if end != size:
        raise _Wrong("a whole safetensors file", f"one that is cut short or damaged: {size:,} bytes for {end:,}")
    numbers = sum(math.prod(entry.shape) for entry in entries)
    if most is not None and numbers > most:
        raise _Wrong(f"at most {most:,} numbers", f"{numbers:,}", "Give trust_size=True if you trust the file.")


def _tensor(file: IO[bytes], entry: _Entry, kind: Kind) -> "Tensor":
    """The tensor of the `entry`, which is the next in `file`; float32 if it was stored in half to save room."""
    import torch

    # With a type and a device of its own, whatever the program has set, and outside inference mode, in which tensors
    # are made that no search can use.
    with torch.inference_mode(False):
        tensor = torch.empty(entry.shape, dtype=getattr(torch, TYPES[entry.type][0]), device="cpu")
        if tensor.numel():
            room = tensor.reshape(-1).view(torch.uint8).numpy().data
            if file.readinto(room) != len(room):  # type: ignore[attr-defined]  # which buffered files have
                raise _Wrong("a whole safetensors file", "one that became shorter while it was read")
        if not _finite(tensor):
            raise _Wrong(f"finite numbers in {entry.name[:80]!r}", "NaN or infinity")
        return tensor.float() if kind.halved and tensor.dtype == torch.float16 else tensor


def _finite(tensor: "Tensor") -> bool:
    if not tensor.is_floating_point() or not tensor.numel():
        return True
    # NaN is passed on by both. Needs no memory, as isfinite() would.
    return all(bool(extreme.isfinite()) for extreme in tensor.detach().aminmax())


def _shortest(tensor: "Tensor") -> "Tensor":
    """`tensor` in half precision where that loses nothing."""
    halved = tensor.half() if tensor.dtype.itemsize == 4 and tensor.is_floating_point() else tensor
    return halved if halved.equal(tensor) else tensor
