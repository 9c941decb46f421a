"""The runtimes' telemetry: nothing in a fresh home folder, no socket, no import that comes before it is off."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rtmcli
from tests.helpers.tiny_models import tiny_pose_onnx

RUN = ["-m", "rtmcli", "pose", "demo", "--max-frames", "2"]
# Raises an error for each socket of the internet that Python opens; a runtime's own are found by strace alone.
NO_SOCKETS = """
import socket, sys
def hook(event, arguments):
    if event == "socket.__new__" and arguments[1] in (socket.AF_INET, socket.AF_INET6):
        raise AssertionError("a socket is opened")
sys.addaudithook(hook)
"""


def traced(tmp_path: Path, arguments: list[str], **extra: str) -> tuple[list[str], list[str]]:
    """Files in a fresh home folder after a run of Python, and the lines of strace that open sockets of the internet."""
    home, hooks = tmp_path / "home", tmp_path / "hooks"
    home.mkdir()
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(NO_SOCKETS)
    dropped = ("RTM_", "XDG_", "ORT_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    environment.pop("CI", None)  # OpenVINO's telemetry is off there by itself
    paths = [str(hooks), str(Path(rtmcli.__file__).parents[1])]
    environment |= {"HOME": str(home), "PYTHONPATH": os.pathsep.join(paths), **extra}
    command = [sys.executable, *arguments]
    trace = tmp_path / "trace"
    if works(strace := ["strace", "-f", "-qq", "-e", "trace=socket", "-o", str(trace)]):
        command = [*strace, *command]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    lines = trace.read_text().splitlines() if trace.exists() else []
    files = [str(path.relative_to(home)) for path in home.rglob("*")]
    return files, [line for line in lines if "AF_INET" in line]


def works(strace: list[str]) -> bool:
    if shutil.which("strace") is None:
        return False
    return subprocess.run([*strace, "true"], capture_output=True, check=False).returncode == 0


def test_a_run_on_onnxruntime_leaves_a_fresh_home_empty_and_opens_no_socket(tmp_path: Path) -> None:
    assert traced(tmp_path, RUN) == ([], [])


def test_a_run_on_openvino_leaves_a_fresh_home_empty_and_opens_no_socket(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    (tmp_path / "rtmpose_256x192.onnx").write_bytes(tiny_pose_onnx())
    run = [*RUN, "--engine", "openvino", "--model", "rtmpose_256x192.onnx", "--max-frames", "1"]
    assert traced(tmp_path, run) == ([], [])


@pytest.mark.slow
def test_an_export_to_openvino_leaves_a_fresh_home_empty_and_opens_no_socket(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    run = ["-m", "rtmcli", "export", "rtmpose-t", "--to", "openvino", "-o", str(tmp_path)]
    files, sockets = traced(tmp_path, run)
    assert ([file for file in files if "intel" in file or "onnxruntime" in file], sockets) == ([], [])


def test_the_choice_of_the_user_stays(tmp_path: Path) -> None:
    code = "import rtmcli.engines, os, json; print(json.dumps(os.environ['ORT_DISABLE_TELEMETRY']))"
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert json.loads(done.stdout) == "0"


def test_only_packages_that_switch_telemetry_off_import_a_runtime() -> None:
    package = Path(rtmcli.__file__).parent
    importing = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names.append(node.module)
            if any(name.split(".")[0] in ("onnxruntime", "openvino") for name in names):
                importing.add(path.relative_to(package).parts[0])
    assert importing == {"engines", "export"}
    for folder in importing:
        code = (
            f"import rtmcli.{folder}, os, sys; "
            "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1' and sys.modules['openvino_telemetry'] is None"
        )
        environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
