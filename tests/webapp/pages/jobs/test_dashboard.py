"""RQ's dashboard under /ops/rq: who opens it, and what it cannot do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from redis import Redis as RedisClient
from rq import Queue
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from tests.support.browser import Pages
from tests.support.portal import Portal, settings_for
from tests.support.redis import Redis, running_redis
from tests.support.served import log_in, served
from webapp.accounts.models import PortalRole

HOME = "/ops/rq/"
DATA = "/ops/rq/0/data/queues.json"


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[Redis]:
    with running_redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def with_redis(database_url: str, redis_server: Redis, tmp_path: Path) -> Iterator[Portal]:
    """A portal whose queue holds one job that waits and one that failed."""
    portal = Portal(settings_for(database_url, redis_url=redis_server.url, data_folder=tmp_path / "data"))
    with RedisClient.from_url(redis_server.url) as connection:
        queue = Queue("sqlhosting", connection=connection, serializer=JSONSerializer)
        queue.enqueue_call("webapp.jobs.tasks.run_job", args=["waits"], job_id="job-waits", failure_ttl=60)
        failed = queue.create_job("webapp.jobs.tasks.run_job", args=("failed",), job_id="job-failed")
        failed.save()
        FailedJobRegistry(queue=queue).add(failed, ttl=60)
    yield portal
    portal.close()


def test_who_may_open_it(with_redis: Portal) -> None:
    anonymous = with_redis.client()
    assert anonymous.get(HOME, headers={"Accept": "text/html"}).status_code == 302
    assert "/login" in anonymous.get(HOME, headers={"Accept": "text/html"}).headers["Location"]
    assert anonymous.get(DATA, headers={"Accept": "application/json"}).status_code == 401
    assert anonymous.client.post("/ops/rq/queue/sqlhosting/compact").status_code in (400, 401)
    for role in PortalRole:
        client = with_redis.client(with_redis.create_user(role))
        wanted = 200 if role in (PortalRole.ADMIN, PortalRole.OPERATOR) else 403
        for path in (HOME, DATA, "/ops/rq/0/view/workers", "/ops/rq/0/view/job/job-waits"):
            assert client.get(path).status_code == wanted, (role, path)


def test_nobody_changes_anything_with_it(with_redis: Portal) -> None:
    client = with_redis.client(with_redis.create_user(PortalRole.ADMIN))
    for path in (
        "/ops/rq/requeue/sqlhosting", "/ops/rq/queue/sqlhosting/compact", "/ops/rq/job/job-failed/requeue",
        "/ops/rq/job/job-waits/delete", "/ops/rq/queue/sqlhosting/queued/empty",
    ):  # fmt: skip
        assert client.post(path).status_code == 405, path
    assert client.get("/ops/rq/requeue/sqlhosting").status_code == 405
    (queue,) = client.get(DATA).get_json()["queues"]
    assert (queue["count"], queue["failed_job_registry_count"]) == (1, 1)


def test_jobs_are_read_as_json_and_no_password_is_shown(with_redis: Portal, redis_server: Redis) -> None:
    client = with_redis.client(with_redis.create_user(PortalRole.OPERATOR))
    job = client.get("/ops/rq/0/data/job/job-waits.json").get_json()
    assert job["origin"] == "sqlhosting"
    listed = client.get("/ops/rq/0/data/jobs/sqlhosting/queued/8/asc/1.json").get_json()
    assert [one["id"] for one in listed["jobs"]] == ["job-waits"]
    for path in (HOME, "/ops/rq/0/view/workers", "/ops/rq/0/view/jobs"):
        assert redis_server.password not in client.get(path).text


def test_two_portals_in_one_process_have_it_both(with_redis: Portal, portal: Portal) -> None:
    for one, status in ((with_redis, 200), (portal, 503)):  # the second one's Redis is not there
        client = one.client(one.create_user(PortalRole.OPERATOR))
        assert client.get(HOME).status_code == status


def test_a_redis_that_is_down_gives_our_own_page(with_redis: Portal, redis_server: Redis) -> None:
    client = with_redis.client(with_redis.create_user(PortalRole.OPERATOR))
    redis_server.kill()
    for path in (HOME, "/ops/rq/0/view/workers", DATA):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "Redis does not answer" in answer.text
    workers = client.get("/workers")
    assert workers.status_code == 200
    assert "No worker is alive" in workers.text


def _write_nonsense(connection: RedisClient) -> None:
    """What RQ never writes, at each name that the dashboard looks at."""
    queue = Queue("sqlhosting", connection=connection, serializer=JSONSerializer)
    for number, fields in enumerate(
        (
            {"created_at": "never", "data": b"\xff\xfe", "origin": "sqlhosting"},
            {"created_at": "2026-11-30T06:00:00Z", "data": b"no json", "ended_at": "x"},
            {"status": "odd"},
            {"data": b"[1]", "created_at": b"\xff"},
        )
    ):
        connection.hset(f"rq:job:odd-{number}", mapping=fields)  # type: ignore[arg-type]
        connection.rpush(queue.key, f"odd-{number}")
    connection.set("rq:job:text", "a text")
    connection.rpush(queue.key, "text", b"\xff\xfe", "", "not-there")
    connection.sadd("rq:queues", "no queue at all", b"\xff", "rq:queue:of-a-text")
    connection.set("rq:queue:of-a-text", "a text")
    connection.set(f"rq:failed:{queue.name}", "a text")
    connection.sadd("rq:workers", "no worker", "rq:worker:odd", "rq:worker:text", b"\xff")
    connection.hset("rq:worker:odd", mapping={"birth": "x", "queues": b"\xff", "current_job": "text"})
    connection.set("rq:worker:text", "a text")


_LOOKS = (
    "", "0/view/queues", "0/view/workers", "0/view/jobs", "0/view/jobs/sqlhosting/queued/8/asc/1",
    "0/view/job/odd-0", "0/view/job/text", "0/view/job/not-there",
    "0/data/queues.json", "0/data/workers.json", "0/data/queues/workers.json",
    "0/data/jobs/sqlhosting/queued/8/asc/1.json", "0/data/jobs/sqlhosting/failed/8/asc/1.json",
    "0/data/jobs/sqlhosting/odd/8/asc/1.json", "0/data/jobs/sqlhosting/queued/0/odd/0.json",
    "0/data/job/odd-0.json", "0/data/job/odd-1.json", "0/data/job/odd-2.json", "0/data/job/odd-3.json",
    "0/data/job/text.json", "0/data/job/not-there.json", "7/view/queues", "7/data/queues.json",
)  # fmt: skip


def test_nonsense_in_redis_is_told_in_words(with_redis: Portal, redis_server: Redis) -> None:
    client = with_redis.client(with_redis.create_user(PortalRole.OPERATOR))
    with RedisClient.from_url(redis_server.url) as connection:
        _write_nonsense(connection)
    answers = {look: client.get(HOME + look) for look in _LOOKS}

    assert {look: answer.status_code for look, answer in answers.items() if answer.status_code == 500} == {}
    assert answers["0/data/queues.json"].status_code == 503
    assert "was not written by RQ" in answers["0/data/queues.json"].text
    assert answers["0/data/job/not-there.json"].status_code == 404
    assert answers["7/view/queues"].status_code == 404
    assert client.get("/workers").status_code == 200


def test_it_can_be_switched_off(database_url: str, tmp_path: Path) -> None:
    portal = Portal(settings_for(database_url, dashboard=False, data_folder=tmp_path / "data"))
    client = portal.client(portal.create_user(PortalRole.ADMIN))
    assert client.get(HOME).status_code == 404
    assert "RQ dashboard</a>" not in client.get("/workers").text.split("<main", 1)[1]
    portal.close()


def test_only_its_own_pages_have_a_looser_policy(with_redis: Portal) -> None:
    client = with_redis.client(with_redis.create_user(PortalRole.OPERATOR))
    assert "unsafe-eval" in client.get(HOME).headers["Content-Security-Policy"]
    for path in ("/workers", "/jobs"):
        policy = client.get(path).headers["Content-Security-Policy"]
        assert "unsafe-eval" not in policy
        assert "script-src 'self'" in policy


def test_it_works_in_a_browser(with_redis: Portal, pages: Pages) -> None:
    pages.tolerate("favicon.ico")  # its own pages ask for one
    with served(with_redis.app) as address:
        page = pages.new_page(address)
        log_in(page, with_redis.create_user(PortalRole.OPERATOR))
        page.goto("/workers")
        expect(page.get_by_text("in Redis, queue sqlhosting")).to_be_visible()
        page.get_by_role("main").get_by_role("link", name="RQ dashboard").click()
        expect(
            page.get_by_role("link", name="sqlhosting").or_(page.get_by_text("sqlhosting")).first
        ).to_be_visible()


def test_what_stands_in_redis_runs_no_script_in_the_operators_browser(
    with_redis: Portal, redis_server: Redis, pages: Pages
) -> None:
    payload = "<img src=x onerror=\"document.title='owned'\">"
    with RedisClient.from_url(redis_server.url) as connection:
        queue = Queue("sqlhosting", connection=connection, serializer=JSONSerializer)
        queue.enqueue_call("f", job_id="forged", description=payload, meta={"note": payload})
        failed = queue.create_job("f", job_id="forged-failed", description=payload)
        failed.save()
        connection.hset(failed.key, mapping={"exc_info": payload, "origin": payload})
        FailedJobRegistry(queue=queue).add(failed, ttl=60)
        connection.sadd("rq:queues", f"rq:queue:{payload}")
    user = with_redis.create_user(PortalRole.OPERATOR)
    data = with_redis.client(user).get("/ops/rq/0/data/job/forged.json")
    assert "<" not in data.text
    with served(with_redis.app) as address:
        page = pages.new_page(address)
        log_in(page, user)
        pages.tolerate("favicon.ico|status of 404")
        for path in ("view/job/forged", "view/job/forged-failed", "view/jobs", "view/queues", "view/workers"):
            page.goto(f"/ops/rq/0/{path}")
            page.wait_for_load_state("networkidle")
            assert page.title() != "owned", path
            assert page.locator("img[src=x]").count() == 0, path
        page.goto("/ops/rq/0/view/job/forged")
        expect(page.locator("#job-data")).to_contain_text("<img src=x")
