"""Deploy template.yaml onto this machine and run the black-box suite against what stands there.

    python tests/deployed/deploy.py              everything, then nothing is left running
    python tests/deployed/deploy.py --keep       leaves the stack running until Ctrl-C, and says where it is

`sam build` makes the functions with cargo-lambda, `sam deploy` creates the stack, as in the cloud. What
answers them is ministack: AWS as one process that runs the functions as the programs that they are, each
under the role that the template gives it, and refuses what the role may not do. It speaks plain HTTP, which
the policies of the queues and the bucket refuse; so all requests go by a door that says, as a load balancer
would, that it has ended their TLS. The template is the one of the cloud but for the alarms that compute something, which
ministack does not know; what wires its HTTP API to the functions is read from the template as well.

It needs Rust and Python 3.11. SAM comes from .ci/requirements.txt (`.ci/run tools`), the rest from
requirements.txt beside this file, into target/deployed. Everything listens on loopback only.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "target" / "deployed"
TOOLS = WORK / "tools"
SAM = ROOT / "target" / "ci-tools" / "bin" / "sam"
STACK = "holdfast"
REGION = "us-east-1"
ARCHITECTURE = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
# The sweep rings as soon as the template lets it, so that the suite need not wait for it for long.
PARAMETERS = [f"Architecture={ARCHITECTURE}", "ReannounceSeconds=60"]
# Quickly built: what is tried here is what the functions do where they are deployed. How fast the ones that
# ship are, `just bench` measures.
QUICK = {
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1",
}


class Steps:
    """Says what is being done, and at the end how long each step took."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, float]] = []

    @contextlib.contextmanager
    def step(self, name: str):
        print(f"\n--- {name}", flush=True)
        began = time.monotonic()
        try:
            yield
        except BaseException:
            # How far it came, and how long that took.
            print(f"\n{self.summary()}\n{name:<10} failed after {time.monotonic() - began:.0f} s", flush=True)
            raise
        self.taken.append((name, time.monotonic() - began))

    def summary(self) -> str:
        lines = [f"{name:<10} {seconds:6.0f} s" for name, seconds in self.taken]
        return "\n".join(lines)


def run(command: list, environment: dict[str, str]) -> None:
    print("$", " ".join(map(str, command)), flush=True)
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def install_tools() -> None:
    """Installs what requirements.txt asks for, unless it is there."""
    requirements = HERE / "requirements.txt"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    mark = TOOLS / "installed"
    if mark.exists() and mark.read_text() == wanted:
        return
    shutil.rmtree(TOOLS, ignore_errors=True)
    venv.create(TOOLS, with_pip=True)
    pip = [TOOLS / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
    run([*pip, "--requirement", requirements], dict(os.environ))
    mark.write_text(wanted)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Door:
    """Passes requests on, each on a connection of its own, as one that came by TLS."""

    def __init__(self, to: int) -> None:
        self.to = to

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            request, headers = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)
            headers = re.sub(rb"(?im)^connection:[^\r]*\r\n", b"", headers)
            answers, requests = await asyncio.open_connection("127.0.0.1", self.to)
            requests.write(request + b"\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n" + headers)
            body = asyncio.create_task(self._pass(reader, requests))
            with contextlib.suppress(OSError):
                await self._pass(answers, writer)
            body.cancel()
            await asyncio.gather(body, return_exceptions=True)
            requests.close()
        writer.close()

    def open(self) -> int:
        """Serves in the background until the process ends; the port."""
        opened: list[int] = []
        is_open = threading.Event()
        # asyncio itself keeps only weak references to what it runs.
        serving: set[asyncio.Task] = set()

        async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            serving.add(task)
            await self._serve(reader, writer)
            serving.discard(task)

        async def serve() -> None:
            server = await asyncio.start_server(keep, "127.0.0.1", 0)
            opened.append(server.sockets[0].getsockname()[1])
            is_open.set()
            await server.serve_forever()

        threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
        is_open.wait()
        return opened[0]


