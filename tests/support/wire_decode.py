"""The messages of proto/ringside.proto, read with python3-protobuf and what docs/protocol.md says: nothing of our C.

    schema = wire_decode.schema(tmp_path)
    wire_decode.batch(schema, payload)["intervals"][0]["flow"]["answered"]
"""

from __future__ import annotations

import importlib.util
import itertools
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Iterator, Optional

PROTO = Path(__file__).resolve().parents[2] / "proto"
SERVED = (1, 2)
DEFAULT_INTERVAL_S = 900

FLOW = ("entered", "answered", "abandoned", "abandoned_short", "exit_timeout", "exit_empty", "exit_key", "withdrawn",
        "blocked", "lost", "lost_connected", "transferred_in", "transferred_out", "ring_no_answer", "suspect")
COHORT = ("entered", "answered", "abandoned", "abandoned_short", "exit_timeout", "exit_empty", "exit_key", "withdrawn",
          "lost", "transferred_in", "transferred_out")
# In the order of their field numbers.
DURATIONS = ("wait_answered", "wait_abandoned", "ring", "talk", "handle", "wait_exit", "wait_key", "hold")

FINE_EDGES = [*range(1000), *(m * 10**e for e in range(1, 7) for m in range(100, 1000))]
WHOLE_SECOND_EDGES = [edge for edge in FINE_EDGES if edge % 1000 == 0]

Meaning = dict[str, Any]


def schema(directory: Path) -> ModuleType:
    """The module that protoc makes of ringside.proto; `directory` is for its files."""
    subprocess.run(["protoc", f"--proto_path={PROTO}", f"--python_out={directory}", "ringside.proto"], check=True)
    spec = importlib.util.spec_from_file_location("ringside_pb2", directory / "ringside_pb2.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def varints(data: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield value
            value = shift = 0
    assert shift == 0, "cut in the middle of a number"


def bins(data: bytes, fine: bool) -> list[list[int]]:
    """[upper edge in ms, count] of each occupied bin, ascending."""
    edges = FINE_EDGES if fine else WHOLE_SECOND_EDGES
    numbers = varints(data)
    found = []
    at = -1
    for head in numbers:
        at += 1 + (head >> 1)
        found.append([edges[at], next(numbers) if head & 1 else 1])
    return found


def durations(interval: Any) -> Meaning:
    """Each duration that is not empty: count, sum, max, bins."""
    present = [name for name in DURATIONS if getattr(interval, name)]
    found: Meaning = {}
    below = itertools.zip_longest(present, interval.sum_below, interval.max_below, fillvalue=0)
    for name, sum_below, max_below in below:
        occupied = bins(getattr(interval, name), interval.fine)
        found[name] = {
            "count": sum(count for _, count in occupied),
            "sum": (sum(edge * count for edge, count in occupied) - sum_below) % 2**64,
            "max": (occupied[-1][0] - max_below) % 2**32,
            "bins": occupied,
        }
    if "talk" in found and "handle" not in found and not interval.no_handle:
        found["handle"] = found["talk"]
    return {f"{name}_ms": stat for name, stat in found.items()}


def flow(interval: Any) -> Meaning:
    return {name: getattr(interval.flow, name) for name in FLOW if getattr(interval.flow, name)}


def cohort(interval: Any) -> Meaning:
    counters = {name: getattr(interval.flow, name) + getattr(interval.cohort, name) for name in COHORT}
    return {name: count for name, count in counters.items() if count}


def intervals(message: Any, interval_s: int) -> Iterator[Meaning]:
    start, revision = message.base_start, message.base_revision
    for interval in message.intervals:
        start += interval.start
        revision += interval.revision
        yield {
            "queue": interval.queue,
            "start_s": start * interval_s,
            "revision": revision,
            "open": interval.open,
            "flow": flow(interval),
            "cohort": cohort(interval),
            "waiting_start": interval.waiting_start,
            "waiting_end": interval.waiting_end,
            "waiting_max": interval.waiting_max,
            **durations(interval),
        }


def plain(message: Any, *names: str) -> Meaning:
    values = {name: getattr(message, name) for name in names}
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in values.items()}


def queues(message: Any) -> list[Meaning]:
    return [plain(queue, "number", "name", "label", "sl_method", "sl_threshold_ms", "short_abandon_ms")
            for queue in message.queues]


def refusal(kind: str, protocol: int) -> Optional[Meaning]:
    return None if protocol in SERVED else {"message": kind, "refused": f"protocol {protocol}"}


def hello(schema: ModuleType, data: bytes) -> Meaning:
    message = schema.Hello.FromString(data)
    return refusal("hello", message.protocol) or {
        "message": "hello",
        **plain(message, "protocol", "site", "epoch", "agent_version", "zone", "interval_s", "now_ms", "first_start_s",
                "instance")}


def hello_reply(schema: ModuleType, data: bytes) -> Meaning:
    message = schema.HelloReply.FromString(data)
    return refusal("hello_reply", message.protocol) or {
        "message": "hello_reply",
        **plain(message, "protocol", "now_ms", "payload_max", "collector_version", "store")}


def batch(schema: ModuleType, data: bytes) -> Meaning:
    message = schema.Batch.FromString(data)
    interval_s = message.interval_seconds or DEFAULT_INTERVAL_S
    return refusal("batch", message.protocol) or {
        "message": "batch",
        **plain(message, "protocol", "site", "epoch"),
        "interval_s": interval_s,
        "queues": queues(message),
        "intervals": list(intervals(message, interval_s)),
    }


def batch_reply(schema: ModuleType, data: bytes) -> Meaning:
    message = schema.BatchReply.FromString(data)
    items = [{**plain(item, "index", "held_revision", "reason"), "outcome": schema.Outcome.Name(item.outcome)}
             for item in message.items]
    return {"message": "batch_reply", "names_missing": message.names_missing, "items": items}


def before(now: int, age: int) -> int:
    """When it was that is told as an age, plus one unless it is ahead; 0: it was not."""
    if age == 0:
        return 0
    return now - age + (1 if age > 0 else 0)


LIVE_KNOWN = ("ready", "paused", "held", "logged_in", "on_call")  # plus one; 0: not known


def live(schema: ModuleType, data: bytes) -> Meaning:
    message = schema.Live.FromString(data)
    gaps = {kind: [plain(gap, "from_ms", "to_ms", "reason") for gap in getattr(message, kind)]
            for kind in ("gaps", "live_gaps")}
    return {
        "message": "live",
        **plain(message, "now_ms", "dirty", "lag_ms", "all", "refused", "heartbeat_s", "operators_all", "operators_unknown",
                "operators_more"),
        "oldest_dirty_s": before(message.now_ms // 1000, message.oldest_dirty),
        "queues": queues(message),
        "live": [{**plain(queue, "queue", "waiting", "talking"),
                  "oldest_enter_ms": before(message.now_ms, queue.oldest_wait),
                  **{name: getattr(queue, name) - 1 for name in LIVE_KNOWN}} for queue in message.live],
        "operators": [{**plain(who, "name", "queue", "reason"),
                       "state": schema.OperatorState.Name(who.state).lower(),
                       "since_ms": before(message.now_ms, who.since)} for who in message.operators],
        **gaps,
        "quality": list(message.quality),
    }


DECODERS: dict[str, Callable[[ModuleType, bytes], Meaning]] = {
    "hello": hello, "hello_reply": hello_reply, "batch": batch, "batch_reply": batch_reply, "live": live}
