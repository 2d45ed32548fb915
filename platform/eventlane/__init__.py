"""The ground the apps stand on: settings, processes, the door, the base of the console and of the platform API."""

__version__ = "0.1.0"
