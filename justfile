# Everyday commands: `just` lists them. The checks are steps of .ci/run, so that here and there are the same.

_list:
    @just --list --unsorted

# Format all code
fmt:
    cargo fmt --all

# Lint all code, warnings refused
lint:
    .ci/run lint

# Run all tests
test:
    .ci/run test

# Throw more at what reads input from outside: so many inputs for each target
fuzz inputs="200000":
    BOLERO_RANDOM_ITERATIONS={{ inputs }} cargo test -p fuzz

# Break the product by hand, and see that the tests notice (all mutants of teeth/mutants.toml, or these)
teeth *names:
    teeth/run {{ names }}

# Break the rules or the writes at random, and see that the tests of the crate notice (needs cargo-mutants)
mutants crate="domain":
    cargo mutants -p {{ crate }} -o target/mutants-{{ crate }}

# Write docs/openapi.json again, after a change of what the API takes or answers
openapi:
    UPDATE=1 cargo test --workspace --lib -- openapi

# Throw made-up requests at the product, by its description
contract:
    .ci/run contract

# Build the documentation, warnings refused
doc:
    .ci/run doc

# Check the dependencies: none unused, none banned, no licence or source that is not allowed
deny:
    .ci/run unused deny

# Check template.yaml, as written and as SAM expands it
template:
    .ci/run template

# Look at template.yaml with checkov, from PyPI (see .checkov.yaml; why not in CI: docs/adr/0050)
checkov:
    python3 -m venv target/checkov
    target/checkov/bin/pip install --quiet checkov==3.3.30
    target/checkov/bin/checkov --config-file .checkov.yaml

# Simulate the product under every fault: `just simulate --seeds 100000`, or `just simulate --seed 17` to see one
simulate *ARGS:
    cargo run --quiet --profile simulation --bin simulation -- --kept simulation/seeds.txt {{ARGS}}

# Measure the functions as they ship, against floors and peers: `just bench --rounds 3`, `just bench --node $(which node)`
bench *ARGS:
    cargo build --release --bin submit --bin lookup --bin authorize --bin webhooks --bin generate --bin sweep --bin notify --bin floor-bare --bin floor-submit
    python3 -m venv target/peers
    target/peers/bin/pip install --quiet --requirement bench/peers/requirements.txt
    cargo run --quiet --profile simulation --bin bench -- --python target/peers/bin/python --svg docs/images/waiting.svg {{ARGS}}

# Build what is deployed, for arm64 (needs aws-sam-cli and cargo-lambda from PyPI)
build:
    rustup target add aarch64-unknown-linux-gnu
    sam build

# Deploy template.yaml onto this machine and run the suite against it (`just deployed --keep` leaves it running)
deployed *ARGS:
    python3 tests/deployed/deploy.py {{ARGS}}

# Everything that CI checks
ci:
    .ci/run
