"""`overview`, `slos`, `transactions`, `catalog`, `systems`, `approvals` and `audit` are the pages; `search`, `chain`
and `call` are what Transactions shows, `contract` and `schema` what Catalog shows, each for one kind of question;
`frame` is what all pages share."""
