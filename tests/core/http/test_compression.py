"""Packed bodies are unpacked up to the cap, whatever they claim to be."""

import gzip
import time
import zlib

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from groundswell.core.errors import MalformedError, TooLargeError, UnsupportedMediaTypeError
from groundswell.core.http.compression import unpack

LIMIT = 100_000

PACKERS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
}


def raw_deflate(plain: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(plain) + packer.flush()


@given(st.binary(max_size=2000), st.sampled_from(sorted(PACKERS)))
def test_what_was_packed_is_unpacked(plain: bytes, encoding: str) -> None:
    assert unpack(PACKERS[encoding](plain), encoding, LIMIT) == plain
    assert unpack(raw_deflate(plain), "deflate", LIMIT) == plain
    assert unpack(plain, "", LIMIT) == unpack(plain, "identity", LIMIT) == plain


@pytest.mark.parametrize("encoding", sorted(PACKERS))
def test_a_bomb_is_too_large_and_costs_no_memory(encoding: str) -> None:
    bomb = PACKERS[encoding](b"\0" * 50_000_000)
    began = time.process_time()
    with pytest.raises(TooLargeError):
        unpack(bomb, encoding, LIMIT)
    assert time.process_time() - began < 0.05


@pytest.mark.parametrize("encoding", sorted(PACKERS))
def test_exactly_the_limit_passes_and_one_more_does_not(encoding: str) -> None:
    pack = PACKERS[encoding]
    assert len(unpack(pack(b"a" * LIMIT), encoding, LIMIT)) == LIMIT
    with pytest.raises(TooLargeError):
        unpack(pack(b"a" * (LIMIT + 1)), encoding, LIMIT)
    with pytest.raises(TooLargeError):
        unpack(b"a" * (LIMIT + 1), "", LIMIT)


@pytest.mark.parametrize("encoding", sorted(PACKERS))
def test_broken_and_cut_bodies_are_malformed(encoding: str) -> None:
    packed = PACKERS[encoding](b"hello" * 100)
    for broken in (packed[:-3], b"garbage, not packed at all", packed[:4]):
        with pytest.raises(MalformedError):
            unpack(broken, encoding, LIMIT)


def test_members_of_a_gzip_file_are_joined_but_not_without_end() -> None:
    assert unpack(gzip.compress(b"a") + gzip.compress(b"b"), "gzip", LIMIT) == b"ab"
    with pytest.raises(MalformedError):
        unpack(gzip.compress(b"") * 4000, "gzip", LIMIT)


@pytest.mark.parametrize("encoding", ["br", "compress", "gzip, gzip", "x" * 500])
def test_other_encodings_are_refused_with_those_we_read(encoding: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError) as caught:
        unpack(b"", encoding, LIMIT)
    assert "gzip" in caught.value.headers["Accept-Encoding"]
