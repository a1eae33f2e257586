#!/bin/bash
# safeguard: LEAK-30
# host: all
# undo: rm /etc/apt/sources.list.d/off.sources
printf 'Enabled: no\nTypes: deb\nURIs: http://packages.example/\nSuites: ./\n' > /etc/apt/sources.list.d/off.sources
