"""Makes plain `pytest checks/ --site inventory/lab` judge as `azukari verify` does."""

pytest_plugins = ["azukari.verify.plugin"]
