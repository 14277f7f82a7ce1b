"""News to the outside: who is told, what is told, and each piece of news on its way."""
