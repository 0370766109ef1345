"""The benchmark: this gateway beside nginx `proxy_pass`, in the same run, on the same upstream. See `python -m bench --help`."""