@contextlib.contextmanager
def cloud():
    """Runs ministack for as long as the block lasts: its door, and where it is without."""
    port = free_port()
    plain, endpoint = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{Door(port).open()}"
    # The functions inherit this environment: nothing of whoever starts it is in there.
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "AUTH": "true",
        "AWS_ENDPOINT_URL": endpoint,
    }
    log = (WORK / "ministack.log").open("wb")
    # A session of its own, so that it can be ended with the functions that it has started.
    process = subprocess.Popen(
        [TOOLS / "bin" / "ministack"],
        cwd=WORK,
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        wait_until_ready(plain, process)
        yield endpoint, plain
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.close()


def wait_until_ready(endpoint: str, process: subprocess.Popen) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise SystemExit(f"ministack has ended; see {WORK / 'ministack.log'}")
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=1) as answer:
                if answer.status == 200:
                    return
        time.sleep(0.1)
    raise SystemExit("ministack does not answer after 30 s")


def operator(endpoint: str) -> dict[str, str]:
    """The environment of whoever deploys: may do anything, at this endpoint only."""
    path = os.pathsep.join([str(TOOLS / "bin"), str(SAM.parent), os.environ["PATH"]])
    return dict(os.environ) | {
        "PATH": path,
        "SAM_CLI_TELEMETRY": "0",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


def use_libraries() -> None:
    """Lets this program import what the tools bring."""
    found = [str(path) for path in (TOOLS / "lib").glob("python*/site-packages")]
    sys.path[:0] = [path for path in found if path not in sys.path]


def clients(endpoint: str):
    """Makes clients of AWS services."""
    use_libraries()
    import boto3

    session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
    return lambda service: session.client(service, endpoint_url=endpoint)


def without_metric_math() -> Path:
    """The built template without the alarms that compute something, which ministack does not know."""
    use_libraries()
    from samtranslator.yaml_helper import yaml_parse

    built = ROOT / ".aws-sam" / "build" / "template.yaml"
    template = yaml_parse(built.read_text())
    resources = template["Resources"].items()
    computing = [name for name, resource in resources if "Metrics" in resource.get("Properties", {})]
    for name in computing:
        del template["Resources"][name]
    print(f"left out: {', '.join(computing) or 'nothing'}", flush=True)
    deployed = built.with_name("deployed.json")
    deployed.write_text(json.dumps(template))
    return deployed


def create_routes(client) -> None:
    """What API Gateway makes of the OpenAPI body that SAM writes, and ministack leaves out: the authorizer, the
    integrations and the routes."""
    cloudformation, gateway, functions = client("cloudformation"), client("apigatewayv2"), client("lambda")
    template = cloudformation.get_template(StackName=STACK, TemplateStage="Processed")["TemplateBody"]
    if isinstance(template, str):
        template = json.loads(template)
    resources = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    names = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}

    def function_in(value) -> str:
        text = json.dumps(value)
        for name, resource in template["Resources"].items():
            if resource["Type"] == "AWS::Lambda::Function" and re.search(rf"\b{name}\b", text):
                return functions.get_function(FunctionName=names[name])["Configuration"]["FunctionArn"]
        raise SystemExit(f"no function in {text}")

    def invocation_of(arn: str) -> str:
        return f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"

    [(name, api)] = [
        (name, resource)
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::ApiGatewayV2::Api"
    ]
    body, authorizers = api["Properties"]["Body"], {}
    for scheme, described in body.get("components", {}).get("securitySchemes", {}).items():
        authorizer = described["x-amazon-apigateway-authorizer"]
        source = authorizer.get("identitySource", [])
        made = gateway.create_authorizer(
            ApiId=names[name],
            Name=scheme,
            AuthorizerType="REQUEST",
            AuthorizerUri=invocation_of(function_in(authorizer["authorizerUri"])),
            AuthorizerPayloadFormatVersion=authorizer["authorizerPayloadFormatVersion"],
            EnableSimpleResponses=authorizer["enableSimpleResponses"],
            IdentitySource=source if isinstance(source, list) else [part.strip() for part in source.split(",")],
            AuthorizerResultTtlInSeconds=authorizer["authorizerResultTtlInSeconds"],
        )
        authorizers[scheme] = made["AuthorizerId"]
    routes = 0
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            integration = operation["x-amazon-apigateway-integration"]
            made = gateway.create_integration(
                ApiId=names[name],
                IntegrationType="AWS_PROXY",
                IntegrationUri=invocation_of(function_in(integration["uri"])),
                IntegrationMethod="POST",
                PayloadFormatVersion=integration["payloadFormatVersion"],
            )
            used = [scheme for need in operation.get("security", []) for scheme in need if scheme in authorizers]
            protected = {"AuthorizationType": "CUSTOM", "AuthorizerId": authorizers[used[0]]} if used else {}
            verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            gateway.create_route(
                ApiId=names[name],
                RouteKey="$default" if path.lstrip("/") == "$default" else f"{verb} {path}",
                Target=f"integrations/{made['IntegrationId']}",
                **protected,
            )
            routes += 1
    print(f"{routes} routes")


