"""System procedures that drivers call: sp_executesql, sp_prepare … and their catalog procedures."""
