# ruff: noqa: E501 - one message per line reads best
"""Texts of the errors that the estate and its statements raise. Source: see :mod:`simulator.errors`."""

from __future__ import annotations

from simulator.errors import register_messages

register_messages(
    {
        916: (14, 'The server principal "{0}" is not able to access the database "{1}" under the current security context.'),
        1105: (17, "Could not allocate space for object '{0}'{1} in database '{2}' because the '{3}' filegroup is full due to lack of storage space or database files reaching the maximum allowed size. Note that UNLIMITED files are still limited to 16TB. Create the necessary space by dropping objects in the filegroup, adding additional files to the filegroup, or setting autogrowth on for existing files in the filegroup."),
        4060: (11, 'Cannot open database "{0}" requested by the login. The login failed.'),
        4064: (11, "Cannot open user default database. Login failed."),
        5149: (16, "MODIFY FILE encountered operating system error {0} while attempting to expand the physical file '{1}'."),
        9002: (17, "The transaction log for database '{0}' is full due to '{1}'."),
        18452: (14, "Login failed. The login is from an untrusted domain and cannot be used with Integrated authentication."),
        18456: (14, "Login failed for user '{0}'."),
        18470: (14, "Login failed for user '{0}'. Reason: The account is disabled."),
        18486: (14, "Login failed for user '{0}' because the account is currently locked out. The system administrator can unlock it."),
        18488: (14, "Login failed for user '{0}'. Reason: The password of the account must be changed."),
    }
)  # fmt: skip