def correct_numbers(client) -> None:
    """What CloudFormation makes of a parameter of the type Number, and ministack leaves a text."""
    functions = client("lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        numbers = {"BatchSize": int(mapping["BatchSize"])}
        concurrency = mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
        if concurrency is not None:
            numbers["ScalingConfig"] = {"MaximumConcurrency": int(concurrency)}
        functions.update_event_source_mapping(UUID=mapping["UUID"], **numbers)


def describe(client, endpoint: str) -> dict:
    """Where everything is, for the suite."""
    cloudformation = client("cloudformation")
    stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    resources = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    names = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}
    roles = {
        name: client("iam").get_role(RoleName=physical)["Role"]["Arn"]
        for name, physical in names.items()
        if name.endswith("FunctionRole")
    }
    credentials = {
        name.removesuffix("Role"): client("sts").assume_role(RoleArn=arn, RoleSessionName="suite")["Credentials"]
        for name, arn in roles.items()
    }
    port = endpoint.rsplit(":", 1)[1]
    [api] = [
        resource["PhysicalResourceId"]
        for resource in resources
        if resource["ResourceType"] == "AWS::ApiGatewayV2::Api"
    ]
    return {
        "endpoint": endpoint,
        "region": REGION,
        "api": f"http://{api}.execute-api.localhost:{port}",
        "outputs": {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]},
        "resources": names,
        # What each function is given: who has them may do what it may do.
        "credentials": {
            name: [given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]]
            for name, given in credentials.items()
        },
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--keep", action="store_true", help="leave the stack running until Ctrl-C")
    as_shipped = "build the functions as they ship, which takes longer"
    parser.add_argument("--as-shipped", action="store_true", help=as_shipped)
    arguments = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    steps = Steps()
    with steps.step("tools"):
        run([ROOT / ".ci" / "run", "tools"], dict(os.environ))
        install_tools()
    with cloud() as (endpoint, plain):
        environment = operator(endpoint)
        with steps.step("sam build"):
            quick = {} if arguments.as_shipped else QUICK
            run([SAM, "build", "--parameter-overrides", *PARAMETERS], environment | quick)
        with steps.step("sam deploy"):
            template = without_metric_math()
            command = [SAM, "deploy", "--template-file", template, "--stack-name", STACK, "--region", REGION]
            command += ["--resolve-s3", "--no-confirm-changeset"]
            capabilities = ["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
            run([*command, *capabilities, "--parameter-overrides", *PARAMETERS], environment)
            client = clients(endpoint)
            create_routes(client)
            correct_numbers(client)
            stack = WORK / "stack.json"
            stack.write_text(json.dumps(describe(client, endpoint) | {"plain": plain}, indent=1))
        if arguments.keep:
            print(f"\n{stack.read_text()}\nCtrl-C ends it.", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()
            return 0
        with steps.step("suite"):
            suite = ["cargo", "test", "--workspace", "--test", "deployed", "--", "--test-threads", "4"]
            run(suite, dict(os.environ) | {"HOLDFAST_DEPLOYED": str(stack)})
    print(f"\n{steps.summary()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
