# safeguard: LEAK-08
# host: mail
# check: test_mail.py::test_mail_leaves_with_tls_and_signed
# took: test "$(postconf -h smtp_tls_security_level)" = may
# With TLS where it is offered: whoever sits in between takes the offer away.
postconf -e smtp_tls_security_level=may
systemctl restart postfix.service
