"""What a description cannot say of a request that is good."""

import schemathesis
from schemathesis import GenerationMode


def is_good(case):
    return case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE


RECEIVER = "https://127.0.0.1:9/hooks"
# Beyond, a number is not what somebody else reads of it; `extra` takes none.
EXACT = 2**53 - 1


def exact(value):
    """The same value with 4 for 4.0, which to a schema is a whole number and to the product is none, and without
    numbers that are not exact."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value if abs(value) <= EXACT else 0
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, dict):
        return {name: exact(item) for name, item in value.items()}
    return value


@schemathesis.hook
def before_call(context, case, kwargs):
    if not is_good(case):
        return
    if isinstance(case.body, dict):
        case.body = exact(case.body)
        # No more pictures can be delivered than were ordered.
        wish = (case.body.get("extra") or {}).get("sandbox") or {}
        if (wish.get("deliver") or 1) > (case.body.get("n") or 1):
            wish["deliver"] = 1
        # A receiver is at a public address, or on this machine; there nobody listens.
        for name in ("webhook_url", "url"):
            if case.body.get(name) is not None:
                case.body[name] = RECEIVER
        # Nobody is told of events without a URL.
        if case.body.get("webhook_url") is None:
            case.body.pop("webhook_events", None)
    # A cursor is one of an earlier answer; nobody draws one by chance.
    if case.query and "cursor" in case.query:
        del case.query["cursor"]
    # The header and the field are the same thing, so two that differ are refused.
    key = "Idempotency-Key"
    if case.headers and key in case.headers and isinstance(case.body, dict):
        if case.body.get("idempotency_key") is not None:
            del case.headers[key]
