"""Names that a real server has and the simulator lacks: asking for one is 59999, not 208, 195 or 2812.

Any other unknown name is answered as a server answers a name that does not exist.
Source: Microsoft Learn, "System catalog views", "Dynamic management views", "System stored procedures",
"Functions"; lists of names, in lower case.
"""

from __future__ import annotations

from simulator.errors import SqlError, unknown_tsql


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VIEWS = _names(
    """
    all_parameters all_sql_modules allocation_units
    availability_read_only_routing_lists backup_devices change_tracking_databases column_encryption_keys
    column_master_keys conversation_endpoints crypt_properties cryptographic_providers
    database_audit_specifications database_automatic_tuning_options database_credentials
    database_query_store_options database_scoped_configurations database_scoped_credentials
    dm_broker_activated_tasks dm_clr_loaded_assemblies dm_cluster_endpoints
    dm_db_column_store_row_group_physical_stats dm_db_database_page_allocations
    dm_db_index_operational_stats dm_db_index_physical_stats dm_db_index_usage_stats dm_db_log_info
    dm_db_log_stats dm_db_missing_index_details dm_db_missing_index_group_stats
    dm_db_missing_index_groups dm_db_persisted_sku_features dm_db_session_space_usage
    dm_db_stats_properties dm_db_task_space_usage dm_db_tuning_recommendations
    dm_exec_background_job_queue dm_exec_cached_plans dm_exec_cursors dm_exec_input_buffer
    dm_exec_plan_attributes dm_exec_procedure_stats dm_exec_query_memory_grants dm_exec_query_plan
    dm_exec_query_profiles dm_exec_query_stats dm_exec_session_wait_stats dm_exec_text_query_plan
    dm_exec_trigger_stats dm_filestream_file_io_handles dm_fts_active_catalogs dm_hadr_ag_threads
    dm_hadr_availability_replica_cluster_nodes dm_hadr_cluster_networks dm_hadr_db_threads
    dm_hadr_instance_node_map dm_hadr_name_id_map dm_io_backup_tapes dm_io_cluster_shared_drives
    dm_io_pending_io_requests dm_logpool_stats dm_os_buffer_descriptors
    dm_os_buffer_pool_extension_configuration dm_os_child_instances dm_os_cluster_nodes
    dm_os_cluster_properties dm_os_dispatcher_pools dm_os_enumerate_fixed_drives dm_os_file_exists
    dm_os_hosts dm_os_job_object dm_os_latch_stats dm_os_linux_cpu_stats dm_os_linux_disk_stats
    dm_os_linux_net_stats dm_os_linux_vm_stats dm_os_loaded_modules dm_os_memory_brokers
    dm_os_memory_cache_counters dm_os_memory_clerks dm_os_memory_nodes dm_os_memory_objects
    dm_os_memory_pools dm_os_nodes dm_os_out_of_memory_events
    dm_os_server_diagnostics_log_configurations dm_os_spinlock_stats dm_os_stacks dm_os_tasks
    dm_os_threads dm_os_virtual_address_dump dm_os_wait_stats dm_os_windows_info
    dm_os_waiting_tasks dm_os_workers
    dm_qn_subscriptions dm_resource_governor_configuration dm_resource_governor_resource_pools
    dm_resource_governor_workload_groups dm_server_audit_status dm_server_memory_dumps
    dm_server_registry dm_tcp_listener_states dm_tran_active_snapshot_database_transactions
    dm_tran_active_transactions dm_tran_current_transaction dm_tran_database_transactions
    dm_tran_persistent_version_store dm_tran_version_store dm_tran_version_store_space_usage
    dm_xe_map_values dm_xe_objects dm_xe_packages dm_xe_session_event_actions dm_xe_session_events
    dm_xe_session_targets dm_xe_sessions events external_data_sources
    external_file_formats external_tables filetables fn_dblog fn_dump_dblog fn_get_audit_file
    fn_trace_gettable fn_virtualfilestats fn_xe_file_target_read_file fulltext_indexes
    http_endpoints key_encryptions login_token master_key_passwords numbered_procedures openkeys
    partition_functions partition_schemes plan_guides query_store_plan query_store_query
    query_store_query_text query_store_runtime_stats query_store_wait_stats remote_logins
    resource_governor_configuration resource_governor_resource_pools resource_governor_workload_groups
    security_policies server_assembly_modules server_audit_specifications server_audits
    server_event_sessions server_events server_file_audits server_sql_modules server_trigger_events
    server_triggers service_broker_endpoints sql_dependencies
    sql_expression_dependencies stats stats_columns syscharsets syscolumns syscomments syscurconfigs
    sysdepends sysdevices sysfilegroups sysforeignkeys sysfulltextcatalogs sysindexes sysindexkeys
    syslockinfo sysmembers sysmessages sysoledbusers sysopentapes sysperfinfo syspermissions sysprotects
    sysreferences sysremotelogins sysservers system_internals_partitions system_parameters
    system_sql_modules systypes table_types time_zone_info trace_events traces trigger_events
    type_assembly_usages user_token xml_indexes
    """
)
_MSDB = _names(
    """
    backupfile backupfilegroup backupmediaset dbm_monitor_data log_shipping_primary_databases
    restorefile restorefilegroup restorehistory suspect_pages sysalerts syscategories sysdbmaintplans
    sysjobactivity sysjobhistory sysjobs_view sysjobschedules sysjobservers sysjobsteps
    sysmail_allitems sysmail_profile sysoperators syspolicy_policies sysproxies sysschedules syssessions
    """
)
_TABLE_FUNCTIONS = _names("string_split generate_series containstable freetexttable")
_FUNCTIONS = _names(
    """
    applock_mode applock_test approx_count_distinct assemblyproperty asymkey_id atn2 binary_checksum
    certencoded certprivatekey certproperty checksum checksum_agg compress context_info
    current_request_id current_timezone current_transaction_id cursor_status date_bucket datetrunc
    decompress decryptbycert decryptbykey decryptbypassphrase difference encryptbycert encryptbykey
    encryptbypassphrase eventdata filegroupproperty format formatmessage fulltextcatalogproperty
    fulltextserviceproperty get_bit get_filestream_transaction_context getansinull greatest grouping
    grouping_id identity index_col indexkey_property indexproperty is_objectsigned json_array
    json_modify json_object json_path_exists json_query json_value key_guid key_id left_shift
    min_active_rowversion next_value_for object_definition objectpropertyex opendatasource openquery
    parse percentile_cont percentile_disc permissions publishingservername right_shift servicebroker_id
    set_bit signbycert soundex sql_variant_property stats_date stdev symkeyproperty textptr translate
    trigger_nestlevel try_parse typeproperty update verifysignedbycert
    """
)
_GLOBALS = _names(
    """
    @@connections @@cpu_busy @@cursor_rows @@dbts @@idle @@io_busy @@pack_received @@pack_sent
    @@packet_errors @@procid @@remserver @@timeticks @@total_errors @@total_read @@total_write
    """
)
_PROCEDURES = _names(
    """
    sp_add_jobschedule sp_add_jobserver sp_add_jobstep sp_addextendedproperty
    sp_addlinkedserver sp_addlinkedsrvlogin sp_addlogin sp_addmessage sp_addrole sp_addtype sp_adduser
    sp_attach_db sp_attach_single_file_db sp_bindefault sp_bindsession sp_certify_removable
    sp_change_users_login sp_changedbowner sp_changeobjectowner sp_clean_db_free_space
    sp_column_privileges sp_create_plan_guide sp_createstats sp_cursor sp_cursorclose sp_cursorexecute
    sp_cursorfetch sp_cursoropen sp_cursorprepare sp_cursorprepexec sp_cursorunprepare sp_cycle_errorlog
    sp_dbcmptlevel sp_dboption sp_defaultdb sp_defaultlanguage sp_delete_backuphistory sp_delete_job
    sp_denylogin sp_depends sp_describe_first_result_set sp_detach_db sp_dropextendedproperty
    sp_droplogin sp_droprole sp_dropserver sp_dropuser sp_estimate_data_compression_savings sp_fkeys
    sp_fulltext_database sp_getapplock sp_grantdbaccess sp_grantlogin sp_help sp_help_job
    sp_help_jobactivity sp_help_jobhistory sp_help_revlogin sp_helpconstraint sp_helpdbfixedrole
    sp_helpdevice sp_helpextendedproc sp_helpindex sp_helplanguage sp_helplinkedsrvlogin sp_helpntgroup
    sp_helprotect sp_helpsort sp_helpstats sp_helptext sp_helptrigger sp_indexoption
    sp_invalidate_textptr sp_lock sp_monitor sp_msforeachtable sp_password sp_procoption sp_recompile
    sp_refreshview sp_releaseapplock sp_rename sp_renamedb sp_resetstatus sp_revokedbaccess
    sp_revokelogin sp_send_dbmail sp_server_diagnostics sp_server_info sp_serveroption sp_setapprole
    sp_settriggerorder sp_special_columns sp_sproc_columns sp_start_job sp_statistics sp_statistics_100
    sp_stop_job sp_stored_procedures sp_table_privileges sp_tableoption sp_testlinkedserver
    sp_trace_create sp_unsetapprole sp_update_job sp_updateextendedproperty sp_updatestats
    sp_validatelogins sp_validname sp_whoisactive_absent sp_xml_preparedocument sp_xml_removedocument
    xp_cmdshell xp_create_subdir xp_delete_file xp_dirtree xp_enumerrorlogs xp_fileexist xp_getnetname
    xp_instance_regread xp_instance_regwrite xp_logevent xp_loginconfig xp_logininfo xp_regread
    xp_regwrite xp_servicecontrol xp_sprintf xp_sqlmaint xp_sscanf
    """
)


def absent_source(parts: tuple[str, ...]) -> SqlError | None:
    """59999 if a server has the view or table function ``parts``; None if it would not know it either."""
    name = parts[-1].lower()
    schema = parts[-2].lower() if len(parts) > 1 else ""
    database = parts[-3].lower() if len(parts) > 2 else ""
    if not schema and name in _TABLE_FUNCTIONS:
        return unknown_tsql(name.upper())
    in_sys = name in _VIEWS and (schema == "sys" or name.startswith(("sys", "fn_")))
    in_msdb = name in _MSDB and database in {"", "msdb"} and schema in {"", "dbo"}
    return unknown_tsql(".".join(parts)) if in_sys or in_msdb else None


def absent_function(name: str) -> SqlError | None:
    """59999 if a server has the function or global variable ``name``."""
    lower = name.lower()
    return unknown_tsql(name) if lower in _FUNCTIONS or lower in _GLOBALS else None


def absent_procedure(name: str) -> SqlError | None:
    """59999 if a server has the procedure ``name``."""
    return unknown_tsql(f"EXEC {name}") if name.lower() in _PROCEDURES else None
