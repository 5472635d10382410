"""Passwords are hashed with argon2id in a bounded pool."""

import asyncio
import time

import pytest
from argon2 import PasswordHasher

from groundswell.core.errors import UnavailableError
from groundswell.core.identity.passwords import PASSWORDS, Passwords, weakness


async def test_a_password_is_known_by_its_hash_and_another_is_not():
    stored = await PASSWORDS.hash("correct horse battery")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert await PASSWORDS.verify("correct horse battery", stored)
    assert not await PASSWORDS.verify("correct horse batterz", stored)


async def test_the_same_password_typed_on_another_keyboard_is_the_same():
    stored = await PASSWORDS.hash("cafe\u0301 au lait")
    assert await PASSWORDS.verify("caf\u00e9 au lait", stored)


async def test_nobody_is_refused_as_slowly_as_somebody():
    stored = await PASSWORDS.hash("correct horse battery")
    assert not await PASSWORDS.verify("correct horse battery", None)  # makes the decoy

    async def seconds(hashed: str | None) -> float:
        times = []
        for _ in range(3):
            start = time.perf_counter()
            assert not await PASSWORDS.verify("wrong wrong wrong", hashed)
            times.append(time.perf_counter() - start)
        return min(times)

    known, unknown = await seconds(stored), await seconds(None)
    assert 0.4 < unknown / known < 2.5


async def test_the_decoy_opens_nothing():
    assert not await PASSWORDS.verify("nobody's password", None)
    assert not await PASSWORDS.verify("nobody's password", None)


async def test_a_damaged_hash_opens_nothing():
    assert not await PASSWORDS.verify("anything at all", "$argon2id$broken")
    assert not await PASSWORDS.verify("anything at all", "")


async def test_a_hash_with_older_parameters_is_known_and_called_outdated():
    old = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash("correct horse")
    assert await PASSWORDS.verify("correct horse", old)
    assert PASSWORDS.is_outdated(old)
    assert not PASSWORDS.is_outdated(await PASSWORDS.hash("correct horse"))


async def test_more_than_the_queue_holds_is_told_to_come_back():
    small = Passwords(threads=1, queue=1)
    answers = await asyncio.gather(
        *(small.hash("x" * 10) for _ in range(5)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, UnavailableError)]
    assert len(refused) == 3
    assert refused[0].headers["Retry-After"]
    assert await small.hash("x" * 10)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "at least 10"),
        ("x" * 300, "at most 256"),
        ("Owner@Example.com", "e-mail address"),
        ("Password123", "too easy"),
        ("aaaaaaaaaaaa", "too easy"),
        ("abababababab", "too easy"),
    ],
)
def test_weak_passwords_are_refused_with_their_reason(password, reason):
    assert reason in (weakness(password, "owner@example.com") or "")


def test_a_long_sentence_will_do():
    assert weakness("the tide comes in twice", "owner@example.com") is None
