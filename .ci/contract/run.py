"""Tries the product by its own description: starts it on a free port, throws requests at it, ends it.

    run.py HOLDFAST SCHEMATHESIS

fails if any answer is not what docs/openapi.json says, or is no good answer to what was asked.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Whole seconds: what is left of three minutes for CI when the server has started.
BUDGET = 150
# Longer than the gateway waits for a function.
ANSWER = 35


def main(holdfast, schemathesis):
    holdfast, schemathesis = Path(holdfast).absolute(), Path(schemathesis).absolute()
    # Whoever has a server, or keys of upstreams, is not asked and does not pay.
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("HOLDFAST_") and not name.endswith(("_API_KEY", "_BASE_URL", "FAL_KEY"))
    }
    server = subprocess.Popen(
        [holdfast, "serve", "--port", "0", "--ephemeral", "--credit", "1000000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=kept,
    )
    try:
        stack = json.loads(server.stdout.readline())
        # An order may name a receiver only of someone who can check what is told to it.
        key = {"Authorization": "Bearer " + stack["api_key"]}
        secret = urllib.request.Request(stack["url"] + "/v1/webhooks/secret", method="POST", headers=key)
        urllib.request.urlopen(secret, timeout=ANSWER).close()
        command = [
            schemathesis, "--config-file", HERE / "schemathesis.toml", "run",
            stack["url"] + "/v1/openapi.json",
            "--header", "Authorization: Bearer " + stack["api_key"],
            "--checks", "all",
            "--max-time", str(BUDGET),
            "--request-timeout", str(ANSWER),
        ]
        hooks = {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE)}
        # What it keeps for the next time is thrown away: each run is the same.
        with tempfile.TemporaryDirectory() as folder:
            return subprocess.run(command, env={**kept, **hooks}, cwd=folder).returncode
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
