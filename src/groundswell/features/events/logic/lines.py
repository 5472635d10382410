"""Rows of the event store as JSON lines, built without decoding an event's properties."""

from collections.abc import Iterable

import msgspec

from groundswell.features.events.logic.batch import Item

_text = msgspec.json.encode


def lines_of(items: Iterable[Item]) -> bytes:
    """One line of JSON for each event."""
    heads: dict[int, bytes] = {}
    texts: dict[str, bytes] = {}
    lines: list[bytes] = []
    for item in items:
        event = item.event
        chunk = item.chunk
        around = heads.get(id(chunk))
        if around is None:
            around = heads[id(chunk)] = _around(item)
        name = texts.get(event.event)
        if name is None:
            name = texts[event.event] = _text(event.event)
        lines.append(
            b'%s,"event_id":"%s","event":%s,"distinct_id":%s,"person_key":%d,"at":%d.%03d,'
            b'"properties":%s,"person_properties":%s}'
            % (
                around,
                item.stored_id.hex().encode(),
                name,
                _text(event.distinct_id),
                item.person_key,
                *divmod(event.at_ms, 1000),
                event.properties if b"\n" not in event.properties else _one_line(event.properties),
                item.person_properties,
            )
        )
    return b"\n".join(lines)


def _around(item: Item) -> bytes:
    """The beginning of a line, the same for all events of a chunk."""
    chunk = item.chunk
    return b'{"tenant_id":"%s","received_at":%d.%03d,"source":%s,"trusted":%s,"historical":%s' % (
        chunk.tenant_id.hex().encode(),
        *divmod(chunk.received_ms, 1000),
        _text(chunk.source),
        b"true" if chunk.is_trusted else b"false",
        b"true" if chunk.is_historical else b"false",
    )


def _one_line(properties: bytes) -> bytes:
    # Only white space between tokens can be a line break: texts escape theirs.
    return properties.replace(b"\n", b" ")
