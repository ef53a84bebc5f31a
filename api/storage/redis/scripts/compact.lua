-- compact: forget history up to a revision, and beyond a number of entries.
--
-- KEYS  1 events  2 meta
-- ARGV  1 epoch  2 revision to forget up to (inclusive); "0" for none  3 most entries to keep; "0" for any number
--
-- Replies {"ok", head, compacted} | {"epoch"}. Takes no revision and makes no event.

local meta = redis.call('HMGET', KEYS[2], 'epoch', 'revision', 'compacted')
if meta[1] ~= ARGV[1] then
  return {'epoch'}
end
local head, compacted = tonumber(meta[2]), tonumber(meta[3])
local target, keep = math.min(tonumber(ARGV[2]), head), tonumber(ARGV[3])

if target > compacted then
  redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f-0', target + 1))
  compacted = target
end
if keep > 0 and redis.call('XLEN', KEYS[1]) > keep then
  redis.call('XTRIM', KEYS[1], 'MAXLEN', keep)
  local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
  compacted = math.max(compacted, tonumber(string.match(oldest[1][1], '^%d+')) - 1)
end

local result = string.format('%.0f', compacted)
redis.call('HSET', KEYS[2], 'compacted', result)
return {'ok', meta[2], result}
