"""The config: what it may say (`schema`), reading it (`reading`, `check`, `load`), and the snapshot made of it (`rows`, `snapshot`).

`live` keeps the snapshot up to date while the gateway runs. Nothing is imported here, so that each part loads only what it needs.
"""
