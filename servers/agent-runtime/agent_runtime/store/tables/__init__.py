"""The tables, as the migrations leave them."""
