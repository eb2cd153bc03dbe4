"""The queue in Redis, over RQ. It carries ids of jobs as JSON; the truth is in the platform database.

No RQ retry, ever: it starts a job anew while the first one still runs. Every job in Redis has a time after
which it disappears.
"""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.exceptions import DuplicateJobError
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from webapp.jobs.outbox import Ring
from webapp.settings import Settings

PAGE_TIMEOUT_S = 0.3  # a stopped Redis delays nobody longer than that
WORKER_TIMEOUT_S = 10.0
FUNCTION = "webapp.jobs.tasks.run_job"
RESULT_TTL_S = 3600  # how long a finished ring is to be seen in the RQ dashboard
FAILURE_TTL_S = 24 * 3600
TIMEOUT_MARGIN_S = 600  # RQ's own limit is a last resort: it would not stop ansible-playbook


def connection_for(settings: Settings, *, timeout_s: float = PAGE_TIMEOUT_S) -> redis.Redis:
    """A client without redis-py's own retries, which take seconds."""
    return redis.Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
    )


def queue_on(settings: Settings, connection: redis.Redis, *, job_class: type[RqJob] | None = None) -> Queue:
    """The platform's queue. ``job_class``: what a worker makes of its records."""
    return Queue(settings.queue, connection=connection, serializer=JSONSerializer, job_class=job_class)


def rq_id(ring: Ring) -> str:
    """The id of the ring's RQ job: pushed twice, it is there once."""
    return f"job-{ring.job_id}-{ring.id}"


def push(settings: Settings, queue: Queue, ring: Ring) -> None:
    """Put the ring into the queue. Raises ``redis.RedisError``."""
    try:
        queue.enqueue_call(
            FUNCTION,
            args=[ring.job_id],
            timeout=settings.job_timeout_s + TIMEOUT_MARGIN_S,
            result_ttl=RESULT_TTL_S,
            failure_ttl=FAILURE_TTL_S,
            description=f"run_job {ring.job_id}",
            job_id=rq_id(ring),
            unique=True,
        )
    except DuplicateJobError:
        return  # another process was faster


def ids_in_queue(queue: Queue) -> set[str]:
    """The RQ ids that wait for a worker. Raises ``redis.RedisError``."""
    return set(queue.get_job_ids())


def is_redis_reachable(settings: Settings) -> bool:
    """Whether Redis answers within 0.3 s; while it does not, requests are kept and run later."""
    connection = connection_for(settings)
    try:
        return bool(connection.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        connection.close()


def queue_length(settings: Settings) -> int | None:
    """How many rings wait in Redis; None when it does not answer within 0.3 s."""
    connection = connection_for(settings)
    try:
        return int(queue_on(settings, connection).count)
    except (redis.RedisError, OSError):
        return None
    finally:
        connection.close()
