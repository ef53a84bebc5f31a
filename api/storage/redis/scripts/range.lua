-- range: a page of keys with their values, in key order, as of one revision.
--
-- KEYS  1 data  2 index  3 meta
-- ARGV  1 epoch
--       2 first key (inclusive)
--       3 end of the range (exclusive)
--       4 most keys to return; "0" for all
--
-- Replies {"ok", head, compacted, keys in the range, {keys…}, {stored values…}} | {"epoch"}.

local meta = redis.call('HMGET', KEYS[3], 'epoch', 'revision', 'compacted')
if meta[1] ~= ARGV[1] then
  return {'epoch'}
end

local first, last = '[' .. ARGV[2], '(' .. ARGV[3]
local limit = tonumber(ARGV[4])
local keys, count
if limit > 0 then
  keys = redis.call('ZRANGEBYLEX', KEYS[2], first, last, 'LIMIT', 0, limit)
  count = redis.call('ZLEXCOUNT', KEYS[2], first, last)
else
  keys = redis.call('ZRANGEBYLEX', KEYS[2], first, last)
  count = #keys
end

-- unpack puts its result on the Lua stack, which holds about 8000 values.
local values = {}
for from = 1, #keys, 4000 do
  local chunk = redis.call('HMGET', KEYS[1], unpack(keys, from, math.min(from + 3999, #keys)))
  for i = 1, #chunk do
    values[#values + 1] = chunk[i]
  end
end
return {'ok', meta[2], meta[3], count, keys, values}
