"""The built-in policies: one file each, listed here and nowhere else."""

from __future__ import annotations

from typing import Any

from policies.builtin.api_key import ApiKey
from policies.builtin.coarse_limit import CoarseLimit
from policies.builtin.entity import EntityAuthorization
from policies.builtin.idempotency import Idempotency
from policies.builtin.jwt import Jwt
from policies.builtin.layer import Layer
from policies.builtin.lifecycle import LifeCycle
from policies.builtin.mtls import Mtls
from policies.builtin.rate_limit import RateLimit
from policies.builtin.request_schema import RequestSchema
from policies.builtin.response_schema import ResponseSchema
from policies.builtin.scope import Scope
from policies.builtin.shape import Shape
from policies.builtin.system_of_record import SystemOfRecordCheck

#: policy id -> class
BUILTIN: dict[str, Any] = {
    kind.id: kind
    for kind in (
        ApiKey,
        Jwt,
        Mtls,
        Scope,
        Layer,
        CoarseLimit,
        Shape,
        EntityAuthorization,
        Idempotency,
        RateLimit,
        LifeCycle,
        RequestSchema,
        SystemOfRecordCheck,
        ResponseSchema,
    )
}

__all__ = ["BUILTIN"]
