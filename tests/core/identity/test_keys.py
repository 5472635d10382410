"""The form of API keys."""

import re

from hypothesis import given
from hypothesis import strategies as st

from groundswell.core.identity.keys import is_well_formed, key_hash, new_key, shown_prefix


def test_a_key_is_prefix_random_and_checksum_in_base62():
    for kind, prefix in (("secret", "gsk_"), ("publishable", "gpk_")):
        key = new_key(kind)
        assert re.fullmatch(prefix + "[0-9A-Za-z]{38}", key)
        assert is_well_formed(key)
        assert shown_prefix(key) == key[:10]


def test_keys_never_repeat():
    assert len({new_key("secret") for _ in range(1_000)}) == 1_000


@given(st.integers(0, 41), st.characters(min_codepoint=33, max_codepoint=126))
def test_any_one_wrong_character_is_noticed(place, character):
    key = "gsk_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6"
    key = _with_checksum(key)
    wrong = key[:place] + character + key[place + 1 :]
    assert is_well_formed(wrong) == (wrong == key)


@given(st.text(max_size=60))
def test_any_text_at_all_is_judged_without_an_error(text):
    assert not is_well_formed(text)


def test_the_kind_is_under_the_checksum():
    key = new_key("publishable")
    assert not is_well_formed(key.replace("gpk_", "gsk_"))


def test_what_is_stored_is_not_the_key():
    key = new_key("secret")
    assert len(key_hash(key)) == 32
    assert key_hash(key) != key_hash(new_key("secret"))


def _with_checksum(body: str) -> str:
    from groundswell.core.identity import keys

    return body + keys._checksum(body)
