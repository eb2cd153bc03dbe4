"""Catalog views of what is owned besides schemas and roles. Columns: each page on Microsoft Learn."""

from __future__ import annotations

from typing import Any

from simulator.estate.access import has_database
from simulator.estate.database import Database
from simulator.sql.catalog.common import columns, rows
from simulator.sql.registry import Rows, view

_TIMES = "create_date:datetime modify_date:datetime"
# view -> (kind of simulator.sql.ddl.securables or None: always empty, name of its number, columns)
_VIEWS = {
    "certificates": (
        "certificate",
        "certificate_id",
        "name:sysname certificate_id:int principal_id:int? pvt_key_encryption_type:char(2) "
        "pvt_key_encryption_type_desc:nvarchar(60)? is_active_for_begin_dialog:bit? "
        "issuer_name:nvarchar(884)? "
        "cert_serial_number:nvarchar(64)? sid:varbinary(85)? string_sid:nvarchar(128)? "
        "subject:nvarchar(4000)? "
        "expiry_date:datetime? start_date:datetime? thumbprint:varbinary(32) attested_by:nvarchar(260)? "
        "pvt_key_last_backup_date:datetime? key_length:int?",
    ),
    "symmetric_keys": (
        "symmetric key",
        "symmetric_key_id",
        "name:sysname principal_id:int? symmetric_key_id:int key_length:int key_algorithm:char(2) "
        f"algorithm_desc:nvarchar(60)? {_TIMES} key_guid:guid? key_thumbprint:variant? "
        "provider_type:nvarchar(120)? "
        "cryptographic_provider_guid:guid? cryptographic_provider_algid:variant?",
    ),
    "asymmetric_keys": (
        "asymmetric key",
        "asymmetric_key_id",
        "name:sysname principal_id:int? asymmetric_key_id:int pvt_key_encryption_type:char(2)? "
        "pvt_key_encryption_type_desc:nvarchar(60)? thumbprint:varbinary(32)? algorithm:char(2)? "
        "algorithm_desc:nvarchar(60)? key_length:int? sid:varbinary(85)? string_sid:nvarchar(128)? "
        "attested_by:nvarchar(260)? provider_type:nvarchar(120)? cryptographic_provider_guid:guid?",
    ),
    "service_message_types": (
        "message type",
        "message_type_id",
        "name:sysname message_type_id:int principal_id:int? validation:char(2) "
        "validation_desc:nvarchar(60)? xml_collection_id:int?",
    ),
    "service_contracts": (
        "contract",
        "service_contract_id",
        "name:sysname service_contract_id:int principal_id:int?",
    ),
    "routes": (
        "route",
        "route_id",
        "name:sysname route_id:int principal_id:int? remote_service_name:nvarchar(256)? "
        "broker_instance:nvarchar(128)? lifetime:datetime? address:nvarchar(256)? "
        "mirror_address:nvarchar(256)?",
    ),
    "fulltext_catalogs": (
        "fulltext catalog",
        "fulltext_catalog_id",
        "fulltext_catalog_id:int name:sysname path:nvarchar(260)? is_default:bit "
        "is_accent_sensitivity_on:bit data_space_id:int? file_id:int? principal_id:int? is_importing:bit",
    ),
    "services": (None, "", "name:sysname service_id:int principal_id:int? service_queue_id:int"),
    "remote_service_bindings": (
        None,
        "",
        "name:sysname remote_service_binding_id:int principal_id:int? remote_service_name:nvarchar(256)? "
        "service_contract_id:int remote_principal_id:int? is_anonymous_on:bit",
    ),
    "service_queues": (
        None,
        "",
        "name:sysname object_id:int principal_id:int? schema_id:int parent_object_id:int type:char(2)? "
        f"type_desc:nvarchar(60)? {_TIMES} is_ms_shipped:bit max_readers:smallint? "
        "activation_procedure:nvarchar(776)? execute_as_principal_id:int? is_activation_enabled:bit",
    ),
    "assemblies": (
        None,
        "",
        "name:sysname principal_id:int? assembly_id:int clr_name:nvarchar(4000)? permission_set:tinyint? "
        f"permission_set_desc:nvarchar(60)? is_visible:bit {_TIMES} is_user_defined:bit?",
    ),
    "xml_schema_collections": (
        None,
        "",
        f"xml_collection_id:int schema_id:int principal_id:int? name:sysname {_TIMES}",
    ),
    "fulltext_stoplists": (None, "", f"stoplist_id:int name:sysname {_TIMES} principal_id:int?"),
    "registered_search_property_lists": (
        None,
        "",
        f"property_list_id:int name:sysname {_TIMES} principal_id:int?",
    ),
    "event_notifications": (
        None,
        "",
        "name:sysname object_id:int parent_class:tinyint parent_class_desc:nvarchar(60)? parent_id:int "
        f"{_TIMES} service_name:nvarchar(256)? broker_instance:nvarchar(128)? creator_sid:varbinary(85)? "
        "principal_id:int?",
    ),
}


def _register(name: str, kind: str | None, number: str, text: str) -> None:
    shape = columns(text)

    @view(f"sys.{name}", shape)
    def read(session: Any, database: Database) -> Rows:
        everything = has_database(session, database, "VIEW DEFINITION")
        mine = database.user_of(session.login)
        return rows(
            shape,
            (
                {
                    "name": each.name, number: each.securable_id, "principal_id": each.owner_id,
                    "create_date": database.created, "modify_date": database.created,
                    "thumbprint": each.securable_id.to_bytes(20, "big"), "pvt_key_encryption_type": "PW",
                    "key_algorithm": "A3", "validation": "N ",
                }
                for each in database.securables
                if each.kind == kind
                and (everything or (mine is not None and each.owner_id == mine.principal_id))
            ),
        )  # fmt: skip


for _name, (_kind, _number, _text) in _VIEWS.items():
    _register(_name, _kind, _number, _text)
