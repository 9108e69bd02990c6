-- Puts 128 bytes under any of so many keys: wrk … -s put-among.lua URL -- KEYS
local keys = 1
local count = 0
local letters = ""

function init(args)
  keys = tonumber(args[1])
  math.randomseed(keys)
  local drawn = {}
  for place = 1, 10000 do
    drawn[place] = string.char(math.random(97, 122))
  end
  letters = table.concat(drawn)
end

function request()
  count = count + 1
  local key = string.format("/v1/kv/bench/%07d", math.random(0, keys - 1))
  local from = math.random(1, #letters - 116)
  return wrk.format("PUT", key, nil, letters:sub(from, from + 115) .. string.format("%012d", count))
end
