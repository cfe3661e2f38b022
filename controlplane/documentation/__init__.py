"""The API's documentation as a page: Swagger UI over /schema/openapi.json, from files of the distribution.

`asset/` holds Swagger UI 5.35.0 (Apache-2.0; `LICENSE.txt`, `NOTICE.txt`) as it is published, and the two files of ours
that start it. Nothing is loaded from elsewhere; the page's Content-Security-Policy sees to it.
"""
