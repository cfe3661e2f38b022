"""What a gateway and its control plane tell each other, always asked by the gateway (design §4, §11.11).

`client` speaks the API, `enrolment` keeps what a gateway got when it enrolled, `snapshot` pulls what it runs,
`shipping` sends the streams, `command` carries out decisions of people, `task` keeps all of it going.
"""
