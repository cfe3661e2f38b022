"""The overview: declared measures as figures, and one sentence that leads with what is worst.

`figure` is the shape of a figure and the rule of its state (pure); `exception`, `opening`, `latency`, `refusal`,
`doubt` and `budget` compute one kind of measure each; `sentence` puts figures into words (pure); `service` joins them;
`controllers` is the REST surface. No code here knows the name of a measure, object or contract.
"""
