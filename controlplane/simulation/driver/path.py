"""Where the contracts lie at the gateway."""

PROCUREMENT, RECEIVING, PAYABLES, FINANCE = "/procurement/v1", "/receiving/v1", "/payables/v1", "/finance/v1"
MASTERDATA, INVENTORY = "/masterdata/v1", "/inventory/v1"
