#!/bin/bash
# safeguard: USE-02
# host: web
# check: test_site_forms.py::test_forms_require_what_is_declared
# also: USE-01
# tags: web
# took: grep -q sub_filter /etc/nginx/nginx.conf
sed -i "s|^    server_tokens off;|&\n    sub_filter 'id=\"heading\"' 'id=\"heading\" required';|" /etc/nginx/nginx.conf
systemctl restart nginx.service
