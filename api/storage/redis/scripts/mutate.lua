-- mutate: create, update or delete one key, or say why not.
--
-- KEYS  1 data  2 index  3 events  4 meta  5 expires  6 aborted
-- ARGV  1 epoch the caller was fenced in
--       2 token that names this attempt, so that a lost reply can be resolved
--       3 key
--       4 revision the key must have now; "0" for "must not exist"
--       5 "put" or "delete"
--       6 value to store (put)
--       7 lifetime in milliseconds; "0" for none, "" to keep what the key has (put)
--
-- Replies {"ok", revision} | {"conflict", head, stored value or nil} | {"epoch"} | {"aborted"}.
-- Only "ok" changes anything: refused attempts consume no revision and make no event.

local meta = redis.call('HMGET', KEYS[4], 'epoch', 'revision')
if meta[1] ~= ARGV[1] then
  return {'epoch'}
end
-- The caller gave up on this attempt and was promised that it would never happen.
if redis.call('ZSCORE', KEYS[6], ARGV[2]) then
  return {'aborted'}
end

local key = ARGV[3]
local stored = redis.call('HGET', KEYS[1], key)
local actual = '0'
if stored then
  actual = string.match(stored, '^%d+')
end
if actual ~= ARGV[4] then
  return {'conflict', meta[2], stored}
end

-- %.0f, because Lua numbers are doubles and tostring would print 1e+14.
local revision = string.format('%.0f', redis.call('HINCRBY', KEYS[4], 'revision', 1))
local event = {'k', key, 't', ARGV[2]}
if stored then
  event[#event + 1] = 'p'
  event[#event + 1] = stored
end

if ARGV[5] == 'delete' then
  redis.call('HDEL', KEYS[1], key)
  redis.call('ZREM', KEYS[2], key)
  redis.call('ZREM', KEYS[5], key)
else
  redis.call('HSET', KEYS[1], key, revision .. ' ' .. ARGV[6])
  if not stored then
    redis.call('ZADD', KEYS[2], 0, key)
  end
  event[#event + 1] = 'v'
  event[#event + 1] = ARGV[6]
  if ARGV[7] == '0' then
    if stored then
      redis.call('ZREM', KEYS[5], key)
    end
  elseif ARGV[7] ~= '' then
    local now = redis.call('TIME')
    local deadline = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[7])
    redis.call('ZADD', KEYS[5], deadline, key)
    event[#event + 1] = 'x'
    event[#event + 1] = deadline
  end
end

redis.call('XADD', KEYS[3], revision .. '-0', unpack(event))
return {'ok', revision}
