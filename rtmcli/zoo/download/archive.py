"""One model out of a zip: a single member, written where the caller says, with a limit on its size."""

import zipfile
import zlib
from pathlib import Path, PurePosixPath

from rtmcli.errors import DataError
from rtmcli.files import replacing

LARGEST = 1 << 30  # bytes unpacked; the largest published network has 0.4 GB
_BLOCK = 1 << 20


def extract_model(archive: Path, target: Path, *, member: str = "end2end.onnx") -> None:
    """Unpack one ONNX file.

    Args:
        archive: the zip.
        target: the file to write; it appears when it is complete.
        member: the end of the member's path, as `end2end.onnx` or `rtmdet-nano/end2end.onnx`. The folders above
            it contain dates and are ignored. If no member matches, the only `.onnx` file is taken.

    Raises:
        DataError: the file is no zip or is damaged; a member's path is absolute or contains `..`; there is no such
            member, or several; or the member is larger than any model.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            info = _choose(opened.infolist(), archive, member)
            _unpack(opened, info, archive, target)
    # RuntimeError: an encrypted member, or a compression that zipfile does not know.
    except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError, RuntimeError) as error:
        raise DataError(f"{archive}: cannot be unpacked: {error}; download it again") from None


def _choose(members: list[zipfile.ZipInfo], archive: Path, member: str) -> zipfile.ZipInfo:
    for info in members:
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[:1]:
            raise DataError(
                f"{archive}: contains the path {info.filename!r}, which is outside of it; nothing was unpacked"
            )
    files = [info for info in members if not info.is_dir()]
    found = [info for info in files if f"/{info.filename}".endswith(f"/{member}")]
    if not found:
        found = [info for info in files if info.filename.lower().endswith(".onnx")]
    if len(found) != 1:
        names = ", ".join(info.filename for info in found) or "none"
        raise DataError(f"{archive}: expected one {member}, found {names}")
    if found[0].file_size > LARGEST:
        raise DataError(
            f"{archive}: {found[0].filename} would unpack to {found[0].file_size} bytes; no model is that large"
        )
    return found[0]


def _unpack(opened: zipfile.ZipFile, info: zipfile.ZipInfo, archive: Path, target: Path) -> None:
    size = 0
    with replacing(target) as temporary, temporary.open("wb") as out, opened.open(info) as packed:
        while block := packed.read(_BLOCK):
            size += len(block)
            # The size in the zip's directory may be wrong.
            if size > LARGEST:
                raise DataError(f"{archive}: {info.filename} unpacks to more than {LARGEST} bytes")
            out.write(block)
