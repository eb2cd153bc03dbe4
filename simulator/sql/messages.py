# ruff: noqa: E501 - one message per line reads best
"""Texts of the errors that the T-SQL front raises: syntax, names, conversion, arithmetic, transactions.

Source: Microsoft Learn, "Database Engine events and errors" (2022 list); severities from the same pages.
"""

from __future__ import annotations

import simulator.estate.messages  # noqa: F401 - the estate has those that it shares with the front
from simulator.errors import register_messages

register_messages(
    {
        451: (
            16,
            'Cannot resolve collation conflict between "{0}" and "{1}" in {2} operator occurring in {3} statement column {4}.',
        ),
        457: (
            16,
            'Implicit conversion of {0} value to {0} cannot be performed because the collation of the value is unresolved due to a collation conflict between "{1}" and "{2}" in {3} operator.',
        ),
        468: (16, 'Cannot resolve the collation conflict between "{0}" and "{1}" in the {2} operation.'),
        102: (15, "Incorrect syntax near '{0}'."),
        103: (15, "The identifier that starts with '{0}' is too long. Maximum length is 128."),
        105: (15, "Unclosed quotation mark after the character string '{0}'."),
        107: (
            15,
            "The column prefix '{0}' does not match with a table name or alias name used in the query.",
        ),
        109: (
            15,
            "There are more columns in the INSERT statement than values specified in the VALUES clause. "
            "The number of values in the VALUES clause must match the number of columns specified in the "
            "INSERT statement.",
        ),
        110: (
            15,
            "There are fewer columns in the INSERT statement than values specified in the VALUES clause. "
            "The number of values in the VALUES clause must match the number of columns specified in the "
            "INSERT statement.",
        ),
        108: (
            16,
            "The ORDER BY position number {0} is out of range of the number of items in the select list.",
        ),
        113: (15, "Missing end comment mark '*/'."),
        116: (
            16,
            "Only one expression can be specified in the select list when the subquery is not introduced "
            "with EXISTS.",
        ),
        120: (
            15,
            "The select list for the INSERT statement contains fewer items than the insert list. The number "
            "of SELECT values must match the number of INSERT columns.",
        ),
        121: (
            15,
            "The select list for the INSERT statement contains more items than the insert list. The number "
            "of SELECT values must match the number of INSERT columns.",
        ),
        127: (15, "A TOP N or FETCH rowcount value may not be negative."),
        131: (
            15,
            "The size ({0}) given to the type '{1}' exceeds the maximum allowed for any data type ({2}).",
        ),
        132: (
            15,
            "The label '{0}' has already been declared. Label names must be unique within a query batch or stored procedure.",
        ),
        135: (15, "Cannot use a BREAK statement outside the scope of a WHILE statement."),
        136: (15, "Cannot use a CONTINUE statement outside the scope of a WHILE statement."),
        321: (
            15,
            '"{0}" is not a recognized table hints option. If it is intended as a parameter to a table-valued function or to the CHANGETABLE function, ensure that your database compatibility mode is set to 90.',
        ),
        155: (15, "'{0}' is not a recognized {1} option."),
        289: (16, "Cannot construct data type {0}, some of the arguments have values which are not valid."),
        319: (
            15,
            "Incorrect syntax near the keyword 'with'. If this statement is a common table expression, an xmlnamespaces clause or a change tracking context clause, the previous statement must be terminated with a semicolon.",
        ),
        134: (
            15,
            "The variable name '{0}' has already been declared. Variable names must be unique within a query "
            "batch or stored procedure.",
        ),
        137: (15, 'Must declare the scalar variable "{0}".'),
        141: (
            15,
            "A SELECT statement that assigns a value to a variable must not be combined with data-retrieval "
            "operations.",
        ),
        144: (
            15,
            "Cannot use an aggregate or a subquery in an expression used for the group by list of a GROUP BY "
            "clause.",
        ),
        145: (15, "ORDER BY items must appear in the select list if SELECT DISTINCT is specified."),
        147: (
            15,
            "An aggregate may not appear in the WHERE clause unless it is in a subquery contained in a HAVING "
            "clause or a select list, and the column being aggregated is an outer reference.",
        ),
        156: (15, "Incorrect syntax near the keyword '{0}'."),
        159: (15, "Must specify the table name and index name for the DROP INDEX statement."),
        168: (15, "The floating point value '{0}' is out of the range of computer representation (8 bytes)."),
        174: (15, "The {0} function requires {1} argument(s)."),
        178: (15, "A RETURN statement with a return value cannot be used in this context."),
        179: (15, "Cannot use the OUTPUT option when passing a constant to a stored procedure."),
        180: (15, "There are too many parameters in this {0} statement. The maximum number is {1}."),
        189: (15, "The {0} function requires {1} to {2} arguments."),
        195: (15, "'{0}' is not a recognized {1}."),
        201: (16, "Procedure or function '{0}' expects parameter '{1}', which was not supplied."),
        203: (16, "The name '{0}' is not a valid identifier."),
        205: (
            16,
            "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of "
            "expressions in their target lists.",
        ),
        206: (16, "Operand type clash: {0} is incompatible with {1}"),
        207: (16, "Invalid column name '{0}'."),
        208: (16, "Invalid object name '{0}'."),
        209: (16, "Ambiguous column name '{0}'."),
        213: (16, "Column name or number of supplied values does not match table definition."),
        214: (16, "Procedure expects parameter '{0}' of type '{1}'."),
        217: (
            16,
            "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit {0}).",
        ),
        220: (16, "Arithmetic overflow error for data type {0}, value = {1}."),
        226: (16, "{0} statement not allowed within multi-statement transaction."),
        232: (16, "Arithmetic overflow error for type {0}, value = {1}."),
        235: (16, "Cannot convert a char value to money. The char value has incorrect syntax."),
        241: (16, "Conversion failed when converting date and/or time from character string."),
        242: (16, "The conversion of a {0} data type to a {1} data type resulted in an out-of-range value."),
        243: (16, "Type {0} is not a defined system type."),
        244: (
            16,
            "The conversion of the {0} value '{1}' overflowed an {2} column. Use a larger integer column.",
        ),
        245: (16, "Conversion failed when converting the {0} value '{1}' to data type {2}."),
        248: (16, "The conversion of the {0} value '{1}' overflowed an int column."),
        252: (16, "Recursive common table expression '{0}' does not contain a top-level UNION ALL operator."),
        257: (
            16,
            "Implicit conversion from data type {0} to {1} is not allowed. Use the CONVERT function to run "
            "this query.",
        ),
        258: (15, "Cannot call methods on {1}."),
        263: (16, "Must specify table to select from."),
        264: (
            16,
            "The column name '{0}' is specified more than once in the SET clause or column list of an INSERT. "
            "A column cannot be assigned more than one value in the same clause. Modify the clause to make "
            "sure that a column is updated only once. If this statement updates or inserts columns into a "
            "view, column aliasing can conceal the duplication in your code.",
        ),
        266: (
            16,
            "Transaction count after EXECUTE indicates a mismatching number of BEGIN and COMMIT statements. "
            "Previous count = {0}, current count = {1}.",
        ),
        271: (
            16,
            'The column "{0}" cannot be modified because it is either a computed column or is the result of a UNION operator.',
        ),
        281: (16, "{0} is not a valid style number when converting from {1} to a character string."),
        402: (16, "The data types {0} and {1} are incompatible in the {2} operator."),
        447: (16, "Expression type {0} is invalid for COLLATE clause."),
        448: (16, "Invalid collation '{0}'."),
        506: (16, 'The invalid escape character "{0}" was specified in a LIKE predicate.'),
        512: (
            16,
            "Subquery returned more than 1 value. This is not permitted when the subquery follows =, !=, <, "
            "<= , >, >= or when the subquery is used as an expression.",
        ),
        515: (
            16,
            "Cannot insert the value NULL into column '{0}', table '{1}'; column does not allow nulls. "
            "{2} fails.",
        ),
        517: (16, "Adding a value to a '{0}' column caused an overflow."),
        518: (16, "Cannot convert data type {0} to {1}."),
        529: (16, "Explicit conversion from data type {0} to {1} is not allowed."),
        530: (
            16,
            "The statement terminated. The maximum recursion {0} has been exhausted before statement "
            "completion.",
        ),
        535: (
            16,
            "The datediff function resulted in an overflow. The number of dateparts separating two date/time "
            "instances is too large. Try to use datediff with a less precise datepart.",
        ),
        536: (16, "Invalid length parameter passed to the {0} function."),
        537: (16, "Invalid length parameter passed to the LEFT or SUBSTRING function."),
        544: (
            16,
            "Cannot insert explicit value for identity column in table '{0}' when IDENTITY_INSERT is set to "
            "OFF.",
        ),
        545: (
            16,
            "Explicit value must be specified for identity column in table '{0}' either when IDENTITY_INSERT "
            "is set to ON or when a replication user is inserting into a NOT FOR REPLICATION identity column.",
        ),
        547: (
            16,
            'The {0} statement conflicted with the {1} constraint "{2}". The conflict occurred in database '
            '"{3}", table "{4}"{5}.',
        ),
        1007: (15, "The number '{0}' is out of the range for numeric representation (maximum precision 38)."),
        1023: (15, "Invalid parameter {0} specified for {1}."),
        1033: (
            15,
            "The ORDER BY clause is invalid in views, inline functions, derived tables, subqueries, and common "
            "table expressions, unless TOP, OFFSET or FOR XML is also specified.",
        ),
        1060: (
            15,
            "The number of rows provided for a TOP or FETCH clauses row count parameter must be an integer.",
        ),
        1062: (15, "The TOP N WITH TIES clause is not allowed without a corresponding ORDER BY clause."),
        1087: (15, 'Must declare the table variable "{0}".'),
        1750: (16, "Could not create constraint or index. See previous errors."),
        1779: (16, "Table '{0}' already has a primary key defined on it."),
        1913: (
            16,
            "The operation failed because an index or statistics with name '{0}' already exists on table "
            "'{1}'.",
        ),
        2389: (
            16,
            "XQuery [value()]: 'value()' requires a singleton (or empty sequence), found operand of type 'xdt:untypedAtomic *' ({0})",
        ),
        2601: (
            14,
            "Cannot insert duplicate key row in object '{0}' with unique index '{1}'. The duplicate key value "
            "is {2}.",
        ),
        2627: (
            14,
            "Violation of {0} constraint '{1}'. Cannot insert duplicate key in object '{2}'. The duplicate "
            "key value is {3}.",
        ),
        2628: (
            16,
            "String or binary data would be truncated in table '{0}', column '{1}'. Truncated value: '{2}'.",
        ),
        2705: (
            16,
            "Column names in each table must be unique. Column name '{0}' in table '{1}' is specified more than once.",
        ),
        2714: (16, "There is already an object named '{0}' in the database."),
        2715: (16, "Column, parameter, or variable #{0}: Cannot find data type {1}."),
        2732: (
            16,
            "Error number {0} is invalid. The number must be from 13000 through 2147483647 and it cannot be 50000.",
        ),
        2744: (
            16,
            "Multiple identity columns specified for table '{0}'. Only one identity column per table is allowed.",
        ),
        2754: (
            16,
            "Error severity levels greater than 18 can only be specified by members of the sysadmin role, "
            "using the WITH LOG option.",
        ),
        2760: (
            16,
            'The specified schema name "{0}" either does not exist or you do not have permission to use it.',
        ),
        2812: (16, "Could not find stored procedure '{0}'."),
        3609: (16, "The transaction ended in the trigger. The batch has been aborted."),
        3728: (16, "'{0}' is not a constraint."),
        3902: (16, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION."),
        3903: (16, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION."),
        3930: (
            16,
            "The current transaction cannot be committed and cannot support operations that write to the log "
            "file. Roll back the transaction.",
        ),
        3998: (
            16,
            "Uncommittable transaction is detected at the end of the batch. The transaction is rolled back.",
        ),
        4104: (16, 'The multi-part identifier "{0}" could not be bound.'),
        4108: (15, "Windowed functions can only appear in the SELECT or ORDER BY clauses."),
        4112: (15, "The function '{0}' must have an OVER clause with ORDER BY."),
        4121: (
            16,
            'Cannot find either column "{0}" or the user-defined function or aggregate "{1}", or the name is '
            "ambiguous.",
        ),
        4145: (
            15,
            "An expression of non-boolean type specified in a context where a condition is expected, near "
            "'{0}'.",
        ),
        4924: (16, "ALTER TABLE {0} failed because column '{1}' does not exist in table '{2}'."),
        4902: (16, 'Cannot find the object "{0}" because it does not exist or you do not have permissions.'),
        4701: (16, 'Cannot find the object "{0}" because it does not exist or you do not have permissions.'),
        6401: (16, "Cannot roll back {0}. No transaction or savepoint of that name was found."),
        8102: (16, "Cannot update identity column '{0}'."),
        8106: (16, "Table '{0}' does not have the identity property. Cannot perform SET operation."),
        8101: (
            16,
            "An explicit value for the identity column in table '{0}' can only be specified when a column "
            "list is used and IDENTITY_INSERT is ON.",
        ),
        8107: (
            16,
            "IDENTITY_INSERT is already ON for table '{0}'. Cannot perform SET operation for table '{1}'.",
        ),
        8110: (16, "Cannot add multiple PRIMARY KEY constraints to table '{0}'."),
        8111: (16, "Cannot define PRIMARY KEY constraint on nullable column in table '{0}'."),
        8114: (16, "Error converting data type {0} to {1}."),
        8115: (16, "Arithmetic overflow error converting {0} to data type {1}."),
        8116: (16, "Argument data type {0} is invalid for argument {1} of {2} function."),
        8117: (16, "Operand data type {0} is invalid for {1} operator."),
        8120: (
            16,
            "Column '{0}' is invalid in the select list because it is not contained in either an aggregate "
            "function or the GROUP BY clause.",
        ),
        8121: (
            16,
            "Column '{0}' is invalid in the HAVING clause because it is not contained in either an aggregate "
            "function or the GROUP BY clause.",
        ),
        8127: (
            16,
            'Column "{0}" is invalid in the ORDER BY clause because it is not contained in either an '
            "aggregate function or the GROUP BY clause.",
        ),
        8134: (16, "Divide by zero error encountered."),
        8144: (16, "Procedure or function {0} has too many arguments specified."),
        8145: (16, "{0} is not a parameter for procedure {1}."),
        8146: (16, "Procedure {0} has no parameters and arguments were supplied."),
        8152: (16, "String or binary data would be truncated."),
        8155: (16, "No column name was specified for column {0} of '{1}'."),
        8156: (16, "The column '{0}' was specified multiple times for '{1}'."),
        8158: (16, "'{0}' has more columns than were specified in the column list."),
        8159: (16, "'{0}' has fewer columns than were specified in the column list."),
        8162: (
            16,
            'The formal parameter "{0}" was not declared as an OUTPUT parameter, but the actual parameter '
            "passed in requested output.",
        ),
        8147: (16, "Could not create IDENTITY attribute on nullable column '{0}', table '{1}'."),
        8169: (16, "Conversion failed when converting from a character string to uniqueidentifier."),
        8170: (16, "Insufficient result space to convert uniqueidentifier value to char."),
        8178: (16, "The parameterized query '{0}' expects the parameter '{1}', which was not supplied."),
        8179: (16, "Could not find prepared statement with handle {0}."),
        8180: (16, "Statement(s) could not be prepared."),
        9436: (16, "XML parsing: line {0}, character {1}, {2}"),
        9812: (16, "The timezone provided to builtin function is invalid."),
        9803: (16, 'Invalid data for type "{0}".'),
        9810: (16, "The datepart {0} is not supported by date function {1} for data type {2}."),
        10700: (16, 'The table-valued parameter "{0}" is READONLY and cannot be modified.'),
        10704: (
            15,
            "To rethrow an error, a THROW statement must be used inside a CATCH block. Insert the THROW "
            "statement inside a CATCH block, or add error parameters to the THROW statement.",
        ),
        10709: (16, "The number of columns for each row in a table value constructor must be the same."),
        10753: (15, "The function '{0}' must have an OVER clause."),
        11555: (15, "The parameter '{0}' has not been declared as NOT NULL."),
        35100: (
            16,
            "Error number {0} in the THROW statement is outside the valid range. Specify an error number in "
            "the valid range of 50000 to 2147483647.",
        ),
        148: (15, "Incorrect time syntax in time string '{0}' used with WAITFOR."),
        259: (16, "Ad hoc updates to system catalogs are not allowed."),
        628: (16, "Cannot issue SAVE TRANSACTION when there is no active transaction."),
        1088: (16, 'Cannot find the object "{0}" because it does not exist or you do not have permissions.'),
        1505: (
            16,
            "The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name '{0}' and the index name '{1}'. The duplicate key value is {2}.",
        ),
        1767: (16, "Foreign key '{0}' references invalid table '{1}'."),
        1773: (
            16,
            "Foreign key '{0}' has implicit reference to object '{1}' which does not have a primary key defined on it.",
        ),
        1776: (
            16,
            "There are no primary or candidate keys in the referenced table '{0}' that match the referencing column list in the foreign key '{1}'.",
        ),
        1911: (16, "Column name '{0}' does not exist in the target table or view."),
        2749: (
            16,
            "Identity column '{0}' must be of data type int, bigint, smallint, tinyint, or decimal or numeric with a scale of 0, unencrypted, and constrained to be nonnullable.",
        ),
        2786: (
            16,
            "The data type of substitution parameter {0} does not match the expected type of the format specification.",
        ),
        3623: (16, "An invalid floating point operation occurred."),
        3723: (
            16,
            "An explicit DROP INDEX is not allowed on index '{0}'. It is being used for {1} constraint enforcement.",
        ),
        3726: (16, "Could not drop object '{0}' because it is referenced by a FOREIGN KEY constraint."),
        3727: (16, "Could not drop constraint. See previous errors."),
        4712: (16, "Cannot truncate table '{0}' because it is being referenced by a FOREIGN KEY constraint."),
        4901: (
            16,
            "ALTER TABLE only allows columns to be added that can contain nulls, or have a DEFAULT definition specified, or the column being added is an identity or timestamp column, or alternatively if none of the previous conditions are satisfied the table must be empty to allow addition of this column. Column '{0}' cannot be added to non-empty table '{1}' because it does not satisfy these conditions.",
        ),
        4922: (16, "ALTER TABLE DROP COLUMN {0} failed because one or more objects access this column."),
        5074: (16, "The {1} '{0}' is dependent on column '{2}'."),
        7202: (
            11,
            "Could not find server '{0}' in sys.servers. Verify that the correct server name was specified. If necessary, execute the stored procedure sp_addlinkedserver to add the server to sys.servers.",
        ),
        8631: (
            17,
            "Internal error: Server stack limit has been reached. Please look for potentially deep nesting in your query, and try to simplify it.",
        ),
        18054: (
            16,
            "Error {0}, severity {1}, state {2} was raised, but no message with that error number was found in sys.messages.",
        ),
    }
)
