"""LOGIN7 (MS-TDS 2.2.6.4): who wants to log in, from where, to which database."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from simulator.tds.packets import ProtocolError
from simulator.utf16 import decoded

FIXED_SIZE = 94
TDS_VERSION_7_2 = 0x72090002  # the first version whose requests carry ALL_HEADERS
FEATURE_FEDERATED, FEATURE_UTF8 = 0x02, 0x0A
FEATURES_END = 0xFF
INTEGRATED_SECURITY = 0x80  # OptionFlags2
READ_ONLY_INTENT = 0x20  # TypeFlags
HAS_EXTENSION = 0x10  # OptionFlags3


@dataclass(frozen=True)
class Login7:
    """The client's login. ``password`` is kept out of the representation."""

    tds_version: int
    packet_size: int
    host_name: str
    user_name: str
    password: str = field(repr=False)
    app_name: str
    server_name: str
    library: str
    language: str
    database: str
    integrated: bool
    read_only_intent: bool
    features: frozenset[int]


def decode_password(data: bytes) -> str:
    """The password behind LOGIN7's scrambling: each byte is XORed with A5, then its halves are swapped."""
    plain = bytes(((b ^ 0xA5) << 4 & 0xF0) | ((b ^ 0xA5) >> 4) for b in data)
    return decoded(plain)


def parse_login7(payload: bytes) -> Login7:
    """Read a LOGIN7 message. Raises :class:`ProtocolError`."""
    try:
        return _parse(payload)
    except (struct.error, IndexError, UnicodeDecodeError) as exc:
        raise ProtocolError("the LOGIN7 message cannot be read") from exc


def _parse(payload: bytes) -> Login7:
    if len(payload) < FIXED_SIZE:
        raise ProtocolError("the LOGIN7 message is cut short")
    _, tds_version, packet_size = struct.unpack_from("<III", payload, 0)
    option2, type_flags, option3 = payload[25], payload[26], payload[27]

    def raw(position: int) -> bytes:
        offset, length = struct.unpack_from("<HH", payload, position)
        return payload[offset : offset + 2 * length]

    def text(position: int) -> str:
        return decoded(raw(position))

    return Login7(
        tds_version=tds_version,
        packet_size=packet_size,
        host_name=text(36),
        user_name=text(40),
        password=decode_password(raw(44)),
        app_name=text(48),
        server_name=text(52),
        library=text(60),
        language=text(64),
        database=text(68),
        integrated=bool(option2 & INTEGRATED_SECURITY),
        read_only_intent=bool(type_flags & READ_ONLY_INTENT),
        features=_features(payload) if option3 & HAS_EXTENSION else frozenset(),
    )


def _features(payload: bytes) -> frozenset[int]:
    """Ids of the features in the extension; their data is not needed."""
    pointer, _ = struct.unpack_from("<HH", payload, 56)
    (position,) = struct.unpack_from("<I", payload, pointer)
    found = set()
    while payload[position] != FEATURES_END:
        found.add(payload[position])
        (length,) = struct.unpack_from("<I", payload, position + 1)
        position += 5 + length
    return frozenset(found)
