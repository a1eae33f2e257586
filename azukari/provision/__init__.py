"""Runs Ansible: plan, apply, confirmed changes."""
