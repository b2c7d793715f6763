#!/usr/bin/env python3
"""What reading the upstreams' keys from Secrets Manager costs a cold start of the worker.

    cargo build --release -p generate       # at the commit before, and at the one after
    python3 bench/secrets_cold_start.py BEFORE AFTER [--runs 40] [--delay-ms 30]

BEFORE and AFTER are two binaries of the function `generate`. Each run starts one as a process and ends
it as soon as it asks a Runtime API on loopback for its first invocation. DynamoDB, which the function
greets during its init, and Secrets Manager are stand-ins on loopback too; the second answers at once,
and again after a delay, which stands for the network and the service. There is no TLS in it: the roots
that are compiled in are Amazon's, so a stand-in cannot have a certificate that the function trusts.

The cases take turns, in an order that changes, so that whatever else the machine does hits all of them.
Printed are medians: of the wall time from the start of the process, of the CPU time it used (which
travels better), of both as ratios to BEFORE within the same round, and of the memory it held at most.

Needs Python 3.9 or newer and nothing else, on Linux.
"""

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NEXT = "/2018-06-01/runtime/invocation/next"
KEYS = {name: "x" * 40 for name in ("BFL_API_KEY", "IDEOGRAM_API_KEY", "RECRAFT_API_KEY", "FAL_KEY")}
# A process that has not asked by now never will.
PATIENCE_SECONDS = 10


class World:
    """The services that a function finds, and what they saw of it."""

    def __init__(self):
        self.asked_at = None
        self.asked = threading.Event()
        self.secrets_read = 0
        self.delay_seconds = 0.0
        self.failure = None


class Services(ThreadingHTTPServer):
    """All services on one port: they are told apart by path and by target."""

    daemon_threads = True
    world = World()

    def handle_error(self, request, client_address):
        """A function that was ended leaves broken connections behind. That is as it should be."""


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Otherwise the end of an answer waits 40 ms for an acknowledgement of its beginning.
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self):
        at = time.perf_counter()
        world = self.server.world
        if self.path == NEXT:
            world.asked_at = at
            world.asked.set()
            # There is no invocation: the process is ended while it waits.
            time.sleep(PATIENCE_SECONDS)

    def do_POST(self):
        world = self.server.world
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.headers.get("X-Amz-Target", "")
        if target == "secretsmanager.GetSecretValue":
            world.secrets_read += 1
            time.sleep(world.delay_seconds)
            name = json.loads(body)["SecretId"]
            self.answer({"Name": name, "SecretString": json.dumps(KEYS)})
        elif target.startswith("DynamoDB_"):
            self.answer({})
        else:
            world.failure = f"{self.path} {target}: {body.decode(errors='replace')}"
            self.answer({})

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Standard output is for the table."""


def environment(port, upstreams):
    endpoint = f"http://127.0.0.1:{port}"
    return {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_LAMBDA_FUNCTION_NAME": "generate",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
        "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_ENDPOINT_URL": endpoint,
        "JOBS_TABLE": "jobs",
        "LEDGER_TABLE": "ledger",
        "QUEUE_URL": f"{endpoint}/000000000000/jobs",
        "FAIR_QUEUE": "true",
        "IMAGES_BUCKET": "images",
        "RUN_LIMIT_SECONDS": "300",
        "GRACE_SECONDS": "120",
        "LEASE_MARGIN_SECONDS": "30",
        "REVISIT_SECONDS": "5",
        "REANNOUNCE_SECONDS": "120",
        "RETENTION_DAYS": "90",
        "UPSTREAM_KEYS_SECRET": "holdfast/upstreams",
        "UPSTREAMS": upstreams,
    }


class Case:
    def __init__(self, name, binary, upstreams, delay_ms, secrets_read):
        self.name = name
        self.binary = binary
        self.upstreams = upstreams
        self.delay_ms = delay_ms
        # How often the secret must have been read, or the case measured something else.
        self.secrets_read = secrets_read
        self.wall_ms = []
        self.cpu_ms = []
        self.rss_mb = []

    def run(self, services, count):
        world = services.world = World()
        world.delay_seconds = self.delay_ms / 1000
        variables = environment(services.server_port, self.upstreams)
        started = time.perf_counter()
        process = subprocess.Popen([self.binary], env=variables, stdout=subprocess.DEVNULL)
        asked = world.asked.wait(PATIENCE_SECONDS)
        rss_mb = rss_at_most(process.pid)
        process.send_signal(signal.SIGKILL)
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = -signal.SIGKILL
        if not asked or world.failure:
            sys.exit(f"{self.name}: no invocation was asked for; {world.failure or 'nothing else was seen'}")
        if world.secrets_read != self.secrets_read:
            sys.exit(f"{self.name}: the secret was read {world.secrets_read} times")
        if count:
            self.wall_ms.append((world.asked_at - started) * 1000)
            self.cpu_ms.append((usage.ru_utime + usage.ru_stime) * 1000)
            self.rss_mb.append(rss_mb)


def rss_at_most(pid):
    # Not the resource usage's: that counts from before the exec, when the process was this script.
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))


def paired(ours, theirs):
    return statistics.median(a / b for a, b in zip(ours, theirs))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--runs", type=int, default=40, help="rounds that count (default 40)")
    parser.add_argument("--delay-ms", type=float, default=30, help="of a slow answer (default 30)")
    arguments = parser.parse_args()

    before, after = (os.path.abspath(path) for path in (arguments.before, arguments.after))
    slow = arguments.delay_ms
    cases = [
        Case("before", before, "bfl", 0, 0),
        Case("after, no upstream", after, "", 0, 0),
        Case("after, secret at once", after, "bfl", 0, 1),
        Case(f"after, secret in {slow:g} ms", after, "bfl", slow, 1),
    ]

    services = Services(("127.0.0.1", 0), Service)
    threading.Thread(target=services.serve_forever, daemon=True).start()
    order = random.Random(0)
    # The first rounds bring the binaries into memory, and do not count.
    for number in range(-3, arguments.runs):
        # In another order each round, so that none always follows the same one.
        for case in order.sample(cases, len(cases)):
            case.run(services, count=number >= 0)

    for name, path in (("before", before), ("after", after)):
        print(f"binary {name}: {os.path.getsize(path) / 1e6:.2f} MB")
    print(f"medians of {arguments.runs} rounds, ratios to `before` in the same round\n")
    print("| case | wall ms | quartiles | ratio | CPU ms | ratio | RSS MB |")
    print("|---|---|---|---|---|---|---|")
    base = cases[0]
    for case in cases:
        low, middle, high = statistics.quantiles(case.wall_ms, n=4)
        print(
            f"| {case.name} | {middle:.1f} | {low:.1f}–{high:.1f} | {paired(case.wall_ms, base.wall_ms):.2f}"
            f" | {statistics.median(case.cpu_ms):.1f} | {paired(case.cpu_ms, base.cpu_ms):.2f}"
            f" | {statistics.median(case.rss_mb):.1f} |"
        )


if __name__ == "__main__":
    main()
