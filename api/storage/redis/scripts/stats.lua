-- stats: how many keys a range holds and how large their values are, from a bounded sample.
--
-- KEYS  1 data  2 index  3 meta
-- ARGV  1 epoch  2 first key (inclusive)  3 end of the range (exclusive)  4 keys to sample; "0" for none
--
-- Replies {"ok", head, keys, keys sampled, bytes in the sample} | {"epoch"}.

local meta = redis.call('HMGET', KEYS[3], 'epoch', 'revision')
if meta[1] ~= ARGV[1] then
  return {'epoch'}
end
local first, last = '[' .. ARGV[2], '(' .. ARGV[3]
local count = redis.call('ZLEXCOUNT', KEYS[2], first, last)
local want = math.min(tonumber(ARGV[4]), count)
local bytes = 0
if want > 0 then
  -- Evenly spread over the range, so that a namespace full of small objects does not speak for all.
  local rank = redis.call('ZLEXCOUNT', KEYS[2], '-', '(' .. ARGV[2])
  for i = 0, want - 1 do
    local at = rank + math.floor(i * count / want)
    local key = redis.call('ZRANGE', KEYS[2], at, at)[1]
    local stored = redis.call('HGET', KEYS[1], key)
    bytes = bytes + #stored - #string.match(stored, '^%d+ ')
  end
end
return {'ok', meta[2], count, want, bytes}
