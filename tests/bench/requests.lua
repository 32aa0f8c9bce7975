-- Sends the requests of a corpus, each once, from a byte offset on: wrk ... URL -- CORPUS OFFSET
-- The last line of the output is JSON: what was answered, how fast, and where the next run may go on.

local corpus, last
local threads = {}

function setup(thread)
   threads[#threads + 1] = thread
end

function init(arguments)
   corpus = assert(io.open(arguments[1], "rb"))
   position = tonumber(arguments[2])
   exhausted = false
   corpus:seek("set", position)
end

function request()
   local prefix = corpus:read(9)
   if prefix then
      local length = tonumber(prefix)
      position = position + #prefix + length
      last = corpus:read(length)
   else
      exhausted = true
      wrk.thread:stop()
   end
   return last
end

function done(summary, latency)
   local thread, errors = threads[1], summary.errors
   io.write(string.format(
      '{"requests":%d,"seconds":%.6f,"failed":%d,"p50_ms":%.3f,"p99_ms":%.3f,"p999_ms":%.3f,' ..
      '"position":%d,"exhausted":%s}\n',
      summary.requests - errors.status, summary.duration / 1e6,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3,
      thread:get("position"), tostring(thread:get("exhausted"))
   ))
end
