"""The dashboard: pages over the published file, which they alone read. Started by `make dashboard`."""
