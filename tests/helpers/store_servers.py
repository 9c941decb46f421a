"""Real servers of Google Cloud Storage and Azure Blob Storage on this machine, each with an empty bucket."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.helpers.s3_server import BUCKET
from tests.helpers.server_process import free_port, running_server

# The account that every Azurite has, as its documentation gives it.
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextmanager
def gs_server() -> Iterator[dict[str, str]]:
    """gcp-storage-emulator from PyPI; gives the environment variables that lead to it."""
    pytest.importorskip("gcsfs", reason="needs the extra cloud")
    pytest.importorskip("gcp_storage_emulator", reason="needs gcp-storage-emulator")
    port = free_port()
    program = (
        "import sys, threading; from gcp_storage_emulator.server import create_server as create; "
        f"create('127.0.0.1', {port}, in_memory=True, default_bucket='{BUCKET}').start(); threading.Event().wait()"
    )
    with running_server([sys.executable, "-c", program], port):
        # Without credentials gcsfs would ask for the kind of each bucket, and warn.
        yield {
            "STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}",
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
        }


@contextmanager
def az_server() -> Iterator[dict[str, str]]:
    """Azurite from npm, if it is on the PATH; gives the environment variables that lead to it."""
    pytest.importorskip("adlfs", reason="needs the extra cloud")
    program = shutil.which("azurite-blob")
    if program is None:
        pytest.skip("needs azurite-blob (npm install -g azurite)")
    port = free_port()
    options = ["--inMemoryPersistence", "--silent", "--skipApiVersionCheck", "--blobPort", str(port)]
    with running_server([program, *options], port):
        endpoint = f"http://127.0.0.1:{port}/{_ACCOUNT}"
        yield {
            "AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};"
            f"AccountKey={_KEY};BlobEndpoint={endpoint};"
        }
