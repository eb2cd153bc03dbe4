"""The access matrix: who may call which route. A route that is not in here fails a test.

To add one: ``"blueprint.view": Rule(ROLES, {"argument": "name in the world"})``; for what belongs to a
customer ``owned(…)``, so that another customer's answer is 404.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.webapp.access_world import ADMIN, KINDS, OPERATOR, OWNER, STRANGER, VIEWER

PUBLIC = frozenset(KINDS)
ANYONE = frozenset({OWNER, STRANGER, OPERATOR, VIEWER, ADMIN})
STAFF = frozenset({OPERATOR, VIEWER, ADMIN})
OPERATORS = frozenset({OPERATOR, ADMIN})
ADMINS = frozenset({ADMIN})
READERS = frozenset({VIEWER, ADMIN})
BOOKERS = frozenset({OWNER, STRANGER, OPERATOR, ADMIN})


@dataclass(frozen=True)
class Rule:
    """``roles``: whose role opens the door; ``arguments``: URL argument → name in the world, or =text;
    ``not_found``: whose role would do, but for whom this object is not there; ``refused``: who may see the
    object, but not do this with it. Arguments that the path does not have become the query."""

    roles: frozenset[str]
    arguments: dict[str, str] = field(default_factory=dict)
    not_found: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()

    @property
    def may(self) -> frozenset[str]:
        """Who gets in."""
        return self.roles - self.not_found - self.refused


def owned(roles: frozenset[str], arguments: dict[str, str]) -> Rule:
    """Something of a customer's: not there for another customer."""
    return Rule(roles, arguments, frozenset({STRANGER}))


def own(arguments: dict[str, str]) -> Rule:
    """Something that only its owner can reach, whatever the role of others."""
    return Rule(ANYONE, arguments, ANYONE - {OWNER})


USER, CANDIDATE = {"user_id": "member"}, {"user_id": "candidate"}
APPLICATION, BOOKING, PLAN = {"application_id": "application"}, {"booking_id": "booking"}, {"plan_id": "plan"}
LOGIN, DATABASE = {**APPLICATION, "login_id": "login"}, {**APPLICATION, "database_id": "database"}
JOB, SCHEDULE, POLICY = {"job_id": "job"}, {"schedule_id": "schedule"}, {"policy_id": "policy"}
POOL, INSTANCE, ACCOUNT = {"pool_id": "pool"}, {"instance_id": "instance"}, {"account_id": "elevated_account"}
STEP = {"key": "=name"}

