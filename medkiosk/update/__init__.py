"""Updates of the appliance: what may be installed, and the helper that installs it
(docs/update-format.md).
"""
