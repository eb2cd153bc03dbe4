"""The tests' own Redis."""

from __future__ import annotations

import base64
import zlib

import psutil
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.redis import Redis

SECRET = "Planted-Secret-1!"


@pytest.fixture
def client(redis_server: Redis) -> redis.Redis:
    """A client as the platform would make it, from the URL."""
    return redis.Redis.from_url(redis_server.url)


def test_it_keeps_what_it_is_given(client: redis.Redis) -> None:
    client.set("job", "01J")
    assert client.get("job") == b"01J"


def test_it_wants_the_password(redis_server: Redis) -> None:
    once = Retry(NoBackoff(), retries=0)
    stranger = redis.Redis(host="127.0.0.1", port=redis_server.port, retry=once)
    with pytest.raises(redis.AuthenticationError):
        stranger.get("job")


def test_its_password_is_not_among_its_arguments(redis_server: Redis) -> None:
    assert redis_server.process is not None
    arguments = psutil.Process(redis_server.process.pid).cmdline()
    assert redis_server.password not in " ".join(arguments)


def test_a_killed_one_answers_nobody(redis_server: Redis, client: redis.Redis) -> None:
    client.set("job", "01J")
    redis_server.kill()
    with pytest.raises(redis.ConnectionError):
        client.get("job")


def test_a_restarted_one_is_empty_at_the_same_address(redis_server: Redis, client: redis.Redis) -> None:
    client.set("job", "01J")
    address = redis_server.url
    redis_server.restart()
    assert redis_server.url == address
    assert redis.Redis.from_url(address).dbsize() == 0
    assert client.get("job") is None


def test_a_flushed_one_is_empty(redis_server: Redis, client: redis.Redis) -> None:
    client.set("job", "01J")
    redis_server.flush()
    assert client.dbsize() == 0


@pytest.mark.parametrize("kind", ["string", "hash", "list", "set", "zset", "stream", "key", "database"])
def test_the_dump_shows_every_kind_of_value(redis_server: Redis, client: redis.Redis, kind: str) -> None:
    assert redis_server.dump() == ""
    plant = {
        "string": lambda: client.set("a", SECRET),
        "hash": lambda: client.hset("a", "field", SECRET),
        "list": lambda: client.rpush("a", "first", SECRET),
        "set": lambda: client.sadd("a", SECRET),
        "zset": lambda: client.zadd("a", {SECRET: 1}),
        "stream": lambda: client.xadd("a", {"field": SECRET}),
        "key": lambda: client.set(f"a:{SECRET}", ""),
        "database": lambda: redis.Redis.from_url(redis_server.url, db=7).set("a", SECRET),
    }
    plant[kind]()
    assert SECRET in redis_server.dump()


@pytest.mark.parametrize(
    "packed",
    [
        zlib.compress(f"description {SECRET}".encode()),
        base64.b64encode(SECRET.encode()),
        base64.b64encode(zlib.compress(SECRET.encode())),
    ],
    ids=["compressed", "base64", "both"],
)
def test_the_dump_shows_packed_values(redis_server: Redis, client: redis.Redis, packed: bytes) -> None:
    client.hset("rq:job:1", "data", packed)
    assert SECRET in redis_server.dump()
