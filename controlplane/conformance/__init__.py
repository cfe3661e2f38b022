"""Running systems held against their contracts.

declared     what a document says of an operation beyond its schemas: examples, headers that an answer must have
known        values for parameters: given, taken from the answers of lists, declared
case         requests that the contract allows, and ones that it forbids
fault        one schema-breaking change to a valid document
judge        an answer against the contract, by the gateway's own law
run          one run: operations in order, what is exercised and why the rest is not
send         the requests themselves, bounded
store, service, controllers: runs that were recorded
"""
