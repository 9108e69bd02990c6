-- etcd's quickest way to write over HTTP: the v2 keys, as a form.
local count = 0
local value = string.rep("v", 116)
local headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }

function request()
  count = count + 1
  local body = "value=" .. value .. string.format("%012d", count)
  return wrk.format("PUT", "/v2/keys/bench/" .. (count % 5000), headers, body)
end