TABLE: dict[str, Rule] = {
    # accounts
    "accounts.login": Rule(PUBLIC),
    "accounts.registration": Rule(PUBLIC),
    "accounts.registered": Rule(PUBLIC),
    "accounts.logout": Rule(ANYONE),
    "account.show": Rule(ANYONE),
    "account.rename": Rule(ANYONE),
    "account.new_password": Rule(ANYONE),
    "account.end_one": own({"session_id": "session"}),
    "account.end_others": Rule(ANYONE),
    "account.tokens": Rule(ANYONE),
    "account.new_token": Rule(ANYONE),
    "account.revoke": own({"token_id": "token"}),
    "users.index": Rule(READERS),
    "users.show": Rule(READERS, USER),
    "users.approve": Rule(ADMINS, CANDIDATE),
    "users.reject": Rule(ADMINS, CANDIDATE),
    "users.disable": Rule(ADMINS, USER),
    "users.enable": Rule(ADMINS, USER),
    "users.role": Rule(ADMINS, USER),
    "users.trust": Rule(ADMINS, USER),
    "users.end_sessions": Rule(ADMINS, USER),
    # home
    "home.index": Rule(ANYONE),
    "home.search": Rule(ANYONE),
    "home.highlighting": Rule(PUBLIC),
    # api
    "api.inventory": Rule(STAFF),
    # pools
    "pools.index": Rule(STAFF),
    "pools.show": Rule(STAFF, POOL),
    "pools.collations": Rule(STAFF, POOL),
    "pools.new": Rule(OPERATORS),
    "pools.edit": Rule(OPERATORS, POOL),
    "pools.delete": Rule(OPERATORS, POOL),
    "pools.discover": Rule(OPERATORS, POOL),
    "pools.check_account": Rule(OPERATORS, POOL),
    "instances.index": Rule(STAFF),
    "instances.show": Rule(STAFF, INSTANCE),
    "instances.discovery": Rule(STAFF, {**INSTANCE, "discovery_id": "discovery"}),
    "instances.new": Rule(OPERATORS, {"pool": "pool"}),
    "instances.edit": Rule(OPERATORS, INSTANCE),
    "instances.delete": Rule(OPERATORS, INSTANCE),
    "instances.discover": Rule(OPERATORS, INSTANCE),
    "instances.check_account": Rule(OPERATORS, INSTANCE),
    "elevated_accounts.index": Rule(STAFF),
    "elevated_accounts.new": Rule(OPERATORS),
    "elevated_accounts.edit": Rule(OPERATORS, ACCOUNT),
    "elevated_accounts.delete": Rule(OPERATORS, ACCOUNT),
    # bookings
    "wizard.begin": Rule(BOOKERS),
    "wizard.step": Rule(BOOKERS, STEP),
    "wizard.save": Rule(BOOKERS, STEP),
    "wizard.keep_draft": Rule(BOOKERS, STEP),
    "wizard.discard": Rule(BOOKERS),
    "wizard.availability": Rule(BOOKERS),
    "wizard.collations": Rule(BOOKERS),
    "bookings.index": Rule(ANYONE),
    "bookings.show": owned(ANYONE, BOOKING),
    "bookings.live": owned(ANYONE, BOOKING),
    "bookings.cancel": owned(BOOKERS, BOOKING),
    "bookings.change": owned(BOOKERS, BOOKING),
    "bookings.change_form": owned(BOOKERS, BOOKING),
    "bookings.plan_again": Rule(OPERATORS, BOOKING),
    # applications
    "applications.index": Rule(ANYONE),
    "applications.show": owned(ANYONE, APPLICATION),
    "applications.show_tab": owned(ANYONE, {**APPLICATION, "tab": "=databases"}),
    "applications.measurement": owned(ANYONE, APPLICATION),
    "applications.measure_now": owned(BOOKERS, APPLICATION),
    # A password is for who booked it, and for nobody of the staff.
    "applications.reveal": Rule(BOOKERS, LOGIN, frozenset({STRANGER}), OPERATORS),
    "application_changes.add_database": owned(BOOKERS, APPLICATION),
    "application_changes.resize_database": owned(BOOKERS, DATABASE),
    "application_changes.add_login": owned(BOOKERS, APPLICATION),
    "application_changes.reset_login": owned(BOOKERS, LOGIN),
    "application_changes.remove_login": owned(BOOKERS, LOGIN),
    "application_changes.delete": owned(BOOKERS, APPLICATION),
    "application_changes.purge": Rule(OPERATORS, APPLICATION),
    # approvals
    "approvals.index": Rule(STAFF),
    "approvals.show": Rule(STAFF, PLAN),
    "approvals.version": Rule(STAFF, PLAN),
    "approvals.download": Rule(STAFF, PLAN),
    "approvals.decide_plan": Rule(OPERATORS, PLAN),
    "approvals.plan_again": owned(BOOKERS, PLAN),
    "policies.index": Rule(STAFF),
    "policies.new": Rule(ADMINS),
    "policies.edit": Rule(ADMINS, POLICY),
    "policies.delete": Rule(ADMINS, POLICY),
    "policies.enable": Rule(ADMINS, POLICY),
    "policies.disable": Rule(ADMINS, POLICY),
    "policies.earlier": Rule(ADMINS, POLICY),
    "policies.later": Rule(ADMINS, POLICY),
    # jobs and statements
    "jobs.index": Rule(STAFF),
    "jobs.index_csv": Rule(STAFF),
    "jobs.queue_page": Rule(STAFF),
    "jobs.workers_page": Rule(STAFF),
    "jobs.job_page": owned(ANYONE, JOB),
    "jobs.stream": owned(ANYONE, JOB),
    "jobs.outlook": owned(ANYONE, JOB),
    "jobs.details_page": Rule(STAFF, JOB),
    "jobs.tasks_page": Rule(STAFF, JOB),
    "jobs.statements_page": Rule(STAFF, JOB),
    "jobs.older_output": Rule(STAFF, JOB),
    "jobs.download_journal": Rule(STAFF, JOB),
    "jobs.download_output": Rule(STAFF, JOB),
    "jobs.download_script": Rule(STAFF, JOB),
    "jobs.cancel": Rule(OPERATORS, JOB),
    "jobs.go_on": Rule(OPERATORS, JOB),
    "jobs.run_again": Rule(OPERATORS, JOB),
    "jobs.schedules_page": Rule(STAFF),
    "jobs.new_schedule": Rule(OPERATORS),
    "jobs.schedule_page": Rule(OPERATORS, SCHEDULE),
    "jobs.switch_schedule": Rule(OPERATORS, SCHEDULE),
    "jobs.remove_schedule": Rule(OPERATORS, SCHEDULE),
    "statements.index": Rule(STAFF),
    "statements.statement_page": Rule(STAFF, {"statement_id": "statement"}),
}

# Files that everybody may have; and the RQ dashboard, a blueprint of its own that is looked at as a whole.
FILES = frozenset({"static", "bootstrap.static"})
DASHBOARD = "rq_dashboard."
