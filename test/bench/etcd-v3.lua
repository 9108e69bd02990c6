-- etcd's v3 through its JSON gateway: key and value in base64.
local count = 0
local value = string.rep("dmdm", 43)
local headers = { ["Content-Type"] = "application/json" }
local digits = "ABCDEFGHIJ"

local function key(number)
  local text = ""
  for digit in string.format("%04d", number):gmatch(".") do
    text = text .. digits:sub(tonumber(digit) + 1, tonumber(digit) + 1)
  end
  return "YmVuY2gv" .. text
end

function request()
  count = count + 1
  local body = '{"key":"' .. key(count % 5000) .. '","value":"' .. value .. '"}'
  return wrk.format("POST", "/v3/kv/put", headers, body)
end
