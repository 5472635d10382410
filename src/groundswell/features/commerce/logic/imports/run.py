"""Running an import: batches of one commit each, with how far it came in the same commit."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from groundswell.core import clock
from groundswell.core.audit import audit
from groundswell.core.db.postgres import Postgres, ScopedTransaction
from groundswell.core.tenancy.scope import Scope
from groundswell.features.commerce.logic.imports import files
from groundswell.features.commerce.logic.imports.rows import RowReader, control_totals
from groundswell.features.commerce.logic.imports.types import (
    CheckedRow,
    Control,
    Counts,
    ImportOptions,
    Layout,
    Report,
    RowProblem,
)
from groundswell.features.commerce.logic.record import record_orders
from groundswell.features.commerce.store import imports as store
from groundswell.features.commerce.store import rates
from groundswell.features.commerce.types import Origin, Outcome, Recorded

BATCH = 500
_HEADER = ["line", "field", "reason", "row"]

Progress = Callable[[str, int, int], None]
"""Told ``checking`` or ``importing``, rows done, rows in all (0 while they are counted)."""


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """A file read once through: its form, its digest and what it says."""

    form: Layout
    digest: str
    options: ImportOptions
    control: Control


def scan(path: Path, options: ImportOptions, progress: Progress) -> Scan:
    """Read a file through and check every row; nothing is stored.

    Raises:
        InvalidError: the file as a whole can't be read.
    """
    form = files.layout(path, options)
    digest = files.digest(path)
    reader = RowReader(form, options, digest)
    control = Control()
    checked = (reader.check(row) for row in files.rows(form))
    for control in control_totals(checked, options.timezone):
        if control.rows % BATCH == 0:
            progress("checking", control.rows, 0)
    return Scan(form=form, digest=digest, options=options, control=control)


class ImportRun:
    """One import of one scanned file into one tenant."""

    def __init__(
        self, postgres: Postgres, scope: Scope, scanned: Scan, errors: Path, progress: Progress
    ) -> None:
        self._postgres = postgres
        self._scope = scope
        self._scanned = scanned
        self._errors = errors
        self._progress = progress

    async def run(self) -> Report:
        """Import what is left to import. Killed at any moment, it goes on where it was."""
        run, shift = await self._start()
        counts = msgspec.convert(run.counts, Counts)
        resumed_at = run.rows_done
        self._cut_errors(counts.error_bytes)
        total = self._scanned.control.rows
        done = resumed_at
        for batch in self._batches(resumed_at, shift):
            done += len(batch)
            await self._batch(run, counts, batch, done, is_last=done == total)
            self._progress("importing", done, total)
        waiting = await self._finish(run, counts, done)
        return Report(
            control=self._shifted(shift),
            counts=counts,
            shift_days=shift,
            resumed_at=resumed_at,
            errors=self._errors if counts.error_bytes else None,
            waiting=waiting,
        )

    async def _start(self) -> tuple[store.RunRow, int]:
        """Go on with an unfinished run, else begin one; a repeat keeps the earlier one's shift."""
        options = self._stored_options()
        async with self._postgres.transaction(self._scope) as tx:
            await store.lock_kind(tx)
            found = await store.find(tx, self._scanned.digest, options)
            if found is not None and found.status == "running":
                return found, int(found.options.get("shift_days", 0))
            shift = int(found.options["shift_days"]) if found else self._shift_days()
            name = self._scanned.form.path.name
            run = await store.start(tx, self._scanned.digest, name, options | {"shift_days": shift})
            detail = {"file": name, "digest": self._scanned.digest}
            await audit(tx, "import.started", "import", run.import_id, detail)
            return run, shift

    async def _batch(
        self,
        run: store.RunRow,
        counts: Counts,
        batch: Sequence[CheckedRow],
        done: int,
        *,
        is_last: bool,
    ) -> None:
        good = [checked for checked in batch if checked.order is not None]
        problems = [problem for checked in batch for problem in checked.problems]
        async with self._postgres.transaction(self._scope) as tx:
            await store.lock_kind(tx)
            orders = [checked.order for checked in good if checked.order is not None]
            recorded = await record_orders(tx, orders, Origin.IMPORT)
            for checked, result in zip(good, recorded, strict=True):
                problems += _refusal(checked, result)
                _count(counts, result)
            counts.refused += len(batch) - len(good)
            counts.error_bytes = self._write_errors(sorted(problems, key=_line))
            await store.checkpoint(tx, run.import_id, done, counts, done=False)

    async def _finish(self, run: store.RunRow, counts: Counts, done: int) -> tuple[str, ...]:
        async with self._postgres.transaction(self._scope) as tx:
            await store.checkpoint(tx, run.import_id, done, counts, done=True)
            detail = {"file": self._scanned.form.path.name, "rows": done} | msgspec.structs.asdict(
                counts
            )
            await audit(tx, "import.finished", "import", run.import_id, detail)
            return tuple(each.currency for each in await rates.waiting(tx))

    def _batches(self, skip: int, shift: int) -> Iterator[list[CheckedRow]]:
        scanned = self._scanned
        reader = RowReader(scanned.form, scanned.options, scanned.digest, shift)
        batch: list[CheckedRow] = []
        for row in files.rows(scanned.form):
            if row.number <= skip:
                continue
            batch.append(reader.check(row))
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def _stored_options(self) -> dict[str, Any]:
        options: dict[str, Any] = msgspec.to_builtins(self._scanned.options)
        # The form counts as it was found, so that naming what was found is no other import.
        options["format"] = self._scanned.form.format.value
        return options

    def _shift_days(self) -> int:
        last = self._scanned.control.last
        if not self._scanned.options.shift_to_today or last is None:
            return 0
        return (clock.day_of(clock.now(), self._scanned.options.timezone) - last).days

    def _shifted(self, shift: int) -> Control:
        control = self._scanned.control
        by = timedelta(days=shift)
        return msgspec.structs.replace(
            control,
            first=control.first + by if control.first else None,
            last=control.last + by if control.last else None,
        )

    def _cut_errors(self, size: int) -> None:
        """Drop what a killed run wrote after its last commit."""
        if size == 0:
            self._errors.unlink(missing_ok=True)
        elif self._errors.exists():
            with self._errors.open("r+b") as file:
                file.truncate(size)

    def _write_errors(self, problems: Sequence[RowProblem]) -> int:
        """Add problems to the error file; returns its length."""
        if not problems:
            return self._errors.stat().st_size if self._errors.exists() else 0
        text = io.StringIO()
        writer = csv.writer(text)
        if not self._errors.exists():
            writer.writerow(_HEADER)
        for each in problems:
            writer.writerow([each.line, each.field, each.reason, _inert(each.text)])
        with self._errors.open("ab") as file:
            file.write(text.getvalue().encode("utf-8", "replace"))
            return file.tell()


def _refusal(checked: CheckedRow, result: Recorded) -> list[RowProblem]:
    if result.outcome not in (Outcome.CONFLICT, Outcome.REFUSED):
        return []
    text = " ".join(f"{name}={value}" for name, value in checked.row.values.items())
    return [RowProblem(checked.row.line, "order_id", result.problem, text[:500])]


def _count(counts: Counts, result: Recorded) -> None:
    name = result.outcome.value
    setattr(counts, name, getattr(counts, name) + 1)


def _line(problem: RowProblem) -> int:
    return problem.line


def _inert(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


async def waiting(tx: ScopedTransaction) -> list[str]:
    """Currencies whose orders wait for a rate."""
    return [each.currency for each in await rates.waiting(tx)]
