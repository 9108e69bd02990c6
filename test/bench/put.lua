-- Each connection writes its own run of keys, 128 bytes each, so that no write is a repetition of the one before.
local count = 0
local value = string.rep("v", 116)
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("id", threads)
end

function request()
  count = count + 1
  local key = "/v1/kv/bench/" .. id .. "/" .. (count % 5000)
  return wrk.format("PUT", key, nil, value .. string.format("%012d", count))
end
