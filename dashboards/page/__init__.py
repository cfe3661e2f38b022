"""`overview` and `transactions` are the pages; `search`, `chain` and `call` are what Transactions shows, each for one
kind of question; `frame` is what all pages share."""
