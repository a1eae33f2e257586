#!/bin/bash
# safeguard: CONT-02
# host: site
cp group_vars/all/flows.yml group_vars/all/flows.yml~
