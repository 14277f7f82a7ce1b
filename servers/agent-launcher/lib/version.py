"""The launcher's version, as it tells the runtime."""

VERSION = "0.1.0"
