-- expire: delete keys whose lifetime is over, each with a revision and an event of its own.
--
-- KEYS  1 data  2 index  3 events  4 meta  5 expires
-- ARGV  1 epoch  2 most keys to delete in one call
--
-- Replies {"ok", keys deleted, next deadline or "", milliseconds until then or ""} | {"epoch"}.
-- Deadlines and "now" are Redis' clock, so all processes agree on them.

local epoch = redis.call('HGET', KEYS[4], 'epoch')
if epoch ~= ARGV[1] then
  return {'epoch'}
end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', string.format('%.0f', now), 'LIMIT', 0, ARGV[2])
for _, key in ipairs(due) do
  redis.call('ZREM', KEYS[5], key)
  local stored = redis.call('HGET', KEYS[1], key)
  if stored then
    local revision = string.format('%.0f', redis.call('HINCRBY', KEYS[4], 'revision', 1))
    redis.call('HDEL', KEYS[1], key)
    redis.call('ZREM', KEYS[2], key)
    redis.call('XADD', KEYS[3], revision .. '-0', 'k', key, 'p', stored)
  end
end

local nearest = redis.call('ZRANGE', KEYS[5], 0, 0, 'WITHSCORES')
if #nearest == 0 then
  return {'ok', #due, '', ''}
end
local deadline = tonumber(nearest[2])
return {'ok', #due, string.format('%.0f', deadline), string.format('%.0f', math.max(0, deadline - now))}
