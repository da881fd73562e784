"""The second opinion: facts and tables computed again from the delivered files, for any source.

Another reader (json, csv and pyarrow), another check of each line and another technique than the warehouse's SQL: what
is shared with it is the contracts, which are data, the seeds and the settings. DuckDB is not used in here, and nothing
of `leap_assets.landing` but its contracts.
"""
