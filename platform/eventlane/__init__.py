"""What the apps stand on: settings, processes, the door, the console's and the platform API's foundations."""

__version__ = "0.1.0"
