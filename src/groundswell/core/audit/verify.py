"""Checking a chain, row by row, in the order in which it is presented. Pure; needs no engine."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from groundswell.core.audit.chain import (
    FORMAT,
    START,
    Entry,
    Seal,
    hash_of,
    is_end_signed,
    is_signed,
    link,
)


class Finding(msgspec.Struct, frozen=True):
    """What is wrong, and at which row; ``kind``: changed removed reordered inserted unreadable."""

    kind: str
    sequence: int
    text: str


class Report(msgspec.Struct):
    """The verdict: nothing found means that every row is as it was sealed."""

    tenant: str = ""
    public_key: bytes = b""
    rows: int = 0
    findings: list[Finding] = []

    @property
    def is_intact(self) -> bool:
        """Whether nothing was changed, removed, reordered or inserted."""
        return not self.findings


class Verifier:
    """Takes sealed rows one at a time; :meth:`finish` tells what is missing."""

    def __init__(self, public_key: bytes, tenant: str) -> None:
        self.report = Report(tenant=tenant, public_key=public_key)
        self._chain = START
        self._last = 0
        self._highest = 0
        self._missing: set[int] = set()

    def take(self, entry: Entry | None, seal: Seal) -> None:
        """The next row; ``entry`` is None where a seal has lost its row."""
        self.report.rows += 1
        if not is_signed(self.report.public_key, self.report.tenant, seal):
            self._found("inserted", seal.sequence, "its seal is not from here: inserted or changed")
            return
        self._place(seal)
        if entry is None:
            self._found("removed", seal.sequence, "the row is gone, its seal is left")
        elif hash_of(entry) != seal.row_hash:
            self._found("changed", seal.sequence, f"row {entry.get('audit_id')} was changed")

    def finish(self, end: int | None = None) -> Report:
        """The verdict, given the sequence that the chain is known to have reached."""
        if end is not None and end > self._highest:
            self._missing.update(range(self._highest + 1, min(end, self._highest + 10_000) + 1))
        for first, last in _ranges(self._missing):
            rows = f"row {first}" if first == last else f"rows {first} to {last}"
            self._found("removed", first, f"{rows} missing")
        return self.report

    @property
    def reached(self) -> tuple[int, bytes]:
        """Sequence and chain hash of the latest row in its place."""
        return self._last, self._chain

    def _place(self, seal: Seal) -> None:
        if seal.sequence == self._last + 1:
            if link(self._chain, seal.sequence, seal.row_hash) != seal.chain_hash:
                self._found("changed", seal.sequence, "it does not follow from the row before")
        elif seal.sequence > self._highest + 1:
            self._missing.update(range(self._highest + 1, seal.sequence))
        elif seal.sequence in self._missing:
            self._found("reordered", seal.sequence, f"it stands after row {self._highest}")
        elif seal.sequence <= self._highest:
            self._found("inserted", seal.sequence, "it stands here a second time")
        self._missing.discard(seal.sequence)
        self._highest = max(self._highest, seal.sequence)
        self._last, self._chain = seal.sequence, seal.chain_hash

    def _found(self, kind: str, sequence: int, text: str) -> None:
        self.report.findings.append(Finding(kind, sequence, text))


def verify_lines(lines: Iterable[str], expected_key: bytes | None = None) -> Report:
    """Check an export: a head, sealed rows, an end. ``expected_key`` pins who must have signed.

    Whoever rewrites a whole file can sign it with a key of their own, so compare the key (or
    its fingerprint) with the one the tenant noted.
    """
    verifier: Verifier | None = None
    ended = False
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
            if verifier is None:
                verifier = _begin(line, expected_key)
            elif line["kind"] == "end" and not ended:
                ended = True
                _end(verifier, line)
            elif ended:
                raise ValueError("something follows the end")
            else:
                _row(verifier, line)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            finding = Finding("unreadable", number, f"line {number} can't be read: {error}")
            if verifier is None:
                return Report(findings=[finding])
            verifier.report.findings.append(finding)
    if verifier is None:
        return Report(findings=[Finding("unreadable", 0, "the file is empty")])
    if not ended:
        verifier.finish()
        verifier.report.findings.append(
            Finding("removed", verifier.reached[0] + 1, "the end of the file is missing")
        )
    return verifier.report


def _begin(line: dict[str, Any], expected_key: bytes | None) -> Verifier:
    if line["kind"] != "head" or line["format"] != FORMAT:
        raise ValueError("not an audit export of this version")
    key = bytes.fromhex(line["public_key"])
    verifier = Verifier(key, str(line["tenant_id"]))
    if expected_key is not None and key != expected_key:
        verifier.report.findings.append(Finding("inserted", 0, "signed with another key"))
    return verifier


def _row(verifier: Verifier, line: dict[str, Any]) -> None:
    seal = Seal(
        int(line["sequence"]),
        bytes.fromhex(line["row_hash"]),
        bytes.fromhex(line["chain_hash"]),
        bytes.fromhex(line["signature"]),
    )
    if not 0 < seal.sequence < 1 << 62:
        raise ValueError("no such place")
    verifier.take(line["row"], seal)


def _end(verifier: Verifier, line: dict[str, Any]) -> None:
    sequence, chain_hash = int(line["sequence"]), bytes.fromhex(line["chain_hash"])
    report = verifier.report
    signature, at = bytes.fromhex(line["signature"]), str(line["exported_at"])
    if not is_end_signed(report.public_key, report.tenant, sequence, chain_hash, at, signature):
        report.findings.append(Finding("changed", sequence, "the end is not signed by this key"))
        verifier.finish()
        return
    verifier.finish(sequence)
    last, chain = verifier.reached
    if report.is_intact and (last, chain) != (sequence, chain_hash):
        report.findings.append(Finding("inserted", last, "rows follow the signed end"))


def _ranges(numbers: set[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges
