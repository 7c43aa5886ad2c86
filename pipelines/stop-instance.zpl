#   Stop a virtual machine at a third party that is slow, limits its callers, and is down now and then.
#
#   A client posts the instance to stop, and is answered at once, when the command is safe on disk:
#
#       holdfast send stop-instance '{"instance": "i-0abc"}'
#       curl http://127.0.0.1:4653/pipelines/stop-instance/commands -d '{"instance": "i-0abc"}'
#
#   From then on people see "Stopping", through every failure and retry, until the third party has said yes: "Stopped".
#
#   To make your own: copy this file, give both blocks other names, change the url. Then
#
#       holdfast check pipelines/your-own.zpl
#
#   says what is wrong with it, line by line. Indent by four spaces, never by TABs. Put a value in quotes where it holds
#   a '#', which otherwise begins a comment. Only `url`, and a pipeline's `destination`, have to be there.


#   The third party: where it is, how fast and how often it may be called, which of its answers are final.
destination = ec2

    #   {instance} is a field of the JSON body, percent-encoded here. A body that lacks it is refused with 422.
    #   This is the stand-in that scripts/run starts; a real one is like https://api.example.com/instances/{instance}/stop
    url = "http://127.0.0.1:4654/instances/{instance}/stop"
    method = POST

    #   What the third party wants to see besides the body: as many `header` lines as it takes. Secrets come from a file or
    #   the environment, are read at start, and are never logged or shown.
    #header = "Authorization: Bearer ${file:/run/secrets/ec2}"
    #header = "X-Team: ${env:TEAM}"

    connect_timeout = 3s
    timeout = 10s                       # the whole attempt; after it, its outcome is unknown

    #   A ceiling. Below it, the limit in use goes down where the third party gets slow or says that it has too much to do
    #   (429, 502, 503, 504, no answer), and up again by itself; adaptive = 0 leaves it at the ceiling.
    concurrency = 64                    # calls in flight at most
    #rate = 100/s                       # calls a second at most; no limit while this is a comment
    retry_budget = 20%                  # retries that fail again: at most so many of all calls, and ten a second (0%: these alone)

    #   When the third party is down, stop asking: too many failures among the last attempts open the circuit. Then only one
    #   probe at a time is called, every `cooldown`, and no command loses an attempt. Once a probe is answered, calls come
    #   back slowly, and no faster than `surge` of what was usual until all that waited is done. Without this block there is
    #   no circuit. Answers that are final, and 429, are no failures.
    #circuit
    #    failures = 50%                  # of the last `of` attempts
    #    of = 20
    #    cooldown = 30s
    #    ramp = 10s
    #    surge = 140%

    #   Answers that no retry will mend: the command is dead at once, and kept until somebody looks at it. Every other
    #   answer but 2xx is tried again.
    reject = "400-499 !408 !425 !429"

    #   Sent, but no answer came: it may have happened. Stopping twice does no harm, and every attempt carries the same
    #   Idempotency-Key, so just try again. `hold` would ask a person first: right for payments.
    on_uncertain = retry

    #   Where the third party can be asked what became of a command, ask before anything is done twice, or anybody is bothered:
    #   a 2xx says that it was done, a 404 that it was not and will not be (it is called again), anything else that it is not
    #   known yet: ask again later, up to the retry deadline, and then go by `on_uncertain`. The Idempotency-Key is sent, too;
    #   {holdfast.id} is the same value.
    #probe = "GET http://${env:STANDIN}/instances/{instance}/stops/{holdfast.id}"


#   The command: where it goes, how often it is tried, and what people are told meanwhile.
pipeline = stop-instance
    destination = ec2
    key = "{instance}"                  # what a command is about: holdfast list --key i-0abc

    #   Two commands for one instance may overtake each other: a retry comes after what was accepted later. Where that
    #   matters, call those of a key one at a time, in the order in which they were accepted. One that is dead or uncertain
    #   then blocks those behind it until somebody retries, discards or resolves it; `skip` lets them go on. The deadline
    #   below counts from when a command's turn has come.
    #ordered = 1
    #on_dead = block

    #priority = 5                       # 0 to 9: each gets twice as many calls as the one below it

    #   Once more at once, then after about 1s, 2s, 4s … at most every 30s, for a day. Jitter spreads the calls out, so
    #   that a third party that comes back isn't called by everybody in the same second.
    retry
        immediate = 1
        delay = 1s
        factor = 2
        cap = 30s                       # quick, for a demonstration; the default is 15m
        jitter = full
        deadline = 24h                  # then it is dead: kept, and holdfast retry brings it back
        attempts = 0                    # 0: as many as fit before the deadline

    #   What people see instead of accepted, calling, waiting, succeeded and dead.
    label
        accepted = Stopping
        calling = Stopping
        waiting = Stopping
        succeeded = Stopped
        dead = "Stop failed"
