"""The one-pixel paper (Su, Vargas and Sakurai, 2019) measured again: its metrics, its tables, its figures."""
