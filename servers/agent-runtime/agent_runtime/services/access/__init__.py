"""Who may call: tokens, logins, and the audit of what was done."""
