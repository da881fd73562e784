"""Tests of the dbt project that dbt itself cannot make: order of days, failed writes, tests that must fail."""
