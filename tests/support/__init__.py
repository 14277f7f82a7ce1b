"""What tests on real processes share: runtime and launcher to start and hurt, a ledger of what ran, a checker."""
