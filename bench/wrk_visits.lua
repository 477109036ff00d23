-- For wrk: reports visits at the stations of a file, one id a line, each with an id of its own and at some second of the
-- last hour; tells the outcome as one line of JSON. Arguments: the file, the key.
local stations, seconds, headers = {}, {}, {}

function init(args)
  for line in io.lines(args[1]) do
    stations[#stations + 1] = "/v1/stations/" .. line .. "/visits"
  end
  headers["Content-Type"] = "application/json"
  headers["Authorization"] = "Bearer " .. args[2]
  local now = os.time()
  for ago = 1, 3600 do
    seconds[ago] = os.date("!%Y-%m-%dT%H:%M:%SZ", now - ago)
  end
  local chance = io.open("/dev/urandom", "rb")
  local a, b, c, d = chance:read(4):byte(1, 4)
  chance:close()
  math.randomseed(((a * 256 + b) * 256 + c) * 256 + d)
end

function request()
  local random = math.random
  local body = string.format(
    '{"id": "%08x-%04x-4%03x-8%03x-%06x%06x", "count": 1, "started_at": "%s", "method": "people_counter"}',
    random(0, 0xffffffff), random(0, 0xffff), random(0, 0xfff), random(0, 0xfff), random(0, 0xffffff),
    random(0, 0xffffff), seconds[random(#seconds)])
  return wrk.format("POST", stations[random(#stations)], headers, body)
end

function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "bytes": %d, "errors": %d, "p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    failed.connect + failed.read + failed.write + failed.status + failed.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
