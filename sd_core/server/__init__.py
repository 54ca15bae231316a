"""The HTTP server: jobs in a journal, arrays in a blob store, one supervised engine process per device.

`sd_core.server.serve.serve` runs it; nothing is imported here, as the engine processes start from this package.
"""
