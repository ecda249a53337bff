"""How a scripted manager server behaves on one connection, and the noise that it may put between messages."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from enum import Enum
from typing import Iterator, Optional

NEVER = None
LONG_LINE = 70_000
LONG_MESSAGE_HEADERS = 9_000
MANY_HEADERS = 600


class Login(Enum):
    ACCEPT = "accept"
    REFUSE = "refuse"  # as for a wrong secret: an error, then the end of the connection
    SILENT = "silent"  # never answers


class Cut(Enum):
    JOIN = "join"  # whatever is due goes out in one write
    MESSAGE = "message"  # one write a message
    RANDOM = "random"  # pieces of 1 to cut_max bytes
    BYTES = "bytes"  # one write a byte


@dataclass
class Behaviour:
    """Everything off: an Asterisk in good health."""

    banner: Optional[bytes] = b"default"  # None: none at all
    banner_only: bool = False  # says who it is, then nothing ever again
    login: Login = Login.ACCEPT
    challenge: bool = True  # knows Action: Challenge
    filter: bool = True  # False: Permission denied
    fully_booted_after_s: Optional[float] = 0.0  # None: it never comes
    banner_delay_s: float = 0.0
    answer_delay_s: float = 0.0
    event_delay_s: float = 0.0  # events lag behind answers: a list is newer than what follows it
    cut: Cut = Cut.JOIN
    cut_max: int = 40
    cut_pause_s: float = 0.0
    seed: int = 1  # of cuts and noise
    noise_every: int = 0  # a piece of noise before about every n-th message after login; 0: none
    drop_after_events: Optional[int] = NEVER  # asynchronous events sent on this connection
    drop_after_bytes: Optional[int] = NEVER  # everything counts, the banner too
    drop_in_list: Optional[tuple[str, int]] = NEVER  # (action, items): in the middle of its answer
    freeze_after_events: Optional[int] = NEVER  # half open: neither reads nor writes, keeps the socket
    freeze_at_action: Optional[str] = NEVER  # the same, instead of answering this action
    reset: bool = False  # drops are resets, not orderly ends

    def but(self, **changes: object) -> Behaviour:
        return replace(self, **changes)  # type: ignore[arg-type]


def pieces(data: bytes, behaviour: Behaviour, dice: random.Random) -> Iterator[bytes]:
    """The same bytes, cut as the behaviour says."""
    if behaviour.cut is Cut.BYTES:
        yield from (data[at:at + 1] for at in range(len(data)))
    elif behaviour.cut is Cut.RANDOM:
        at = 0
        while at < len(data):
            size = dice.randint(1, behaviour.cut_max)
            yield data[at:at + size]
            at += size
    elif data:
        yield data


def noise(dice: random.Random) -> bytes:
    """What is no message of Asterisk's. Ends behind a blank line, so that the message after it can be read."""
    kinds = (
        lambda: dice.randbytes(dice.randint(1, 300)).replace(b"\n", b"") + b"\r\n\r\n",
        lambda: b"Overlong: " + b"x" * dice.choice((8192, 10_000, LONG_LINE)) + b"\r\nQueue: sales\r\n\r\n",
        lambda: b"Queue: sales\r\nUniqueid: 1.1\r\n\r\n",
        lambda: b"\r\n" * dice.randint(1, 4),
        lambda: b"neither a header nor a blank line\r\n\r\n",
        lambda: b"Event: QueueCallerJoin\0\r\nQueue: sa\0les\r\n\r\n",
        lambda: b"\0" * dice.randint(1, 40) + b"\r\n\r\n",
        lambda: b"Event: \r\nPrivilege: agent,all\r\n\r\n",
        lambda: b": no name\r\n\r\n",
        lambda: b"Event: Unheard-of\r\nPrivilege: agent,all\r\nQueue: sales\r\n\r\n",
        lambda: b"Response: Success\r\nMessage: nobody asked\r\n\r\n",
        lambda: b"Response: Error\r\nActionID: nobodys\r\nMessage: nobody asked\r\n\r\n",
        lambda: b"Event: Wide\r\n" + b"".join(b"H%d: v\r\n" % at for at in range(MANY_HEADERS)) + b"\r\n",
        lambda: b"Event: Huge\r\n" + b"Header: value\r\n" * LONG_MESSAGE_HEADERS + b"\r\n",
        lambda: b"Event: LineFeeds\nQueue: sales\n\n",
    )
    return dice.choice(kinds)()
